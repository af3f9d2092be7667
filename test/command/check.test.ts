// `upload.cgi check` with everything that it can find made wrong for real: rights, mounts, limits, settings. Where
// the remedy is a command, it is pasted into a shell, and the finding must be gone.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { program } from '../host/program.ts'
import { giveToServer } from '../host/user.ts'

const needsRoot =
  process.getuid?.() === 0 ? false : 'only root can make this wrong: run it with sudo'
if (needsRoot && process.env['UPLOAD_CGI_NO_SKIPS']) throw new Error(needsRoot)

type Finding = { level: string; code: string; message: string; remedy: string }
type Checked = { status: number | null; ok: boolean; findings: Finding[] }
type Run = { settings?: string; user?: string; before?: string; file?: string; program?: string }

class Place {
  readonly home = mkdtempSync(join(tmpdir(), 'upload-cgi-check-'))
  readonly directory = join(this.home, 'uploads')

  constructor(t: TestContext) {
    chmodSync(this.home, 0o755)
    mkdirSync(this.directory)
    t.after(() => {
      const mounts = spawnSync('sh', ['-c', `grep -o ' ${this.home}[^ ]*' /proc/mounts`])
      for (const point of mounts.stdout.toString().split('\n').filter(Boolean).toReversed()) {
        spawnSync('umount', [point.trim()])
      }
      rmSync(this.home, { recursive: true })
    })
  }

  /** `settings`: more lines. `before`: shell text in front. `user`: root itself unless given. */
  check({ settings = '', user = 'root', before = '', file = '.htupload.toml', ...rest }: Run = {}) {
    const path = join(this.home, file)
    mkdirSync(resolve(path, '..'), { recursive: true })
    const isNew = statSync(path, { throwIfNoEntry: false }) === undefined
    if (isNew || settings !== '') {
      writeFileSync(path, `directory = "${this.directory}"\n${settings}`)
    }
    const as = needsRoot ? [] : ['--user', user]
    const command = ['exec "$0" "$@"', rest.program ?? program, 'check', '--json', ...as]
    const [text = '', ...args] = command
    const { status, stdout, stderr } = spawnSync('sh', ['-c', `${before}\n${text}`, ...args], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', UPLOAD_CGI_CONFIG: path },
      encoding: 'utf8',
    })
    assert.match(stdout, /^\{.*\}\n$/, stdout + stderr)
    return { status, ...JSON.parse(stdout) } as Checked
  }

  mount(path: string, ...options: string[]): void {
    mkdirSync(path, { recursive: true })
    const args = ['-t', 'tmpfs', '-o', options.join(','), 'none', path]
    const { status, stderr } = spawnSync('mount', args)
    assert.equal(status, 0, String(stderr))
  }
}

function codes({ findings }: Checked): string[] {
  return findings.filter(({ level }) => level !== 'ok').map(({ code }) => code)
}

function found(checked: Checked, code: string): Finding {
  const finding = checked.findings.find((one) => one.code === code)
  assert.ok(finding, `no ${code} in ${JSON.stringify(checked.findings, null, 1)}`)
  assert.equal(
    checked.ok,
    checked.findings.every(({ level }) => level !== 'error'),
  )
  assert.equal(checked.status, checked.ok ? 0 : 78)
  if (finding.level !== 'ok') assert.notEqual(finding.remedy, '', code)
  return finding
}

/** It is found, its remedy is carried out as it stands, and it is found no more. */
function assertMended(
  place: Place,
  code: string,
  level: 'warning' | 'error',
  run: Run = {},
): Finding {
  const finding = found(place.check(run), code)
  assert.equal(finding.level, level)
  const pasted = spawnSync('sh', ['-ec', finding.remedy], { encoding: 'utf8' })
  assert.equal(pasted.status, 0, `${finding.remedy}\n${pasted.stderr}`)
  const again = place.check({ ...run, settings: '' })
  assert.ok(!codes(again).includes(code), `${code} is still found after: ${finding.remedy}`)
  return finding
}

test('a place where all is well has no finding but that /tmp is emptied, and stays as it is', (t) => {
  const place = new Place(t)
  const checked = place.check()
  assert.deepEqual(codes(checked), ['DIRECTORY_VOLATILE'])
  assert.equal(checked.status, 0)
  assert.deepEqual(readdirSync(place.directory), [])
  for (const code of ['SETTINGS', 'HARD_LINKS', 'SYNC', 'CLOCK', 'LIMITS', 'UMASK', 'PROGRAM']) {
    assert.equal(found(checked, code).level, 'ok')
  }
})

