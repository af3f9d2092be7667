// The bench measures what it says: every program in it does the same job, and what fails is not
// measured.

import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { measure, quantile, ratio } from '../../bench/measure.ts'
import { preparePeers } from '../../bench/peers.ts'
import { verify } from '../../bench/verify.ts'
import { missing } from '../host/installed.ts'
import { freshDirectory } from '../host/program.ts'

function newHome(t: TestContext) {
  const home = freshDirectory(t)
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  chmodSync(directory, 0o755)
  return { home, directory }
}

const needsCompiler = { skip: missing('gcc') }

test('upload.cgi and each peer store the file that they are sent', needsCompiler, (t) => {
  const { home, directory } = newHome(t)
  const peers = preparePeers(home, directory)
  for (const name of peers.missing) t.diagnostic(`not installed: ${name}`)
  assert.ok(peers.programs.size > 1)
  const setting = { home, directory, peers, empty: '', isQuick: true }
  verify(setting)
  const [[name = '', path = ''] = []] = peers.programs
  writeFileSync(path, '#!/bin/sh\ncat > /dev/null\n')
  assert.throws(() => verify(setting), new RegExp(`${name} stores nothing`))
})

test(
  'programs run in turn, with the input through a pipe or as a file, and a failure is no figure',
  needsCompiler,
  (t) => {
    const { home, directory } = newHome(t)
    const [input, log] = [join(home, 'input'), join(home, 'log')]
    writeFileSync(input, 'x'.repeat(200_000))
    const sh = (name: string, script: string) => ({ name, words: ['sh', '-c', script] })
    const tell = (kind: string) => `test -${kind} /dev/stdin && wc -c >> ${log}`
    const run = { rounds: 3, input, directory, env: {} }
    for (const [through, kind] of [
      ['pipe', 'p'],
      ['file', 'f'],
    ] as const) {
      rmSync(log, { force: true })
      const commands = [sh('one', tell(kind)), sh('other', `${tell(kind)}; sleep 0.2`)]
      const samples = measure({ ...run, through, commands })
      assert.deepEqual(
        [...samples].map(([name, all]) => [name, all.length]),
        [
          ['one', 3],
          ['other', 3],
        ],
      )
      assert.equal(readFileSync(log, 'utf8').replaceAll(' ', ''), '200000\n'.repeat(6))
      assert.ok(ratio(samples.get('other'), samples.get('one')).low > 1)
      for (const { memory } of samples.get('one') ?? []) {
        assert.ok(memory > 500_000 && memory < 50_000_000, `${memory} bytes for a shell`)
      }
    }
    const commands = [sh('one', 'true'), sh('broken', 'exit 3')]
    assert.throws(() => measure({ ...run, through: 'pipe', commands }), /broken ended with 3/)
  },
)

test('medians and quartiles', () => {
  assert.deepEqual(
    [0, 0.25, 0.5, 1].map((part) => quantile([4, 1, 3, 2, 5], part)),
    [1, 2, 3, 5],
  )
  assert.equal(quantile([1, 2], 0.5), 1.5)
})
