// What `check` says of the settings: which are wrong, which contradict each other, and who else can
// read or write their file. It only reads and reports.

import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { basename, dirname, isAbsolute } from 'node:path'
import { type Finding, failure, fine, modeText, quoted, warning } from '../finding.ts'
import { readLogo, readStylesheet, textOn } from '../pages/theme.ts'
import { encodeSize, formatSize } from '../quantity.ts'
import { fieldsOfFolder } from '../settings/folder.ts'
import type { LoadedSettings, SettingsProblem } from '../settings/settings.ts'
import { secretKeys } from '../settings/table.ts'
import { type Site, siteOf } from '../storage/exposure.ts'
import { userName } from '../storage/owner.ts'
import { closedWay } from '../storage/problem.ts'
import { attempt } from '../system-error.ts'

export function settingsFindings(
  settings: LoadedSettings,
  documentRoots: Site['documentRoots'],
  program: string,
): Finding[] {
  const from = settings.file === '' ? 'no settings file; environment and defaults' : settings.file
  const none = noFile(settings, program)
  // Without a file it goes without saying that nothing is set.
  const wrong = none.length > 0 ? none : settings.problems.map(wrongFinding)
  // Of a file that was not read nothing is known, and defaults say nothing of the page.
  const isUnread =
    none.length > 0 || settings.problems.some(({ key }) => key === '' || key === 'config')
  return [
    ...(wrong.length > 0 ? wrong : [fine('SETTINGS', `settings: ${from}`)]),
    ...fileFindings(settings, documentRoots),
    ...(isUnread ? [] : lookFindings(settings)),
    ...contradictions(settings),
    ...logFindings(settings, documentRoots),
  ]
}

/** Without a file, and without the one setting that has no default. */
function noFile({ file, directory, problems }: LoadedSettings, program: string): Finding[] {
  if (file !== '' || directory !== '' || problems.some(({ key }) => key === 'config')) return []
  const beside = `${dirname(program)}/.htupload.toml`
  const message = `there is no settings file: neither ${beside} nor /etc/upload-cgi.toml`
  const remedy = `${quoted(program)} init --directory /srv/uploads > ${quoted(beside)}`
  return [failure('SETTINGS_MISSING', message, remedy)]
}

function wrongFinding({ key, where, problem, remedy }: SettingsProblem): Finding {
  const closed =
    key === 'config' && isAbsolute(where) ? closedWay(where, 'the settings') : undefined
  return closed ?? failure('SETTINGS_WRONG', `${where}: ${problem}`, remedy)
}

function fileFindings(settings: LoadedSettings, documentRoots: Site['documentRoots']): Finding[] {
  const { file } = settings
  const stats = file === '' ? undefined : attempt(() => statSync(file))
  if (stats === undefined) return []
  const findings: Finding[] = []
  const isScript = !file.endsWith('.toml')
  const secrets = secretKeys(settings).join(' and ')
  if ((stats.mode & 0o020) !== 0) {
    const message = `the group of ${file} may write to it (${modeText(stats.mode)})`
    const consequence = isScript ? ', and suexec refuses to run it' : ''
    const remedy = `chmod g-w ${quoted(file)}`
    findings.push(warning('SETTINGS_WRITABLE', `${message}${consequence}`, remedy))
  }
  if (isScript && (stats.mode & 0o111) === 0) {
    const message = `the settings script ${file} may not be executed (${modeText(stats.mode)})`
    findings.push(failure('SCRIPT_NOT_EXECUTABLE', message, `chmod 755 ${quoted(file)}`))
  }
  const site = siteOf(file, documentRoots)
  if (!isScript && site !== '' && !basename(file).startsWith('.ht')) {
    const shown = secrets === '' ? 'it' : `it and its ${secrets}`
    const message = `${file} is in ${site}, where the web server may show ${shown} to everyone`
    const better = `${dirname(file)}/.htupload.toml`
    const move = `mv ${quoted(file)} ${quoted(better)}`
    const remedy = `${move}   # Apache and LiteSpeed never show .ht files`
    const isGraver = secrets !== ''
    findings.push((isGraver ? failure : warning)('SETTINGS_PUBLIC', message, remedy))
  }
  if (secrets !== '' && (stats.mode & 0o004) !== 0) {
    const message = `everybody on this machine may read the ${secrets} in ${file}`
    findings.push(
      warning('SECRETS_READABLE', `${message} (${modeText(stats.mode)})`, closing(file, stats)),
    )
  }
  return findings
}

/** The program, which is this process now, can still read the file afterwards. */
function closing(file: string, { uid, gid, mode }: Stats): string {
  const close = `chmod o-r ${quoted(file)}`
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])]
  const isReadable = uid === process.geteuid?.() || (groups.includes(gid) && (mode & 0o040) !== 0)
  return isReadable
    ? close
    : `chgrp ${process.getegid?.()} ${quoted(file)} && chmod 640 ${quoted(file)}`
}

