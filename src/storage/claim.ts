// Lets one sender at a time append to an upload in pieces, without a lock. A claim is a file
// `ID.claim-N`, which only one process can create. Its holder writes to it every few seconds. When
// it has been silent for 45 s by the clock of the file system, the next sender may create N + 1 and
// resume. So a sender that died blocks an upload for less than a minute, over NFS too. On the same
// host we also check whether the process still exists. That only shortens the wait; correctness
// does not depend on it. A holder that was stopped for longer finds its claim gone or followed by
// another one, and gives up.

import {
  closeSync,
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
import { createNew, syncData } from './files.ts'
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

  /**
   * Call it before each write: it shows that the holder is alive. Throws UPLOAD_BUSY when another
   * sender took over.
   */
  beat(): void {
    const [steady, wall] = clocks()
    const silence = Math.max(steady - this.#lastBeat[0], Math.abs(wall - this.#lastBeat[1]))
    if (silence < heartbeatMilliseconds) return
    // A write, unlike utimes(2), sets the time by the clock of the file system.
    writeSync(this.#fd, this.#text, 0)
    syncData(this.#fd)
    this.#lastBeat = clocks()
    this.requireOurs()
  }

  /**
   * Throws UPLOAD_BUSY when another sender took over. Call it before gathered bytes are written.
   */
  requireOurs(): void {
    const { ino } = lstatSync(this.#file(), { throwIfNoEntry: false }) ?? { ino: -1 }
    if (ino !== this.#inode || this.#isFollowed()) throw busyFault()
  }

  /**
   * Never throws. Removes older claims first: a holder of one of them that wakes up must not find
   * its claim. If another claim follows ours, it removes nothing, because the numbers must have no
   * gap.
   */
  release(): void {
    // This must come before the close: while a file is open, no other file can have its inode.
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

/** Whether a sender is active, as far as this can be known. */
export function isClaimed(incoming: Incoming, id: string): boolean {
  const last = lastClaim(incoming, id)
  return last > 0 && !isAbandoned(incoming, claimFile(incoming, id, last))
}

function claimFile(incoming: Incoming, id: string, number: number): string {
  return incoming.file(id, `claim-${number}`)
}

/** The number of the newest claim, the only valid one; 0 when there is none. */
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

/**
 * The boot, the pid namespace and the process. The first two tell whether the pid means anything to
 * the reader.
 */
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
    // EPERM would mean that the process exists and belongs to another user.
    return errorCode(error) === 'ESRCH'
  }
}

/**
 * The steady clock stops while the machine sleeps. The wall clock does not, but people may set it.
 */
function clocks(): [steady: number, wall: number] {
  return [performance.now(), Date.now()]
}

function busyFault(): Fault {
  return new Fault('UPLOAD_BUSY')
}
