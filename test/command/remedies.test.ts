// Every remedy that `upload.cgi check` prints, followed to the letter on the set-up that it speaks
// of: afterwards the finding is gone, nothing else is an error, and Apache stores an upload. The
// compiler holds the table complete: a new code of CheckProblem fails without a row here.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { CheckProblem } from '../../src/finding.ts'
import { startApache } from '../host/apache.ts'
import { found, Place, type Run } from '../host/check.ts'
import { send } from '../host/guide-promises.ts'
import { missing } from '../host/installed.ts'
import { cannotMount } from '../host/mounts.ts'
import { multipartBody } from '../host/multipart-body.ts'
import { directoryUntilExit, program } from '../host/program.ts'
import { follow, paste, removeSetting, writeSetting } from '../host/remedy.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer, needsRoot, serverIds } from '../host/user.ts'

type Case = {
  /** Makes it wrong, in a place where all is right, and says how `check` is run there. */
  readonly spoil: (place: Place, site: Site) => Run | undefined | Promise<Run | undefined>
  /** What a person does where the remedy is words; unless given it is pasted. */
  readonly byHand?: (place: Place, remedy: string) => Run | undefined
  /** What is found then, and followed too. */
  readonly next?: readonly CheckProblem[]
  /** An upload would be told to somebody, by a process that outlives the test. */
  readonly isTold?: boolean
}

type Site = { readonly t: TestContext; readonly server: RunningServer }

/** An invitation as it is in a settings file. */
const invitation = '[[invitations]]\nname = "A"\ntoken = "0123456789abcdef"\n'

/** Why no test follows it. */
type Reason = string

const unmounted = cannotMount()
const skip =
  needsRoot('only root can make this wrong') || missing('apache2', 'setfacl') || unmounted

const { uid, gid } = needsRoot('') ? { uid: 0, gid: 0 } : serverIds()
const ofServer = `uid=${uid},gid=${gid},mode=755`

