// The command line: upload.cgi COMMAND. Called by main.ts, outside CGI mode only.
// Exit codes as in sysexits(3): 0, 64 usage, 70 internal, 78 configuration.

import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { serve } from '../serve.ts'
import { loadSettings } from '../settings-load.ts'
import { check } from './check.ts'
import { clean } from './clean.ts'
import { form } from './form.ts'
import { helpText } from './help.ts'
import { openBrowser } from './open.ts'

/** `script`: the settings script through which the program was called, '' for none. */
export async function runCommand(args: readonly string[], script: string): Promise<void> {
  try {
    process.exitCode = await dispatch(args, script)
  } catch (error) {
    const isUsage =
      error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
    process.stderr.write(
      isUsage
        ? `upload.cgi: ${error.message}\nTry: upload.cgi --help\n`
        : `upload.cgi: ${error instanceof Error ? error.stack : error}\n`,
    )
    process.exitCode = isUsage ? 64 : 70
  }
}

async function dispatch(args: readonly string[], script: string): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'V' },
      licenses: { type: 'boolean' },
      json: { type: 'boolean' },
      port: { type: 'string' },
      host: { type: 'string' },
      directory: { type: 'string' },
      open: { type: 'boolean' },
      action: { type: 'string' },
      language: { type: 'string' },
      'older-than': { type: 'string' },
      'dry-run': { type: 'boolean' },
    },
  })
  const [command, ...rest] = positionals
  if (values.version) return print(`upload.cgi ${manifest.version}\n`)
  if (values.licenses) {
    return print(process.getBuiltinModule('node:sea').getAsset('licenses', 'utf8'))
  }
  if (values.help || (command === undefined && args.length === 0)) return print(helpText())
  if (rest.length === 0 && command === 'check') return check(script, values.json ?? false)
  if (rest.length === 0 && command === 'clean') {
    return clean(script, values['older-than'] ?? '', values['dry-run'] ?? false)
  }
  if (rest.length === 0 && command === 'serve') return startServer(values, script)
  if (rest.length === 0 && command === 'form') {
    return form(script, values.action ?? '', values.language ?? '')
  }
  if (rest.length === 0 && command === 'help') return print(helpText())
  process.stderr.write(`upload.cgi: no such command: ${positionals.join(' ')}\n`)
  process.stderr.write('Try: upload.cgi --help\n')
  return 64
}

type ServeValues = {
  port?: string | undefined
  host?: string | undefined
  directory?: string | undefined
  open?: boolean | undefined
}

async function startServer(values: ServeValues, script: string): Promise<number> {
  const port = Number(values.port ?? 8080)
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    process.stderr.write('upload.cgi: --port is a number from 0 to 65535\n')
    return 64
  }
  const env: Record<string, string | undefined> = { ...process.env }
  if (values.directory !== undefined) env['UPLOAD_CGI_DIRECTORY'] = resolve(values.directory)
  const settings = loadSettings(env, process.execPath, script)
  const notes: string[] = []
  const lacksDirectory = settings.directory === '' && !settings.origins.has('directory')
  if (lacksDirectory) {
    env['UPLOAD_CGI_DIRECTORY'] = resolve('uploads')
    notes.push('No directory is set, so files go to ./uploads.')
  }
  const directory = env['UPLOAD_CGI_DIRECTORY'] ?? settings.directory
  if (lacksDirectory || values.directory !== undefined) mkdirSync(directory, { recursive: true })
  for (const { where, problem, remedy } of loadSettings(env, process.execPath, script).problems) {
    notes.push(`${where}: ${problem}: ${remedy}`)
  }
  const program = script === '' ? process.execPath : script
  const host = values.host ?? '127.0.0.1'
  const { url } = await serve({ port, host, program, env, directory, notes })
  if (values.open) openBrowser(url)
  return 0
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}
