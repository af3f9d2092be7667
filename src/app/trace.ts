// What the owner is shown to find a fault: the chain of causes, with stacks whose positions are
// those of the source; the findings of `check` as the web server's user; and the environment of the
// request, with secrets hidden. With `debug = true` it is on the page; for a bug it is also in the
// error log.

import type { Fault } from '../fault.ts'
import { findingText } from '../finding.ts'
import type { Env } from '../http/request.ts'
import { type LoadedSettings, problemText } from '../settings/settings.ts'
import { directoryProblem } from '../storage/problem.ts'
import { errorCode } from '../system-error.ts'
import type { Program } from './exchange.ts'

/** '' without `debug`. `error`: undefined when nothing failed and the owner only looks. */
export function debugText(
  error: unknown,
  env: Env,
  settings: LoadedSettings,
  program: Program,
): string {
  if (!settings.debug) return ''
  const causes = error === undefined ? [] : [...causesOf(error, program), '']
  const findings = program.inspect?.(settings, env, program.file) ?? []
  return [...causes, ...findings.map(findingText), ...masked(env)]
    .join('\n')
    .replace(/\n{2,}(?=ok |warning|ERROR)/g, '\n')
}

/** The text for the error log: what is wrong and what to do. */
export function ownersText(fault: Fault, settings: LoadedSettings, program: Program): string {
  const [problem] = settings.problems
  if (fault.code === 'NOT_CONFIGURED' && problem !== undefined) {
    const more = settings.problems.length > 1 ? ` (and ${settings.problems.length - 1} more)` : ''
    return `NOT_CONFIGURED: ${problemText(problem)}${more}`
  }
  const { cause } = fault
  if (cause === undefined) return fault.message
  if (Object(cause).path === settings.directory) {
    const { message, remedy } = directoryProblem(settings, cause)
    return `${fault.code}: ${message} (${errorCode(cause)}): ${remedy}`
  }
  const isBug = fault.code === 'INTERNAL' && cause instanceof Error
  return `${fault.code}: ${isBug ? program.stackOf(cause) : String(cause)}`
}

function causesOf(error: unknown, program: Program): string[] {
  const causes: string[] = []
  for (let cause = error; cause !== undefined && causes.length < 10; ) {
    causes.push(cause instanceof Error ? program.stackOf(cause) : String(cause))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes
}

/** Hides secrets, since anyone who finds the address may see the page. */
function masked(env: Env): string[] {
  return Object.keys(env)
    .sort()
    .map((name) => `${name}=${secret.test(name) ? '(hidden)' : withoutSecrets(env[name] ?? '')}`)
}

/**
 * Whoever knows the id of an unfinished upload may resume it, and some addresses contain a login.
 * Headers are long and come from anyone, so each step reads the text once.
 */
function withoutSecrets(value: string): string {
  return withoutSecretPairs(value)
    .replace(/(\/tus\/)[0-9a-f]{32}/gi, '$1(hidden)')
    .replace(/:\/\/([^/@:\s]*):[^/@\s]*@/g, '://$1:(hidden)@')
}

/** In `name=value`, hides the value of a name that sounds secret. */
function withoutSecretPairs(text: string): string {
  const parts: string[] = []
  let at = 0
  // The name is taken whole, whether or not an equals sign follows.
  const names = /[\w-]+=?/g
  for (let match = names.exec(text); match !== null; match = names.exec(text)) {
    const [name] = match
    if (!name.endsWith('=') || !secretPair.test(name)) continue
    const valueAt = names.lastIndex
    pairEnd.lastIndex = valueAt
    const end = pairEnd.exec(text)?.index ?? text.length
    if (end > valueAt) parts.push(text.slice(at, valueAt), '(hidden)')
    else parts.push(text.slice(at, end))
    at = end
    names.lastIndex = end
  }
  return parts.join('') + text.slice(at)
}

const secret = /auth|cookie|pass|invite|secret|token|key|session|credential/i
const secretPair = /upload|invite|auth|pass|secret|token|key|session|sid/i
const pairEnd = /[&;\s]/g
