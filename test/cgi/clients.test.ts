// Bodies made by programs that nobody here wrote: curl, Node's fetch, Python's requests, urllib3,
// httpx and aiohttp, libwww-perl, HTTPie. Each is given files with troublesome names; what is in
// the directory must be the files' bytes, under the name that storedName() makes of what the client
// sends. Where a client changes names by itself, its habit is written down here.
// test/page/browser.test.ts has browsers.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { openAsBlob, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { missing } from '../host/installed.ts'
import { freshDirectory } from '../host/program.ts'
import {
  assertStored,
  filesNamed,
  namesInManyScripts,
  namesWithLineEnds,
  type SentFile,
  troublesomeNames,
  withoutEscapes,
} from '../host/sent-files.ts'
import { type Receiver, startReceiver } from '../host/serve.ts'

type Reply = { status: number; text: string }

const run = promisify(execFile)
const allNames = [...troublesomeNames, ...namesInManyScripts]
const note = 'first\r\nsecond é'

const curlSkip = missing('curl')
for (const [style, options] of [
  ['percent signs', []],
  ['backslashes (--form-escape)', ['--form-escape']],
] as const) {
  test(`curl, quotes written as ${style}: every name, many files at once`, {
    skip: curlSkip,
  }, async (t) => {
    const receiver = await startReceiver(t)
    const files = filesNamed(t, [...allNames, ...namesWithLineEnds])
    const sent =
      style === 'percent signs' ? files : files.filter((file) => !/[\r\n]/.test(file.name))
    const reply = await curl(receiver, [
      ...options,
      '-F',
      `note=${note}`,
      ...sent.flatMap(curlFile),
    ])
    // With --form-escape a backslash is doubled, which leads to the same stored name.
    const isDoubled = style !== 'percent signs'
    assertReceipt(reply, sent, (name) =>
      withoutEscapes(isDoubled ? name.replaceAll('\\', '\\\\') : name),
    )
    assertStored(receiver, sent, withoutEscapes)
  })
}

test('curl: chunked, 100-continue, types, other names, standard input, fields from files', {
  skip: curlSkip,
}, async (t) => {
  const receiver = await startReceiver(t)
  const [large] = filesNamed(t, ['large.bin']) as [SentFile]
  const bytes = Buffer.alloc(3_000_000, 'large\r\n--')
  writeFileSync(large.path, bytes)
  const field = join(freshDirectory(t), 'note')
  writeFileSync(field, note)
  const renamed = [
    `file=@${large.path};type=image/png;filename="o\\"ther; name.png"`,
    `file=@${large.path}; filename=plain.png; type=text/plain;charset=utf-8`,
  ]
  const chunked = await curl(receiver, [
    ...['-H', 'Transfer-Encoding: chunked', '-H', 'Expect: 100-continue', '-F', `note=<${field}`],
    ...renamed.flatMap((value) => ['-F', value]),
  ])
  assert.equal(chunked.status, 201, chunked.text)
  const receipt = JSON.parse(chunked.text)
  assert.deepEqual(receipt.fields, [{ name: 'note', value: note }])
  assert.deepEqual(
    receipt.files.map(({ name, type }: Record<string, string>) => [name, type]),
    [
      ['o"ther; name.png', 'image/png'],
      ['plain.png', 'text/plain;charset=utf-8'],
    ],
  )
  // The length of what comes from a pipe is not known before.
  const piped = await promisify(execFile)('/bin/sh', [
    ...['-c', 'cat "$1" | curl -sS -F "file=@-;filename=piped.bin" "$2"', 'sh'],
    ...[large.path, receiver.url],
  ])
  assert.match(piped.stdout, /piped\.bin/)
  const stored = receiver.stored()
  assert.deepEqual([...stored.keys()].sort(), ['o_ther_ name.png', 'piped.bin', 'plain.png'])
  for (const [name, content] of stored) assert.ok(content.equals(bytes), name)
})

for (const how of ['with its length', 'as a stream without length'] as const) {
  test(`Node's fetch, FormData of Files and Blobs, ${how}`, async (t) => {
    const receiver = await startReceiver(t)
    const files = filesNamed(t, [...allNames, ...namesWithLineEnds])
    const form = new FormData()
    form.set('note', 'first\nsecond é')
    for (const { name, path, bytes } of files) {
      const isEven = bytes.length % 2 === 0
      if (isEven) form.append('file', new File([bytes], name))
      else form.append('file', await openAsBlob(path), name)
    }
    const encoded = new Response(form)
    const init: RequestInit =
      how === 'with its length'
        ? { body: form }
        : {
            body: encoded.body,
            duplex: 'half',
            headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
          }
    const headers = { ...init.headers, accept: 'application/json' }
    const answer = await fetch(receiver.url, { ...init, method: 'POST', headers })
    const reply = { status: answer.status, text: await answer.text() }
    assertReceipt(reply, files, withoutEscapes)
    assertStored(receiver, files, withoutEscapes)
  })
}

