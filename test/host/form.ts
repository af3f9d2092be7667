// Posts files as a form to the built executable, and tells what is in a directory afterwards. A
// reply of 201 must mean that everything it names is there; every other reply, that nothing came
// and that nothing was left in `incoming/`.

import assert from 'node:assert/strict'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FaultCode, faultTable } from '../../src/fault-table.ts'
import { type CgiOptions, type CgiReply, runCgi } from './cgi.ts'
import { type BodyPart, contentType, multipartBody } from './multipart-body.ts'

export type Env = Readonly<Record<string, string | undefined>>

export function file(
  filename: string,
  content: string | Buffer = `content of ${filename}`,
): BodyPart {
  return { name: 'file', filename, content: Buffer.from(content) }
}

export async function post(
  directory: string,
  parts: readonly BodyPart[],
  env: Env = {},
  more: Partial<CgiOptions> = {},
): Promise<CgiReply> {
  return runCgi({
    directory,
    contentType: contentType(),
    body: multipartBody(parts),
    timeoutSeconds: 120,
    env: { HTTP_ACCEPT: 'application/json', ...env },
    ...more,
  })
}

/** The names under which a reply says the files are stored. */
export function storedNames(reply: CgiReply): string[] {
  assert.equal(reply.status, 201, reply.text + reply.stderr)
  return reply.json().files.map(({ stored }: { stored: string }) => stored)
}

export function assertFault(reply: CgiReply, code: FaultCode): void {
  const [status, , , passing] = faultTable()[code]
  const problem = reply.json()
  assert.equal(problem.code, code, reply.stderr)
  assert.equal(reply.status, status)
  assert.equal(problem.passing, passing === undefined ? undefined : true)
}

/** What a visitor can see, with its content; and nothing may be left in `incoming/`. */
export function contents(directory: string): Record<string, string> {
  const isVisible = (name: string) => lstatSync(join(directory, name)).isFile()
  return Object.fromEntries(
    finished(directory)
      .filter(isVisible)
      .map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
  )
}

/** The names that a visitor can see, in order; and nothing may be left in `incoming/`. */
export function finished(directory: string): string[] {
  assert.deepEqual(incoming(directory), [])
  return visible(directory)
}

/** The names that a visitor of the directory can see, in order. */
export function visible(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name !== '.upload-cgi')
    .sort()
}

/** The names in `incoming/`, in order; none when it is not there. */
export function incoming(directory: string): string[] {
  const path = join(directory, '.upload-cgi', 'incoming')
  return existsSync(path) ? readdirSync(path).sort() : []
}
