// The command line: upload.cgi COMMAND. Called by main.ts, outside CGI mode only.
// Exit codes as in sysexits(3): 0, 64 usage, 70 internal, 78 configuration.

import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { type Finding, findingText } from '../finding.ts'
import { loadSettings } from '../settings/load.ts'
import { nearest } from '../settings/nearest.ts'
import { apacheConf } from './apache-conf.ts'
import { check } from './check.ts'
import { clean } from './clean.ts'
import { config } from './config.ts'
import { form } from './form.ts'
import { helpText } from './help.ts'
import { init } from './init.ts'
import { man } from './man.ts'
import { openBrowser } from './open.ts'
import { serve } from './serve.ts'

/** `script`: the settings script through which the program was called, '' for none. */
export async function runCommand(args: readonly string[], script: string): Promise<void> {
  // Whoever reads our output may have seen enough: upload.cgi --help | head
  process.stdout.on('error', () => process.exit(0))
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
  const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options })
  const [command, ...rest] = positionals
  if (values.version) return print(`upload.cgi ${manifest.version}\n`)
  if (values.licenses) {
    return print(process.getBuiltinModule('node:sea').getAsset('licenses', 'utf8'))
  }
  const isHelp = command === 'help' && rest.length === 0
  if (values.help || isHelp || args.length === 0) return print(helpText())
  if (command === 'man' && rest.length < 2) return man(rest[0] ?? '8')
  if (rest.length === 0) {
    switch (command) {
      case 'check':
        if (values.url !== undefined) return checkAddress(values)
        return check(script, values.json ?? false, values.user ?? '')
      case 'clean':
        return clean(script, values['older-than'] ?? '', values['dry-run'] ?? false)
      case 'serve':
        return startServer(values, script)
      case 'form':
        return form(script, values.action ?? '', values.language ?? '')
      case 'init':
        return init(values.script ?? false, values.directory ?? '', process.execPath)
      case 'config':
        return config(script, values['show-origin'] ?? false, values.json ?? false)
      case 'apache-conf':
        return apacheConf(script, values.address ?? '/upload', values.program ?? '')
    }
  }
  const meant = nearest(command ?? '', commands)
  const hint = meant === '' ? '' : ` Did you mean ${meant}?`
  return failed(
    64,
    `there is no command \`${positionals.join(' ')}\`.${hint} Try: upload.cgi --help`,
  )
}

const options = {
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
  user: { type: 'string' },
  url: { type: 'string' },
  name: { type: 'string' },
  pause: { type: 'string' },
  script: { type: 'boolean' },
  'show-origin': { type: 'boolean' },
  address: { type: 'string' },
  program: { type: 'string' },
} as const

const commands = 'check clean serve form init config apache-conf man help'.split(' ')

type CheckValues = {
  url?: string | undefined
  name?: string | undefined
  pause?: string | undefined
  json?: boolean | undefined
}

async function checkAddress(values: CheckValues): Promise<number> {
  const { url = '', name = 'check.txt', pause = '30', json = false } = values
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    return failed(64, '--url is an address: https://www.example.org/cgi-bin/upload.cgi')
  }
  const pauseSeconds = Number(pause)
  if (!(pauseSeconds >= 0 && pauseSeconds <= 600)) {
    return failed(64, '--pause is a number of seconds up to 600')
  }
  const { checkUrl } = await import('./check-url/check-url.ts')
  const tell = json ? () => undefined : (finding: Finding) => print(findingText(finding))
  const findings = await checkUrl({ url: new URL(url), name, pauseSeconds, tell })
  const isFine = findings.every(({ level }) => level !== 'error')
  if (json) print(`${JSON.stringify({ ok: isFine, findings })}\n`)
  return isFine ? 0 : 69
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
    return failed(64, '--port is a number from 0 to 65535')
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

function failed(status: number, message: string): number {
  process.stderr.write(`upload.cgi: ${message}\n`)
  return status
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}
