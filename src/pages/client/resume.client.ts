// What the browser remembers of large uploads that are not finished: the upload's id, under a key
// that tells the file from others. When the same file is chosen again, after a reload or on another
// day, its upload resumes; if its bytes changed meanwhile, it is another file. Where the browser
// cannot keep anything (private windows, full storage), uploads work but do not resume. A
// visitor who comes back sees what can be resumed.

import { sayCancelled } from './cancel.client.ts'
import {
  adoptSubmission,
  attempt,
  begunSubmission,
  randomId,
  submissionId,
} from './submission.client.ts'

const prefix = 'upload.cgi '
const blockBytes = 65_536
const blocks = 32
const maxAgeMilliseconds = 30 * 86_400_000
/** Without a word for so long, a tab that sent a file is gone. */
const silenceMilliseconds = 120_000

export type Memory = {
  readonly id: string
  /** The upload began earlier, so the server may have a part of it. */
  readonly isKnown: boolean
  /** Of the file's bytes when the upload began; '' if it is not worth remembering. */
  readonly fingerprint: string
  /** So much has arrived. */
  keep(bytes: number): void
  forget(): void
}

export type Unfinished = {
  readonly name: string
  readonly share: number
  /** Whether it is of this file. */
  matches(file: File, path: string): boolean
  /** The server is told, too. */
  forget(): void
}

/** `to`: the address. `isLarge`: the upload is worth remembering. */
export async function recall(
  file: File,
  path: string,
  to: string,
  isLarge: boolean,
): Promise<Memory> {
  const fingerprint = isLarge ? await fingerprintOf(file).catch(() => '') : ''
  const key = [place(to), file.size, file.lastModified, fingerprint, path].join(' ')
  const kept = attempt(() => parsed(localStorage.getItem(key)))
  // What another tab sends at the moment belongs to the submission of that tab.
  const isElsewhere = kept !== undefined && isBusyNow(kept) && kept.submission !== begunSubmission()
  if (fingerprint === '' || isElsewhere) {
    return { id: randomId(), isKnown: false, fingerprint, keep: () => {}, forget: () => {} }
  }
  const id = kept?.id ?? randomId()
  if (kept !== undefined) adoptSubmission(kept.submission)
  let bytes = kept?.bytes ?? 0
  const write = (isBusy: string) => {
    const words = [id, Date.now(), bytes, submissionId(), isBusy]
    attempt(() => localStorage.setItem(key, words.join(' ')))
  }
  const leave = () => write('')
  attempt(dropOld)
  write('busy')
  addEventListener('pagehide', leave)
  return {
    id,
    isKnown: kept !== undefined,
    fingerprint,
    keep(offset) {
      bytes = offset
      write('busy')
    },
    forget() {
      removeEventListener('pagehide', leave)
      attempt(() => localStorage.removeItem(key))
    },
  }
}

/** What was not sent to its end, but for what another tab sends at the moment. */
export function unfinishedUploads(to: string): Unfinished[] {
  const start = `${place(to)} `
  const keys = attempt(() => Object.keys(localStorage).filter((key) => key.startsWith(start))) ?? []
  return keys.flatMap((key) => {
    const kept = parsed(localStorage.getItem(key)) ?? nothing
    const { id, bytes } = kept
    if (bytes === 0 || isBusyNow(kept)) return []
    const [size = '', time = '', , ...words] = key.slice(start.length).split(' ')
    const name = words.join(' ')
    return {
      name,
      share: bytes / Number(size),
      matches: (file, path) =>
        path === name && String(file.size) === size && String(file.lastModified) === time,
      forget() {
        localStorage.removeItem(key)
        sayCancelled(to, id)
      },
    }
  })
}

/** The address without what differs from visit to visit. */
function place(to: string): string {
  return `${prefix}${to.split(/[?#]/)[0]}`
}

const nothing = { id: '', since: 0, bytes: 0, submission: '', isBusy: false }

function parsed(kept: string | null): typeof nothing | undefined {
  const [id = '', since, bytes, submission = '', busy] = (kept ?? '').split(' ')
  if (id === '') return undefined
  const isBusy = busy === 'busy'
  return { id, since: Number(since), bytes: Number(bytes) || 0, submission, isBusy }
}

function isBusyNow({ isBusy, since }: typeof nothing): boolean {
  return isBusy && Date.now() - since < silenceMilliseconds
}

/** Firefox reads on from a file that somebody rewrites, so its bytes are compared. */
export async function isUnchanged(file: File, memory: Memory | undefined): Promise<boolean> {
  if (!memory?.fingerprint) return true
  return memory.fingerprint === (await fingerprintOf(file).catch(() => ''))
}

/**
 * FNV-1a twice, with two starts, since crypto.subtle does not exist on plain http. Of blocks spread
 * over the whole file, since reading a large one takes minutes; up to 2 MB no byte is left out.
 */
async function fingerprintOf(file: File): Promise<string> {
  const between = Math.max(blockBytes, (file.size - blockBytes) / (blocks - 1))
  const starts = Array.from({ length: blocks }, (_, nth) => Math.floor(nth * between))
  const sampled = new Blob(starts.map((start) => file.slice(start, start + blockBytes)))
  let [one, other] = [0x811c9dc5, 0x01000193]
  for (const byte of new Uint8Array(await sampled.arrayBuffer())) {
    one = Math.imul(one ^ byte, 0x01000193)
    other = Math.imul(other ^ byte, 0x01000193)
  }
  return [one, other].map((hash) => (hash >>> 0).toString(16)).join('')
}

function dropOld(): void {
  for (const key of Object.keys(localStorage).filter((key) => key.startsWith(prefix))) {
    const [, since = 0] = localStorage[key].split(' ')
    if (Date.now() - Number(since) > maxAgeMilliseconds) localStorage.removeItem(key)
  }
}