const cases: Readonly<Record<CheckProblem, readonly Case[] | Reason>> = {
  ACL_MASKED: [{ spoil: (place) => run('setfacl', '-dm', 'u:nobody:rwx', place.directory) }],
  ACL_NOT_INHERITED: [
    {
      spoil: async (place, site) => {
        await begin(place, site)
        run('setfacl', '-dm', 'u:nobody:r', place.directory)
        return undefined
      },
    },
  ],
  CHUNK_TOO_LARGE: [{ spoil: () => ({ settings: 'max_request_size = "1MB"\n' }) }],
  CLOCK_APART: 'timedatectl sets the clock of the whole machine',
  DIRECTORY_IN_CGI_BIN: [
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'site', 'site/cgi-bin', 'site/cgi-bin/up')
        return { settings: settingsWith(place, up) }
      },
      next: ['DIRECTORY_MISSING'],
    },
    // As the README allows it: relative to the settings file. It is not made first.
    {
      spoil: (place) => {
        const bin = ofServerThere(place, 'site', 'site/cgi-bin')
        writeFileSync(join(bin, '.htupload.toml'), 'directory = "up"\n')
        return { file: 'site/cgi-bin/.htupload.toml' }
      },
      next: ['DIRECTORY_MISSING'],
    },
  ],
  DIRECTORY_MISSING: [
    {
      spoil: (place) => {
        rmSync(place.directory, { recursive: true })
        return undefined
      },
    },
    {
      spoil: (place) => {
        rmSync(place.directory, { recursive: true })
        symlinkSync(join(place.home, 'nowhere'), place.directory)
        return undefined
      },
    },
  ],
  DIRECTORY_OF_PROGRAM: [
    {
      spoil: (place) => {
        const bin = ofServerThere(place, 'site', 'site/bin')
        return { settings: settingsWith(place, bin), program: copyOfProgram(bin) }
      },
      next: ['DIRECTORY_MISSING'],
    },
  ],
  DIRECTORY_OPEN: [{ spoil: (place) => modeOf(place.directory, 0o777) }],
  DIRECTORY_PUBLIC: [
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'site', 'site/public_html', 'site/public_html/up')
        return { settings: settingsWith(place, up) }
      },
      next: ['DIRECTORY_MISSING'],
    },
    {
      spoil: (place) => {
        const bin = ofServerThere(place, 'site', 'site/public_html', 'site/public_html/cgi-bin')
        writeFileSync(join(bin, '.htupload.toml'), 'directory = "up"\n')
        return { file: 'site/public_html/cgi-bin/.htupload.toml' }
      },
      next: ['DIRECTORY_MISSING'],
    },
    // Of its two remedies the first one cannot be seen from inside: test/servers/guide-public.
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'public_html', 'public_html/up')
        return { settings: `${settingsWith(place, up)}allow_public_directory = true\n` }
      },
      byHand: (place, remedy) => {
        assert.match(remedy, /or choose a directory outside the site and remove allow_/)
        removeSetting(settingsOf(place), 'allow_public_directory')
        return elsewhere(place)
      },
    },
  ],
  DIRECTORY_READ_ONLY: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=1m', ofServer, 'ro')
        return undefined
      },
      byHand: (place) => elsewhere(place),
    },
  ],
  DIRECTORY_RIGHTS: [
    {
      spoil: (place) => {
        chownSync(place.directory, 0, 0)
        return undefined
      },
    },
  ],
  DIRECTORY_UNREACHABLE: [
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'up $x', 'up $x/files')
        chownSync(dirname(up), 0, 0)
        chmodSync(dirname(up), 0o700)
        return { settings: settingsWith(place, up) }
      },
    },
    {
      spoil: (place) => {
        mkdirSync(join(place.home, 'closed'), { mode: 0o700 })
        return { file: 'closed/.htupload.toml' }
      },
    },
  ],
  DIRECTORY_UNUSABLE: [
    {
      spoil: (place) => {
        const file = join(place.home, 'file')
        writeFileSync(file, '')
        chownSync(file, uid, gid)
        chmodSync(file, 0o700)
        return { settings: settingsWith(place, file) }
      },
      byHand: (place) => elsewhere(place),
    },
  ],
  DIRECTORY_VOLATILE: [{ spoil: () => undefined, byHand: (place) => elsewhere(place, '/var/lib') }],
  DISK_FULL: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=30m', ofServer)
        return undefined
      },
    },
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=30m', ofServer)
        const filler = join(place.directory, 'filler')
        spawnSync('sh', ['-c', `cat /dev/zero > ${filler}`])
        return { settings: 'min_free_space = 0\n' }
      },
      byHand: (place, remedy) => {
        const filler = join(place.directory, 'filler')
        assert.ok(paste(remedy).includes(filler))
        rmSync(filler)
        return undefined
      },
    },
  ],
  FIELDS_TOO_FEW: [
    {
      spoil: () => ({
        settings: 'max_fields = 4\n[[extra_fields]]\nname = "a"\nlabel = "A"\n',
      }),
    },
  ],
  FOLDER_FIELD_NOT_ASKED: [
    {
      spoil: () => ({ settings: 'folder = "in/{field:b}"\n' }),
      byHand: (place, remedy) => {
        assert.match(remedy, /^add to extra_fields one with name = "b", or remove it from folder$/)
        return follow('folder = "in"', settingsOf(place))
      },
    },
  ],
  GROUP_NOT_INHERITED: [
    {
      spoil: async (place, site) => {
        await begin(place, site)
        chownSync(place.directory, uid, 0)
        return modeOf(place.directory, 0o2755)
      },
    },
    {
      spoil: async (place, site) => {
        modeOf(place.directory, 0o2755)
        await begin(place, site)
        return modeOf(place.directory, 0o755)
      },
    },
  ],
  INCOMING_ELSEWHERE: [
    {
      spoil: (place) => {
        place.mount(ofServerThere(place, 'uploads/.upload-cgi'), 'size=1m', ofServer)
        return undefined
      },
    },
  ],
  INCOMING_FOREIGN: [
    {
      spoil: (place) => {
        mkdirSync(join(place.directory, '.upload-cgi'), { mode: 0o700 })
        return undefined
      },
    },
  ],
  INCOMING_OPEN: [{ spoil: (place) => modeOf(ofServerThere(place, 'uploads/.upload-cgi'), 0o770) }],
  INCOMING_WRONG: [
    {
      spoil: (place) => {
        writeFileSync(join(place.directory, '.upload-cgi'), '')
        return undefined
      },
    },
  ],
  INODES_SHORT: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=300m', 'nr_inodes=3000', ofServer)
        return fill(place, 1500)
      },
      byHand: removeFiles,
    },
  ],
  INVITATION_ENDED: [
    {
      spoil: () => ({ settings: `${invitation}until = "2026-01-31"\n` }),
      byHand: (place, remedy) => {
        assert.ok(remedy.startsWith(`raise its until in ${settingsOf(place)}, `))
        paste(`sed -i s/2026-01-31/2099-01-31/ ${settingsOf(place)}`)
        return undefined
      },
    },
    {
      spoil: async (place, { server }) => {
        const run = { settings: `${invitation}max_files = 1\n` }
        assert.deepEqual(place.check(run).findings.filter(isOfInvitation), [])
        assert.equal(await store(server, settingsOf(place), '?invite=0123456789abcdef'), 201)
        return run
      },
      byHand: (place, remedy) => {
        assert.ok(remedy.endsWith(`or remove its [[invitations]] there`))
        writeFileSync(settingsOf(place), `directory = "${place.directory}"\n`)
        return undefined
      },
    },
    {
      spoil: async (place, { server }) => {
        place.check({ settings: `${invitation}max_size = "100KB"\n` })
        const settings = settingsOf(place)
        const link = '?invite=0123456789abcdef'
        assert.equal(await store(server, settings, link), 201)
        assert.deepEqual(place.check().findings.filter(isOfInvitation), [])
        assert.equal(await store(server, settings, link, Buffer.alloc(99_200)), 201)
        return undefined
      },
      byHand: (place, remedy) => {
        assert.ok(remedy.startsWith('raise its max_size in '))
        paste(`sed -i 's/max_size = .*/max_size = "5GB"/' ${settingsOf(place)}`)
        return undefined
      },
    },
  ],
  LIMIT_ADDRESS_SPACE: 'the server sets it: see the test of its limits',
  LIMIT_CPU: 'the server sets it: see the test of its limits',
  LIMIT_DATA: [{ spoil: () => ({ before: 'ulimit -d 36000' }) }],
  LIMIT_FILES: [{ spoil: () => ({ before: 'ulimit -n 25' }) }],
  LIMIT_FILE_SIZE: [{ spoil: () => ({ before: 'ulimit -f 2000' }) }],
  LIMIT_MEMORY: 'a test cannot take memory from the control group that it is in',
  LIMIT_PROCESSES: 'the server sets it: see the test of its limits',
  LOGO_UNUSABLE: [
    {
      spoil: () => ({ settings: `logo = "${program}"\n` }),
      byHand: (place, remedy) => remove(place, remedy, 'logo'),
    },
  ],
  LOG_PUBLIC: [
    {
      spoil: (place) => ({ settings: `log_file = "${ofServerThere(place, 'htdocs')}/log"\n` }),
    },
  ],
  LOG_UNUSABLE: [
    { spoil: (place) => ({ settings: `log_file = "${place.home}/none/log"\n` }) },
    { spoil: (place) => ({ settings: `log_file = "${place.home}"\n` }), next: ['LOG_UNUSABLE'] },
    {
      spoil: (place) => {
        mkdirSync(join(place.home, 'closed'), { mode: 0o700 })
        return { settings: `log_file = "${place.home}/closed/log"\n` }
      },
      next: ['LOG_UNUSABLE'],
    },
    {
      spoil: (place) => {
        writeFileSync(join(place.home, 'log'), '', { mode: 0o600 })
        return { settings: `log_file = "${place.home}/log"\n` }
      },
    },
  ],
  MAILER_MISSING: [
    {
      spoil: (place) => {
        const mailer = fileThere(place, 'mailer', 0o644)
        return { settings: `notify = ["a@a.example"]\nmail_command = ["${mailer}"]\n` }
      },
      byHand: (place, remedy) => {
        assert.match(paste(remedy), /^-rw-r--r--/)
        return modeOf(join(place.home, 'mailer'), 0o755)
      },
      isTold: true,
    },
  ],
  MOUNT_LOSES_FILES: 'test/storage/file-systems mounts one; another directory is its remedy',
  MOUNT_SYNC: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=300m', ofServer, 'sync')
        return undefined
      },
    },
  ],
  NOT_CHECKED: 'it is for errors that nobody foresaw',
  NOTIFY_MISSING: [
    {
      spoil: (place) => ({ settings: `notify = ["${fileThere(place, 'arrived', 0o644)}"]\n` }),
      isTold: true,
    },
  ],
  NO_INODES: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=300m', 'nr_inodes=400', ofServer)
        return fill(place, 395)
      },
      byHand: removeFiles,
    },
  ],
  OUTBOX_LOST: 'its remedy says who does not hear; what nobody heard of for three days stays lost',
  OUTBOX_WAITS:
    'test/submission/outbox.test.ts: what waits is told by `deliver`, or it says why not',
  OWN_FILE_INSIDE: [
    {
      spoil: (place) => ({ settings: `log_file = "${place.directory}/log"\n` }),
      byHand: (place) => {
        const log = `${ofServerThere(place, 'logs')}/log`
        writeSetting(settingsOf(place), `log_file = "${log}"`)
        return undefined
      },
    },
  ],
  PROGRAM_WRITABLE: [
    {
      spoil: (place) => {
        const open = ofServerThere(place, 'open')
        chmodSync(open, 0o777)
        return { program: copyOfProgram(open) }
      },
    },
  ],
  PUBLIC_KINDS: [
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'public_html', 'public_html/up')
        const kinds = 'allow_public_directory = true\nallow_extensions = ["svg", "txt", "js"]\n'
        return { settings: `${settingsWith(place, up)}${kinds}` }
      },
    },
    {
      spoil: (place) => {
        const up = ofServerThere(place, 'public_html', 'public_html/up')
        const kinds = 'allow_public_directory = true\nallow_extensions = []\n'
        return { settings: `${settingsWith(place, up)}${kinds}` }
      },
      byHand: (place, remedy) => remove(place, remedy, 'allow_extensions'),
    },
  ],
  REDIRECT_UNENCRYPTED: [
    {
      spoil: () => ({ settings: 'success_redirect = "http://a.example/"\n' }),
      byHand: (place, remedy) => {
        assert.match(remedy, /^write https:/)
        return follow('success_redirect = "https://a.example/"', settingsOf(place))
      },
    },
  ],
  SCANNER_FAILS: [
    {
      spoil: (place) => ({ settings: `scan_command = ["${place.home}/scan", "{file}"]\n` }),
      byHand: (place, remedy) => {
        assert.ok(remedy.startsWith(`see that ${place.home}/scan is installed`))
        writeFileSync(join(place.home, 'scan'), '#!/bin/sh\n', { mode: 0o755 })
        return undefined
      },
    },
  ],
  SCRIPT_NOT_EXECUTABLE: [
    {
      spoil: (place) => {
        const script = join(ofServerThere(place, 'forms'), 'form.cgi')
        const text = `#!${program}\ndirectory = "${place.directory}"\n`
        writeFileSync(script, text, { mode: 0o644 })
        return { script, file: 'forms/form.cgi' }
      },
    },
  ],
  SECRETS_READABLE: [
    {
      spoil: () => ({
        settings: invitation,
      }),
    },
  ],
  SELINUX_DIRECTORY: 'it needs a kernel with SELinux; test/command/check holds the commands',
  SELINUX_PROGRAM: 'it needs a kernel with SELinux; test/command/check holds the commands',
  SETTINGS_MISSING: [
    {
      spoil: (place) => ({
        isBare: true,
        program: copyOfProgram(ofServerThere(place, 'bin')),
        file: 'bin/.htupload.toml',
      }),
      byHand: (place, remedy) => {
        paste(remedy.replace('/srv/uploads', place.directory))
        return undefined
      },
    },
  ],
  SETTINGS_PUBLIC: [
    {
      spoil: () => ({ file: 'htdocs/settings.toml' }),
      byHand: (_, remedy) => {
        paste(remedy)
        return { file: 'htdocs/.htupload.toml' }
      },
    },
  ],
  SETTINGS_WRITABLE: [{ spoil: (place) => settingsMode(place, 0o664) }],
  SETTINGS_WRONG: [
    { spoil: (place) => settingsMode(place, 0o666) },
    { spoil: (place) => settingsMode(place, 0o600) },
    {
      // As a package has it.
      spoil: (place) => {
        writeFileSync(settingsOf(place), `#directory = "${place.directory}"\n`)
        return {}
      },
    },
    {
      spoil: () => ({ settings: 'maxFileSize = "1GB"\n' }),
      byHand: (place, remedy) => {
        const [, meant = ''] = /^did you mean "(.*)"\?/.exec(remedy) ?? []
        paste(`sed -i s/maxFileSize/${meant}/ ${settingsOf(place)}`)
        return undefined
      },
    },
    {
      spoil: (place) => {
        const text = `directory = "${place.directory}"\n`
        writeFileSync(settingsOf(place), Buffer.from(`\ufeff${text}`, 'utf16le'))
        return {}
      },
      byHand: (place, remedy) => {
        assert.match(remedy, /iconv/)
        const file = settingsOf(place)
        paste(`iconv -f UTF-16 -t UTF-8 ${file} >${file}.new && mv ${file}.new ${file}`)
        return undefined
      },
    },
    {
      spoil: (place) => {
        settingsMode(place, 0o644)
        rmSync(settingsOf(place))
        return { isBare: true, before: `export UPLOAD_CGI_CONFIG=${settingsOf(place)}` }
      },
      byHand: (place, remedy) => {
        paste(remedy.replace('/srv/uploads', place.directory))
        return undefined
      },
    },
  ],
  SPACE_SHORT: [
    {
      spoil: (place) => {
        place.mount(place.directory, 'size=100m', ofServer)
        return undefined
      },
    },
  ],
  STYLESHEET_UNUSABLE: [
    {
      spoil: (place) => ({ settings: `stylesheet = "${place.home}/none.css"\n` }),
      byHand: (place, remedy) => remove(place, remedy, 'stylesheet'),
    },
  ],
  // Where it is the file system that refuses, only another one helps.
  SYNC_REFUSED: [{ spoil: (place) => modeOf(place.directory, 0o300) }],
  UMASK_WRONG: [{ spoil: () => ({ before: 'umask 0700' }) }],
  UNFINISHED_MANY: [
    {
      spoil: async (place, site) => {
        await begin(place, site)
        return { settings: 'max_partial_uploads = 1\n' }
      },
    },
    {
      spoil: async (place, site) => {
        await begin(place, site)
        return { settings: 'max_partial_uploads = 1\n' }
      },
      byHand: (place, remedy) => {
        const [, clean = ''] = /or remove old ones: (.*)$/.exec(remedy) ?? []
        // Nothing is an hour old here.
        paste(`UPLOAD_CGI_CONFIG=${settingsOf(place)} ${clean.replace('1h', '0s')}`)
        return undefined
      },
    },
  ],
  WEBHOOK_UNSIGNED: [
    {
      spoil: () => ({ settings: 'notify = ["https://a.example/"]\n' }),
      byHand: (place, remedy) => {
        const [, echo = ''] = /^set webhook_secret to what this prints: (.*)$/.exec(remedy) ?? []
        return follow(`webhook_secret = "${paste(echo).trim()}"`, settingsOf(place))
      },
      isTold: true,
    },
  ],
}

