// All findings of `check`: what would go wrong, looked for before a visitor meets it. `upload.cgi
// check` runs it at a terminal. With `debug` on a request runs it, and then it sees what the web
// server gives: its user, its limits, its document root. It changes nothing, except that it creates
// a file where uploads are received and removes it again.

import { type Finding, failure, fine } from '../finding.ts'
import type { Env } from '../http/request.ts'
import { siteOfRequest } from '../http/site.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { exposureOf, realPlace, type Site } from '../storage/exposure.ts'
import { openStorage } from '../storage/open.ts'
import { userName } from '../storage/owner.ts'
import { directoryProblem } from '../storage/problem.ts'
import { usableDirectory } from '../storage/usable.ts'
import { attempt } from '../system-error.ts'
import { cgiBinFindings, directoryFindings } from './directory.ts'
import { invitationFindings } from './invitations.ts'
import { limitFindings } from './limits.ts'
import { notifyFindings, outboxFindings } from './notify.ts'
import { placeFindings } from './place.ts'
import { settingsFindings } from './settings.ts'

/** `program`: the executable. `why`: why as this user, to be added in words. Never throws. */
export function inspect(settings: LoadedSettings, env: Env, program: string, why = ''): Finding[] {
  const isRequest = env['GATEWAY_INTERFACE'] !== undefined
  const site = siteSeenFrom(settings, env, program)
  return [
    fine('USER', `looked at as user ${userName(process.geteuid?.() ?? -1)}${why}`),
    ...guarded('SETTINGS', () => settingsFindings(settings, site.documentRoots, program)),
    ...guarded('DIRECTORY', () => storeFindings(settings, site)),
    ...guarded('NOTIFY', () => notifyFindings(settings)),
    ...guarded('PLACE', () => placeFindings(settings, program)),
    ...guarded('LIMITS', () => limitFindings(settings, isRequest)),
  ]
}

/** At a terminal no server says what it runs: the settings script, or else the program. */
function siteSeenFrom(settings: LoadedSettings, env: Env, program: string): Site {
  const isScript = settings.file !== '' && !settings.file.endsWith('.toml')
  return siteOfRequest(env, program, isScript ? settings.file : program)
}

function storeFindings(settings: LoadedSettings, site: Site): Finding[] {
  if (settings.directory === '') return []
  try {
    const directory = usableDirectory(settings, site)
    const storage = openStorage(settings, directory)
    return [
      ...directoryFindings(settings, directory, site),
      ...invitationFindings(settings, storage),
      // What cannot be read is a finding of the directory.
      ...(attempt(() => outboxFindings(settings, storage)) ?? []),
    ]
  } catch (problem) {
    const exposed = exposureProblem(settings, site)
    if (exposed !== undefined) return [exposed]
    // Before it is made: the remedy of the one finding would lead to the other.
    const other = cgiBinFindings(realPlace(settings.directory))
    return other.length > 0 ? other : [directoryProblem(settings, problem)]
  }
}

/** The place of the directory, if that is why requests refuse it. */
function exposureProblem(settings: LoadedSettings, site: Site): Finding | undefined {
  const directory = realPlace(settings.directory)
  const exposure = exposureOf(directory, settings, site)
  if (exposure === undefined) return undefined
  return failure(exposure.code, `${directory} ${exposure.reason}`, exposure.remedy)
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
