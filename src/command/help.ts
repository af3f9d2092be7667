// The text of `upload.cgi --help`, made from the tables of commands and settings. It fits into 80
// columns.

import type { SettingsRow } from '../settings/row.ts'
import { settingsTable } from '../settings/table.ts'
import type { Command } from './command.ts'
import { wrap } from './terminal.ts'

export function helpText(commands: readonly Command[]): string {
  const usages = commands.map(({ usage, help }) =>
    [`  upload.cgi ${usage}`, ...(help === '' ? [] : indented(help))].join('\n'),
  )
  return `upload.cgi: a file-upload page in one file. Put it into cgi-bin, say where files
go.

Usage:
${usages.join('\n')}

The first settings file found is used:
  a settings script: a file whose first line is #!/path/to/upload.cgi
  the file that the environment variable UPLOAD_CGI_CONFIG names
  .htupload.toml beside this program
  /etc/upload-cgi.toml
A settings file is TOML. The shortest one: directory = "/srv/uploads"

Settings (in a file, or as UPLOAD_CGI_DIRECTORY=… and so on in the environment):
${settingsTable.map(describe).join('\n')}
`
}

/** The default as the owner would write it in the settings file, or a few words for it. */
export function defaultText(row: SettingsRow): string {
  if (row.isRequired) return 'required'
  return row.defaultText ?? JSON.stringify(row.default)
}

function describe(row: SettingsRow): string {
  return [`  ${row.key} (${defaultText(row)})`, ...indented(row.help)].join('\n')
}

function indented(text: string): string[] {
  return wrap(text, 73).map((line) => `      ${line}`)
}
