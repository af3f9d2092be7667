// Where a file goes below the upload directory: the owner's folder, the folders in which the sender
// has it, its name. It refuses what no file system or reader should have to cope with: folders too
// deep, too many, or with a path too long.

import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { storedFolders, storedName } from '../storage/filename.ts'
import type { Storage } from '../storage/storage.ts'
import type { Admission } from './receiver.ts'

/**
 * `path`: a relative path whose folders are kept, whatever its last name. `name`: as the sender
 * calls the file. `folder`: the owner's, as names from the upload directory on. Throws
 * TOO_MANY_FOLDERS.
 */
export function requirePlace(
  path: string,
  name: string,
  settings: Settings,
  folder: readonly string[],
): string {
  const sent = settings.keepFolders ? storedFolders(path) : []
  if (sent.length > maxDepth) {
    throw new Fault('TOO_MANY_FOLDERS', `the limit is ${maxDepth} in each other`)
  }
  const place = [...folder, ...sent, storedName(name)].join('/')
  if (place.includes('/') && Buffer.byteLength(place) > maxBytes) {
    throw new Fault('TOO_MANY_FOLDERS', `the limit is a path of ${maxBytes} bytes`)
  }
  return place
}

/**
 * Adds the folders of a place to those of its request. Throws TOO_MANY_FOLDERS for more than a
 * submission may have. What its earlier requests stored is looked up only for a new folder.
 */
export function addFolders(
  folders: Set<string>,
  place: string,
  storage: Pick<Storage, 'hasFolder'>,
  { placesBefore }: Pick<Admission, 'placesBefore'>,
): void {
  const own = foldersOf(place)
  const [last] = own
  for (const folder of own) folders.add(folder)
  requireFew(folders)
  if (last === undefined || storage.hasFolder(last)) return
  requireFew(new Set([...folders, ...placesBefore().flatMap(foldersOf)]))
}

/** From the last one up. */
function foldersOf(place: string): string[] {
  const folders: string[] = []
  for (let at = place.lastIndexOf('/'); at > 0; at = place.lastIndexOf('/', at - 1)) {
    folders.push(place.slice(0, at))
  }
  return folders
}

function requireFew({ size }: ReadonlySet<string>): void {
  if (size > maxFolders) throw new Fault('TOO_MANY_FOLDERS', `the limit is ${maxFolders}`)
}

const maxDepth = 16
const maxFolders = 100
/** With the path of the upload directory it stays below the 4,096 bytes that Linux allows. */
const maxBytes = 2048
