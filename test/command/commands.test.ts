// The commands that print: init, config, apache-conf, man, --help, each held against what reads its
// output: the loader, a real Apache, man. Then settings scripts, the log under rotation, and what
// debug tells.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandTable } from '../../src/command/commands.ts'
import { faultTable } from '../../src/fault-table.ts'
import { settingsTable } from '../../src/settings/table.ts'
import { startApache } from '../host/apache.ts'
import { type CgiOptions, runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, program, root } from '../host/program.ts'
import { giveToServer, needsRoot } from '../host/user.ts'

const file = (filename: string, content = 'hello') => ({ name: 'file', filename, content })

function run(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    env: { PATH: '/usr/bin:/bin', ...env },
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

test('init prints a file that is right as it is and with all comments removed', (t) => {
  const home = freshDirectory(t)
  const { status, stdout } = run(['init', '--directory', `${home}/it's "here"`])
  assert.equal(status, 0)
  const path = join(home, 'settings.toml')
  const origins = (text: string) => {
    writeFileSync(path, text)
    const shown = run(['config', '--json'], { UPLOAD_CGI_CONFIG: path })
    assert.deepEqual([shown.status, shown.stderr], [0, ''], text)
    return JSON.parse(shown.stdout).settings as { key: string; value: unknown; origin: string }[]
  }
  const plain = origins(stdout)
  assert.equal(plain[0]?.value, `${home}/it's "here"`)
  assert.ok(plain.slice(1).every(({ origin }) => origin === 'default'))
  const tables = ['extra_fields', 'invitations']
  // A setting in a comment has no blank after its #.
  const all = origins(stdout.replace(/^#(?=[\w["])/gm, ''))
  assert.deepEqual(
    all.map(({ key, value }) => [key, tables.includes(key) ? [] : value]),
    plain.map(({ key, value }) => [key, value]),
  )
  const fields = all.find(({ key }) => key === 'extra_fields')?.value
  assert.deepEqual((fields as { name: string }[])[0]?.name, 'sender')
  assert.equal(all.filter(({ origin }) => origin === 'default').length, 0)
  assert.ok(stdout.split('\n').every((line) => line.length <= 100))
})

test('init --script prints a script that works as it is', async (t) => {
  const home = freshDirectory(t)
  const script = join(home, 'cgi', 'form.cgi')
  const directory = join(home, 'files')
  mkdirSync(directory)
  mkdirSync(join(home, 'cgi'))
  writeFileSync(script, run(['init', '--script', '--directory', directory]).stdout, { mode: 0o755 })
  const env = { SCRIPT_FILENAME: script }
  assert.equal((await runCgi({ program: script, env })).status, 200)
})

test('config says where each setting comes from', (t) => {
  const home = freshDirectory(t)
  const path = join(home, 'settings.toml')
  writeFileSync(path, `directory = "up"\nmax_file_size = "1MB"\nfile_mode = "0600"\n`)
  const env = { UPLOAD_CGI_CONFIG: path, UPLOAD_CGI_MAX_FILES: '3' }
  const lines = run(['config', '--show-origin'], env).stdout.split('\n')
  assert.ok(lines.includes(`${path} line 1\tdirectory = "${home}/up"`))
  assert.ok(lines.includes(`${path} line 2\tmax_file_size = "1MB"`))
  assert.ok(lines.includes(`${path} line 3\tfile_mode = "0600"`))
  assert.ok(lines.includes('UPLOAD_CGI_MAX_FILES\tmax_files = 3'))
  assert.ok(lines.includes('default\tmax_fields = 100'))
  assert.ok(lines.includes('default\tpartial_lifetime = "1d"'))
  // What it prints is a settings file again, but for the questions.
  const plain = run(['config'], env).stdout
  writeFileSync(path, plain.replace('extra_fields = []\n', ''))
  assert.equal(run(['config'], { UPLOAD_CGI_CONFIG: path }).stdout, plain)
  const wrong = run(['config'], { ...env, UPLOAD_CGI_MAX_FILES: 'x' })
  assert.equal(wrong.status, 78)
  assert.match(wrong.stderr, /UPLOAD_CGI_MAX_FILES: "x" does not fit/)
})

test('invite prints what >> appends to the settings, with the link', (t) => {
  const path = join(freshDirectory(t), 'settings.toml')
  writeFileSync(path, 'directory = "/srv"')
  const env = { UPLOAD_CGI_CONFIG: path }
  const url = 'https://www.example.org/upload'
  const calls = [
    ['Acme "&" Söhne', '--url', url],
    ['Second', '--until', '2026-12-31', '--max-size', '5GB', '--max-files', '9', '--folder', 'in'],
  ]
  for (const args of calls) {
    const { status, stdout, stderr } = run(['invite', ...args], env)
    assert.deepEqual([status, stderr], [0, ''])
    appendFileSync(path, stdout)
  }
  const { status, stdout } = run(['config', '--json', '--secrets'], env)
  assert.equal(status, 0)
  const rows = JSON.parse(stdout).settings as { key: string; value: unknown }[]
  const { value } = rows.find(({ key }) => key === 'invitations') ?? {}
  const [first, second] = value as { name: string; token: string }[]
  assert.deepEqual([first?.name, second?.name], ['Acme "&" Söhne', 'Second'])
  assert.match(first?.token ?? '', /^[0-9a-f]{32}$/)
  assert.ok(readFileSync(path, 'utf8').includes(`${url}?invite=${first?.token}\n`))
  const endsAt = new Date(2027, 0, 1).getTime()
  const more = { folder: 'in', endsAt, maxBytes: 5e9, maxFiles: 9 }
  assert.deepEqual(second, { name: 'Second', token: second?.token, ...more })
  const wrong = [['Second'], [], ['x', '--until', 'soon'], ['x', '--max-size', 'big']]
  for (const args of [...wrong, ['x', '--max-files', '-1'], ['x', '--url', 'www.example.org']]) {
    const refused = run(['invite', ...args], env)
    assert.deepEqual([refused.status, refused.stdout], [64, ''], args.join(' '))
  }
})

test('config hides secrets, unless it is asked for them', (t) => {
  const path = join(freshDirectory(t), 'settings.toml')
  const token = '0123456789abcdef'
  writeFileSync(
    path,
    `directory = "/srv"\npassphrase = "open sesame"\n[[invitations]]\nname = "Acme"\n` +
      `token = "${token}"\nuntil = 2026-12-31\n`,
  )
  const env = { UPLOAD_CGI_CONFIG: path }
  for (const args of [['config'], ['config', '--json'], ['config', '--show-origin']]) {
    const { status, stdout, stderr } = run(args, env)
    assert.equal(status, 0, stderr)
    assert.match(stdout, /passphrase.*\(hidden\)/)
    assert.ok(!stdout.includes('sesame') && !stdout.includes(token), stdout)
    const asked = run([...args, '--secrets'], env).stdout
    assert.ok(asked.includes('open sesame') && asked.includes(token), asked)
  }
  const empty = run(['config'], { UPLOAD_CGI_DIRECTORY: '/srv', UPLOAD_CGI_CONFIG: '' })
  assert.match(empty.stdout, /^passphrase = ""$/m)
})

test('apache-conf prints what a real Apache takes, with the paths and limits of here', {
  skip: missing('apache2'),
}, async (t) => {
  const home = freshDirectory(t)
  chmodSync(home, 0o755)
  const directory = join(home, 'up loads')
  mkdirSync(directory)
  giveToServer(directory)
  const settings = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_MAX_REQUEST_SIZE: '10MB' }
  const { status, stdout } = run(['apache-conf', '--address', '/files/new'], settings)
  assert.equal(status, 0)
  assert.match(stdout, /Define UPLOAD_CGI_MAX_BODY "11048576"/)
  // The server of the tests brings modules and users; this form is a second one in it.
  const elsewhere = { UPLOAD_CGI_DIRECTORY: home }
  const apache = await startApache({ env: elsewhere, extra: stdout })
  t.after(() => apache.stop())
  const url = new URL('/files/new', apache.url)
  assert.equal((await fetch(url)).status, 200)
  const send = (bytes: number) => {
    const form = new FormData()
    form.append('file', new Blob([Buffer.alloc(bytes)]), 'a.bin')
    return fetch(url, { method: 'POST', body: form })
  }
  assert.equal((await send(1000)).status, 201)
  assert.equal(statSync(join(directory, 'a.bin')).size, 1000)
  const large = await send(12_000_000)
  assert.equal(large.status, 413)
  assert.equal(run(['apache-conf', '--address', 'files']).status, 64)
})

test('the man pages have every command, setting and code, and man finds no fault in them', {
  skip: missing('man'),
}, (t) => {
  const home = freshDirectory(t)
  for (const [section, words] of [
    ['8', [...commandTable.map(({ usage }) => usage), ...Object.keys(faultTable())]],
    ['5', settingsTable.map(({ key }) => key)],
  ] as const) {
    const page = run(['man', section]).stdout
    const path = join(home, `page.${section}`)
    writeFileSync(path, page)
    const env = { PATH: '/usr/bin:/bin', MANWIDTH: '500', LC_ALL: 'C.UTF-8', MANPAGER: 'cat' }
    const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', path], {
      env,
      encoding: 'utf8',
    })
    assert.equal(stderr, '')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: bold is a letter struck twice
    const shown = stdout.replace(/.\x08/g, '').replace(/\s+/g, ' ')
    for (const word of words) assert.ok(shown.includes(word), `${section}: ${word}`)
  }
  assert.equal(run(['man', '7']).status, 64)
})

