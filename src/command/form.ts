// `upload.cgi form --action URL`: the page as one static file, so that a site can serve it without starting a
// process and only the post reaches the program. A form elsewhere than on the program's site needs that site in
// `allowed_origins`.

import { languageFiles } from '../languages/files.ts'
import { complaintsOf } from '../log.ts'
import { escapeHtml } from '../pages/html.ts'
import { formPage } from '../pages/page.ts'
import { policy } from '../pages/policy.ts'
import { loadTheme } from '../pages/theme.ts'
import { loadSettings } from '../settings/load.ts'

/** `action`: http(s) or a path. `code`: of the language, '' for the settings' own, else English. */
export function form(script: string, action: string, code: string): number {
  const origin = originOf(action)
  if (origin === undefined) {
    process.stderr.write(
      'upload.cgi: form needs --action with an address or a path: /cgi-bin/upload.cgi\n',
    )
    return 64
  }
  if (code !== '' && !Object.hasOwn(languageFiles, code)) {
    const known = Object.keys(languageFiles).join(', ')
    process.stderr.write(`upload.cgi: --language is one of ${known}\n`)
    return 64
  }
  const settings = loadSettings(process.env, process.execPath, script)
  const wrong = settings.problems.filter(({ key }) => key !== 'directory')
  for (const { where, problem, remedy } of wrong) {
    process.stderr.write(`upload.cgi: ${where}: ${problem}: ${remedy}\n`)
  }
  if (wrong.length > 0) return 78
  const complain = complaintsOf('form', (line) => process.stderr.write(line))
  const look = loadTheme({ ...settings, language: code || settings.language }, '', complain)
  const content = escapeHtml(policy(look.style, origin).join('; '))
  const meta = `<meta http-equiv="Content-Security-Policy" content="${content}">`
  const { body } = formPage(settings, look, action)
  process.stdout.write(`${body.replace('<head>', () => `<head>\n${meta}`)}\n`)
  return 0
}

/** Of an address on the web; '' for a path on the page's own site; undefined for anything else. */
function originOf(action: string): string | undefined {
  if (/^\/(?![/\\])[^\s]*$/.test(action)) return ''
  if (!/^https?:\/\//i.test(action) || !URL.canParse(action)) return undefined
  return new URL(action).origin
}
