// Where a GET comes in. A request for the form alone, as most are, is answered here with nothing
// loaded that stores: this file and main.ts become a bundle each, and reading what only uploads
// need would take longer than the answer. Every other way in is main.ts.

import { isForm, routeForm } from './app/form-route.ts'
import { runCgi } from './driver/cgi.ts'
import { parseRequest } from './http/request.ts'
import { loadSettings } from './settings/load.ts'
import { runningScript } from './settings/script.ts'

const { env, execPath, argv } = process

if (!answers()) import('./main.ts')

/** False when more is asked for, or when the settings make the form need more. */
function answers(): boolean {
  const isRequest = env['GATEWAY_INTERFACE'] !== undefined || env['SERVER_PROTOCOL'] !== undefined
  const request = parseRequest(env)
  if (!isRequest || !isForm(request)) return false
  const settings = loadSettings(env, execPath, runningScript(argv))
  // `debug` needs what `check` finds, and whoever knows the passphrase needs the storage.
  const isGiven = request.cookies !== '' || request.passphrase !== undefined
  if (settings.debug || (settings.passphrase !== '' && isGiven)) return false
  runCgi(request, settings, (call) => routeForm(call, noStorage))
  return true
}

function noStorage(): never {
  throw new Error('only a passphrase that is given needs the storage')
}