test('--help fits a terminal and names every command and setting', () => {
  const { stdout } = run(['--help'])
  assert.deepEqual(
    stdout.split('\n').filter((line) => [...line].length > 80),
    [],
  )
  for (const { usage } of commandTable) assert.ok(stdout.includes(`upload.cgi ${usage}\n`), usage)
  for (const { key } of settingsTable) assert.ok(stdout.includes(`  ${key} (`), key)
})

test('a reader that has seen enough is no error; a mistyped command is named', async () => {
  const child = spawn(program, ['man', '8'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  const [status] = await once(child, 'close')
  assert.deepEqual([status, said], [0, ''])
  const wrong = run(['chekc'])
  assert.deepEqual([wrong.status, wrong.stdout], [64, ''])
  assert.match(wrong.stderr, /no command `chekc`\. Did you mean check\?/)
})

test('settings scripts: two forms with one executable, called as suexec does', async (t) => {
  const home = join(freshDirectory(t), 'cgi')
  mkdirSync(home)
  const forms = ['one', 'two'].map((name) => {
    const directory = join(home, '..', `${name}-files`)
    mkdirSync(directory)
    const script = join(home, `${name}.cgi`)
    writeFileSync(script, `#!${program}\ndirectory = "../${name}-files"\n`, { mode: 0o755 })
    return { name, directory, script }
  })
  for (const { name, directory, script } of forms) {
    const body = multipartBody([file(`${name}.txt`)])
    // suexec goes to the directory and runs the bare name: the kernel passes it on like that.
    const env = { SCRIPT_FILENAME: script, PATH: '/usr/bin:/bin' }
    const reply = spawnSync(
      'sh',
      ['-c', `cd "$1" && PATH=".:$PATH" exec ${name}.cgi`, 'sh', home],
      {
        env: {
          ...env,
          GATEWAY_INTERFACE: 'CGI/1.1',
          REQUEST_METHOD: 'POST',
          CONTENT_TYPE: contentType(),
          CONTENT_LENGTH: String(body.length),
        },
        input: body,
        encoding: 'utf8',
      },
    )
    assert.match(reply.stdout, /^Status: 201/, reply.stdout + reply.stderr)
    assert.equal(readFileSync(join(directory, `${name}.txt`), 'utf8'), 'hello')
  }
})

test('a settings script of somebody else, or that everybody may write to, is not used', {
  skip: needsRoot('only root can give files away: run it with sudo'),
}, async (t) => {
  const place = freshDirectory(t)
  const home = join(place, 'cgi')
  for (const path of [home, join(place, 'files')]) mkdirSync(path)
  chmodSync(place, 0o755)
  const script = join(home, 'form.cgi')
  writeFileSync(script, `#!${program}\ndirectory = "../files"\n`, { mode: 0o755 })
  const ask = () => runCgi({ program: script, env: { SCRIPT_FILENAME: script } })
  assert.equal((await ask()).status, 200)
  chownSync(script, 4711, 4711)
  const foreign = await ask()
  assert.equal(foreign.status, 503)
  assert.match(foreign.stderr, /belongs to user 4711.*chown \d+ /)
  assert.doesNotMatch(foreign.text, /4711|form\.cgi/)
  chownSync(home, 4711, 4711)
  assert.equal((await ask()).status, 200, 'the owner of the directory may')
  chmodSync(script, 0o757)
  const open = await ask()
  assert.equal(open.status, 503)
  assert.match(open.stderr, /everybody may write to the settings: chmod o-w /)
})

test('a script elsewhere that a query names is never read', async (t) => {
  const home = join(freshDirectory(t), 'cgi')
  for (const path of [home, join(home, '..', 'files')]) mkdirSync(path)
  const settings = (title: string) => `#!${program}\ntitle = "${title}"\ndirectory = "../files"\n`
  const script = join(home, 'other.cgi')
  writeFileSync(script, settings('Fooled'), { mode: 0o755 })
  const own = join(home, 'own.cgi')
  writeFileSync(own, settings('Own'), { mode: 0o755 })
  symlinkSync(own, join(home, 'link.cgi'))
  const ask = (options: CgiOptions) => runCgi(options).then(({ text }) => text)
  const named = { program, args: [script], env: { SCRIPT_FILENAME: program } }
  assert.doesNotMatch(await ask(named), /Fooled/)
  assert.doesNotMatch(await ask({ ...named, env: { SCRIPT_FILENAME: own } }), /Fooled|Own/)
  const link = join(home, 'link.cgi')
  assert.match(await ask({ program: link, args: [script], env: { SCRIPT_FILENAME: own } }), /Own/)
})

test('the log is renamed away in the middle of uploads, and no line is lost', async (t) => {
  const home = freshDirectory(t)
  const log = join(home, 'upload.log')
  const directory = join(home, 'up')
  mkdirSync(directory)
  let isDone = false
  let rotated = 0
  const rotate = async () => {
    while (!isDone) {
      try {
        renameSync(log, `${log}.${++rotated}`)
      } catch {
        rotated--
      }
      await new Promise((resolved) => setTimeout(resolved, 15))
    }
  }
  const rotation = rotate()
  const send = async (i: number) => {
    const env = { UPLOAD_CGI_LOG_FILE: log, UPLOAD_CGI_DURABLE: 'false' }
    const body = multipartBody([file(`${i}.txt`)])
    const reply = await runCgi({ directory, env, body, contentType: contentType() })
    assert.equal(reply.status, 201)
    assert.equal(reply.stderr, '')
  }
  for (let i = 0; i < 40; i += 4) await Promise.all([i, i + 1, i + 2, i + 3].map(send))
  isDone = true
  await rotation
  const texts = Array.from({ length: rotated }, (_, i) => readFileSync(`${log}.${i + 1}`, 'utf8'))
  const last = spawnSync('cat', [log], { encoding: 'utf8' }).stdout
  const lines = [...texts, last].join('').trim().split('\n')
  const stored = lines.map((line) => JSON.parse(line).files[0].stored as string)
  const expected = Array.from({ length: 40 }, (_, i) => `${i}.txt`)
  assert.deepEqual(stored.sort(), expected.sort())
  assert.ok(rotated > 3)
})

test('debug names the line of the source, with the map beside the executable', async (t) => {
  const home = freshDirectory(t)
  const bare = join(home, 'upload.cgi')
  try {
    linkSync(program, bare)
  } catch {
    spawnSync('cp', [program, bare])
  }
  const body = Buffer.from(
    '--XboundaryX\r\nContent-Disposition: nonsense\r\n\r\n\r\n--XboundaryX--\r\n',
  )
  const env = { UPLOAD_CGI_DEBUG: 'true', HTTP_ACCEPT: 'text/html' }
  const options = { directory: home, env, body, contentType: contentType() }
  const { text, status } = await runCgi({ ...options })
  assert.equal(status, 400)
  const [, source = '', line = ''] = /\((src\/[\w/-]+\.ts):(\d+):\d+\)/.exec(text) ?? []
  const lines = readFileSync(join(root, source), 'utf8').split('\n')
  assert.match(lines[Number(line) - 1] ?? '', /throw|Fault|fail|bad/i, `${source}:${line}`)
  assert.doesNotMatch(text, /src\/\w+\.cjs/)
  const without = await runCgi({ program: bare, ...options })
  assert.match(without.text, /src\/main\.cjs:\d+:\d+/)
  assert.doesNotMatch(without.text, new RegExp(`${root}/src`))
})

test('whatever is wrong at once, the error log gets less than a pipe must hold', async (t) => {
  const home = freshDirectory(t)
  const far = `${home}${`/${'ü'.repeat(120)}`.repeat(8)}`
  const env = {
    HTTP_ACCEPT: 'text/html',
    UPLOAD_CGI_STYLESHEET: `${far}/a.css`,
    UPLOAD_CGI_LOGO: `${far}/a.png`,
    UPLOAD_CGI_LOG_FILE: `${far}/log`,
  }
  const reply = await runCgi({ directory: `${far}/none`, env })
  assert.equal(reply.status, 503)
  assert.match(reply.text, /<\/html>/)
  const lines = reply.stderr.trim().split('\n')
  assert.ok(lines.length >= 2)
  assert.ok(lines.every((line) => /\(id [\w-]+\)$/.test(line)))
  assert.ok(Buffer.byteLength(reply.stderr) < 4096)
})
