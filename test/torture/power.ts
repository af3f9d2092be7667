// A model of what a power cut leaves. It follows the calls that a trace of strace(1) shows, and
// knows what was made durable: the bytes of a file by fdatasync(2) or fsync(2) of it, a name by
// fsync(2) of its directory. All else is lost or kept, each for itself: no file system promises
// less. A name may be kept without its bytes: then there are those that were durable, or zeros
// instead of the others.

import assert from 'node:assert/strict'
import { basename, dirname } from 'node:path'

/** A file or a directory. */
export type Inode = {
  readonly number: number
  readonly isDirectory: boolean
  /** Bytes are only ever added. */
  bytes: number
  durableBytes: number
  /** Another path of the file, kept by the shim after it lost a name; '' for none. */
  kept: string
}

/** What is there after the cut, folders first. */
export type State = {
  readonly entries: readonly Entry[]
  /** What was lost or kept, for people. */
  readonly text: string
}

export type Entry = {
  /** From the directory on. */
  readonly path: string
  readonly inode: Inode
  /** How many bytes there are, and how many of them are what was written; the others are zeros. */
  readonly bytes: number
  readonly writtenBytes: number
}

type Part = { readonly folder: Inode; readonly name: string; readonly inode: Inode | undefined }

/** Names that change together. A sync of `folder` makes it durable. */
type Change = { readonly parts: readonly Part[]; readonly folder: Inode; readonly text: string }

type Names = Map<Inode, Map<string, Inode>>
type Content = 'kept' | 'lost' | 'zeros'

export class Disk {
  readonly #root: string
  readonly #top: Inode
  /** As running programs see it, and as it would be if all that is not durable were lost. */
  readonly #seen: Names = new Map()
  readonly #durable: Names = new Map()
  #pending: Change[] = []
  #count = 0
  /** By process and descriptor. */
  readonly #open = new Map<string, { readonly inode: Inode; position: number }>()

  /** `root`: the directory, which is durable. Whatever is elsewhere is ignored. */
  constructor(root: string) {
    this.#root = root
    this.#top = this.#inode(true)
  }

  /** False for a call that changes nothing. */
  follow({ name, process, args, paths, result }: Call): boolean {
    const [path = '', other = ''] = paths
    const fd = `${process} ${/^\d+/.exec(args)?.[0]}`
    const opened = this.#open.get(fd)
    switch (name) {
      case 'openat':
      case 'open':
        return this.#opened(`${process} ${result}`, path, args)
      case 'execve':
        return false
      case 'close':
        return this.#open.delete(fd) && false
      case 'write':
      case 'pwrite64':
        if (opened === undefined) return false
        return this.#written(opened, result, /, (\d+)$/.exec(args)?.[1], name === 'pwrite64')
      case 'fsync':
      case 'fdatasync':
        return opened !== undefined && this.#synced(opened.inode)
      case 'mkdir':
        return this.#changes(`mkdir ${path}`, [[path, this.#inode(true)]])
      case 'rmdir':
      case 'unlink':
        return this.#changes(`${name} ${path}`, [[path, undefined]])
      case 'link': {
        const inode = this.#find(path)
        if (inode !== undefined && !this.#isInside(other)) inode.kept = other
        return this.#changes(`link ${other}`, [[other, inode]])
      }
      case 'rename':
        return this.#changes(`rename ${other}`, [
          [other, this.#find(path)],
          [path, undefined],
        ])
      default:
        return assert.fail(`${name} is not in the model: ${args}`)
    }
  }

