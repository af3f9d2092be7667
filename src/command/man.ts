// `upload.cgi man`: the man pages, made from the same tables as --help: upload.cgi(8) of the program, and
// upload-cgi.toml(5) of the settings. roff with the macros of man(7), which every man can show. Made at release
// time into files; at a terminal without man pages: upload.cgi man 5 | man -l -

import manifest from '../../package.json' with { type: 'json' }
import { faults } from '../fault.ts'
import { settingsTable } from '../settings/table.ts'
import { commandTable } from './commands.ts'
import { defaultText } from './help.ts'

/** `section`: 8 or 5; 64 for another. */
export function man(section: string): number {
  const text = section === '5' ? settingsPage() : section === '8' ? programPage() : ''
  if (text === '') {
    process.stderr.write(
      'upload.cgi: the man pages are `man 8`, the program, and `man 5`, the settings\n',
    )
    return 64
  }
  process.stdout.write(text)
  return 0
}

function programPage(): string {
  return page('UPLOAD.CGI', '8', 'file-upload page in one file, for cgi-bin', [
    ['SYNOPSIS', commandTable.map(({ usage }) => `.B upload.cgi\n${roff(usage)}\n.br`).join('\n')],
    [
      'DESCRIPTION',
      paragraphs(
        'Started by a web server as a CGI program, it shows a form for files, and stores what is sent in a directory: every file of a request, whole and safe on disk, or none. Started by a person it does what the command says.',
        'Arguments are never read in a CGI request, for servers make them from the address.',
      ),
    ],
    [
      'COMMANDS',
      items(commandTable.filter(({ help }) => help !== '').map(({ usage, help }) => [usage, help])),
    ],
    [
      'SETTINGS',
      `${paragraphs('The first file found is used; files are never merged:')}\n${items(files)}\n${paragraphs(
        'Each setting can be overridden by an environment variable: UPLOAD_CGI_ and its name in capitals. What settings there are: upload-cgi.toml(5).',
      )}`,
    ],
    [
      'ERRORS',
      `${paragraphs('Codes stand in replies, with their HTTP status, and in the log:')}\n${items(
        Object.entries(faults).map(([code, [status, , when]]) => [`${code} (${status})`, when]),
      )}`,
    ],
    [
      'EXIT STATUS',
      items([
        ['0', 'done; in a CGI request: an answer was given, whatever it says'],
        ['64', 'the command line is wrong'],
        ['69', 'the server that check --url was sent to does not answer as it should'],
        ['70', 'a bug'],
        ['74', 'something could not be read or removed'],
        ['78', 'the settings or the directory are wrong'],
      ]),
    ],
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
      `${paragraphs(
        'TOML: one setting a line, key = value. The first of these is used; files are never merged:',
      )}\n${items(files)}\n${paragraphs(
        'Sizes are text: "100MB" is 10^8 bytes, "1GiB" is 2^30; "0" means no limit. Durations are "90s", "30m", "12h", "1d" or "1w". A setting that is unknown or wrong makes the program refuse all requests; upload.cgi check names line and remedy. A file to which everybody may write is not used.',
      )}`,
    ],
    ['SETTINGS', items(rows)],
    [
      'QUESTIONS',
      `${paragraphs('Each table extra_fields is a question of the form, answered in receipt and log:')}\n.nf\n${roff(
        [
          '[[extra_fields]]',
          'name = "sender"',
          'label = "Your e-mail"',
          'type = "email"',
          'required = true',
        ].join('\n'),
      )}\n.fi`,
    ],
    [
      'EXAMPLE',
      `.nf\n${roff('directory = "/srv/uploads"\nmax_file_size = "5GB"\nallow_extensions = ["jpg", "pdf"]')}\n.fi`,
    ],
    ['SEE ALSO', 'upload.cgi(8)'],
  ])
}

type Section = readonly [heading: string, body: string]

function page(
  name: string,
  section: string,
  purpose: string,
  sections: readonly Section[],
): string {
  const title = `.TH ${name} ${section} "" "upload.cgi ${manifest.version}"`
  const own = `.SH NAME\n${roff(name.toLowerCase())} \\- ${roff(purpose)}`
  const rest = sections.map(([heading, body]) => `.SH ${heading}\n${body}`)
  return `${[title, own, ...rest].join('\n')}\n`
}

function paragraphs(...texts: readonly string[]): string {
  return texts.map((text) => `.PP\n${roff(text)}`).join('\n')
}

function items(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([term, text]) => `.TP\n.B ${roff(term)}\n${roff(text)}`).join('\n')
}

/** As it is: no line is a command, no character an escape or another one. */
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
    'a small executable file whose first line is #!/path/to/upload.cgi and whose rest is TOML. Many forms with one executable, also under suexec. Not used if everybody may write to it, or if its owner is neither root, nor the user it runs as, nor the owner of its directory.',
  ],
  ['UPLOAD_CGI_CONFIG', 'an environment variable with the path of a file; suexec removes it.'],
  ['.htupload.toml', 'beside the executable.'],
  ['/etc/upload-cgi.toml', 'for the whole machine.'],
]
