// What came back for a request, as far as it is the program's own answer.

export type ReceiptFile = {
  readonly stored: string
  readonly name: string
  readonly size: number
  readonly sha256?: string
  readonly url?: string
}

/** With the time and the number of the reply that it came in. */
export type Stored = ReceiptFile & { readonly time: string; readonly receipt: string | undefined }

export type Reply = {
  readonly status: number
  readonly files?: readonly ReceiptFile[]
  readonly time?: string
  /** The number for people. */
  readonly receipt?: string
  readonly code?: unknown
  readonly detail?: string
  readonly offset?: unknown
  /** Of our refusals: they pass by themselves. */
  readonly passing?: boolean
  /** How long the server asks to wait, at most two minutes; 0: it does not say. */
  readonly retrySeconds: number
}

/** A reply that is not our JSON comes from a proxy or firewall: it has no members for us. */
export function parsedReply(status: number, text: string, retryAfter: string | null): Reply {
  const retrySeconds = Math.min(Number(retryAfter) || 0, 120)
  try {
    return { ...JSON.parse(text), status, retrySeconds }
  } catch {
    return { status, retrySeconds }
  }
}

/** The file, when it has been stored. */
export function storedOf(reply: Reply): Stored | undefined {
  const { status, files, time = '', receipt } = reply
  const [stored] = Array.isArray(files) && (status === 201 || status === 200) ? files : []
  return stored && { ...stored, time, receipt }
}

/** Some servers answer a question for a status (`isStatus`) with a 404 of their own. */
export function isUnknown({ code, status }: Reply, isStatus: boolean): boolean {
  return code === 'NO_SUCH_UPLOAD' || (status === 404 && isStatus && code === undefined)
}
