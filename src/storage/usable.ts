// Whether the upload directory can be used at all, checked for each request. It refuses a directory
// that is missing, that this user may not write to, or that exposure.ts refuses for its place.

import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { Fault } from '../fault.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'
import { type Exposure, exposureOf, realPlace, type Site } from './exposure.ts'
import { translated } from './files.ts'

/**
 * The real path of the directory. It is resolved once, so that a symlink that changes meanwhile
 * cannot divert half of an upload. Throws DIRECTORY_UNUSABLE with the reason as its cause.
 */
export function usableDirectory(settings: LoadedSettings, site: Site): string {
  const found = attempt(() => realpathSync.native(settings.directory))
  if (found === undefined) {
    // Nobody is told to make a directory that would be refused then.
    const place = realPlace(settings.directory)
    refuseExposed(place, exposureOf(place, settings, site))
  }
  const directory = translated(() => {
    const path = found ?? realpathSync.native(settings.directory)
    accessSync(path, constants.W_OK | constants.X_OK)
    return path
  })
  if (!translated(() => statSync(directory)).isDirectory())
    throw unusableFault(directory, 'is not a directory')
  refuseExposed(directory, exposureOf(directory, settings, site))
  return directory
}

function refuseExposed(directory: string, exposure: Exposure | undefined): void {
  if (exposure === undefined) return
  throw unusableFault(directory, `${exposure.reason}: ${exposure.remedy}`)
}

function unusableFault(directory: string, reason: string): Fault {
  return new Fault('DIRECTORY_UNUSABLE', '', new Error(`${directory} ${reason}`))
}
