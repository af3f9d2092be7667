// `upload.cgi check` with everything that it can find made wrong for real: permissions, mounts,
// limits, settings. Where the remedy is a command, it is pasted into a shell, and the finding must
// be gone.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { runCgi } from '../host/cgi.ts'
import { assertFixed, codes, found, Place } from '../host/check.ts'
import { invitation } from '../host/closed-form.ts'
import { missing } from '../host/installed.ts'
import { program, writeSettings } from '../host/program.ts'
import { giveToServer, isRoot, needsRoot, serverUser } from '../host/user.ts'

const noRoot = needsRoot('only root can make this wrong: run it with sudo')

test('where all is well /tmp is the only finding, and the place stays as it is', (t) => {
  const place = new Place(t)
  const checked = place.check()
  assert.deepEqual(codes(checked), ['DIRECTORY_VOLATILE'])
  assert.equal(checked.status, 0)
  assert.deepEqual(readdirSync(place.directory), [])
  for (const code of ['SETTINGS', 'HARD_LINKS', 'SYNC', 'CLOCK', 'LIMITS', 'UMASK', 'PROGRAM']) {
    assert.equal(found(checked, code).level, 'ok')
  }
})

test('rights: the finding names the user, and its remedy mends it', { skip: noRoot }, (t) => {
  const server = { user: 'www-data' }
  const missingPlace = new Place(t)
  rmSync(missingPlace.directory, { recursive: true })
  assertFixed(missingPlace, 'DIRECTORY_MISSING', 'error', server)
  assert.equal(statSync(missingPlace.directory).mode & 0o7777, 0o750)

  const dangling = new Place(t)
  rmSync(dangling.directory, { recursive: true })
  symlinkSync(join(dangling.home, 'nowhere'), dangling.directory)
  const link = assertFixed(dangling, 'DIRECTORY_MISSING', 'error', server)
  assert.match(link.message, /symbolic link to nothing/)

  const foreign = new Place(t)
  const rights = assertFixed(foreign, 'DIRECTORY_RIGHTS', 'error', server)
  assert.match(rights.message, /uploads \(0755, of root\) is not writable for user www-data/)

  const closed = new Place(t)
  const inner = join(closed.home, 'up $x')
  mkdirSync(inner, { mode: 0o700 })
  mkdirSync(join(inner, 'files'))
  chownSync(join(inner, 'files'), 33, 33)
  const settings = `#\n`
  writeSettings(closed.home, `directory = "${inner}/files"\n${settings}`)
  const way = assertFixed(closed, 'DIRECTORY_UNREACHABLE', 'error', server)
  assert.match(
    way.message,
    /user www-data may not pass .*up \$x \(above the directory, 0700, of root\)/,
  )

  const open = new Place(t)
  chmodSync(open.directory, 0o777)
  assertFixed(open, 'DIRECTORY_OPEN', 'warning', server)
})

test('a directory of the system is not given to the program: a folder in it is', (t) => {
  const place = new Place(t)
  for (const directory of ['/var/lib', '/usr', '/opt']) {
    writeSettings(place.home, `directory = "${directory}"\n`)
    const { remedy } = found(place.check({ user: 'www-data' }), 'DIRECTORY_RIGHTS')
    const [, better = ''] = /^directory = "(.*)" {3}# others need/.exec(remedy) ?? []
    assert.equal(better, join(directory, 'uploads'))
  }
})

test('file systems: read-only, full, without inodes, volatile, synchronous', {
  skip: noRoot,
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
  assertFixed(slow, 'MOUNT_SYNC', 'warning')
})

