// Makes the line of one request for `log_file` from its outcome. It refuses nothing, but cuts what
// visitors wrote.

import type { Fault } from '../fault.ts'
import type { CgiRequest } from '../http/request.ts'
import { addressText } from '../http/sender.ts'
import type { LogLine } from '../log.ts'
import { type Field, type Outcome, type Stored, type StoredFile, wholePath } from '../outcome.ts'
import type { Settings } from '../settings/settings.ts'

export type Handled = {
  /** The id of the request. */
  readonly id: string
  readonly request: CgiRequest
  readonly settings: Settings
  readonly status: number
  readonly fault: Fault | undefined
  readonly outcome: Outcome
  readonly receivedBytes: number
  readonly milliseconds: number
}

/**
 * The logged id is that of the reply. A file that an earlier request stored is not logged as stored
 * again.
 */
export function logLine(handled: Handled): LogLine {
  const { id, request, settings, status, fault, outcome, receivedBytes, milliseconds } = handled
  const { stored, storedNow, partial, closed, isDropped } = outcome
  const isNew = stored !== undefined && storedNow
  return {
    time: new Date().toISOString(),
    id: stored?.id ?? id,
    method: request.method.slice(0, 20),
    status,
    code: fault?.code,
    bytes: receivedBytes,
    milliseconds,
    address: addressText(request, settings),
    user: request.remoteUser.slice(0, 200) || undefined,
    receipt: stored?.receipt ?? closed?.receipt,
    files: isNew ? stored.files.map((file) => loggedFile(file, stored, settings)) : undefined,
    pieces: partial?.pieces,
    seconds: partial?.seconds,
    fields: isNew ? loggedFields(stored.fields) : undefined,
    note: isDropped ? 'dropped: it fills the field _website, which people do not see' : undefined,
  }
}

function loggedFile(
  file: StoredFile,
  stored: Stored,
  { keepFolders }: Settings,
): NonNullable<LogLine['files']>[number] {
  const { size, sha256 } = file
  const isCut = !keepFolders && file.name.includes('/')
  const name = isCut ? { name: file.name.slice(0, 1000) } : {}
  return { stored: wholePath(stored, file), size, sha256, ...name }
}

/** The text fields: at most 20, and at most 2000 characters. */
function loggedFields(fields: readonly Field[]): LogLine['fields'] {
  if (fields.length === 0) return undefined
  const logged: (readonly [string, string])[] = []
  let room = 2000
  for (const { name, value } of fields) {
    const pair = [name.slice(0, 64), value.slice(0, 200)] as const
    room -= pair[0].length + pair[1].length
    if (room < 0 || logged.length === 20) break
    logged.push(pair)
  }
  return logged
}