test('each remedy of check is right', { skip }, async (t) => {
  // Whose settings a request is for is in a header.
  const server = await startApache({ extra: 'SetEnvIf X-Place "(.+)" UPLOAD_CGI_CONFIG=$1' })
  t.after(() => server.stop())
  for (const [code, rows] of Object.entries(cases) as [CheckProblem, readonly Case[] | Reason][]) {
    if (typeof rows === 'string') {
      t.diagnostic(`${code}: ${rows}`)
      continue
    }
    for (const [i, row] of rows.entries()) {
      await t.test(`${code} ${i + 1}`, (one) => assertRemedied(code, row, { t: one, server }))
    }
  }
})

async function assertRemedied(code: CheckProblem, row: Case, site: Site): Promise<void> {
  const place = new Place(site.t)
  giveToServer(place.directory)
  chmodSync(place.directory, 0o755)
  let run: Run = { user: 'www-data', ...(await row.spoil(place, site)) }
  for (const [i, wrong] of [code, ...(row.next ?? [])].entries()) {
    const { remedy } = found(place.check(run), wrong)
    run = { ...run, settings: '' }
    const file = join(place.home, run.file ?? '.htupload.toml')
    if (i > 0 || row.byHand === undefined) run = follow(remedy, file, run)
    else run = { ...run, ...row.byHand(place, remedy) }
  }
  const after = place.check(run)
  const left = after.findings.filter((one) => one.code === code && one.level !== 'ok')
  assert.deepEqual(left, [])
  assert.ok(after.ok, JSON.stringify(after.findings, null, 1))
  if (row.isTold) return
  assert.equal(await store(site.server, join(place.home, run.file ?? '.htupload.toml')), 201)
}

