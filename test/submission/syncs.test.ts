// What `durable` costs: each file and each directory that a request syncs where all folders are
// there already, told apart into those of its files and those of its record. docs/performance.md
// has the same numbers.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { freshDirectory, inMemory, program, root } from '../host/program.ts'
import { fileField, id, textField } from '../host/record.ts'

/** A directory, and a program that says what it syncs. */
class Traced {
  readonly directory: string
  readonly #base: string

  constructor(t: TestContext) {
    this.directory = freshDirectory(t, inMemory())
    this.#base = freshDirectory(t)
    const strace = `exec strace -f -y -qq -e trace=fsync,fdatasync -o ${this.#base}/trace`
    writeFileSync(join(this.#base, 'traced.sh'), `#!/bin/sh\n${strace} ${program}\n`, {
      mode: 0o755,
    })
  }

  /** What the request syncs, in its order: paths without what is random, and without the day. */
  async syncs(parts: readonly BodyPart[]): Promise<string[]> {
    const stdinFile = join(this.#base, 'body')
    writeFileSync(stdinFile, multipartBody(parts))
    const { status, text } = await runCgi({
      program: join(this.#base, 'traced.sh'),
      directory: this.directory,
      method: 'POST',
      stdinFile,
      contentType: contentType(),
    })
    assert.ok(status >= 200 && status < 300, text)
    const trace = readFileSync(join(this.#base, 'trace'), 'utf8')
    return [...trace.matchAll(/sync\(\d+<([^>]*)>\) += 0/g)].map(([, path = '']) => {
      return path
        .slice(this.directory.length + 1)
        .replace('.upload-cgi/', '')
        .replace(/\/\d{4}-\d\d-\d\d/, '')
        .replace(/\.ht[0-9a-f-]*/, '*')
        .replace(/^$/, 'the directory')
    })
  }
}

test('what a request syncs of its files and of its record', {
  skip: missing('strace'),
}, async (t) => {
  const traced = new Traced(t)
  const submission = textField('_submission', id('a'))
  const piece = (from: number, upload: string) => [
    submission,
    textField('_upload', id(upload)),
    textField('_offset', String(from)),
    textField('_size', '20'),
    textField('_filename', `piece-${upload}.txt`),
    { name: 'file', filename: 'file', content: Buffer.alloc(10, 'x') },
  ]
  const closing = [submission, textField('_close', '1')]
  // So that all folders are there, and the submission has begun.
  const before = [[fileField('a.txt')], [submission, fileField('b.txt')], closing]
  for (const parts of [...before, piece(0, 'b'), piece(10, 'b')]) await traced.syncs(parts)

  const begin = ['notes/begin/*', 'notes/begin']
  const storing = ['notes/storing/*', 'notes/storing']
  const post = ['incoming/*.part', ...storing, 'the directory']
  const pieces = ['incoming/*.data', 'incoming/*.journal']
  const requests = {
    'a post of its own': [[fileField('c.txt')], [...post, 'notes/batch']],
    'a post of a submission': [
      [submission, fileField('d.txt')],
      [...begin, ...post, 'notes/verdict'],
    ],
    'the first piece': [piece(0, 'c'), [...begin, ...pieces, 'incoming']],
    'the last piece': [
      piece(10, 'c'),
      [...begin, ...pieces, ...storing, 'the directory', 'notes/verdict'],
    ],
    // Each of the three requests since the batch before, that batch, and the new one.
    'the second `_close`, after three requests': [
      closing,
      [
        ...begin,
        ...Array(3).fill('notes/verdict/*'),
        'notes/verdict',
        'notes/batch/*',
        'notes/batch',
        'notes/*.part',
        'notes/batch',
      ],
    ],
    '`_close` once more': [closing, begin],
  } as const
  for (const [name, [parts, expected]] of Object.entries(requests)) {
    const synced = await traced.syncs(parts)
    // A batch is written where files are before it gets its key.
    const isClose = name.includes('_close')
    const shown = synced.map((path) => (isClose ? path.replace('incoming', 'notes') : path))
    assert.deepEqual(shown, expected, name)
    const ofRecord = shown.filter((path) => path.startsWith('notes/')).length
    const row = `| ${name} | ${shown.length - ofRecord} | ${ofRecord} |`
    assert.ok(documented.includes(row), `${row} in docs/performance.md`)
  }
})

const documented = readFileSync(join(root, 'docs/performance.md'), 'utf8')
