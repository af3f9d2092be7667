// What the browser remembers of large files under way: the id of the upload, under what tells the file from
// others. So the same file, chosen again after a reload or on another day, goes on where it stood. Called by
// sender.client.ts. Where nothing can be kept (private windows, full storage), uploads go on without.

const prefix = 'upload.cgi '
const edgeBytes = 65_536
const maxAgeMilliseconds = 30 * 86_400_000
/** One file may be chosen twice: the second one is an upload of its own. */
const inUse = new Set<string>()

export type Memory = {
  readonly id: string
  /** It was under way before: the server may have some of it. */
  readonly isKnown: boolean
  forget(): void
}

/** `isLarge`: worth remembering. */
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

/** FNV-1a twice, with two starts: crypto.subtle is not there on plain http. */
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
