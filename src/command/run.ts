// The entry of the command bundle: finds in the table which command the arguments mean, and runs
// it. Exit statuses are those of sysexits(3): 0, 64 usage, 69 unavailable, 70 internal, 74 input or
// output, 78 configuration.

import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, isAbsolute, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { nearest } from '../settings/nearest.ts'
import { attempt } from '../system-error.ts'
import type { Call, Command, OptionTypes } from './command.ts'
import { commandTable } from './commands.ts'
import { complain, failed } from './terminal.ts'

/** `script`: the settings script through which the program was called; '' for none. */
export async function runCommand(args: readonly string[], script: string): Promise<void> {
  // A reader may close the pipe once it has seen enough: upload.cgi --help | head
  process.stdout.on('error', () => process.exit(0))
  process.execPath = wholePath(process.execPath)
  try {
    process.exitCode = await dispatch(args, script)
  } catch (error) {
    const isUsage =
      error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    if (isUsage) complain(`${error.message}\nTry: upload.cgi --help`)
    else complain(String(error instanceof Error ? error.stack : error))
    process.exitCode = isUsage ? 64 : 70
  }
}

/** Where there is no /proc, as in a chroot, Node knows only the word that called the program. */
function wholePath(called: string): string {
  if (isAbsolute(called)) return called
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = folders
    .map((folder) => resolve(folder, called))
    .find((path) => attempt(() => accessSync(path, constants.X_OK) ?? true) === true)
  return found === undefined ? called : realpathSync(found)
}

async function dispatch(args: readonly string[], script: string): Promise<number> {
  // All commands together take all options: one that a command has no use for is not an error.
  const options: OptionTypes = Object.assign({}, ...commandTable.map((row) => row.options))
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options })
  const [name = '', ...words] = args.length === 0 ? ['help'] : positionals
  const call = { values, words, script }
  const command = commandOf(name, call)
  if (command !== undefined) return command.action(call)
  const meant = nearest(
    name,
    commandTable.map((row) => row.name),
  )
  const hint = meant === '' ? '' : ` Did you mean ${meant}?`
  const typed = positionals.join(' ')
  return failed(64, `there is no command \`${typed}\`.${hint} Try: upload.cgi --help`)
}

function commandOf(name: string, { values, words }: Call): Command | undefined {
  const isGiven = (option: string) => values[option] !== undefined
  const byOption = commandTable.find(
    ({ isCalledByOptions, options }) => isCalledByOptions && Object.keys(options).some(isGiven),
  )
  if (byOption !== undefined) return byOption
  const named = commandTable.filter(
    (row) => row.name === name && words.length <= (row.mostWords ?? 0),
  )
  return (
    named.find(({ onlyWith }) => onlyWith !== undefined && isGiven(onlyWith)) ??
    named.find(({ onlyWith }) => onlyWith === undefined)
  )
}
