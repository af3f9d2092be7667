// No environment variable that Node itself obeys changes what the program does: it writes no file,
// prints nothing, and answers as without it.

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { obeyedVariables } from '../../build/node/variables.ts'
import { runCgi } from '../host/cgi.ts'
import { freshDirectory, patchedOnly } from '../host/program.ts'

const telling: Readonly<Record<string, string>> = {
  NODE_CHANNEL_FD: '1',
  NODE_DEBUG: 'fs,module,net,child_process',
  NODE_DEBUG_NATIVE: 'mksnapshot,compile_cache,sea',
  NODE_OPTIONS: '--require=./evil.cjs',
  NODE_TEST_CONTEXT: 'child-v8',
  UV_THREADPOOL_SIZE: '1000',
}

for (const name of obeyedVariables) {
  test(`${name} has no effect`, {
    skip: patchedOnly('obeys variables of its own'),
  }, async (t) => {
    const home = freshDirectory(t)
    const directory = join(home, 'uploads')
    mkdirSync(directory)
    writeFileSync(join(home, 'evil.cjs'), 'process.stdout.write("evil")')
    const env = { HTTP_ACCEPT: 'text/html' }
    const usual = await runCgi({ directory, env })
    const value = telling[name] ?? join(home, 'evil.cjs')
    const reply = await runCgi({ directory, env: { ...env, [name]: value } })
    assert.equal(reply.text, usual.text)
    assert.equal(reply.status, 200)
    assert.deepEqual([reply.stderr, reply.exitCode], ['', 0])
    assert.deepEqual(readdirSync(home).sort(), ['evil.cjs', 'uploads'])
  })
}

for (const name of ['NODE_V8_COVERAGE', 'NODE_COMPILE_CACHE', 'NODE_REDIRECT_WARNINGS']) {
  test(`${name} makes no file`, { skip: patchedOnly('obeys variables of its own') }, async (t) => {
    const home = freshDirectory(t)
    const reply = await runCgi({ directory: home, env: { [name]: join(home, 'made') } })
    assert.equal(reply.status, 200)
    assert.deepEqual(readdirSync(home), [])
  })
}