test('where others see it: sites, cgi-bin, by document root and by name', (t) => {
  const place = new Place(t)
  const inside = (path: string, more = '') => {
    const directory = join(place.home, path)
    mkdirSync(directory, { recursive: true })
    writeSettings(place.home, `directory = "${directory}"\n${more}`)
    return place.check()
  }
  assert.equal(found(inside('public_html/up'), 'DIRECTORY_PUBLIC').level, 'error')
  assert.equal(found(inside('cgi-bin/up'), 'DIRECTORY_IN_CGI_BIN').level, 'warning')

  const allowed = 'allow_public_directory = true\n'
  const open = inside('public_html/up', allowed)
  assert.equal(found(open, 'DIRECTORY_PUBLIC').level, 'warning')
  assert.ok(!codes(open).includes('PUBLIC_KINDS'))
  const active = inside('public_html/up', `${allowed}allow_extensions = ["jpg", "svg"]\n`)
  assert.match(found(active, 'PUBLIC_KINDS').message, / takes svg: /)
  const any = inside('public_html/up', `${allowed}allow_extensions = []\n`)
  assert.match(found(any, 'PUBLIC_KINDS').message, / takes files of any kind: /)

  const inSite = place.check({ file: 'public_html/settings.toml' })
  assert.equal(found(inSite, 'SETTINGS_PUBLIC').level, 'warning')
  assert.ok(!codes(place.check({ file: 'public_html/.htupload.toml' })).includes('SETTINGS_PUBLIC'))
})

test('a settings file with secrets that others may read, and one in the site', (t) => {
  const place = new Place(t)
  const settings = 'passphrase = "open sesame"\n'
  assert.ok(!codes(place.check({ settings: 'title = "open"\n' })).includes('SECRETS_READABLE'))
  const readable = found(place.check({ settings }), 'SECRETS_READABLE')
  assert.match(readable.message, /^everybody on this machine may read the passphrase in /)
  assertFixed(place, 'SECRETS_READABLE', 'warning')
  const inSite = place.check({ settings, file: 'public_html/settings.toml' })
  assert.equal(found(inSite, 'SETTINGS_PUBLIC').level, 'error')
  assert.ok(!JSON.stringify(inSite).includes('sesame'))
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
    [`max_fields = 7\n${field}`, 'FIELDS_TOO_FEW', 'error'],
    [`folder = "{field:b}"\n${field}`, 'FOLDER_FIELD_NOT_ASKED', 'warning'],
    [`${invitation}folder = "{field:b}"\n${field}`, 'FOLDER_FIELD_NOT_ASKED', 'warning'],
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
})

test('a limit of processes is told', {
  skip: needsRoot('other processes of an ordinary user count, too'),
}, (t) => {
  const place = new Place(t)
  const few = spawnSync('prlimit', ['--nproc=15', program, 'check', '--json'], {
    env: { PATH: '/usr/bin:/bin', UPLOAD_CGI_DIRECTORY: place.directory },
  })
  assert.match(few.stdout.toString(), /LIMIT_PROCESSES/)
})

test('SELinux in force: the labels it wants are named with the commands', {
  skip: noRoot,
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
  const [restore = ''] = found(checked, 'SELINUX_PROGRAM').remedy.split(' # ')
  assert.match(restore, /^restorecon /)
  assert.equal(basename(restore.trim()), basename(program))
  assert.ok(!place.check().findings.some(({ code }) => code.startsWith('SELINUX')))
})

test('a clock that is apart from that of the files', {
  skip: missing('faketime'),
}, (t) => {
  const place = new Place(t)
  const before = `exec env NO_FAKE_STAT=1 faketime -f +2h "$0" "$@"`
  assert.match(found(place.check({ before }), 'CLOCK_APART').message, /7\d\d\d s apart/)
})

test('--user names whom to look as; a wrong one, or without root, is told', {
  skip: noRoot,
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
  // Only root can start Apache as somebody else.
  const user = isRoot() ? serverUser : userInfo().username
  assert.ok(form.includes(`looked at as user ${user} [USER]`), form)
  assert.match(form, /30 s of processor time.*of this request.*\[LIMIT_CPU\]/)
  assert.match(form, /DOCUMENT_ROOT=/)
  assert.doesNotMatch(form, /secret/)
  rmSync(place.directory, { recursive: true })
  const reply = await fetch(apache.url, { headers })
  assert.equal(reply.status, 503)
  const page = await reply.text()
  assert.match(page, /DIRECTORY_MISSING/)
  assert.ok(page.includes(`install -d -m 0750 -o ${user} `), page)
})

test('without debug a visitor sees none of it', async (t) => {
  const place = new Place(t)
  rmSync(place.directory, { recursive: true })
  const { text } = await runCgi({ directory: place.directory })
  assert.doesNotMatch(text, /DIRECTORY_MISSING|uploads/)
})
