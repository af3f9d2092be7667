// Every case of test/fixtures once through FastCGI, its body in records of a size that changes from
// case to case: the same outcomes as through CGI. One process answers all cases with the same
// settings.

import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { assertExpected, type CorpusCase, outcomeOf, readCorpus } from '../host/corpus.ts'
import { request, startFastCgi } from '../host/fastcgi.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const cases = readCorpus()
const bySettings = Map.groupBy(cases, ({ environment }) => JSON.stringify(settingsOf(environment)))

describe('through FastCGI', () => {
  for (const [settings, ofThem] of bySettings) {
    describe(settings === '{}' ? 'with default settings' : settings, () => {
      const directory = freshDirectory({ after }, inMemory(256e6))
      let socket = ''
      const removals: (() => void)[] = []
      // What a test itself asks for with after() is done when that test ends.
      const owner = { after: (remove: () => void) => removals.push(remove) }
      before(async () => {
        const env = { ...JSON.parse(settings), UPLOAD_CGI_DIRECTORY: directory }
        socket = (await startFastCgi(owner, env)).socket
      })
      after(() => {
        for (const remove of removals.reverse()) remove()
      })
      ofThem.forEach((wanted, i) => {
        test(wanted.name.replaceAll('-', ' '), async () => {
          await check(wanted, socket, directory, [65_535, 1, 7, 1000][i % 4] ?? 1)
        })
      })
    })
  }
})

async function check(wanted: CorpusCase, socket: string, directory: string, recordBytes: number) {
  for (const name of readdirSync(directory)) {
    if (name !== '.upload-cgi') rmSync(join(directory, name), { recursive: true })
  }
  const params = paramsOf(wanted.environment)
  const reply = await request(socket, { params, body: wanted.body, recordBytes })
  assert.equal(reply.protocolStatus, 0)
  const isTold = wanted.code === 'FOREIGN_ORIGIN'
  assert.equal(reply.stderr.includes('FOREIGN_ORIGIN'), isTold, reply.stderr)
  if (!isTold) assert.equal(reply.stderr, '')
  assertExpected(wanted, outcomeOf(reply.status, reply.text, directory))
}

function settingsOf(environment: CorpusCase['environment']) {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isSetting(name)))
}

function paramsOf(environment: CorpusCase['environment']) {
  const all = { GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', ...environment }
  return Object.fromEntries(Object.entries(all).filter(([name]) => !isSetting(name)))
}

function isSetting(name: string): boolean {
  return name.startsWith('UPLOAD_CGI_')
}
