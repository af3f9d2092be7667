// `upload.cgi man`: the man pages upload.cgi(8), of the program, and upload-cgi.toml(5), of the
// settings, made from the same tables as --help. They are roff with the macros of man(7), which
// every man can show. A release has them as files; without those: upload.cgi man 5 | man -l -

import manifest from '../../package.json' with { type: 'json' }
import { faultTable } from '../fault-table.ts'
import { settingsTable } from '../settings/table.ts'
import type { Command } from './command.ts'
import { defaultText } from './help.ts'
import { failed, print } from './terminal.ts'

/** `section`: 8 or 5. Exit status 0, or 64 for another section. */
export function man(section: string, commands: readonly Command[]): number {
  const text = section === '5' ? settingsPage() : section === '8' ? programPage(commands) : ''
  if (text === '') {
    return failed(64, 'the man pages are `man 8`, the program, and `man 5`, the settings')
  }
  print(text)
  return 0
}

function programPage(commands: readonly Command[]): string {
  const codes = Object.entries(faultTable()).map(
    ([code, [status, , when]]) => [`${code} (${status})`, when] as const,
  )
  const explained = commands.filter(({ help }) => help !== '')
  return page('UPLOAD.CGI', '8', 'file-upload page in one file, for cgi-bin', [
    ['SYNOPSIS', ...commands.map(({ usage }) => `.B upload.cgi\n${roff(usage)}\n.br`)],
    [
      'DESCRIPTION',
      paragraph(
        'Started by a web server as a CGI program, it shows a form for files, and stores what ' +
          'is sent in a directory: every file of a request, whole and safe on disk, or none. ' +
          'Started by a person, it does what the command says.',
      ),
      paragraph(
        'In a CGI request arguments are never read, for servers make them from the address.',
      ),
    ],
    ['COMMANDS', items(explained.map(({ usage, help }) => [usage, help]))],
    [
      'SETTINGS',
      paragraph('The first file found is used; files are never merged:'),
      items(files),
      paragraph(
        'An environment variable overrides a setting: UPLOAD_CGI_ and its name in capitals. ' +
          'upload-cgi.toml(5) explains all settings.',
      ),
    ],
    [
      'ERRORS',
      paragraph('Replies, with their HTTP status, and the log have these codes:'),
      items(codes),
    ],
    ['EXIT STATUS', items(exitStatuses)],
    ['SEE ALSO', 'upload-cgi.toml(5)'],
  ])
}

function settingsPage(): string {
  const rows = settingsTable.map(
    (row) => [`${row.key} (${defaultText(row)})`, `${row.help}.`] as const,
  )
  return page('UPLOAD-CGI.TOML', '5', 'settings of upload.cgi', [
    [
      'DESCRIPTION',
      paragraph(
        'TOML: each setting is a line, key = value. The first file found is used; files are ' +
          'never merged:',
      ),
      items(files),
      paragraph(
        'Sizes are text: "100MB" is 10^8 bytes, "1GiB" is 2^30; "0" means no limit. Durations ' +
          'are "90s", "30m", "12h", "1d" or "1w". A setting that is unknown or wrong makes the ' +
          'program refuse all requests; upload.cgi check names its line and a remedy. A file to ' +
          'which everybody may write is not used.',
      ),
    ],
    ['SETTINGS', items(rows)],
    [
      'QUESTIONS',
      paragraph(
        'Each table extra_fields is a question of the form. Receipt and log have the answer:',
      ),
      literal(
        '[[extra_fields]]',
        'name = "sender"',
        'label = "Your e-mail"',
        'type = "email"',
        'required = true',
      ),
    ],
    [
      'EXAMPLE',
      literal(
        'directory = "/srv/uploads"',
        'max_file_size = "5GB"',
        'allow_extensions = ["jpg", "pdf"]',
      ),
    ],
    ['SEE ALSO', 'upload.cgi(8)'],
  ])
}

type Section = readonly [heading: string, ...blocks: readonly string[]]

function page(
  name: string,
  section: string,
  purpose: string,
  sections: readonly Section[],
): string {
  const title = `.TH ${name} ${section} "" "upload.cgi ${manifest.version}"`
  const own = `.SH NAME\n${roff(name.toLowerCase())} \\- ${roff(purpose)}`
  const rest = sections.map(([heading, ...blocks]) => `.SH ${heading}\n${blocks.join('\n')}`)
  return `${[title, own, ...rest].join('\n')}\n`
}

function paragraph(text: string): string {
  return `.PP\n${roff(text)}`
}

function literal(...lines: readonly string[]): string {
  return `.nf\n${roff(lines.join('\n'))}\n.fi`
}

function items(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([term, text]) => `.TP\n.B ${roff(term)}\n${roff(text)}`).join('\n')
}

/**
 * Shown as it is: no line becomes a command of roff, no character an escape or another character.
 */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('`', '\\(ga')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('"', '\\(dq')
    .replaceAll('…', '...')
    .replace(/^\./gm, '\\&.')
}

const files: readonly (readonly [string, string])[] = [
  [
    'a settings script',
    'a small executable file whose first line is #!/path/to/upload.cgi and whose rest is TOML. ' +
      'So one executable serves many forms, also under suexec. Not used if everybody may write ' +
      'to it, or if its owner is neither root, nor the user it runs as, nor the owner of its ' +
      'directory.',
  ],
  ['UPLOAD_CGI_CONFIG', 'an environment variable with the path of a file; suexec removes it.'],
  ['.htupload.toml', 'beside the executable.'],
  ['/etc/upload-cgi.toml', 'for the whole machine.'],
]

const exitStatuses: readonly (readonly [string, string])[] = [
  ['0', 'done; in a CGI request: an answer was given, whatever it says'],
  ['64', 'the command line is wrong'],
  ['69', 'the server that check --url was sent to does not answer as it should'],
  ['70', 'a bug'],
  ['74', 'something could not be read or removed'],
  ['78', 'the settings or the directory are wrong'],
]
