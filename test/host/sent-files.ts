// Files with troublesome names for real clients to send, and the comparison of what was sent with
// what is in the directory.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { storedName } from '../../src/storage/filename.ts'
import { freshDirectory } from './program.ts'
import type { Receiver } from './serve.ts'

export type SentFile = { readonly name: string; readonly path: string; readonly bytes: Buffer }

/**
 * Real files of these names, each with bytes of its own: empty, binary, full of near-boundaries.
 */
export function filesNamed(t: TestContext, names: readonly string[]): SentFile[] {
  const home = join(freshDirectory(t), 'sent')
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
 * The format has no way to write a literal `%22`, `%0D` or `%0A` that is not read as what it stands
 * for: the WHATWG encoding escapes three characters, but not the percent sign.
 */
export function withoutEscapes(name: string): string {
  return name.replace(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

function contentOf(i: number): Buffer {
  if (i === 0) return Buffer.alloc(0)
  const near = '\r\n--\r\n----\r\n--xYzZY\r\n\r\n--xYzZY--\r\n--'
  const binary = Buffer.from(Array.from({ length: 700 * i }, (_, at) => (at * 31 + i) % 256))
  return Buffer.concat([Buffer.from(`${i}${near}`), binary, Buffer.from(near)])
}

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