/** `settings`: the path of the file that the program uses. Gives the status. */
async function store(
  { url }: RunningServer,
  settings: string,
  query = '',
  content = Buffer.from('a'),
): Promise<number> {
  const body = multipartBody([{ name: 'file', filename: 'a.txt', content }])
  return (await send(`${url}${query}`, 'POST', body, { 'X-Place': settings })).status
}

/** An upload of which nothing has come yet. */
async function begin(place: Place, { server }: Site): Promise<undefined> {
  place.check()
  const headers = {
    'X-Place': settingsOf(place),
    'Tus-Resumable': '1.0.0',
    'Upload-Length': '10',
    'Upload-Metadata': `filename ${Buffer.from('a.txt').toString('base64')}`,
  }
  const { status } = await send(`${server.url}/tus`, 'POST', undefined, headers)
  assert.equal(status, 201)
}

function isOfInvitation({ code }: { readonly code: string }): boolean {
  return code === 'INVITATION_ENDED'
}

function settingsOf(place: Place): string {
  return join(place.home, '.htupload.toml')
}

/** For Place.check(), which writes the line of its own directory first. */
function settingsWith(place: Place, directory: string): string {
  place.directory = directory
  return '# \n'
}

function settingsMode(place: Place, mode: number): undefined {
  place.check()
  return modeOf(settingsOf(place), mode)
}

