// What the tests of storing share: posts to the built executable, and what lies in a directory
// afterwards. A reply of 201 must mean that everything it names is there; every other reply, that
// nothing came and nothing was left in `.incoming`.

import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { faults } from '../../src/fault.ts'
import { type CgiOptions, type CgiReply, runCgi } from './cgi-host.ts'
import { type BodyPart, contentType, multipartBody } from './multipart-body.ts'

export const program = resolve(import.meta.dirname, '../../build/upload.cgi')

export type Env = Readonly<Record<string, string>>

export function freshDirectory(t: TestContext, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'upload-cgi-storage-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

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
    program,
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

export function assertFault(reply: CgiReply, code: keyof typeof faults): void {
  assert.equal(reply.json().code, code, reply.stderr)
  assert.equal(reply.status, faults[code][0])
}

/** What a visitor can see, with its content; and nothing may be left in `.incoming`. */
export function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory).sort()
  if (names.includes('.incoming')) assert.deepEqual(readdirSync(join(directory, '.incoming')), [])
  const isVisible = (name: string) => lstatSync(join(directory, name)).isFile()
  return Object.fromEntries(
    names.filter(isVisible).map((name) => [name, readFileSync(join(directory, name), 'latin1')]),
  )
}
