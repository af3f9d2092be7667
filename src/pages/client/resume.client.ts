// What the browser remembers of large uploads that are not finished: the upload's id, under a key
// that tells the file from others. When the same file is chosen again, after a reload or on another
// day, its upload resumes; if its bytes changed meanwhile, it is another file. Where the browser
// cannot keep anything (private windows, full storage), uploads work but do not resume.

const prefix = 'upload.cgi '
const blockBytes = 65_536
const blocks = 32
const maxAgeMilliseconds = 30 * 86_400_000
/** If one file is chosen twice at the same time, the second one is a new upload. */
const inUse = new Set<string>()

export type Memory = {
  readonly id: string
  /** The upload began earlier, so the server may have a part of it. */
  readonly isKnown: boolean
  /** Of the file's bytes when the upload began; '' if it is not worth remembering. */
  readonly fingerprint: string
  forget(): void
}

/** `to`: the address. `isLarge`: the upload is worth remembering. */
export async function recall(file: File, to: string, isLarge: boolean): Promise<Memory> {
  const fingerprint = isLarge ? await fingerprintOf(file).catch(() => '') : ''
  const about = [to.split(/[?#]/)[0], file.size, file.lastModified, fingerprint, file.name]
  const key = prefix + about.join(' ')
  const isNew = fingerprint === '' || inUse.has(key)
  if (isNew) return { id: newId(), isKnown: false, fingerprint, forget: () => {} }
  inUse.add(key)
  const [kept = ''] = (attempt(() => localStorage.getItem(key)) ?? '').split(' ')
  const id = kept || newId()
  attempt(() => {
    dropOld()
    localStorage.setItem(key, `${id} ${Date.now()}`)
  })
  const forget = () => {
    inUse.delete(key)
    attempt(() => localStorage.removeItem(key))
  }
  return { id, isKnown: kept !== '', fingerprint, forget }
}

/**
 * FNV-1a twice, with two starts, since crypto.subtle does not exist on plain http. Of blocks spread
 * over the whole file, since reading a large one takes minutes; up to 2 MB no byte is left out.
 */
export async function fingerprintOf(file: File): Promise<string> {
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

/** 128 random bits. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
