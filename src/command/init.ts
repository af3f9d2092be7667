// `upload.cgi init`: a settings file with every setting, its default and its meaning, made from the
// table. Defaults are in comments, so that a later version can have better ones. Exit status 0, or
// 64 when the first line of a settings script could not name this program.

import { resolve } from 'node:path'
import type { SettingsRow } from '../settings/row.ts'
import { settingsTable } from '../settings/table.ts'
import { failed, print, wrap } from './terminal.ts'

export function init(isScript: boolean, directory: string, program: string): number {
  // The kernel cuts a first line that is too long, and a blank in it begins an argument
  // (execve(2)).
  if (isScript && (/\s/.test(program) || program.length > 120)) {
    return failed(
      64,
      `no first line of a script can name ${program}: its path has blanks or over 120 letters`,
    )
  }
  print(sampleSettings(isScript ? program : '', directory))
  return 0
}

/**
 * `program`: for the first line of a settings script, '' for a plain file. `directory`: '' for an
 * example.
 */
function sampleSettings(program: string, directory: string): string {
  const place = directory === '' ? '/srv/uploads' : resolve(directory)
  const head =
    program === ''
      ? '# Settings of upload.cgi (TOML): .htupload.toml beside the program, or ' +
        '/etc/upload-cgi.toml.\n'
      : `#!${program}\n` +
        '# A form of upload.cgi: an executable file in cgi-bin. The rest of it is TOML.\n'
  // In TOML whatever follows a table belongs to it, so lists of tables come last.
  const rows = settingsTable.filter(({ kind }) => !kind.isTables)
  return `${head}# 1 MB is 10^6 bytes, 1 MiB is 2^20. Check it: upload.cgi check

${rows.map((row) => entry(row, place)).join('\n')}
${tableExamples}`
}

function entry(row: SettingsRow, place: string): string {
  const meaning = wrap(row.help, 96).map((line) => `# ${line}`)
  const lines = wrap(`${row.key} = ${valueText(row, place)}`, 96)
  const value = row.isRequired ? lines : lines.map((line) => `#${line}`)
  return `${[...meaning, ...value].join('\n')}\n`
}

function valueText(row: SettingsRow, place: string): string {
  if (row.isRequired) return JSON.stringify(place)
  if (Array.isArray(row.default)) {
    return `[${row.default.map((value) => JSON.stringify(value)).join(', ')}]`
  }
  return JSON.stringify(row.default)
}

const tableExamples = `# Questions of the form, one table each, at the end of the file:
#[[extra_fields]]
#name = "sender"
#label = "Your e-mail"
#type = "email"          # or "text", "textarea", "number", "date", "checkbox", and
#                        # "select" with options = ["a", "b"]
#required = true

# Links for single visitors; upload.cgi invite "Acme" prints such a table:
#[[invitations]]
#name = "Acme"
#token = "write-16-letters-or-more"
#until = "2026-12-31"
#max_size = "5GB"
#max_files = 100
`