// They write a backslash as two, and controls other than line ends would be percent-encoded.
const doubled = (name: string) => withoutEscapes(name).replaceAll('\\', '\\\\')
// It percent-encodes the whole name, which no server is to undo: the file keeps that name.
const encoded = (name: string) =>
  withoutEscapes(encodeURIComponent(name).replace(/[!'()*]/g, hexOf))

const pythons = [
  ['requests', 'python3-requests', doubled],
  ['urllib3', 'python3-urllib3', doubled],
  ['httpx', 'python3-httpx', doubled],
  ['aiohttp', 'python3-aiohttp', encoded],
  ['aiohttp-unquoted', 'python3-aiohttp', doubled],
] as const
for (const [library, packageName, habit] of pythons) {
  test(`Python, ${library}: every name, many files at once`, {
    skip: missing('python3', packageName),
  }, async (t) => {
    const receiver = await startReceiver(t)
    const isPlain = library !== 'aiohttp-unquoted'
    const names = [...allNames, ...(isPlain ? namesWithLineEnds : [])]
    const files = filesNamed(t, names)
    const reply = await python(library, receiver, files)
    assertReceipt(reply, files, habit)
    assertStored(receiver, files, habit)
  })
}

test('Python, urllib3 before 1.25: filename* alone is the name', {
  skip: missing('python3', 'python3-urllib3'),
}, async (t) => {
  const receiver = await startReceiver(t)
  // filename*=utf-8''%D0%9F… without filename: requests up to 2.21 for names that are not ASCII.
  const files = filesNamed(t, ['plain.txt', 'Привет.txt'])
  const reply = await python('urllib3-rfc2231', receiver, files)
  assertReceipt(reply, files, doubled)
  assertStored(receiver, files)
})

for (const how of ['read', 'stream'] as const) {
  test(`Perl, libwww-perl, ${how}: every name but those with line ends`, {
    skip: missing('perl', 'libwww-perl'),
  }, async (t) => {
    const receiver = await startReceiver(t)
    const files = filesNamed(t, allNames)
    const reply = await perl(how, receiver, files)
    assertReceipt(reply, files, doubled)
    assertStored(receiver, files, doubled)
    // It writes line ends into its headers as they are: refused, as header injection would be.
    for (const name of namesWithLineEnds) {
      assert.equal((await perl(how, receiver, filesNamed(t, [name]))).status, 400, name)
    }
    assert.equal(receiver.stored().size, files.length)
  })
}

test('HTTPie: every name, many files at once', { skip: missing('http') }, async (t) => {
  const receiver = await startReceiver(t)
  const files = filesNamed(t, [...allNames, ...namesWithLineEnds])
  const options = ['--ignore-stdin', '--multipart', '--pretty=none', '--print=hb']
  const items = [`note=${note}`, ...files.map(({ path }) => `file@${path}`)]
  const { stdout } = await run('http', [
    ...[...options, 'POST', receiver.url, 'Accept:application/json', ...items],
  ])
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(stdout)?.[1])
  const reply = { status, text: stdout.slice(stdout.indexOf('{')) }
  assertReceipt(reply, files, doubled)
  assertStored(receiver, files, doubled)
})

/** The names that the program says it was told, in the order in which they were sent. */
function assertReceipt(
  reply: Reply,
  files: readonly SentFile[],
  habit: (name: string) => string,
): void {
  assert.equal(reply.status, 201, reply.text)
  const receipt = JSON.parse(reply.text)
  assert.deepEqual(
    receipt.files.map(({ name }: { name: string }) => name),
    files.map(({ name }) => habit(name)),
  )
  assert.deepEqual(receipt.fields, [{ name: 'note', value: note }])
}

function curlFile({ path }: SentFile): string[] {
  return ['-F', `file=@"${path.replace(/[\\"]/g, '\\$&')}"`]
}

async function curl(receiver: Receiver, args: readonly string[]): Promise<Reply> {
  const accept = ['-H', 'Accept: application/json']
  const { stdout } = await run('curl', [
    ...['-sS', '-w', '\n%{http_code}', ...accept, ...args, receiver.url],
  ])
  const end = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(end)), text: stdout.slice(0, end) }
}

function python(library: string, receiver: Receiver, files: readonly SentFile[]): Promise<Reply> {
  const script = join(import.meta.dirname, 'clients.py')
  return statusAndText('/usr/bin/python3', [script, library, receiver.url, ...paths(files)])
}

function perl(how: string, receiver: Receiver, files: readonly SentFile[]): Promise<Reply> {
  const script = join(import.meta.dirname, 'clients.pl')
  return statusAndText('/usr/bin/perl', [script, how, receiver.url, ...paths(files)])
}

async function statusAndText(program: string, args: readonly string[]): Promise<Reply> {
  const env = { ...process.env, PYTHONIOENCODING: 'utf-8' }
  const { stdout } = await run(program, [...args], { env })
  const end = stdout.indexOf('\n')
  return { status: Number(stdout.slice(0, end)), text: stdout.slice(end + 1) }
}

function paths(files: readonly SentFile[]): string[] {
  return files.map(({ path }) => path)
}

function hexOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}