test('rights: the finding names the user, and its remedy mends it', { skip: needsRoot }, (t) => {
  const server = { user: 'www-data' }
  const missingPlace = new Place(t)
  rmSync(missingPlace.directory, { recursive: true })
  assertMended(missingPlace, 'DIRECTORY_MISSING', 'error', server)
  assert.equal(statSync(missingPlace.directory).mode & 0o7777, 0o750)

  const dangling = new Place(t)
  rmSync(dangling.directory, { recursive: true })
  symlinkSync(join(dangling.home, 'nowhere'), dangling.directory)
  const link = assertMended(dangling, 'DIRECTORY_MISSING', 'error', server)
  assert.match(link.message, /symbolic link to nothing/)

  const foreign = new Place(t)
  const rights = assertMended(foreign, 'DIRECTORY_RIGHTS', 'error', server)
  assert.match(rights.message, /uploads \(0755, of root\) is not writable for user www-data/)

  const closed = new Place(t)
  const inner = join(closed.home, 'up $x')
  mkdirSync(inner, { mode: 0o700 })
  mkdirSync(join(inner, 'files'))
  chownSync(join(inner, 'files'), 33, 33)
  const settings = `#\n`
  writeFileSync(join(closed.home, '.htupload.toml'), `directory = "${inner}/files"\n${settings}`)
  const way = assertMended(closed, 'DIRECTORY_UNREACHABLE', 'error', server)
  assert.match(
    way.message,
    /user www-data may not pass .*up \$x \(above the directory, 0700, of root\)/,
  )

  const open = new Place(t)
  chmodSync(open.directory, 0o777)
  assertMended(open, 'DIRECTORY_OPEN', 'warning', server)
})

test('.incoming of somebody else, a file in its place, a file system of its own', {
  skip: needsRoot,
}, (t) => {
  const foreign = new Place(t)
  chownSync(foreign.directory, 33, 33)
  mkdirSync(join(foreign.directory, '.incoming'), 0o700)
  assertMended(foreign, 'INCOMING_FOREIGN', 'error', { user: 'www-data' })
  const file = new Place(t)
  writeFileSync(join(file.directory, '.incoming'), '')
  assertMended(file, 'INCOMING_WRONG', 'error')
  const other = new Place(t)
  other.mount(join(other.directory, '.incoming'), 'size=1m')
  assertMended(other, 'INCOMING_ELSEWHERE', 'error')
})

test('file systems: read-only, full, without inodes, volatile, synchronous', {
  skip: needsRoot,
}, (t) => {
  const place = new Place(t)
  place.mount(place.directory, 'size=1m', 'ro')
  assert.equal(found(place.check(), 'DIRECTORY_READ_ONLY').level, 'error')

  const full = new Place(t)
  full.mount(full.directory, 'size=10m')
  assert.equal(found(full.check(), 'DISK_FULL').level, 'error')
  assert.equal(
    found(full.check({ settings: 'min_free_space = 0' }), 'SPACE_SHORT').level,
    'warning',
  )

  const crowded = new Place(t)
  crowded.mount(crowded.directory, 'size=200m', 'nr_inodes=8')
  assert.equal(found(crowded.check(), 'NO_INODES').level, 'error')
  const short = new Place(t)
  short.mount(short.directory, 'size=200m', 'nr_inodes=500')
  const checked = short.check()
  assert.equal(found(checked, 'INODES_SHORT').level, 'warning')
  assert.equal(found(checked, 'DIRECTORY_VOLATILE').level, 'warning')
  assert.match(found(checked, 'FILE_SYSTEM').message, /tmpfs, mounted at .*uploads/)

  const slow = new Place(t)
  slow.mount(slow.directory, 'size=200m', 'sync')
  assertMended(slow, 'MOUNT_SYNC', 'warning')
})

