// Whether the hidden folder of a public directory can be seen from outside. What is unfinished has
// been checked for nothing yet, so no server may show it.

import { type Finding, failure, fine, warning } from '../../finding.ts'
import { type Answer, Visitor } from './visitor.ts'

/** Where visitors see what is stored, if they do. */
export type Shown = {
  /** The address of the upload directory; ends with a slash. */
  readonly url: URL
  /** Paths of files in the hidden folder, relative to the directory, as far as they are known. */
  hiddenFiles(): readonly string[]
}

export async function folderFinding({ url, hiddenFiles }: Shown): Promise<Finding> {
  const ask = (path: string): Promise<Answer> =>
    new Visitor(new URL(path, url)).send({ method: 'GET' })
  for (const path of hiddenFiles().slice(0, mostFiles)) {
    const { status } = await ask(path)
    if (status !== 200) continue
    const message = `the server shows unfinished uploads to everyone (${path})`
    return failure('FOLDER_SHOWN', message, remedy)
  }
  for (const path of ['.upload-cgi/', '.upload-cgi/incoming/']) {
    const { status, text } = await ask(path)
    if (status !== 200 || !/\.ht[0-9a-f]{32}|\bincoming\//.test(text)) continue
    const message = `the server lists ${new URL(path, url)}, where uploads are unfinished`
    return warning('FOLDER_LISTED', message, remedy)
  }
  return fine('FOLDER', 'the server shows nothing of unfinished uploads')
}

/** One of each kind is enough. */
const mostFiles = 8
const remedy =
  'let the server refuse every address with /.upload-cgi in it: docs/servers.md, "A public ' +
  'directory"'