/** What the page will look like, and which files for it cannot be used. */
function lookFindings(settings: LoadedSettings): Finding[] {
  const { title, language, accentColor, extraFields, successRedirect } = settings
  const findings = [
    fine('PAGE', `page: “${title}”, language: ${language || "the visitor's own"}`),
    ...usable('LOGO', 'logo', settings.logo, readLogo),
    ...usable('STYLESHEET', 'stylesheet', settings.stylesheet, readStylesheet),
  ]
  if (accentColor !== '') {
    const { color, contrast } = textOn(accentColor)
    const shown =
      `accent_color ${accentColor}: ${color} on it has a contrast of ` + `${contrast.toFixed(1)}`
    findings.push(fine('ACCENT_COLOR', shown))
  }
  if (/^http:\/\/(?!localhost\b|127\.|\[::1\])/.test(successRedirect)) {
    const message = `success_redirect leads to ${successRedirect}: from https browsers warn of it`
    findings.push(warning('REDIRECT_UNENCRYPTED', message, 'write https:// if that site has it'))
  } else if (successRedirect !== '') {
    findings.push(fine('REDIRECT', `success_redirect: ${successRedirect}`))
  }
  for (const { name, label, type, required } of extraFields) {
    const kind = `${type}${required ? ', required' : ''}`
    findings.push(fine('EXTRA_FIELD', `field ${name}: “${label}” (${kind})`))
  }
  return findings
}

function usable(
  code: 'LOGO' | 'STYLESHEET',
  key: string,
  file: string,
  read: (file: string) => string,
): Finding[] {
  if (file === '') return []
  try {
    read(file)
    return [fine(code, `${key}: ${file}`)]
  } catch (problem) {
    const message = problem instanceof Error ? problem.message : String(problem)
    const remedy = `choose another file, or remove ${key}; until then the page works without it`
    return [warning(`${code}_UNUSABLE`, `${key}: ${file}: ${message}`, remedy)]
  }
}

/** Settings that are valid alone but contradict each other. */
function contradictions(settings: LoadedSettings): Finding[] {
  const { chunkBytes, maxRequestBytes, maxFileBytes, maxFields, extraFields } = settings
  const findings: Finding[] = []
  // The request also has some fields beside the piece.
  if (maxRequestBytes > 0 && chunkBytes + 4096 > maxRequestBytes) {
    const message = `pieces of chunk_size (${formatSize(chunkBytes)}) are over max_request_size`
    const needed = encodeSize(Math.ceil((chunkBytes + 4096) / 1e6) * 1e6)
    const remedy = `max_request_size = "${needed}"   # or lower chunk_size`
    findings.push(failure('CHUNK_TOO_LARGE', message, remedy))
  }
  // Up to seven fields are the page's own, from _upload to _invite.
  const needed = extraFields.length + 7
  if (maxFields < needed) {
    const message = `max_fields is ${maxFields}, and the page sends up to ${needed}`
    findings.push(failure('FIELDS_TOO_FEW', message, `max_fields = ${Math.max(100, needed)}`))
  }
  findings.push(...unaskedFields('folder', settings.folder, extraFields))
  for (const { name, folder } of settings.invitations) {
    findings.push(...unaskedFields(`folder of the invitation ${name}`, folder, extraFields))
  }
  if (maxRequestBytes > 0 && (maxFileBytes === 0 || maxFileBytes > maxRequestBytes)) {
    const most = maxFileBytes === 0 ? 'no limit' : formatSize(maxFileBytes)
    const message =
      `max_file_size (${most}) is over max_request_size (${formatSize(maxRequestBytes)}): ` +
      'larger files can be sent only in pieces, as the page does'
    findings.push(fine('FILE_OVER_REQUEST', message))
  }
  return findings
}

/** `where`: what the template is of. */
function unaskedFields(
  where: string,
  template: string,
  extraFields: LoadedSettings['extraFields'],
): Finding[] {
  const asked = new Set(extraFields.map(({ name }) => name))
  const unasked = fieldsOfFolder(template).filter((field) => !asked.has(field))
  return unasked.map((name) => {
    const message = `${where} names the field ${name}, and the page does not ask for it`
    const remedy = `add to extra_fields one with name = "${name}", or remove it from folder`
    return warning('FOLDER_FIELD_NOT_ASKED', message, remedy)
  })
}

function logFindings({ logFile }: LoadedSettings, documentRoots: Site['documentRoots']): Finding[] {
  if (logFile === '') return []
  const findings: Finding[] = []
  const stats = attempt(() => statSync(logFile))
  try {
    accessSync(stats === undefined ? dirname(logFile) : logFile, constants.W_OK)
    if (stats?.isFile() === false) throw new Error('it is not a regular file')
    findings.push(fine('LOG_FILE', `log_file: ${logFile}`))
  } catch (error) {
    // Nothing that is made there helps as long as the way to it is closed.
    const closed = closedWay(logFile, 'log_file')
    const reason = closed?.message ?? (error instanceof Error ? error.message : String(error))
    const remedy = closed?.remedy ?? logRemedy(logFile, stats)
    findings.push(warning('LOG_UNUSABLE', `log_file cannot be written: ${reason}`, remedy))
  }
  const site = siteOf(logFile, documentRoots)
  if (site !== '' && !basename(logFile).startsWith('.ht')) {
    const message = `log_file is in ${site}, where the web server may show it to everyone`
    const better = `log_file = ${JSON.stringify(`${dirname(logFile)}/.ht${basename(logFile)}`)}`
    const remedy = `${better}   # Apache and LiteSpeed never show .ht files`
    findings.push(warning('LOG_PUBLIC', message, remedy))
  }
  return findings
}

/** The program's user, which is that of this process, can write to the log afterwards. */
function logRemedy(logFile: string, stats: Stats | undefined): string {
  if (stats !== undefined && !stats.isFile()) {
    return `log_file = ${JSON.stringify(`${logFile}/upload-cgi.log`)}   # a file, not a folder`
  }
  const make = stats === undefined ? `mkdir -p ${quoted(dirname(logFile))} && ` : ''
  const user = userName(process.geteuid?.() ?? -1)
  return `${make}touch ${quoted(logFile)} && chown ${user} ${quoted(logFile)}`
}
