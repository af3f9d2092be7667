// One request through the core in this process, without an executable and without a driver.

import { open } from '../../src/app/app.ts'
import type { Exchange } from '../../src/app/exchange.ts'
import { route } from '../../src/app/route.ts'
import { type Env, parseRequest } from '../../src/http/request.ts'
import type { LoadedSettings } from '../../src/settings/settings.ts'
import { parseReply } from './cgi.ts'

/** `complaints`: gets what would be in the web server's error log. */
export function openExchange(
  env: Env,
  settings: LoadedSettings,
  complaints: string[] = [],
): Exchange {
  const say = (line: Uint8Array) => void complaints.push(Buffer.from(line).toString())
  const deliver = () => undefined
  const stackOf = (error: Error) => error.stack ?? error.message
  const file = '/nonexistent/upload.cgi'
  return open(
    parseRequest(env),
    settings,
    { file, say, stackOf, deliver, inspect: undefined },
    route,
  )
}

/** Ends the body, and parses the reply. */
export function endOf(exchange: Exchange): ReturnType<typeof parseReply> {
  return parseReply(Buffer.concat(exchange.end()))
}
