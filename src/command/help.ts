// `upload.cgi --help`, made from the table of settings. It fits a terminal of 80 columns.

import { type SettingsRow, settingsTable } from '../settings.ts'

export function helpText(): string {
  return `${usage}
Settings (in a settings file, or as UPLOAD_CGI_DIRECTORY=… in the environment):
${settingsTable.map(describe).join('\n')}
`
}

/** The default as one would write it in the settings file. */
export function defaultText(row: SettingsRow): string {
  if (row.isRequired) return 'required'
  if (row.key === 'block_extensions') return 'what web servers execute'
  return JSON.stringify(row.default)
}

function describe(row: SettingsRow): string {
  const head = `  ${row.key} (${defaultText(row)})`
  return `${head}\n${wrap(row.help, 74)
    .map((line) => `      ${line}`)
    .join('\n')}`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

const usage = `upload.cgi: a file-upload page in one file. Put it into cgi-bin, say where files go.

Usage:
  upload.cgi serve [--port 8080] [--host 127.0.0.1] [--directory DIR] [--open]
      Try it out: a small web server that runs this program for every request.
      --open shows the page in the browser.
  upload.cgi check [--json]
      Say what would go wrong, and how to mend it. Exit status 0 or 78.
  upload.cgi clean [--older-than 1d] [--dry-run]
      Remove unfinished uploads that nobody touched for so long, or else for
      partial_lifetime. Uploads do this by themselves; this is for cron.
  upload.cgi form --action URL [--language CODE]
      Print the page as one static file that posts to URL.
  upload.cgi --help | --version | --licenses

The first settings file found is used:
  a settings script: a file whose first line is #!/path/to/upload.cgi
  the file that the environment variable UPLOAD_CGI_CONFIG names
  .htupload.toml beside this program
  /etc/upload-cgi.toml
A settings file is TOML. The shortest one: directory = "/srv/uploads"
`
