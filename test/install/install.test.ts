// install.sh under the shells that systems have as /bin/sh: dash, busybox ash, and whatever `sh` is
// here. Every test gets a cgi-bin of its own under the temporary directory, and runs the script
// without a terminal, so that none can ever wait for an answer. What is installed is the built
// executable; what cannot be installed is made from it or is a small script.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { program as executable, freshDirectory, root } from '../host/program.ts'
import { isRoot } from '../host/user.ts'

const script = join(root, 'install.sh')

type Ended = { status: number | null; stdout: string; stderr: string }
type RunOptions = { env?: Record<string, string>; stdin?: string; uid?: number | undefined }
type Place = {
  home: string
  cgiBin: string
  prefix: string
  program: string
  settings: string
  uploads: string
}

const shells = [
  { name: 'sh', command: ['sh'], skip: false as const },
  { name: 'busybox ash', command: ['busybox', 'ash'], skip: missing('busybox') },
]

for (const { name, command, skip } of shells) {
  const install = (place: Place, ...more: string[]) => {
    const options = ['--cgi-bin', place.cgiBin, '--from', executable, '--upload-dir', place.uploads]
    return run([...command, script, ...options, '--prefix', place.prefix, ...more])
  }
  const uninstall = (place: Place) =>
    run([
      ...[...command, script, '--cgi-bin', place.cgiBin, '--prefix', place.prefix],
      ...['--uninstall', '--yes'],
    ])

  test(`${name}: what is installed answers and stores where it was told to`, {
    skip,
  }, async (t) => {
    const place = prepare(t)
    const ended = await install(place, '--yes')
    assert.equal(ended.status, 0, ended.stderr)
    assert.match(ended.stdout, /^A request made as user \S+ was answered: 200/m)
    assert.deepEqual(readdirSync(place.cgiBin).sort(), ['.htupload.toml', 'upload.cgi'])
    assert.equal(rights(place.program), '755')
    assert.equal(rights(place.uploads), '750')
    assert.match(rights(place.settings), /^6[04][04]$/)

    assert.equal((await runCgi({ program: place.program })).status, 200)
    const contentType = 'multipart/form-data; boundary=b'
    const part = 'Content-Disposition: form-data; name="file"; filename="hello.txt"'
    const body = Buffer.from(`--b\r\n${part}\r\n\r\nhello\r\n--b--\r\n`)
    const reply = await runCgi({ program: place.program, contentType, body })
    assert.equal(reply.status, 201, reply.text)
    assert.equal(readFileSync(join(place.uploads, 'hello.txt'), 'utf8'), 'hello')
  })

  test(`${name}: a dry run changes nothing, and what it prints does the same`, {
    skip,
  }, async (t) => {
    const place = prepare(t)
    const before = everything(place.home)
    const short = await install(place, '--dry-run')
    assert.deepEqual(
      short.stdout
        .match(/^# (?:program|uploads|settings|Apache): +\S+/gm)
        ?.map((line) => line.replace(/ +/g, ' ')),
      [
        `# program: ${place.program}`,
        `# uploads: ${place.uploads}`,
        `# settings: ${place.settings}`,
        '# Apache: is',
      ],
    )
    assert.doesNotMatch(short.stdout, /^[^#]/m)
    const dry = await install(place, '--dry-run', '--verbose')
    assert.equal(dry.status, 0, dry.stderr)
    assert.deepEqual(everything(place.home), before)

    assert.equal((await run([...command, '-e', '-c', dry.stdout])).status, 0)
    const again = await install(place)
    assert.equal(again.status, 0, again.stderr)
    assert.match(again.stdout, /nothing to do/)
  })

  test(`${name}: a second run changes nothing and does not ask`, { skip }, async (t) => {
    const place = prepare(t)
    await install(place, '--yes')
    const before = everything(place.home)
    const again = await install(place)
    assert.equal(again.status, 0, again.stderr)
    assert.match(again.stdout, /nothing to do/)
    assert.deepEqual(everything(place.home), before)
  })

  test(`${name}: the directory that the settings name is kept`, { skip }, async (t) => {
    const place = prepare(t)
    const uploads = join(place.home, 'it\'s "here" \\ $HOME')
    await install({ ...place, uploads }, '--yes')
    const again = await install({ ...place, uploads: join(place.home, 'elsewhere') }, '--yes')
    assert.equal(again.status, 0, again.stderr)
    assert.ok(again.stdout.includes(`uploads go to ${uploads}`), again.stdout)
    assert.deepEqual(readdirSync(place.home).sort(), ['cgi-bin', 'it\'s "here" \\ $HOME', 'prefix'])
  })

  test(`${name}: edited settings and uploads survive everything`, { skip }, async (t) => {
    const place = prepare(t)
    await install(place, '--yes')
    appendFileSync(place.settings, 'max_files = 3\n')
    writeFileSync(join(place.uploads, 'precious.txt'), 'kept')
    const edited = readFileSync(place.settings, 'utf8')

    assert.equal((await install(place, '--yes')).status, 0)
    assert.equal(readFileSync(place.settings, 'utf8'), edited)

    const ended = await uninstall(place)
    assert.equal(ended.status, 0, ended.stderr)
    assert.match(ended.stdout, /\.htupload\.toml stays: somebody edited it/)
    assert.deepEqual(readdirSync(place.cgiBin), ['.htupload.toml'])
    assert.equal(readFileSync(place.settings, 'utf8'), edited)
    assert.equal(readFileSync(join(place.uploads, 'precious.txt'), 'utf8'), 'kept')
  })

  test(`${name}: uninstalling removes what was installed, and again is no error`, {
    skip,
  }, async (t) => {
    const place = prepare(t)
    await install(place, '--yes')
    const ended = await uninstall(place)
    assert.equal(ended.status, 0, ended.stderr)
    assert.deepEqual(readdirSync(place.cgiBin), [])
    assert.ok(existsSync(place.uploads))
    const again = await uninstall(place)
    assert.equal(again.status, 0, again.stderr)
    assert.match(again.stdout, /nothing of upload\.cgi to remove/)
  })

  test(`${name}: a program is replaced while it runs`, { skip }, async (t) => {
    const place = prepare(t)
    copyFileSync('/bin/sleep', place.program)
    chmodSync(place.program, 0o755)
    const old = spawn(place.program, ['60'], { stdio: 'ignore' })
    t.after(() => old.kill())
    const ended = await install(place, '--yes')
    assert.equal(ended.status, 0, ended.stderr)
    assert.ok(readFileSync(place.program).equals(readFileSync(executable)))
    assert.equal(old.exitCode, null)
  })

  test(`${name}: somebody's own upload.cgi is neither replaced nor removed`, {
    skip,
  }, async (t) => {
    const place = prepare(t)
    writeFileSync(place.program, '#!/usr/bin/perl\nprint "mine"\n', { mode: 0o755 })
    const before = everything(place.home)
    const ended = await install(place, '--yes')
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /exists and is not a compiled program/)
    assert.match((await uninstall(place)).stdout, /upload\.cgi stays/)
    assert.deepEqual(everything(place.home), before)
  })

  test(`${name}: a broken executable is explained and leaves nothing`, { skip }, async (t) => {
    const place = prepare(t)
    const before = everything(place.home)
    const broken = freshDirectory(t)
    const otherProcessor = readFileSync(executable).subarray(0, 4096)
    otherProcessor[18] = otherProcessor[18] === 0xb7 ? 0x3e : 0xb7
    const failing = (status: number, message: string) =>
      Buffer.from(`#!/bin/sh\ncat >&2 <<'END'\nupload.cgi: ${message}\nEND\nexit ${status}\n`)
    const library = 'error while loading shared libraries: libatomic.so.1: cannot open it'
    const cases: [Buffer, RegExp][] = [
      [readFileSync(executable).subarray(0, 65536), /does not run on this machine/],
      [Buffer.from('<!doctype html>not found\n'), /damaged on its way here/],
      [
        otherProcessor,
        /is made for \S+ processors, and this machine is \S+\.\n {2}Remedy: use the release/,
      ],
      [failing(127, library), /The library libatomic\.so\.1 is missing/],
      [
        failing(1, "version `GLIBC_2.28' not found"),
        /C library or libstdc\+\+ of this system is too old/,
      ],
      [failing(133, 'Fatal process out of memory: table'), /650 MB of address space/],
      [failing(126, 'Permission denied'), /noexec/],
      [
        failing(139, 'Segmentation fault'),
        /Remedy: transfer it again, in binary mode, without strip\./,
      ],
    ]
    for (const [bytes, sentence] of cases) {
      const from = join(broken, 'upload.cgi')
      // With the right to be executed it fails at once, without it as a copy in cgi-bin.
      for (const mode of [0o755, 0o644]) {
        writeFileSync(from, bytes)
        chmodSync(from, mode)
        const ended = await install(place, '--from', from, '--yes')
        assert.equal(ended.status, 1, ended.stdout)
        assert.match(ended.stderr, sentence)
        assert.deepEqual(everything(place.home), before)
      }
    }
  })

  test(`${name}: without a terminal and --yes it changes nothing`, { skip }, async (t) => {
    const place = prepare(t)
    const before = everything(place.home)
    const ended = await install(place)
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /Say --yes/)
    assert.deepEqual(everything(place.home), before)
  })

  test(`${name}: what does not work after installing is told`, { skip }, async (t) => {
    const place = prepare(t)
    writeFileSync(place.settings, `directory = "${place.home}/missing/and/closed"\n`)
    mkdirSync(join(place.home, 'missing'))
    writeFileSync(join(place.home, 'missing/and'), 'not a directory')
    const ended = await install(place, '--yes')
    assert.notEqual(ended.status, 0)
    assert.doesNotMatch(ended.stdout, /was answered: 200/)
  })

  test(`${name}: a cgi-bin is found, and named with the reason`, { skip }, async (t) => {
    const place = prepare(t)
    const cgiBin = join(place.home, 'public_html/cgi-bin')
    mkdirSync(cgiBin, { recursive: true })
    const from = join(place.home, 'program')
    writeFileSync(from, '#!/bin/sh\necho upload.cgi\n', { mode: 0o755 })
    const uid = unprivileged(cgiBin)
    const args = ['-s', '--', '--dry-run', '--verbose', '--from', from]
    const options = { env: { HOME: place.home }, stdin: readFileSync(script, 'utf8'), uid }
    const ended = await run([...command, ...args], options)
    assert.equal(ended.status, 0, ended.stderr)
    assert.ok(ended.stdout.includes(`# found ${cgiBin}, where shared hosts keep`), ended.stdout)
    assert.ok(ended.stdout.includes(`mkdir -m 0750 ${place.home}/uploads`), ended.stdout)

    rmSync(cgiBin, { recursive: true })
    const refused = await run([...command, ...args], options)
    assert.equal(refused.status, 1, refused.stdout)
    assert.match(refused.stderr, /no cgi-bin directory was found among: .*Name it: --cgi-bin DIR/)
  })

  test(`${name}: wrong options are named`, { skip }, async (t) => {
    const place = prepare(t)
    const cases: [string[], RegExp][] = [
      [['--frobnicate'], /there is no option --frobnicate/],
      [['--name'], /--name needs a value/],
      [['--name=../x'], /--name is a plain file name/],
      [['--upload-dir', 'a\nb'], /--upload-dir has a control character/],
    ]
    for (const [args, sentence] of cases) {
      const ended = await run([...command, script, '--cgi-bin', place.cgiBin, ...args])
      assert.equal(ended.status, 64)
      assert.match(ended.stderr, sentence)
    }
    const inside = await install(place, '--upload-dir', join(place.cgiBin, 'in'), '--yes')
    assert.match(inside.stderr, /is in cgi-bin/)
    assert.deepEqual(readdirSync(place.cgiBin), [])
    const help = await run([...command, script, '--help'])
    assert.equal(help.status, 0)
    assert.match(help.stdout, /^Usage: install\.sh/)
  })
}

test('shellcheck has nothing to say about it', { skip: missing('shellcheck') }, async () => {
  assert.deepEqual(await run(['shellcheck', script]), { status: 0, stdout: '', stderr: '' })
})

function prepare(t: TestContext): Place {
  const home = freshDirectory(t)
  // The web server's user, as whom a root's installation is tried out, must get through.
  chmodSync(home, 0o755)
  const cgiBin = join(home, 'cgi-bin')
  mkdirSync(cgiBin)
  const program = join(cgiBin, 'upload.cgi')
  const settings = join(cgiBin, '.htupload.toml')
  const prefix = join(home, 'prefix')
  return { home, cgiBin, prefix, program, settings, uploads: join(home, 'uploads') }
}

function run(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const [command = '', ...args] = words
  return new Promise((resolved, rejected) => {
    const child = spawn(command, args, {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...options.env },
      // A session of its own has no terminal.
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    })
    const ended: Ended = { status: null, stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text))
    child.once('error', rejected)
    child.once('close', (status) => resolved({ ...ended, status }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.stdin ?? '')
  })
}

/** Who is not root and may write to `directory`: somebody else if we are root. */
function unprivileged(directory: string): number | undefined {
  if (!isRoot()) return undefined
  const nobody = 65534
  chownSync(directory, nobody, nobody)
  return nobody
}

function rights(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8)
}

/** Every path below `directory` with its kind, permissions, inode, size and time of change. */
function everything(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => {
    const { mode, ino, size, mtimeMs, ctimeMs } = lstatSync(join(directory, name))
    // A directory's times change when a file comes and goes; what counts is what is left.
    const rest = statSync(join(directory, name)).isDirectory() ? [] : [size, mtimeMs, ctimeMs]
    return [name, mode.toString(8), ino, ...rest].join(' ')
  })
}
