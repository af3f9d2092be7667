// The commands and their options: one table for --help and the man page. run.ts carries them out.

export type CommandRow = {
  /** As one writes it, with its options. */
  readonly usage: string
  /** Sentences. */
  readonly help: string
}

export const commandTable: readonly CommandRow[] = [
  {
    usage: 'serve [--port 8080] [--host 127.0.0.1] [--directory DIR] [--open]',
    help:
      'Try it out: a small web server that runs this program for every request. --open shows the page in ' +
      'the browser.',
  },
  {
    usage: 'check [--json] [--user NAME]',
    help:
      'Say what would go wrong, and how to mend it. Exit status 0 or 78. Root looks as the user that web ' +
      'servers usually work as, or as NAME.',
  },
  {
    usage: 'check --url URL [--name FILE] [--pause SECONDS] [--json]',
    help:
      'Send a small file, one of 20 MB and what other senders use through the real server, and say what ' +
      'stands in the way. Nothing is stored. FILE is a name that the settings allow (check.txt); a sender ' +
      'stops for SECONDS in the middle (30).',
  },
  {
    usage: 'init [--script] [--directory DIR]',
    help:
      'Print a settings file with every setting explained. With --script as a settings script: put it into ' +
      'cgi-bin under any name and make it executable, as often as forms are needed.',
  },
  {
    usage: 'config [--show-origin] [--json]',
    help: 'Print the settings in force, with --show-origin also where each one comes from.',
  },
  {
    usage: 'apache-conf [--address /upload] [--program FILE]',
    help:
      "Print a configuration for Apache with this machine's paths. FILE is the program as Apache will run " +
      'it, where that is not this one.',
  },
  {
    usage: 'clean [--older-than 1d] [--dry-run]',
    help:
      'Remove unfinished uploads that nobody touched for so long, or else for partial_lifetime. Uploads do ' +
      'this by themselves; this is for cron.',
  },
  {
    usage: 'form --action URL [--language CODE]',
    help: 'Print the page as one static file that posts to URL.',
  },
  { usage: 'man [8 | 5]', help: 'Print the man page of the program (8) or of the settings (5).' },
  { usage: '--help | --version | --licenses', help: '' },
]

/** Lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
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
