// What may keep the program from running where it is: the permissions of its file and its
// directory, and SELinux. It only reads and reports.

import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Finding, fine, modeText, quoted, warning } from '../finding.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'

export function placeFindings(settings: LoadedSettings, program: string): Finding[] {
  return [...programFindings(program), ...seLinuxFindings(settings, program)]
}

/**
 * suexec refuses to run a program that others may write to. Everywhere else they could replace it.
 */
function programFindings(program: string): Finding[] {
  const findings: Finding[] = []
  for (const path of [program, dirname(program)]) {
    const { mode } = statSync(path)
    if ((mode & 0o022) === 0) continue
    const who = (mode & 0o002) !== 0 ? 'everybody' : 'its group'
    const writable = `${who} may write to ${path} (${modeText(mode)})`
    const message = `${writable}; suexec refuses to run programs there`
    findings.push(warning('PROGRAM_WRITABLE', message, `chmod go-w ${quoted(path)}`))
  }
  return findings.length > 0 ? findings : [fine('PROGRAM', `program: ${program}`)]
}

function seLinuxFindings({ directory }: LoadedSettings, program: string): Finding[] {
  const enforced = attempt(() => readFileSync('/sys/fs/selinux/enforce', 'utf8').trim())
  if (enforced === undefined) return []
  if (enforced !== '1') return [fine('SELINUX', 'SELinux: not in force')]
  const findings = [fine('SELINUX', 'SELinux: in force')]
  const own = typeOf(directory)
  if (directory !== '' && !/_rw_content_t$|^httpd_.*_rw_/.test(own)) {
    const message =
      `SELinux forbids web programs to write to ${directory} ` + `(${own || 'label unknown'})`
    const pattern = quoted(`${directory}(/.*)?`)
    const remedy =
      `semanage fcontext -a -t httpd_sys_rw_content_t ${pattern} && restorecon -R ` +
      `${quoted(directory)}`
    findings.push(warning('SELINUX_DIRECTORY', message, remedy))
  }
  const label = typeOf(program)
  if (!/_script_exec_t$|^bin_t$/.test(label)) {
    const message =
      `SELinux may keep the web server from running ${program} ` + `(${label || 'label unknown'})`
    const remedy =
      `restorecon ${quoted(program)}   # or: chcon -t httpd_sys_script_exec_t ` +
      `${quoted(program)}`
    findings.push(warning('SELINUX_PROGRAM', message, remedy))
  }
  return findings
}

/** The type in the SELinux label of a file; '' when it is unknown. */
function typeOf(path: string): string {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const { stdout } = spawnSync('ls', ['-Zd', '--', path], { encoding: 'utf8', timeout: 5000 })
  return /^\S+?:\S+?:([^\s:]+)/.exec(stdout ?? '')?.[1] ?? ''
}
