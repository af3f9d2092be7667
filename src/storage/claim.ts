// Lets one sender at a time append to an upload in pieces, without a lock. A claim is a file
// `KEY.claim-N`, which only one process can create. Its holder writes to it every few seconds. When
// it has been silent for 45 s by the clock of the file system, the next sender may create N + 1 and
// resume. Where machines share the directory, the clock of a file is that of the machine that wrote
// it, and silence.ts finds it out without comparing clocks. So a sender that died blocks an upload
// for less than a minute. On the same host we also check whether the process still exists. That
// only shortens the wait; correctness does not depend on it. A holder that was stopped for longer
// finds its claim gone or followed by another one, and gives up.

import { closeSync, lstatSync, readlinkSync, unlinkSync, writeSync } from 'node:fs'
import { steadyMilliseconds } from '../clock.ts'
import { Fault } from '../fault.ts'
import { attempt, errorCode } from '../system-error.ts'
import { createFile, isThere, readSmall, syncData } from './files.ts'
import type { Incoming } from './incoming.ts'
import { bootId } from './machine.ts'
import { isSilent } from './silence.ts'

const silentMilliseconds = 45_000
const heartbeatMilliseconds = 5_000
const maxClaimBytes = 4096

export class Claim {
  readonly #incoming: Incoming
  readonly #key: string
  readonly #number: number
  readonly #fd: number
  readonly #inode: number
  readonly #text = describeHolder()
  #lastBeat = clocks()

  /** Throws UPLOAD_BUSY while another sender is active. */
  constructor(incoming: Incoming, key: string) {
    this.#incoming = incoming
    this.#key = key
    ;[this.#number, this.#fd, this.#inode] = claimed(incoming, key, this.#text)
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
    const { folder, path } = this.#incoming
    attempt(() =>
      folder.shown(path, () => {
        for (let number = 1; number <= this.#number; number++) {
          attempt(() => unlinkSync(claimFile(this.#incoming, this.#key, number)))
        }
        if (folder.isShared) attempt(() => unlinkSync(seenFile(this.#incoming, this.#key)))
      }),
    )
  }

  #isFollowed(): boolean {
    return isThere(claimFile(this.#incoming, this.#key, this.#number + 1))
  }

  #file(): string {
    return claimFile(this.#incoming, this.#key, this.#number)
  }
}

/** Whether a sender is active, as far as this can be known. */
export function isClaimed(incoming: Incoming, key: string): boolean {
  const last = lastClaim(incoming, key)
  return last > 0 && !isAbandoned(incoming, key, last)
}

function seenFile(incoming: Incoming, key: string): string {
  return incoming.file(key, 'seen')
}

function claimFile(incoming: Incoming, key: string, number: number): string {
  return incoming.file(key, `claim-${number}`)
}

type Held = [number: number, fd: number, inode: number]

function claimed(incoming: Incoming, key: string, text: string): Held {
  const passed: string[] = []
  try {
    for (let last = lastClaim(incoming, key); ; last = lastClaim(incoming, key, last + 1)) {
      if (last > 0 && !isAbandoned(incoming, key, last)) throw busyFault()
      const path = claimFile(incoming, key, last + 1)
      const [fd, inode] = createClaim(incoming, path, text)
      if (!isThere(claimFile(incoming, key, last + 2))) return [last + 1, fd, inode]
      // A sender that was killed while it removed its claims has left a later one. The newest one
      // decides, and ours only fills the gap.
      passed.push(path)
      closeSync(fd)
    }
  } catch (error) {
    for (const path of passed) attempt(() => unlinkSync(path))
    throw error
  }
}

function createClaim(incoming: Incoming, path: string, text: string): [fd: number, ino: number] {
  let fd = -1
  try {
    const created = createFile(path)
    fd = created.fd
    incoming.folder.requireOurs(created.stats)
    writeSync(fd, text, 0)
    return [fd, created.stats.ino]
  } catch (error) {
    if (fd === -1) throw errorCode(error) === 'EEXIST' ? busyFault() : error
    attempt(() => closeSync(fd))
    attempt(() => unlinkSync(path))
    throw error
  }
}

/** The number of the newest claim after `from`, the only valid one; `from` when there is none. */
function lastClaim(incoming: Incoming, key: string, from = 0): number {
  let number = from
  while (isThere(claimFile(incoming, key, number + 1))) number++
  return number
}

function isAbandoned(incoming: Incoming, key: string, number: number): boolean {
  const path = claimFile(incoming, key, number)
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (!stats?.isFile()) return true
  const holder = readSmall(path, maxClaimBytes)?.toString() ?? ''
  if (isHolderDead(holder)) return true
  const [boot = ''] = describeHolder().split(' ')
  if (incoming.folder.isShared && !holder.startsWith(`${boot} `)) {
    const state = `${number}-${stats.ino}-${stats.mtimeMs}`
    const isLong = isSilent(seenFile(incoming, key), boot, state, silentMilliseconds)
    // Whoever released it meanwhile has removed what was seen, too, maybe before it was written.
    if (!isThere(path)) attempt(() => unlinkSync(seenFile(incoming, key)))
    return isLong
  }
  // A time in the future counts by its distance: the clock was set back since.
  return Math.abs(incoming.now() - stats.mtimeMs) > silentMilliseconds
}

/**
 * The boot, the pid namespace and the process. The first two tell whether the pid means anything to
 * the reader.
 */
function describeHolder(): string {
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'))
  return `${bootId() ?? '?'} ${namespace ?? '?'} ${process.pid}\n`
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
  return [steadyMilliseconds(), Date.now()]
}

function busyFault(): Fault {
  return new Fault('UPLOAD_BUSY')
}
