// The owner's rules for one file: written here alone, asked by forms, pieces and tus.

import { Fault } from '../fault.ts'
import { formatSize } from '../quantity.ts'
import type { Settings } from '../settings/settings.ts'
import { refusedExtension } from '../storage/filename.ts'

/** `name`: as storedName() makes it. Throws EXTENSION_REFUSED. */
export function requireAllowedExtension(
  name: string,
  { allowExtensions, blockExtensions }: Settings,
): void {
  const refused = refusedExtension(name, allowExtensions, blockExtensions)
  if (refused !== undefined) {
    throw new Fault('EXTENSION_REFUSED', `${name}: ${refused || 'no extension'}`)
  }
}

/** Throws FILE_TOO_LARGE. `name`: of the file, where a request may have several. */
export function requireFileSize(bytes: number, { maxFileBytes }: Settings, name = ''): void {
  if (maxFileBytes === 0 || bytes <= maxFileBytes) return
  const limit = `the limit is ${formatSize(maxFileBytes)}`
  throw new Fault('FILE_TOO_LARGE', name === '' ? limit : `${name}: ${limit}`)
}