test('where others see it: sites, cgi-bin, by document root and by name', (t) => {
  const place = new Place(t)
  for (const [path, code] of [
    ['public_html/up', 'DIRECTORY_PUBLIC'],
    ['cgi-bin/up', 'DIRECTORY_IN_CGI_BIN'],
  ] as const) {
    const directory = join(place.home, path)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(place.home, '.htupload.toml'), `directory = "${directory}"\n`)
    assert.equal(found(place.check(), code).level, 'warning')
  }
  const inSite = place.check({ file: 'public_html/settings.toml' })
  assert.equal(found(inSite, 'SETTINGS_PUBLIC').level, 'warning')
  assert.ok(!codes(place.check({ file: 'public_html/.htupload.toml' })).includes('SETTINGS_PUBLIC'))
})

test('settings: line, meant key, contradictions, files that cannot be used', (t) => {
  const place = new Place(t)
  const wrong = place.check({ settings: 'maxFileSize = "1GB"\nmax_files = 0\n' })
  const texts = wrong.findings
    .filter(({ code }) => code === 'SETTINGS_WRONG')
    .map(({ message, remedy }) => `${message} → ${remedy}`)
  assert.equal(texts.length, 2)
  assert.match(
    texts[0] ?? '',
    /line 2: there is no setting "maxFileSize" → did you mean "max_file_size"\?/,
  )
  assert.match(texts[1] ?? '', /line 3: 0 does not fit → write a whole number/)

  const field = '[[extra_fields]]\nname = "a"\nlabel = "A"\n'
  for (const [settings, code, level] of [
    ['max_request_size = "1MB"\n', 'CHUNK_TOO_LARGE', 'error'],
    [`max_fields = 4\n${field}`, 'FIELDS_TOO_FEW', 'error'],
    [`log_file = "${place.home}/none/log"\n`, 'LOG_UNUSABLE', 'warning'],
    [`log_file = "${place.home}"\n`, 'LOG_UNUSABLE', 'warning'],
    [`log_file = "${place.home}/htdocs/log"\n`, 'LOG_PUBLIC', 'warning'],
    [`logo = "${program}"\n`, 'LOGO_UNUSABLE', 'warning'],
    [`stylesheet = "${place.home}/none.css"\n`, 'STYLESHEET_UNUSABLE', 'warning'],
    ['max_file_size = "5GB"\n', 'FILE_OVER_REQUEST', 'ok'],
  ] as const) {
    assert.equal(found(place.check({ settings }), code).level, level, settings)
  }
})

test('settings that others may write, scripts that may not be run', (t) => {
  const group = new Place(t)
  group.check()
  chmodSync(join(group.home, '.htupload.toml'), 0o664)
  assertMended(group, 'SETTINGS_WRITABLE', 'warning')
  chmodSync(join(group.home, '.htupload.toml'), 0o666)
  const refused = assertMended(group, 'SETTINGS_WRONG', 'error')
  assert.match(refused.message, /everybody may write to the settings/)
  const script = join(group.home, 'form.cgi')
  writeFileSync(script, `#!${program}\ndirectory = "${group.directory}"\n`, { mode: 0o644 })
  const by = (path: string) =>
    JSON.parse(
      spawnSync(program, [path, 'check', '--json', ...(needsRoot ? [] : ['--user', 'root'])], {
        env: { PATH: '/usr/bin:/bin' },
      }).stdout.toString(),
    )
  const { findings } = by(script)
  const finding = findings.find(({ code }: Finding) => code === 'SCRIPT_NOT_EXECUTABLE')
  assert.equal(finding.remedy, `chmod 755 ${script}`)
  spawnSync('sh', ['-c', finding.remedy])
  assert.ok(by(script).ok)
})

test('limits of the shell are told, each with what is needed', (t) => {
  const place = new Place(t)
  for (const [before, code] of [
    ['ulimit -v 630000', 'LIMIT_ADDRESS_SPACE'],
    ['ulimit -n 25', 'LIMIT_FILES'],
    ['ulimit -t 30', 'LIMIT_CPU'],
    ['ulimit -d 36000', 'LIMIT_DATA'],
    ['ulimit -f 2000', 'LIMIT_FILE_SIZE'],
  ] as const) {
    assert.equal(found(place.check({ before }), code).level, 'warning', before)
  }
  assert.equal(found(place.check({ before: 'umask 0700' }), 'UMASK_WRONG').level, 'error')
  const few = spawnSync('prlimit', ['--nproc=15', program, 'check', '--json'], {
    env: { PATH: '/usr/bin:/bin', UPLOAD_CGI_DIRECTORY: place.directory },
  })
  assert.match(few.stdout.toString(), /LIMIT_PROCESSES/)
})

