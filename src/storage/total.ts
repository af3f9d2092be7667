// Counts what the upload directory holds: every file that can be seen in it, whoever put it there,
// and of uploads in pieces that are unfinished all that they announce. It follows no symlink. The
// unfinished are looked at first: an upload that is finished meanwhile counts twice, and never not
// at all. What cannot be read counts as nothing.

import { lstatSync, opendirSync } from 'node:fs'
import { attempt } from '../system-error.ts'
import type { Directory } from './directory.ts'
import { folderName } from './folder.ts'
import { existing } from './state.ts'
import type { Total } from './storage.ts'

export function countTotal(directory: Directory): Total {
  let [bytes, files] = [0, 0]
  const uploads = new Set<string>()
  for (const key of directory.incoming.unfinished()) {
    const size = attempt(() => existing(directory, key).header.size)
    if (size === undefined) continue
    bytes += size
    files++
    uploads.add(key)
  }
  const folders = [directory.path]
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    const folder = attempt(() => opendirSync(path))
    for (let entry = folder?.readSync(); entry; entry = folder?.readSync()) {
      if (entry.name.startsWith(folderName)) continue
      const stats = attempt(() => lstatSync(`${path}/${entry.name}`))
      if (stats?.isDirectory()) folders.push(`${path}/${entry.name}`)
      else if (stats?.isFile()) {
        bytes += stats.size
        files++
      }
    }
    folder?.closeSync()
  }
  return { bytes, files, uploads }
}
