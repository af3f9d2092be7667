// What the tests of real clients share: `build/upload.cgi serve` with a directory of its own, files with
// troublesome names to send, and the comparison of what was sent with what lies in the directory.
// `serve` and not Apache: no server touches the body, and what they do with framing is test/rude.test.ts;
// `serve` is there at once, needs no package, and starts the same executable for every request.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { storedName } from '../../src/storage/filename.ts'

export type SentFile = { readonly name: string; readonly path: string; readonly bytes: Buffer }

export type Receiver = {
  readonly url: string
  readonly directory: string
  /** What is stored so far, by name; fails when something is left in `.incoming`. */
  stored(): Map<string, Buffer>
}

/** `settings`: more UPLOAD_CGI_* variables, or others than these. */
export async function startReceiver(
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<Receiver> {
  const directory = temporary(t)
  const env = {
    PATH: process.env['PATH'],
    UPLOAD_CGI_MAX_FILES: '100',
    UPLOAD_CGI_DURABLE: 'false',
    ...settings,
  }
  const args = ['serve', '--port', '0', '--directory', directory]
  const server = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return
    server.kill()
    await once(server, 'exit')
  })
  let said = ''
  while (!/for production/.test(said)) said += (await once(server.stdout, 'data'))[0]
  const url = /http:\S+/.exec(said)?.[0] ?? ''
  return { url, directory, stored: () => storedIn(directory) }
}

/** Real files of these names, each with bytes of its own: empty, binary, full of near-boundaries. */
export function filesNamed(t: TestContext, names: readonly string[]): SentFile[] {
  const home = join(temporary(t), 'sent')
  mkdirSync(home)
  return names.map((name, i) => {
    const path = join(home, name)
    const bytes = contentOf(i)
    writeFileSync(path, bytes)
    return { name, path, bytes }
  })
}

/** `habit`: how the client changes names before the program sees them. */
export function assertStored(
  receiver: Receiver,
  files: readonly SentFile[],
  habit: (name: string) => string = (name) => name,
): void {
  const expected = new Map(files.map((file) => [storedName(habit(file.name)), file.bytes]))
  assert.equal(expected.size, files.length, 'the names of this test must stay different')
  const stored = receiver.stored()
  assert.deepEqual([...stored.keys()].sort(), [...expected.keys()].sort())
  for (const [name, bytes] of expected) assert.ok(stored.get(name)?.equals(bytes), name)
}

/**
 * The format has no way to write a literal `%22`, `%0D` or `%0A` that is not read as what it stands for:
 * the WHATWG encoding escapes three characters, but not the percent sign.
 */
export function withoutEscapes(name: string): string {
  return name.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

export function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function storedIn(directory: string): Map<string, Buffer> {
  const names = readdirSync(directory)
  const left = names.includes('.incoming') ? readdirSync(join(directory, '.incoming')) : []
  // Receipts are kept for senders whose last reply was lost.
  assert.deepEqual(
    left.filter((name) => !name.endsWith('.journal')),
    [],
  )
  const visible = names.filter((name) => name !== '.incoming')
  return new Map(visible.map((name) => [name, readFileSync(join(directory, name))]))
}

function contentOf(i: number): Buffer {
  if (i === 0) return Buffer.alloc(0)
  const near = '\r\n--\r\n----\r\n--xYzZY\r\n\r\n--xYzZY--\r\n--'
  const binary = Buffer.from(Array.from({ length: 700 * i }, (_, at) => (at * 31 + i) % 256))
  return Buffer.concat([Buffer.from(`${i}${near}`), binary, Buffer.from(near)])
}

const program = resolve(import.meta.dirname, '../../build/upload.cgi')

/** One or more of every kind of letter that people's file names are made of. */
export const namesInManyScripts: readonly string[] = [
  'Größe œuvre şirket.txt',
  'Tiếng Việt.txt',
  'Ελληνικά.txt',
  'Привет ёж.txt',
  'Հայերեն.txt',
  'עברית.txt',
  'العربية ۱۲.txt',
  // With a zero-width joiner and a direction mark, which are not stored.
  'نامه\u200cها\u200f.txt',
  'हिन्दी.txt',
  'বাংলা.txt',
  'தமிழ்.txt',
  'ภาษาไทย.txt',
  'བོད་ཡིག.txt',
  'ქართული.txt',
  '한국어.txt',
  // Decomposed, as macOS writes names.
  '조선말'.normalize('NFD').concat('.txt'),
  'Cafe\u0301 A\u030a.txt',
  'ひらがな カタカナ.txt',
  '漢字𠮷.txt',
  'አማርኛ.txt',
  'ភាសាខ្មែរ.txt',
  'ᠮᠣᠩᠭᠣᠯ.txt',
  'emoji 😀👩‍💻🇪🇺.txt',
  // As long as a name on disk can be, and one character more than is stored with a number.
  'ä'.repeat(125).concat('.txt'),
]

/** What has a meaning to some parser, shell, server or system. No line ends, no tab. */
export const troublesomeNames: readonly string[] = [
  'empty',
  'quo"te.txt',
  '"quoted".txt',
  "l'apostrophe.txt",
  'semi;colon.txt',
  'per%cent 100%.txt',
  'letter %41.txt',
  'escape %22x%0d%0ay.txt',
  'back\\slash.txt',
  'both \\" of them.txt',
  'ends in \\',
  'a=b&c, d+e#f.txt',
  'name"; filename="other.txt',
  "star; filename*=utf-8''evil.txt",
  ' leading blank.txt',
  'trailing dot.',
  '..two dots.txt',
  '-dash.txt',
  '<b>&amp; {x} [y].txt',
  '`$(id)`|?*.txt',
  'con.txt',
]

export const namesWithLineEnds: readonly string[] = ['line\nfeed.txt', 'carriage\r\nreturn.txt']
