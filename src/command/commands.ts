// The table of commands: how a person types each, what --help and the man page say of it, its
// options, and what it does. A new command is a row here and a file for its action.

import { about } from './about.ts'
import { apacheConf } from './apache-conf.ts'
import { check } from './check.ts'
import { checkAddress } from './check-address.ts'
import { clean } from './clean.ts'
import type { Command, OptionTypes } from './command.ts'
import { config } from './config.ts'
import { deliver } from './deliver.ts'
import { fastCgi } from './fastcgi.ts'
import { form } from './form.ts'
import { init } from './init.ts'
import { invite } from './invite.ts'
import { list } from './list.ts'
import { man } from './man.ts'
import { serve } from './serve.ts'

const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true } as const
const flag = { type: 'boolean' } as const

/** In the order of --help and of the man page. */
export const commandTable: readonly Command[] = [
  command({
    name: 'serve',
    usage: 'serve [--port 8080] [--host HOST]... [--directory DIR] [--open]',
    help:
      'Try it out: a small web server that runs this program for every request. It listens at ' +
      'the first HOST (127.0.0.1), and answers requests for an IP address, for localhost, and ' +
      'for the names that are given, as in --host 0.0.0.0 --host box.example. --open shows the ' +
      'page in the browser.',
    options: { port: text, host: texts, directory: text, open: flag },
    action: ({ values, script }) => serve(values, script),
  }),
  command({
    name: 'check',
    usage: 'check [--json] [--user NAME]',
    help:
      'Say what would go wrong, and how to fix it. Exit status 0 or 78. For root the checks run ' +
      'as NAME, else as the account whose folder the program is in, as under suexec, else as ' +
      'the user that web servers usually work as.',
    options: { json: flag, user: text },
    action: ({ values, script }) => check(script, values.json ?? false, values.user ?? ''),
  }),
  command({
    name: 'check',
    onlyWith: 'url',
    usage: 'check --url URL [--name FILE] [--pause SECONDS] [--json]',
    help:
      'Send a small file, a file of 20 MB and what other clients send through the real server, ' +
      'and say what does not get through. Nothing is stored. FILE is a name that the settings ' +
      'allow (check.txt); one sender pauses for SECONDS in the middle (30). Exit status 0 or 69.',
    options: { url: text, name: text, pause: text, json: flag },
    action: ({ values, script }) => checkAddress(values, script),
  }),
  command({
    name: 'init',
    usage: 'init [--script] [--directory DIR]',
    help:
      'Print a settings file with every setting explained. With --script it is a settings ' +
      'script: put it into cgi-bin under any name and make it executable; each such script is a ' +
      'form.',
    options: { script: flag, directory: text },
    action: ({ values }) => init(values.script ?? false, values.directory ?? '', process.execPath),
  }),
  command({
    name: 'config',
    usage: 'config [--show-origin] [--secrets] [--json]',
    help:
      'Print the settings in force, with --show-origin also where each one comes from. Secrets ' +
      'are hidden without --secrets.',
    options: { 'show-origin': flag, secrets: flag, json: flag },
    action: ({ values, script }) =>
      config(script, {
        withOrigin: values['show-origin'] ?? false,
        asJson: values.json ?? false,
        withSecrets: values.secrets ?? false,
      }),
  }),
  command({
    name: 'invite',
    usage: 'invite NAME [--until DAY] [--max-size SIZE] [--url URL]',
    help:
      'Print an invitation for the end of the settings file, with the link to send to NAME. URL ' +
      'is the address of the page. --max-files COUNT limits how many files come by it, and ' +
      '--folder DIR says into which folder of the directory they go.',
    options: { until: text, 'max-size': text, 'max-files': text, folder: text, url: text },
    mostWords: 1,
    action: ({ values, words: [name = ''], script }) => invite(script, name, values),
  }),
  command({
    name: 'apache-conf',
    usage: 'apache-conf [--address /upload] [--program FILE]',
    help:
      "Print a configuration for Apache with this machine's paths. FILE is the program as Apache " +
      'will run it, where that is not this one.',
    options: { address: text, program: text },
    action: ({ values, script }) =>
      apacheConf(script, values.address ?? '/upload', values.program ?? ''),
  }),
  command({
    name: 'clean',
    usage: 'clean [--older-than 1d] [--stored-older-than 30d] [--dry-run]',
    help:
      'Remove unfinished uploads that nobody has touched for this long, or for partial_lifetime. ' +
      'Uploads do this by themselves; this is for cron. --stored-older-than also removes what ' +
      'was stored and told of so long ago, if nobody has changed it since.',
    options: { 'older-than': text, 'stored-older-than': text, 'dry-run': flag },
    action: ({ values, script }) =>
      clean(script, {
        olderThan: values['older-than'] ?? '',
        storedOlderThan: values['stored-older-than'] ?? '',
        isDryRun: values['dry-run'] ?? false,
      }),
  }),
  command({
    name: 'fastcgi',
    usage: 'fastcgi --socket PATH | --listen 127.0.0.1:9000',
    help:
      'Stay, and answer FastCGI on a socket, for nginx, lighttpd or Apache. --socket-mode (0660) ' +
      'and --socket-group say who may use the socket. SIGTERM ends it after the requests that ' +
      'run. What hands over a listening socket, as systemd, spawn-fcgi ' +
      'and mod_fcgid do, starts the program without a command.',
    options: { socket: text, 'socket-mode': text, 'socket-group': text, listen: text },
    action: ({ values, script }) => fastCgi(values, script),
  }),
  command({
    name: 'list',
    usage: 'list [RECEIPT] [--since 7d] [--json | --csv]',
    help:
      'Show what came in: receipt numbers, senders, answers and files, all of it or that of one ' +
      'number. --json prints one batch a line, --csv one file a row.',
    options: { since: text, json: flag, csv: flag },
    mostWords: 1,
    action: ({ values, words: [receipt = ''], script }) =>
      list(script, {
        receipt,
        since: values.since ?? '',
        asJson: values.json ?? false,
        asCsv: values.csv ?? false,
      }),
  }),
  command({
    name: 'deliver',
    usage: 'deliver [--test | --due]',
    help:
      'Tell everybody in notify what they have not heard yet, now; with --due as uploads do it ' +
      'by themselves, after a pause that grows. For cron. --test tells that this is a test ' +
      'instead, and says who heard it.',
    options: { test: flag, due: flag },
    action: ({ values, script }) => deliver(script, values.test ?? false, values.due ?? false),
  }),
  command({
    name: 'form',
    usage: 'form --action URL [--language CODE]',
    help: 'Print the page as one static file that posts to URL.',
    options: { action: text, language: text },
    action: ({ values, script }) => form(script, values.action ?? '', values.language ?? ''),
  }),
  command({
    name: 'man',
    usage: 'man [8 | 5]',
    help: 'Print the man page of the program (8) or of the settings (5).',
    options: {},
    mostWords: 1,
    action: ({ words: [section = '8'] }) => man(section, commandTable),
  }),
  command({
    name: 'help',
    usage: '--help | --version | --licenses',
    help: '',
    options: { help: { ...flag, short: 'h' }, version: { ...flag, short: 'V' }, licenses: flag },
    isCalledByOptions: true,
    action: ({ values }) => about(values, commandTable),
  }),
]

/** Lets the compiler hold each action to the options of its own row. */
function command<const Options extends OptionTypes>(row: Command<Options>): Command {
  return row
}