  /** The files that have a name, by path. */
  files(): { readonly path: string; readonly inode: Inode }[] {
    return entriesOf(this.#top, this.#seen, 'kept').filter(({ inode }) => !inode.isDirectory)
  }

  /** All lost, all kept, and each change alone lost or kept. */
  *states(): Generator<State> {
    const all = this.#pending
    yield this.#state([], 'lost', 'all is lost')
    yield this.#state(all, 'kept', 'all is kept')
    yield this.#state(all, 'lost', 'all names are kept, and no bytes')
    yield this.#state(all, 'zeros', 'all names are kept, and zeros')
    for (const change of all) {
      const others = all.filter((one) => one !== change)
      yield this.#state([change], 'kept', `only this is kept: ${change.text}`)
      yield this.#state([change], 'lost', `only this is kept, without bytes: ${change.text}`)
      yield this.#state(others, 'kept', `only this is lost: ${change.text}`)
    }
  }

  #inode(isDirectory: boolean): Inode {
    const inode = { number: ++this.#count, isDirectory, bytes: 0, durableBytes: 0, kept: '' }
    if (isDirectory) for (const names of [this.#seen, this.#durable]) names.set(inode, new Map())
    return inode
  }

  #isInside(path: string): boolean {
    return path.startsWith(`${this.#root}/`)
  }

  /** Undefined for what the model does not know, such as a file elsewhere. */
  #find(path: string): Inode | undefined {
    if (path === this.#root) return this.#top
    if (!this.#isInside(path)) return undefined
    const folder = this.#find(dirname(path))
    return folder && this.#seen.get(folder)?.get(basename(path))
  }

  #opened(fd: string, path: string, args: string): boolean {
    const found = this.#find(path)
    const isMade = found === undefined && this.#isInside(path) && args.includes('O_CREAT')
    const inode = isMade ? this.#inode(false) : found
    if (inode === undefined) return false
    assert.ok(isMade || !/O_TRUNC|O_APPEND/.test(args), args)
    this.#open.set(fd, { inode, position: 0 })
    return isMade && this.#changes(`create ${path}`, [[path, inode]])
  }

  #written(
    opened: { readonly inode: Inode; position: number },
    count: number,
    offset = '0',
    hasOffset: boolean,
  ): boolean {
    const at = hasOffset ? Number(offset) : opened.position
    opened.position = at + count
    assert.equal(at, opened.inode.bytes, 'bytes are only ever added')
    opened.inode.bytes += count
    return true
  }

  #synced(inode: Inode): boolean {
    inode.durableBytes = inode.bytes
    for (const change of this.#pending) if (change.folder === inode) apply(this.#durable, change)
    this.#pending = this.#pending.filter(({ folder }) => folder !== inode)
    return true
  }

  /** The first path is in the folder whose sync makes the change durable. */
  #changes(text: string, paths: readonly [string, Inode | undefined][]): boolean {
    const parts = paths.flatMap(([path, inode]) => {
      const folder = this.#isInside(path) ? this.#find(dirname(path)) : undefined
      return folder === undefined ? [] : [{ folder, name: basename(path), inode }]
    })
    const [first] = parts
    if (first === undefined) return false
    const change = { parts, folder: first.folder, text: text.replaceAll(`${this.#root}/`, '') }
    apply(this.#seen, change)
    this.#pending.push(change)
    return true
  }

  #state(changes: readonly Change[], content: Content, text: string): State {
    const names: Names = new Map([...this.#durable].map(([inode, own]) => [inode, new Map(own)]))
    for (const change of changes) apply(names, change)
    return { entries: entriesOf(this.#top, names, content), text }
  }
}

/** One system call that succeeded. */
export type Call = {
  readonly name: string
  readonly process: string
  readonly args: string
  readonly paths: readonly string[]
  readonly result: number
}

/** The option of strace for the calls that the model knows. */
export const followed =
  'trace=open,openat,close,write,pwrite64,fsync,fdatasync,mkdir,rmdir,unlink,link,rename,execve'

/** Of a trace with -f and -o, in which every line has its process. */
export function parseTrace(text: string): Call[] {
  const begun = new Map<string, string>()
  const calls: Call[] = []
  for (const line of text.split('\n')) {
    const [, process = '', said = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said)?.[1]
    if (said.endsWith(' <unfinished ...>')) {
      begun.set(process, said.slice(0, -' <unfinished ...>'.length))
      continue
    }
    const whole = resumed === undefined ? said : `${begun.get(process)}${resumed}`
    const [, name, args = '', result] = /^(\w+)\((.*)\) += (\d+)/.exec(whole) ?? []
    if (name === undefined) continue
    const paths = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path = '']) => path)
    calls.push({ name, process, args, paths, result: Number(result) })
  }
  return calls
}

function apply(names: Names, { parts }: Change): void {
  for (const { folder, name, inode } of parts) {
    if (inode === undefined) names.get(folder)?.delete(name)
    else names.get(folder)?.set(name, inode)
  }
}

function entriesOf(folder: Inode, names: Names, content: Content, path = ''): Entry[] {
  return [...(names.get(folder) ?? [])].flatMap(([name, inode]) => {
    const bytes = content === 'lost' ? inode.durableBytes : inode.bytes
    const writtenBytes = content === 'kept' ? inode.bytes : inode.durableBytes
    const own = { path: `${path}${name}`, inode, bytes, writtenBytes }
    return [own, ...entriesOf(inode, names, content, `${path}${name}/`)]
  })
}
