// What is in `.upload-cgi/incoming/` of an upload directory, and the names that the files of an
// upload have there.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { Incoming } from '../../src/storage/incoming.ts'

/** The path of a file of an upload in pieces, as the program names it: `data`, `journal`, … */
export function incomingFile(directory: string, id: string, kind: string): string {
  const incoming = new Incoming(directory)
  return incoming.file(incoming.find(id) ?? 'never-begun', kind)
}

/** The kind of a file there. */
export function kindOf(name: string): string {
  return name.replace(/^\.ht[0-9a-f]{32}\./, '')
}

/** The path of `incoming/`. */
export function incomingPath(directory: string): string {
  return join(directory, '.upload-cgi', 'incoming')
}

/** How large it is so far; 0 for what is gone by now. */
export function incomingBytes(directory: string, name: string): number {
  return statSync(join(incomingPath(directory), name), { throwIfNoEntry: false })?.size ?? 0
}
