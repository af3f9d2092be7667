// The kind of the setting `invitations`: `[[invitations]]` in TOML, in the settings file alone.
// Refuses an entry that it does not know, a name or a token that is given twice, and a token that
// could be guessed. No message repeats a token.

import { encodeSize, parseSize } from '../quantity.ts'
import { folderProblem } from './folder.ts'
import { momentText, parseMoment } from './moment.ts'
import type { Invitation, Kind, Parsed } from './row.ts'

export const invitations: Kind<readonly Invitation[]> = {
  parse: parseInvitations,
  fromText: (text) => text,
  show: (list) => JSON.stringify(list.map(shown)),
  fallback: [],
  isTables: true,
}

/** As `upload.cgi invite` prints it for the end of a settings file. */
export function invitationBlock(invitation: Invitation): string {
  const lines = Object.entries(shown(invitation)).map(
    ([key, value]) => `${key} = ${JSON.stringify(value)}\n`,
  )
  return `[[invitations]]\n${lines.join('')}`
}

/** '' when it may be the name of an invitation, else what is wrong with it. */
export function nameProblem(name: unknown): string {
  const isName = typeof name === 'string' && name.trim() !== '' && name.length <= 100
  return isName && !/\p{Cc}/u.test(name) ? '' : 'a name is text of at most 100 letters'
}

function parseInvitations(written: unknown): Parsed<readonly Invitation[]> {
  if (!Array.isArray(written)) return { problem: 'invitations are no tables', remedy }
  const list: Invitation[] = []
  for (const entry of written) {
    const parsed = parseInvitation(Object(entry), list)
    if (typeof parsed === 'string') return { problem: `invitations: ${parsed}`, remedy }
    list.push(parsed)
  }
  return { value: list }
}

/** The invitation, or what is wrong with it. */
function parseInvitation(
  entry: Record<string, unknown>,
  before: readonly Invitation[],
): Invitation | string {
  const { name, token, folder = '', until, max_size = 0, max_files = 0, ...rest } = entry
  const wrongName = nameProblem(name)
  if (wrongName !== '') return wrongName
  const called = String(name)
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) return `${called}: there is no ${unknown.slice(0, 40)}`
  if (before.some((other) => other.name === called)) return `two are called ${called}`
  if (typeof token !== 'string' || !/^[A-Za-z0-9_-]{16,128}$/.test(token)) {
    return `${called}: a token is 16 to 128 letters, digits, - and _`
  }
  if (before.some((other) => other.token === token)) return `${called} has the token of another`
  if (typeof folder !== 'string') return `${called}: folder is text`
  const wrongFolder = folderProblem(folder)
  if (wrongFolder !== '') return `${called}: folder: ${wrongFolder}`
  const endsAt = until === undefined ? 0 : parseMoment(until)
  if (endsAt === undefined) return `${called}: until is a day such as 2026-12-31`
  const isSize = typeof max_size === 'number' || typeof max_size === 'string'
  const maxBytes = isSize ? parseSize(String(max_size)) : undefined
  if (maxBytes === undefined) return `${called}: max_size is a size such as "5GB"`
  const isCount = typeof max_files === 'number' && Number.isSafeInteger(max_files) && max_files >= 0
  if (!isCount) return `${called}: max_files is a whole number`
  return { name: called, token, folder, endsAt, maxBytes, maxFiles: max_files }
}

/** What differs from the defaults, as the settings file has it. */
function shown({ name, token, folder, endsAt, maxBytes, maxFiles }: Invitation) {
  return {
    name,
    token,
    ...(folder === '' ? {} : { folder }),
    ...(endsAt === 0 ? {} : { until: momentText(endsAt) }),
    ...(maxBytes === 0 ? {} : { max_size: encodeSize(maxBytes) }),
    ...(maxFiles === 0 ? {} : { max_files: maxFiles }),
  }
}

const remedy =
  'write [[invitations]] and below it name = "Acme", token = "…", and, if you like, folder, ' +
  'until = "2026-12-31", max_size = "5GB", max_files = 100; `upload.cgi invite "Acme"` prints one'
