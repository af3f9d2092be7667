// `upload.cgi form --action URL`: the page as one static file, which a site can serve without
// starting a process; only the POST reaches the program. When the file is on another site than the
// program, that site must be in `allowed_origins`; where a passphrase is wanted it then only leads
// to the program's own page, since a browser takes the cookie of no other site along. Exit status
// 0; 64 for a wrong option; 78 for wrong settings.

import { languageFiles } from '../languages/files.ts'
import { escapeHtml } from '../pages/html.ts'
import { awayPage, formPage } from '../pages/page.ts'
import { policy } from '../pages/policy.ts'
import { loadTheme } from '../pages/theme.ts'
import { loadSettings } from '../settings/load.ts'
import { problemText } from '../settings/settings.ts'
import { complain, failed, print } from './terminal.ts'

/** `action`: http(s) or a path. `code`: a language; '' for that of the settings, else English. */
export function form(script: string, action: string, code: string): number {
  const origin = originOf(action)
  if (origin === undefined) {
    return failed(64, 'form needs --action with an address or a path: /cgi-bin/upload.cgi')
  }
  if (code !== '' && !Object.hasOwn(languageFiles, code)) {
    return failed(64, `--language is one of ${Object.keys(languageFiles).join(', ')}`)
  }
  const settings = loadSettings(process.env, process.execPath, script)
  const wrong = settings.problems.filter(({ key }) => key !== 'directory')
  for (const problem of wrong) complain(problemText(problem))
  if (wrong.length > 0) return 78
  const theme = loadTheme({ ...settings, language: code || settings.language }, '', complain)
  const content = escapeHtml(policy(theme.style, settings.successRedirect, origin).join('; '))
  const meta = `<meta http-equiv="Content-Security-Policy" content="${content}">`
  const isAsked = origin !== '' && settings.passphrase !== '' && !isInvited(action)
  const { body } = isAsked ? awayPage(action, settings, theme) : formPage(settings, theme, action)
  print(`${body.replace('<head>', () => `<head>\n${meta}`)}\n`)
  return 0
}

/** Whoever brings the token of an invitation needs no passphrase. */
function isInvited(action: string): boolean {
  return new URL(action, 'http://localhost').searchParams.has('invite')
}

/** Of an address on the web; '' for a path on the page's own site; undefined for anything else. */
function originOf(action: string): string | undefined {
  if (/^\/(?![/\\])[^\s]*$/.test(action)) return ''
  if (!/^https?:\/\//i.test(action) || !URL.canParse(action)) return undefined
  return new URL(action).origin
}
