// All findings of `check`: what would go wrong, looked for before a visitor meets it. `upload.cgi
// check` runs it at a terminal. With `debug` on a request runs it, and then it sees what the web
// server gives: its user, its limits, its document root. It changes nothing, except that it creates
// a file where uploads are received and removes it again.

import { type Finding, fine } from '../finding.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { userName } from '../storage/owner.ts'
import { directoryProblem } from '../storage/problem.ts'
import { usableDirectory } from '../storage/usable.ts'
import { directoryFindings } from './directory.ts'
import { limitFindings } from './limits.ts'
import { placeFindings } from './place.ts'
import { settingsFindings } from './settings.ts'

/** `program`: the executable. Never throws. */
export function inspect(settings: LoadedSettings, env: Env, program: string): Finding[] {
  const isRequest = env['GATEWAY_INTERFACE'] !== undefined
  const documentRoot = env['DOCUMENT_ROOT'] ?? ''
  return [
    fine('USER', `looked at as user ${userName(process.geteuid?.() ?? -1)}`),
    ...guarded('SETTINGS', () => settingsFindings(settings, documentRoot)),
    ...guarded('DIRECTORY', () => storeFindings(settings, env, program)),
    ...guarded('PLACE', () => placeFindings(settings, program)),
    ...guarded('LIMITS', () => limitFindings(settings, isRequest)),
  ]
}

function storeFindings(settings: LoadedSettings, env: Env, program: string): Finding[] {
  if (settings.directory === '') return []
  const documentRoot = env['DOCUMENT_ROOT'] ?? ''
  try {
    const directory = usableDirectory(settings, documentRoot, env['SCRIPT_FILENAME'] || program)
    return directoryFindings(settings, directory, documentRoot)
  } catch (problem) {
    return [directoryProblem(settings, problem)]
  }
}

/** If one part cannot be inspected, the findings of the others are still reported. */
function guarded(part: string, look: () => Finding[]): Finding[] {
  try {
    return look()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const remedy = 'this part was not checked; the other findings are valid'
    return [{ level: 'warning', code: 'NOT_CHECKED', message: `${part}: ${reason}`, remedy }]
  }
}
