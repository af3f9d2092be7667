// What the browser remembers of large uploads that are not finished: the upload's id, under a key
// that tells the file from others. When the same file is chosen again, after a reload or on another
// day, its upload resumes. Where the browser cannot keep anything (private windows, full storage),
// uploads work but do not resume.

const prefix = 'upload.cgi '
const edgeBytes = 65_536
const maxAgeMilliseconds = 30 * 86_400_000
/** If one file is chosen twice at the same time, the second one is a new upload. */
const inUse = new Set<string>()

export type Memory = {
  readonly id: string
  /** The upload began earlier, so the server may have a part of it. */
  readonly isKnown: boolean
  forget(): void
}

/** `to`: the address. `isLarge`: the upload is worth remembering. */
export async function recall(file: File, to: string, isLarge: boolean): Promise<Memory> {
  const key = isLarge ? await keyOf(file, to).catch(() => '') : ''
  if (key === '' || inUse.has(key)) return { id: newId(), isKnown: false, forget: () => {} }
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
  return { id, isKnown: kept !== '', forget }
}

async function keyOf(file: File, to: string): Promise<string> {
  const edges = [file.slice(0, edgeBytes), file.slice(Math.max(0, file.size - edgeBytes))]
  const bytes = new Uint8Array(await new Blob(edges).arrayBuffer())
  const known = [to.split(/[?#]/)[0], file.size, file.lastModified, fingerprint(bytes), file.name]
  return prefix + known.join(' ')
}

/** FNV-1a twice, with two starts, since crypto.subtle does not exist on plain http. */
function fingerprint(bytes: Uint8Array): string {
  return [0x811c9dc5, 0x01000193]
    .map((start) =>
      bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, start).toString(16),
    )
    .join('')
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
