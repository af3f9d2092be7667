// What came back for a request, and whether the same request may succeed a little later. Ours say
// so themselves (`passing`); of a reply from something in front of the program the status tells.
// The same list is in upload.sh.

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

export function isPassingStatus(status: number): boolean {
  return passing.includes(status) || (status >= 520 && status <= 530)
}

/** Of a firewall: many hosts let ModSecurity say 406. */
export function isRefusal(status: number): boolean {
  return status === 403 || status === 406
}

/** A refusal that would meet every other file as well. */
export function concernsAll({ code }: Reply): boolean {
  return everyFiles.test(String(code))
}

const everyFiles =
  /^(DISK_FULL|NOT_CONFIGURED|DIRECTORY_\w+|CLOSED|SENDER_LIMIT|NOT_YOURS|\w+_REQUIRED|INV\w+)$/
const passing = [408, 423, 425, 429, 499, 500, 502, 503, 504, 508]
