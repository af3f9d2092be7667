// What an owner who looks for a fault is shown: the chain of causes with stacks whose positions are those of the
// source, the findings of `check` as the web server's user, and the environment of the request with secrets
// hidden. Called by app.ts, with `debug = true` for the page, and for the error log when something is a bug.

import { readFileSync } from 'node:fs'
import { inspect } from '../check/inspect.ts'
import { findingText } from '../finding.ts'
import type { Env } from '../http/request.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'

/** `error`: undefined when all is well and the owner only looks. */
export function debugText(error: unknown, env: Env, settings: LoadedSettings): string {
  const causes = error === undefined ? [] : [...causesOf(error), '']
  return [...causes, ...inspect(settings, env, process.execPath).map(findingText), ...masked(env)]
    .join('\n')
    .replace(/\n{2,}(?=ok |warning|ERROR)/g, '\n')
}

/** With the positions of the source, where the source map lies beside the executable; as it is elsewhere. */
export function stackOf(error: Error): string {
  const stack = error.stack ?? error.message
  if (!framePattern.test(stack)) return stack
  const text = attempt(() => readFileSync(`${process.execPath}.map`, 'utf8'))
  if (text === undefined) return stack
  const { SourceMap } = process.getBuiltinModule('node:module')
  const map = attempt(() => new SourceMap(JSON.parse(text)))
  return stack.replaceAll(new RegExp(framePattern, 'g'), (frame, line, column) => {
    const entry = map?.findEntry(Number(line) - 1, Number(column) - 1)
    if (entry === undefined || !('originalSource' in entry)) return frame
    const source = String(entry.originalSource).replace(/^(\.\.\/)+/, '')
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`
  })
}

function causesOf(error: unknown): string[] {
  const causes: string[] = []
  for (let cause = error; cause !== undefined && causes.length < 10; ) {
    causes.push(cause instanceof Error ? stackOf(cause) : String(cause))
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return causes
}

/** The page may be seen by anyone who finds the address. */
function masked(env: Env): string[] {
  return Object.keys(env)
    .sort()
    .map((name) => `${name}=${secret.test(name) ? '(hidden)' : withoutSecrets(env[name] ?? '')}`)
}

/** The id of an unfinished upload is what lets one go on with it; a login is in some addresses. */
function withoutSecrets(value: string): string {
  return value
    .replace(
      /\b([\w-]*(?:upload|auth|passw|secret|token|key|session|sid)[\w-]*=)[^&;\s]+/gi,
      '$1(hidden)',
    )
    .replace(/(\/tus\/)[0-9a-f]{32}/gi, '$1(hidden)')
    .replace(/(:\/\/[^/@\s]*:)[^/@\s]+@/g, '$1(hidden)@')
}

/** The bundle's file and a position in it. */
const framePattern = /[^\s()]*upload\.cjs:(\d+):(\d+)/
const secret = /auth|cookie|passw|secret|token|key|session|credential/i
