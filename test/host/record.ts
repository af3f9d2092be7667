// Requests of submissions through the core in this process, and what the notes have afterwards.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Batch, Receipt } from '../../src/outcome.ts'
import { loadSettings } from '../../src/settings/load.ts'
import { openStorage } from '../../src/storage/open.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { listBatches } from '../../src/submission/listing.ts'
import { endOf, openExchange } from './core.ts'
import { type BodyPart, contentType, multipartBody } from './multipart-body.ts'

type Env = Readonly<Record<string, string>>

export const id = (digit: string) => digit.repeat(32)

export const textField = (name: string, content: string): BodyPart => {
  return { name, content: Buffer.from(content) }
}

export const fileField = (filename: string, content = `content of ${filename}`): BodyPart => {
  return { name: 'file', filename, content: Buffer.from(content) }
}

/** Posts fields and files; `env` adds to the request and to the settings (UPLOAD_CGI_*). */
export function send(directory: string, parts: readonly BodyPart[], env: Env = {}) {
  const body = multipartBody(parts)
  const exchange = openExchange(
    {
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: contentType(),
      CONTENT_LENGTH: String(body.length),
      HTTP_ACCEPT: 'application/json',
      REMOTE_ADDR: '192.0.2.7',
      ...env,
    },
    settingsOf(directory, env),
  )
  exchange.write(body)
  const reply = endOf(exchange)
  exchange.afterReply()
  return { status: reply.status, json: JSON.parse(reply.text) }
}

/** Stores files in the submission `digit`. */
export function add(directory: string, digit: string, names: readonly string[], env: Env = {}) {
  const files = names.map((name) => fileField(name))
  return send(directory, [textField('_submission', id(digit)), ...files], env)
}

export function close(directory: string, digit: string, env: Env = {}) {
  const parts = [textField('_submission', id(digit)), textField('_close', '1')]
  return send(directory, parts, env)
}

export function ask(directory: string, digit: string, accept = 'application/json') {
  const settings = settingsOf(directory)
  const env = {
    REQUEST_METHOD: 'GET',
    QUERY_STRING: `submission=${id(digit)}`,
    HTTP_ACCEPT: accept,
  }
  const exchange = openExchange(env, settings)
  const reply = endOf(exchange)
  return { status: reply.status, text: reply.text }
}

export function receiptOf(directory: string, digit: string): Receipt {
  return JSON.parse(ask(directory, digit).text)
}

export function storageOf(directory: string, env: Env = {}): Storage {
  return openStorage(settingsOf(directory, env), directory)
}

export function settingsOf(directory: string, env: Env = {}) {
  const own = Object.entries(env).filter(([name]) => name.startsWith('UPLOAD_CGI_'))
  const set = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_MIN_FREE_SPACE: '0' }
  return loadSettings({ ...set, ...Object.fromEntries(own) }, '/nonexistent/upload.cgi', '')
}

/** The names of notes, without what hides them. */
export function notesOf(directory: string, kind: string): string[] {
  const path = join(directory, '.upload-cgi/notes', kind)
  return existsSync(path) ? readdirSync(path).map((name) => name.replace(/^\.ht/, '')) : []
}

/** All notes of a kind that is divided by days. */
export function notesOfDays(directory: string, kind: string): string[] {
  return notesOf(directory, kind).flatMap((day) => notesOf(directory, `${kind}/${day}`))
}

export function visible(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
}

/** All batches that are noted. */
export function batchesOf(directory: string): Batch[] {
  const settings = settingsOf(directory)
  const storage = openStorage(settings, directory)
  return listBatches(storage, settings, { since: 0, receipt: '' }, (key) => {
    throw new Error(`${key} cannot be read`)
  })
}
