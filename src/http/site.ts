// What the web server says of the folders that it shows to everyone, or whose programs it runs.

import type { Env } from './request.ts'

/** What `upload.cgi serve` calls itself. It shows nothing of the program's folder. */
export const trialServerName = 'upload.cgi-serve'

/**
 * The document roots are those of the host and of the address (Apache: mod_userdir, Alias). The
 * script is what the server runs, the executable or a settings script; '' where it shows nothing of
 * that folder.
 */
export function siteOfRequest(env: Env, program: string, script = program) {
  const roots = [env['DOCUMENT_ROOT'] ?? '', env['CONTEXT_DOCUMENT_ROOT'] ?? '']
  const isServed = env['SERVER_SOFTWARE'] !== trialServerName
  return {
    documentRoots: roots.filter((root) => root !== ''),
    program,
    script: isServed ? env['SCRIPT_FILENAME'] || script : '',
  }
}
