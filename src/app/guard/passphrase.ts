// The passphrase of a form, and the cookie that a browser gets for it (RFC 6265). The cookie is
// signed with the secret of the directory and with the passphrase, so that it is void when that
// changes, and its name belongs to one form: several forms may share an address but for its last
// part. Wrong tries of a sender are counted, and after ten in ten minutes no more are looked at.

import { apartMilliseconds } from '../../clock.ts'
import { Fault } from '../../fault.ts'
import type { Reply } from '../../http/reply.ts'
import type { CgiRequest } from '../../http/request.ts'
import type { Sender } from '../../http/sender.ts'
import { add, entryOf } from '../../limit/limit.ts'
import type { LoadedSettings } from '../../settings/settings.ts'
import type { Storage } from '../../storage/storage.ts'
import { isSame } from './comparison.ts'

/**
 * True if the browser has shown the passphrase within the last twelve hours. The storage is opened
 * only for a cookie of ours.
 */
export function hasCookie(
  { cookies }: CgiRequest,
  settings: LoadedSettings,
  storage: () => Storage,
): boolean {
  if (!cookies.includes(cookiePrefix)) return false
  const opened = storage()
  const name = cookieName(settings, opened)
  const values = cookies
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const now = Date.now() / 1000
  return values.slice(0, maxCookies).some((value) => {
    const [, end = ''] = /^([0-9]{10})-[0-9a-f]{32}$/.exec(value) ?? []
    // The clock of the machine that gave it may be ahead.
    const latest = now + cookieSeconds + apartMilliseconds / 1000
    const isCurrent = Number(end) > now && Number(end) <= latest
    return isCurrent && isSame(value, cookieValue(end, settings, opened))
  })
}

/**
 * `given`: undefined when the request has none. Throws PASSPHRASE_REQUIRED for a wrong one, and
 * TOO_MANY_TRIES.
 */
export function requirePassphrase(
  given: string,
  sender: Sender,
  settings: LoadedSettings,
  storage: Storage,
): void {
  // The try counts before it is looked at: many at the same time have no more of them than one
  // after the other.
  const maxFiles = sender.isShared ? 10 * maxTries : maxTries
  const tally = { kind: 'tries', sender: sender.key, milliseconds: tryMilliseconds }
  const entry = entryOf({ bytes: 0, files: 1 }, false)
  const tried = add(storage, tally, entry, { maxBytes: 0, maxFiles })
  if (typeof tried !== 'string') {
    const { retrySeconds = 0 } = tried
    throw new Fault('TOO_MANY_TRIES', '', undefined, { retrySeconds })
  }
  if (!isSame(given, settings.passphrase)) throw new Fault('PASSPHRASE_REQUIRED', 'it is wrong')
  storage.notes.remove(tried)
}

/** The header that gives a browser its cookie. No script can read it; other sites cannot use it. */
export function cookieHeader(
  { isHttps, origin }: CgiRequest,
  settings: LoadedSettings,
  storage: Storage,
): Reply['headers'][number] {
  const end = String(Math.floor(Date.now() / 1000) + cookieSeconds)
  const pair = `${cookieName(settings, storage)}=${cookieValue(end, settings, storage)}`
  // Where a proxy ends TLS, only the page knows that visitors use https.
  const secure = isHttps || origin.startsWith('https://') ? '; Secure' : ''
  return ['Set-Cookie', `${pair}; HttpOnly; SameSite=Lax${secure}`]
}

function cookieName({ file }: LoadedSettings, { notes }: Storage): string {
  return `${cookiePrefix}${notes.nameOf(`form ${file}`).slice(0, 16)}`
}

function cookieValue(
  end: string,
  { file, passphrase }: LoadedSettings,
  { notes }: Storage,
): string {
  return `${end}-${notes.nameOf(`cookie ${end} ${JSON.stringify([file, passphrase])}`)}`
}

const cookiePrefix = 'upload-'
const cookieSeconds = 12 * 3600
/** A browser sends one for each path at most. */
const maxCookies = 10
const maxTries = 10
const tryMilliseconds = 600_000
