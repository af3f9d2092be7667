// A power cut after every call that changes the directory, by a model of what it may leave
// (power.ts): what a submission needs is posted by the executable, with `durable` on, and each
// state that the cut may leave is made of the same files and looked at. The invariant: what was
// answered is true after the cut, and what comes later finds nothing that it cannot use.

import assert from 'node:assert/strict'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { doWhatIsDue } from '../../src/submission/due.ts'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { endOf, openExchange } from '../host/core.ts'
import { missing } from '../host/installed.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { program } from '../host/program.ts'
import {
  add,
  ask,
  batchesOf,
  close,
  fileField,
  id,
  notesOf,
  send,
  settingsOf,
  storageOf,
  textField,
  visible,
} from '../host/record.ts'
import { Disk, type Entry, followed, type Inode, parseTrace, type State } from './power.ts'
import { home, shim, skip } from './rack.ts'

type Story = {
  readonly name: string
  /** Lines of the settings. */
  readonly settings: string
  readonly env?: Readonly<Record<string, string>>
  readonly posts: readonly (readonly BodyPart[])[]
}

/** What replies and tellings have said before the cut. */
type Promised = {
  /** By the name under which it is stored. */
  readonly files: ReadonlyMap<string, Buffer>
  /** How much of the upload in pieces is safe. */
  readonly offset: number
  /** The batch, as it was told. */
  readonly batch: Batch | undefined
}
type Batch = {
  readonly batch: number
  readonly time: string
  readonly files: readonly { readonly stored: string }[]
}

const submission = textField('_submission', id('a'))
const upload = id('b')
const content = Buffer.from(Array.from({ length: 90_000 }, (_, i) => (i * 31 + (i >> 9)) % 256))
const piece = (from: number, to: number): BodyPart[] => [
  textField('_submission', id('a')),
  textField('_upload', upload),
  textField('_offset', String(from)),
  textField('_size', String(content.length)),
  textField('_filename', 'piece.bin'),
  { name: 'file', filename: 'file', content: content.subarray(from, to) },
]
const two = [
  submission,
  textField('note', 'hello'),
  fileField('same.txt'),
  fileField('same.txt', 'another'),
]
const closing = [submission, textField('_close', '1')]
const stories: readonly Story[] = [
  {
    name: 'files, pieces and a close',
    settings: '',
    posts: [two, piece(0, 40_000), piece(40_000, content.length), closing],
  },
  {
    name: 'a close of which somebody is told',
    settings: 'notify = ["TOLD"]',
    posts: [two, closing],
  },
  { name: 'a post of its own', settings: 'receipt_file = true', posts: [two.slice(1)] },
  {
    name: 'files and a close without hard links',
    settings: '',
    env: { TORTURE_NO_LINKS: '1' },
    posts: [two, closing],
  },
]
/** `npm run test:long` looks at all states, a test of every change at some. */
const isLong = process.env['UPLOAD_CGI_LONG'] !== undefined
const every = isLong ? 1 : 8
const hours = 3_600_000
const lacking = skip || missing('strace')
let runs = 0

/** A story as the executable lives it, and every state that a power cut may leave on the way. */
class Run {
  readonly directory: string
  readonly #base = join(home, `power-${++runs}`)
  readonly #vault = join(this.#base, 'vault')
  readonly #disk: Disk
  readonly #story: Story
  readonly #cuts = new Map<string, { readonly state: State; readonly promised: Promised }>()
  readonly #content = new Map<Inode, { readonly bytes: Buffer; readonly time: Date }>()
  #promised: Promised = { files: new Map(), offset: 0, batch: undefined }