function modeOf(path: string, mode: number): undefined {
  chmodSync(path, mode)
}

function run(tool: string, ...args: string[]): undefined {
  const { status, stderr } = spawnSync(tool, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

/** Makes these folders and gives them to the server's user. The last one is given back. */
function ofServerThere(place: Place, ...folders: readonly string[]): string {
  const paths = folders.map((folder) => join(place.home, folder))
  for (const path of paths) {
    mkdirSync(path, { recursive: true })
    chownSync(path, uid, gid)
  }
  return paths.at(-1) ?? ''
}

function fileThere(place: Place, name: string, mode: number): string {
  const path = join(place.home, name)
  writeFileSync(path, '#!/bin/sh\n', { mode })
  return path
}

function copyOfProgram(folder: string): string {
  const copy = join(folder, 'upload.cgi')
  try {
    linkSync(program, copy)
  } catch {
    copyFileSync(program, copy)
  }
  return copy
}

/** Another directory, which is right. */
function elsewhere(place: Place, parent = place.home): undefined {
  const [other, removeOther] = directoryUntilExit(parent)
  place.onEnd(removeOther)
  chmodSync(other, 0o755)
  chownSync(other, uid, gid)
  writeSetting(settingsOf(place), `directory = "${other}"`)
}

function remove(place: Place, remedy: string, key: string): undefined {
  assert.match(remedy, new RegExp(`remove ${key}\\b`))
  removeSetting(settingsOf(place), key)
}

function fill({ directory }: Place, files: number): undefined {
  for (let i = 0; i < files; i++) writeFileSync(join(directory, `old-${i}`), '')
}

function removeFiles({ directory }: Place, remedy: string): undefined {
  const files = readdirSync(directory).filter((name) => name.startsWith('old-'))
  assert.ok(Number(paste(remedy)) >= files.length)
  for (const name of files) rmSync(join(directory, name))
}
