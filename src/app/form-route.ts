// Answers a request for the form. It loads nothing that stores, since most requests ask for no more
// than this.

import { Fault } from '../fault.ts'
import type { CgiRequest } from '../http/request.ts'
import { siteOfRequest } from '../http/site.ts'
import type { Storage } from '../storage/storage.ts'
import { usableDirectory } from '../storage/usable.ts'
import type { Answer, Call } from './call.ts'
import { requireVisitor } from './guard/visitor.ts'

/** Neither the state of an upload nor a receipt is asked for, and nothing is sent. */
export function isForm({ method, isTus, uploadId, submissionId }: CgiRequest): boolean {
  const isAsked = uploadId !== '' || submissionId !== ''
  return (method === 'GET' || method === 'HEAD') && !isTus && !isAsked
}

/** `openStorage`: called only where a passphrase has to be looked at. Throws as Route does. */
export function routeForm(call: Call, openStorage: (directory: string) => Storage): Answer {
  const { request, settings } = call
  if (settings.problems.length > 0) throw new Fault('NOT_CONFIGURED')
  // The form needs to know only that the directory can be used.
  const directory = directoryOf(call)
  const open = () => openStorage(directory)
  return { reply: call.formReply(requireVisitor(request, nothingSaid, settings, open)) }
}

/** The real path of the directory, if it can be used. Throws DIRECTORY_UNUSABLE. */
export function directoryOf({ request, settings, programFile, directories }: Call): string {
  const site = siteOfRequest(request.env, programFile)
  if (directories === undefined) return usableDirectory(settings, site)
  const key = [site.script, ...site.documentRoots].join('\0')
  const directory = directories.get(key) ?? usableDirectory(settings, site)
  directories.set(key, directory)
  return directory
}

const nothingSaid = { invite: undefined, passphrase: undefined }