  constructor(story: Story, isDurable = true) {
    this.#story = story
    this.directory = join(this.#base, 'uploads')
    mkdirSync(this.#vault, { recursive: true })
    mkdirSync(this.directory)
    this.#disk = new Disk(this.directory)
    const told = join(this.#base, 'told')
    writeFileSync(`${told}.sh`, `#!/bin/sh\nexec cat > ${told}.json\n`, { mode: 0o755 })
    writeFileSync(
      join(this.#base, 'settings.toml'),
      `directory = "${this.directory}"\ndurable = ${isDurable}\nmin_free_space = "0"
${story.settings.replace('TOLD', `${told}.sh`)}\n`,
    )
    const traced = `exec strace -f -y -qq -s 0 -e ${followed} -o ${this.#base}/trace ${program}`
    mkdirSync(join(this.#base, 'cgi-bin'))
    writeFileSync(join(this.#base, 'cgi-bin/traced.sh'), `#!/bin/sh\n${traced}\n`, { mode: 0o755 })
  }

  async live(): Promise<void> {
    for (const parts of this.#story.posts) await this.#post(parts)
    for (const { path, inode } of this.#disk.files()) {
      if (inode.kept !== '') continue
      inode.kept = join(this.#vault, `last-${inode.number}`)
      linkSync(join(this.directory, path), inode.kept)
    }
  }

  get cuts() {
    return [...this.#cuts.values()]
  }

  /** Makes what the cut has left. */
  build({ entries }: State): void {
    rmSync(this.directory, { recursive: true })
    mkdirSync(this.directory)
    for (const entry of entries) {
      const path = join(this.directory, entry.path)
      if (entry.inode.isDirectory) mkdirSync(path, 0o700)
      else this.#put(path, entry)
    }
  }

  #put(path: string, { inode, bytes, writtenBytes }: Entry): void {
    if (inode.kept === '') {
      assert.equal(bytes, 0, `${path} was removed, and nothing knows its content`)
      return writeFileSync(path, '')
    }
    linkSync(inode.kept, path)
    let whole = this.#content.get(inode)
    if (whole === undefined) {
      whole = { bytes: readFileSync(path), time: statSync(path).mtime }
      this.#content.set(inode, whole)
    }
    const left = Buffer.alloc(bytes)
    whole.bytes.copy(left, 0, 0, writtenBytes)
    writeFileSync(path, left)
    // Whoever held a claim is dead, but on this machine its boot is still the same.
    const time = path.includes('.claim-') ? new Date(Date.now() - 120_000) : whole.time
    utimesSync(path, time, time)
  }

  async #post(parts: readonly BodyPart[]): Promise<void> {
    const stdinFile = join(this.#base, 'body')
    writeFileSync(stdinFile, multipartBody(parts))
    const reply = await runCgi({
      program: join(this.#base, 'cgi-bin/traced.sh'),
      stdinFile,
      method: 'POST',
      contentType: contentType(),
      timeoutSeconds: 120,
      env: {
        HTTP_ACCEPT: 'application/json',
        UPLOAD_CGI_CONFIG: join(this.#base, 'settings.toml'),
        LD_PRELOAD: shim,
        TORTURE_DIRECTORY: this.directory,
        TORTURE_VAULT: this.#vault,
        ...this.#story.env,
      },
    })
    assert.ok(reply.status >= 200 && reply.status < 300, reply.text + reply.stderr)
    const calls = parseTrace(readFileSync(join(this.#base, 'trace'), 'utf8'))
    assert.ok(calls.length > 30, `${calls.length} calls`)
    let hasReplied = false
    for (const call of calls) {
      const isReply: boolean = !hasReplied && call.name === 'write' && call.args.startsWith('1<')
      const isTelling = call.name === 'execve' && call.paths[0]?.endsWith('/told.sh') === true
      hasReplied ||= isReply
      if (isReply) this.#promise(reply, parts)
      else if (isTelling) this.#tell()
      else if (!this.#disk.follow(call)) continue
      for (const state of this.#disk.states()) this.#cut(state)
    }
    assert.ok(hasReplied, 'the reply is in the trace')
  }

  #cut(state: State): void {
    const entries = state.entries.map(({ path, inode, bytes, writtenBytes }) => {
      return `${path} ${inode.number} ${bytes} ${writtenBytes}`
    })
    const { files, offset, batch } = this.#promised
    const key = [...entries.sort(), files.size, offset, batch?.batch].join('\n')
    if (!this.#cuts.has(key)) this.#cuts.set(key, { state, promised: this.#promised })
  }

  #promise({ status, json }: CgiReply, parts: readonly BodyPart[]): void {
    const said = json()
    if (status === 200) this.#promised = { ...this.#promised, batch: said }
    if (status === 202) this.#promised = { ...this.#promised, offset: said.offset }
    if (status !== 201) return
    const sent = parts.filter(({ filename }) => filename !== undefined)
    const isPiece = sent[0]?.filename === 'file'
    const files = new Map(this.#promised.files)
    for (const [i, { stored }] of said.files.entries()) {
      files.set(stored, isPiece ? content : Buffer.from(sent[i]?.content ?? ''))
    }
    this.#promised = { ...this.#promised, files }
  }

  #tell(): void {
    // The trace ends only when the program has.
    const batch = JSON.parse(readFileSync(join(this.#base, 'told.json'), 'utf8'))
    this.#promised = { ...this.#promised, batch }
  }
}

/** What was answered is true, at once. */
function assertPromised(directory: string, { files, offset, batch }: Promised, story: Story): void {
  const { status, text } = ask(directory, 'a')
  assert.ok(status === 200 || status === 404, text)
  const inReceipt = status === 200 ? namesIn(JSON.parse(text).files) : []
  const recorded = batchesOf(directory)
  const inRecord = namesIn(recorded.flatMap((one) => one.files))
  for (const [name, bytes] of files) {
    assert.ok(readFileSync(join(directory, name)).equals(bytes), `${name} is whole`)
    assert.equal(inRecord.filter((one) => one === name).length, 1, `${name} is in the record`)
    assert.ok(isWhole(story) || inReceipt.includes(name), `${name} is in the receipt`)
  }
  assert.ok(offsetOf(directory) >= offset, 'what was told as safe is there')
  if (batch === undefined) return
  const same = recorded.find((one) => one.batch === batch.batch)
  assert.deepEqual([same?.time, namesIn(same?.files ?? [])], [batch.time, namesIn(batch.files)])
}

/** The visitor resumes what is not finished, adds a file and finishes. */
function goOn(directory: string, story: Story): void {
  const offset = offsetOf(directory)
  if (story.posts.some((parts) => parts.some(({ name }) => name === '_upload'))) {
    const sent = offset < content.length && send(directory, piece(offset, content.length))
    assert.ok(sent === false || sent.status === 201, JSON.stringify(sent))
  }
  assert.equal(add(directory, 'a', ['later.txt'], envOf(story)).status, 201)
  const { status, json } = close(directory, 'a', envOf(story))
  assert.equal(status, 200, JSON.stringify(json))
  assert.ok(namesIn(json.files).includes('later.txt'))
}

/** Hours later all that is visible is in exactly one batch, whole, and nothing is open. */
function assertHealed(directory: string, { files }: Promised, story: Story): void {
  const settings = settingsOf(directory, envOf(story))
  for (let i = 0; i < 2; i++) doWhatIsDue(storageOf(directory), settings)
  const all = visible(directory).map((name) => {
    return { name, text: readFileSync(join(directory, name), 'latin1') }
  })
  const receipts = all.filter(({ name }) => name.startsWith('receipt-'))
  // Where names are taken by placeholders, the sweep removes those of the dead after a day.
  const there = all.filter((one) => !receipts.includes(one) && one.text !== '')
  for (const { name, text } of there) assert.ok(known.has(text), `${name} is whole`)
  const batches = batchesOf(directory)
  const inBatches = namesIn(batches.flatMap((batch) => batch.files))
  assert.deepEqual(
    inBatches,
    there.map(({ name }) => name),
    'in exactly one batch',
  )
  for (const name of files.keys()) assert.ok(inBatches.includes(name), `${name} is still there`)
  assert.deepEqual(notesOf(directory, 'storing'), [], 'nothing is open')
  const told = isWhole(story) ? batches.length : 0
  assert.deepEqual([receipts.length, receipts.every(({ text }) => text !== '')], [told, true])
}

function offsetOf(directory: string): number {
  const query = { REQUEST_METHOD: 'GET', QUERY_STRING: `upload=${upload}` }
  const env = { ...query, HTTP_ACCEPT: 'application/json' }
  const { status, text } = endOf(openExchange(env, settingsOf(directory)))
  assert.ok(status === 200 || status === 404, text)
  const { offset = 0, files } = status === 404 ? {} : JSON.parse(text)
  return files === undefined ? offset : content.length
}

function namesIn(files: readonly { readonly stored: string }[]): string[] {
  return files.map(({ stored }) => stored).sort()
}

/** One post is all of its submission. */
function isWhole({ posts }: Story): boolean {
  return posts.length === 1
}

function envOf(story: Story) {
  return { UPLOAD_CGI_RECEIPT_FILE: String(isWhole(story)) }
}

const known = new Set(
  [content, ...[...two, fileField('later.txt')].map((part) => Buffer.from(part.content))].map(
    (bytes) => bytes.toString('latin1'),
  ),
)

/** The states in which something that was promised is not so. */
function brokenStates(run: Run, story: Story, t: TestContext): string[] {
  const broken: string[] = []
  for (const [i, { state, promised }] of run.cuts.entries()) {
    if (i % every !== 0) continue
    // Whether the visitor goes on before all is due, or not.
    for (const isGoingOn of isLong ? [true, false] : [i % (2 * every) === 0]) {
      try {
        run.build(state)
        assertPromised(run.directory, promised, story)
        if (isGoingOn) goOn(run.directory, story)
        t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 4 * hours })
        assertHealed(run.directory, promised, story)
      } catch (error) {
        broken.push(`${state.text}: ${error instanceof Error ? error.stack : error}`)
      }
      t.mock.timers.reset()
    }
  }
  return broken
}

for (const story of stories) {
  test(`a power cut at every call: ${story.name}`, { skip: lacking }, async (t) => {
    const run = new Run(story)
    await run.live()
    const broken = brokenStates(run, story, t)
    assert.ok(run.cuts.length > 50, `${run.cuts.length} states`)
    assert.deepEqual(broken.slice(0, 5), [], `${broken.length} of ${run.cuts.length} states`)
    t.diagnostic(`${Math.ceil(run.cuts.length / every)} of ${run.cuts.length} states`)
  })
}

test('the model sees what durable = false may lose', { skip: lacking }, async (t) => {
  const [story] = stories
  assert.ok(story !== undefined)
  const run = new Run(story, false)
  await run.live()
  const broken = brokenStates(run, story, t)
  assert.ok(broken.length > 10, `${broken.length} of ${run.cuts.length} states`)
})
