// `upload.cgi serve`: the trial server with the settings of this machine. Where no directory is
// set, files go to ./uploads. Wrong settings do not stop it: they are listed, and the page says so
// too.

import { accessSync, constants, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadSettings } from '../settings/load.ts'
import { problemText, type Settings } from '../settings/settings.ts'
import { directoryProblem } from '../storage/problem.ts'
import { openBrowser } from './open.ts'
import { failed } from './terminal.ts'
import { startServer } from './trial-server/trial-server.ts'

/** Why nothing can be stored there, so that nobody has to try it first. */
function unusable(settings: Settings): string[] {
  if (settings.directory === '') return []
  try {
    accessSync(settings.directory, constants.W_OK | constants.X_OK)
    return []
  } catch (error) {
    const { message, remedy } = directoryProblem(settings, error)
    return [`${message}: ${remedy}`]
  }
}

type Values = {
  readonly port?: string | undefined
  readonly host?: readonly string[] | undefined
  readonly directory?: string | undefined
  readonly open?: boolean | undefined
}

/** Resolves when the server listens; the program then runs until it is stopped. */
export async function serve(values: Values, script: string): Promise<number> {
  // The first --host is where it listens, all of them are names under which it answers.
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
  const { problems } = loadSettings(env, process.execPath, script)
  notes.push(...problems.map(problemText), ...unusable({ ...settings, directory }))
  const program = script === '' ? process.execPath : script
  const names = values.host ?? []
  const [host = '127.0.0.1'] = names
  const { url } = await startServer({ port, host, names, program, env, directory, notes })
  if (values.open) openBrowser(url)
  return 0
}
