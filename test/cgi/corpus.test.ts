// Every case of test/fixtures once through the built executable, its body through a socket as under
// mod_cgid, every fifth also from a regular file as under lighttpd: the same outcomes as in
// corpus-in-core.test.ts, now with start-up, driver, real environment and durable files. Four cases
// run at a time, each with a directory of its own.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, describe, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { assertExpected, outcomeOf, readCorpus } from '../host/corpus.ts'
import { freshDirectory, inMemory } from '../host/program.ts'

const fixtures = resolve(import.meta.dirname, '../fixtures')
const home = freshDirectory({ after }, inMemory(256e6))

describe('through the executable', { concurrency: 4 }, () => {
  readCorpus().forEach((wanted, i) => {
    const sentence = wanted.name.replaceAll('-', ' ')
    const { body } = wanted

    async function check(kind: string, input: { body: Buffer } | { stdinFile: string }) {
      const directory = join(home, `${i}-${kind}`)
      mkdirSync(directory)
      const env = { ...wanted.environment, UPLOAD_CGI_DIRECTORY: directory }
      const reply = await runCgi({ env, ...input })
      // The owner is told of pages of other sites, since a proxy can make the own one look so.
      const isTold = wanted.code === 'FOREIGN_ORIGIN'
      assert.equal(reply.stderr.includes('FOREIGN_ORIGIN'), isTold, reply.stderr)
      if (!isTold) assert.equal(reply.stderr, '')
      assert.equal(reply.exitCode, 0)
      const { REQUEST_METHOD: method } = wanted.environment
      if (method === 'HEAD') assert.equal(reply.text, '')
      assertExpected(wanted, outcomeOf(reply.status, reply.text, directory))
    }

    test(sentence, () => check('socket', { body }))
    if (i % 5 === 0 || wanted.topic === 'length' || wanted.topic === 'missing-end') {
      const stdinFile = join(fixtures, wanted.name, 'body')
      test(`${sentence}, from a file`, () => check('file', { stdinFile }))
    }
  })
})