test('SELinux in force: the labels it wants are named with the commands', {
  skip: needsRoot,
}, (t) => {
  const place = new Place(t)
  // What the kernel would show; only the answers of `ls -Z` stay those of a machine without it.
  const before = `exec unshare -m sh -c 'mount -t tmpfs none /sys/fs && mkdir /sys/fs/selinux &&
    echo 1 >/sys/fs/selinux/enforce && exec "$0" "$@"' "$0" "$@"`
  const checked = place.check({ before })
  const finding = found(checked, 'SELINUX_DIRECTORY')
  assert.match(
    finding.remedy,
    /^semanage fcontext -a -t httpd_sys_rw_content_t '.*uploads\(\/\.\*\)\?' && restorecon -R /,
  )
  assert.match(found(checked, 'SELINUX_PROGRAM').remedy, /^restorecon .*upload\.cgi/)
  assert.ok(!place.check().findings.some(({ code }) => code.startsWith('SELINUX')))
})

test('a clock that is apart from that of the files', {
  skip: missing('faketime'),
}, (t) => {
  const place = new Place(t)
  const before = `exec env NO_FAKE_STAT=1 faketime -f +2h "$0" "$@"`
  assert.match(found(place.check({ before }), 'CLOCK_APART').message, /7\d\d\d s apart/)
})

test('a program that others may replace', (t) => {
  const place = new Place(t)
  const copy = join(place.home, 'open', 'upload.cgi')
  mkdirSync(join(place.home, 'open'))
  try {
    linkSync(program, copy)
  } catch {
    copyFileSync(program, copy)
  }
  chmodSync(join(place.home, 'open'), 0o777)
  assertMended(place, 'PROGRAM_WRITABLE', 'warning', { program: copy })
})

test('--user names whom to look as; a wrong one, or without root, is told', {
  skip: needsRoot,
}, () => {
  const run = (args: string[], before: string[] = []) =>
    spawnSync(
      before[0] ?? program,
      [...before.slice(1), ...(before[0] ? [program] : []), ...args],
      {
        encoding: 'utf8',
        env: { PATH: '/usr/bin:/bin' },
      },
    )
  assert.equal(run(['check', '--user', 'no-such-user']).status, 64)
  assert.match(run(['check', '--user', '33']).stdout, /as user www-data/)
  assert.match(run(['check']).stdout, /as user www-data/)
  const other = ['setpriv', '--reuid=33', '--regid=33', '--clear-groups']
  assert.match(run(['check'], other).stdout, /as user www-data/)
  assert.equal(run(['check', '--user', 'root'], other).status, 64)
})

test('with debug the page has the same list, as the web server sees it', {
  skip: missing('apache2'),
}, async (t) => {
  const place = new Place(t)
  giveToServer(place.directory)
  const apache = await startApache({
    env: { UPLOAD_CGI_DIRECTORY: place.directory, UPLOAD_CGI_DEBUG: 'true' },
    extra: 'RLimitCPU 30 30',
  })
  t.after(() => apache.stop())
  const headers = { accept: 'text/html', cookie: 'a=secret1', authorization: 'Basic secret2' }
  const form = await (await fetch(`${apache.url}?token=secret3`, { headers })).text()
  assert.match(form, /looked at as user www-data \[USER\]/)
  assert.match(form, /30 s of processor time.*of this request.*\[LIMIT_CPU\]/)
  assert.match(form, /DOCUMENT_ROOT=/)
  assert.doesNotMatch(form, /secret/)
  rmSync(place.directory, { recursive: true })
  const reply = await fetch(apache.url, { headers })
  assert.equal(reply.status, 503)
  const page = await reply.text()
  assert.match(page, /DIRECTORY_MISSING/)
  assert.match(page, /install -d -m 0750 -o www-data/)
})

test('without debug a visitor sees none of it', async (t) => {
  const place = new Place(t)
  rmSync(place.directory, { recursive: true })
  const { text } = await runCgi({ directory: place.directory })
  assert.doesNotMatch(text, /DIRECTORY_MISSING|uploads/)
})
