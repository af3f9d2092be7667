// One sender at a time for an upload in pieces, without a lock: a file `ID.claim-N` that only one
// process can create. Its holder writes to it every few seconds. Once it is silent for 45 s by the
// clock of whoever keeps the directory, the next sender may create N + 1 and resume. So a sender
// that died blocks an upload for less than a minute, over NFS too. On the same host we also check
// whether the process still exists. That only shortens the wait; correctness does not depend on it.
// A holder that slept through its time finds its claim gone or followed by another, and stops.

import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import { createNew } from './files.ts'
import type { Incoming } from './incoming.ts'

const silentMilliseconds = 45_000
const heartbeatMilliseconds = 5_000

export class Claim {
  readonly #incoming: Incoming
  readonly #id: string
  readonly #number: number
  readonly #fd: number
  readonly #inode: number
  readonly #text = describeHolder()
  #lastBeat = clocks()

  /** Throws UPLOAD_BUSY while another sender is active. */
  constructor(incoming: Incoming, id: string) {
    this.#incoming = incoming
    this.#id = id
    const last = lastClaim(incoming, id)
    if (last > 0 && !isAbandoned(incoming, claimFile(incoming, id, last))) throw busyFault()
    this.#number = last + 1
    try {
      this.#fd = openSync(claimFile(incoming, id, this.#number), createNew, 0o600)
    } catch (error) {
      throw errorCode(error) === 'EEXIST' ? busyFault() : error
    }
    try {
      this.#inode = fstatSync(this.#fd).ino
      writeSync(this.#fd, this.#text, 0)
    } catch (error) {
      attempt(() => closeSync(this.#fd))
      attempt(() => unlinkSync(this.#file()))
      throw error
    }
  }

  /** Before each write: says that we live. Throws UPLOAD_BUSY when another sender took over. */
  beat(): void {
    const [steady, wall] = clocks()
    const silence = Math.max(steady - this.#lastBeat[0], Math.abs(wall - this.#lastBeat[1]))
    if (silence < heartbeatMilliseconds) return
    // Writing, unlike utimes(2), takes the time of whoever keeps the directory.
    writeSync(this.#fd, this.#text, 0)
    fdatasyncSync(this.#fd)
    this.#lastBeat = clocks()
    this.requireOurs()
  }

  /**
   * Throws UPLOAD_BUSY when another sender took over. To be asked before gathered bytes are
   * written.
   */
  requireOurs(): void {
    const { ino } = lstatSync(this.#file(), { throwIfNoEntry: false }) ?? { ino: -1 }
    if (ino !== this.#inode || this.#isFollowed()) throw busyFault()
  }

  /**
   * Never throws. Older claims go first: their holders, should they wake, must not find their own.
   * A holder that was followed leaves everything as it is, because the numbers must have no gap.
   */
  release(): void {
    // Asked before closing: an inode in use has no second owner.
    const isOurs = attempt(() => lstatSync(this.#file()).ino) === this.#inode
    attempt(() => closeSync(this.#fd))
    if (!isOurs || attempt(() => this.#isFollowed()) !== false) return
    for (let number = 1; number <= this.#number; number++) {
      attempt(() => unlinkSync(claimFile(this.#incoming, this.#id, number)))
    }
  }

  #isFollowed(): boolean {
    const next = claimFile(this.#incoming, this.#id, this.#number + 1)
    return lstatSync(next, { throwIfNoEntry: false }) !== undefined
  }

  #file(): string {
    return claimFile(this.#incoming, this.#id, this.#number)
  }
}

/** Whether a sender is active, as far as can be known. */
export function isClaimed(incoming: Incoming, id: string): boolean {
  const last = lastClaim(incoming, id)
  return last > 0 && !isAbandoned(incoming, claimFile(incoming, id, last))
}

function claimFile(incoming: Incoming, id: string, number: number): string {
  return incoming.file(id, `claim-${number}`)
}

/** The number of the claim that counts; 0 when there is none. */
function lastClaim(incoming: Incoming, id: string): number {
  let number = 0
  while (lstatSync(claimFile(incoming, id, number + 1), { throwIfNoEntry: false })) number++
  return number
}

function isAbandoned(incoming: Incoming, path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return true
  if (isHolderDead(attempt(() => readFileSync(path, 'utf8')) ?? '')) return true
  return incoming.now() - stats.mtimeMs > silentMilliseconds
}

/** Boot, pid namespace and process: the first two say whether the third means anything here. */
function describeHolder(): string {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'))
  return `${boot ?? '?'} ${namespace ?? '?'} ${process.pid}\n`
}

function isHolderDead(text: string): boolean {
  const [boot = '', namespace = '', pid = ''] = text.trim().split(' ')
  const [ourBoot, ourNamespace] = describeHolder().split(' ')
  const isSameHost = boot === ourBoot && namespace === ourNamespace
  if (!isSameHost || boot === '?' || namespace === '?' || !/^[1-9]\d*$/.test(pid)) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    // EPERM: it is there, under another user.
    return errorCode(error) === 'ESRCH'
  }
}

/** The steady clock stops while a machine sleeps; the other one is set by people. */
function clocks(): [steady: number, wall: number] {
  return [performance.now(), Date.now()]
}

function busyFault(): Fault {
  return new Fault('UPLOAD_BUSY')
}
