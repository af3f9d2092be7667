// What visitors post in a test of power cuts, lived by the executable under strace(1), and every
// state that a cut may leave on the way, made again of the same files: a file is known by its
// inode.

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
import { type CgiReply, runCgi } from '../host/cgi.ts'
import { type BodyPart, contentType, multipartBody } from '../host/multipart-body.ts'
import { program } from '../host/program.ts'
import { fileField, id, textField } from '../host/record.ts'
import { Disk, type Entry, followed, type Inode, parseTrace, type State } from './power.ts'
import { home, shim } from './rack.ts'

export type Story = {
  readonly name: string
  /** Lines of the settings. */
  readonly settings: string
  readonly env?: Readonly<Record<string, string>>
  readonly posts: readonly (readonly BodyPart[])[]
}

/** What replies and tellings have said before the cut. */
export type Promised = {
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
export const upload = id('b')
export const content = Buffer.from(
  Array.from({ length: 90_000 }, (_, i) => (i * 31 + (i >> 9)) % 256),
)
export const piece = (from: number, to: number): BodyPart[] => [
  textField('_submission', id('a')),
  textField('_upload', upload),
  textField('_offset', String(from)),
  textField('_size', String(content.length)),
  textField('_filename', 'piece.bin'),
  { name: 'file', filename: 'file', content: content.subarray(from, to) },
]
export const two = [
  submission,
  textField('note', 'hello'),
  fileField('same.txt'),
  fileField('same.txt', 'another'),
]
const closing = [submission, textField('_close', '1')]
export const stories: readonly Story[] = [
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
let runs = 0

/** A story as the executable lives it, and every state that a power cut may leave on the way. */
export class Run {
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
