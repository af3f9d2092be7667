// Every call that the program makes to the upload directory fails once, in every way that it can,
// and the program is killed before every one (the way curl tests itself). scenarios.ts has the
// invariant, shim.c the failures. The number of points is counted by a run without a failure.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { program } from '../host/program.ts'
import {
  callsIn,
  callsOf,
  changing,
  fatesOf,
  home,
  inParallel,
  reading,
  shim,
  skip,
} from './rack.ts'
import {
  assertSwept,
  check,
  type Fate,
  leftovers,
  type Scenario,
  scenarios,
  suffer,
} from './scenarios.ts'

let runs = 0

/** `problem`: how the invariant was broken; '' when it held. */
async function run(scenario: Scenario, fate: Fate, log = '') {
  const directory = join(home, `run-${++runs}`)
  const reply = await suffer(program, shim, directory, scenario, fate, log)
  let problem = ''
  try {
    check(directory, scenario, fate, reply)
  } catch (error) {
    problem = `${fate.how} at ${fate.at} with ${fate.errno}: ${error}; ${reply.text}${reply.stderr}`
  }
  return { directory, reply, problem }
}

/** The calls of a run in which all goes well, in their order. */
async function pointsOf(scenario: Scenario): Promise<string[]> {
  const log = join(home, `log-${++runs}`)
  const { reply, directory, problem } = await run(scenario, { how: 'none', at: 0, errno: 0 }, log)
  assert.equal(problem, '')
  assert.equal(reply.status, scenario.status, reply.text)
  assert.deepEqual(leftovers(directory), [])
  return callsOf(readFileSync(log, 'utf8'))
}

/** `npm run test:long` has them all; each takes more than a minute. */
const tried = process.env['UPLOAD_CGI_LONG'] ? scenarios : scenarios.slice(0, 1)

for (const scenario of tried) {
  test(`${scenario.name}: each call fails in each way, or is the last`, { skip }, async (t) => {
    const fates = fatesOf(await pointsOf(scenario), 'TORTURE_NO_LINKS' in scenario.env)
    const unclean: string[] = []
    const statuses = new Map<string, number>()
    const broken: string[] = []
    await inParallel(fates, async (fate) => {
      const { directory, reply, problem } = await run(scenario, fate)
      if (problem !== '') broken.push(problem)
      const outcome = `${fate.how} ${reply.status}`
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
      if (leftovers(directory).length > 0) unclean.push(directory)
      else rmSync(directory, { recursive: true })
    })
    assert.deepEqual(broken.slice(0, 5), [], `${broken.length} of ${fates.length} runs`)
    await inParallel(unclean, async (directory) => {
      const reply = await runCgi({
        directory,
        body: multipartBody([{ name: 'file', filename: 'sweep.txt', content: '' }]),
        contentType: contentType(),
        env: { LD_PRELOAD: shim, TORTURE_DIRECTORY: directory, TORTURE_AGE: '90000' },
      })
      assert.equal(reply.status, 201, `${directory}: ${reply.text}${reply.stderr}`)
      assertSwept(directory, scenario)
      rmSync(directory, { recursive: true })
    })
    const counts = [...statuses].sort().map(([outcome, count]) => `${outcome}: ${count}`)
    t.diagnostic(`${fates.length} runs (${counts.join(', ')}), ${unclean.length} swept afterwards`)
  })
}

test('the shim sees every call that changes the directory', {
  skip: missing('gcc', 'strace'),
}, async () => {
  for (const scenario of scenarios) {
    const traced = join(home, `traced-${++runs}`)
    const trace = `${traced}.trace`
    writeFileSync(traced, `#!/bin/sh\nexec strace -f -y -o ${trace} ${program}\n`, { mode: 0o755 })
    const log = join(home, `log-${runs}`)
    const directory = join(home, `run-${runs}`)
    const fate: Fate = { how: 'none', at: 0, errno: 0 }
    await suffer(traced, shim, directory, scenario, fate, log)
    const seen = readFileSync(log, 'utf8').match(/(?<=^\d+ )[a-z_]+/gm) ?? []
    const made = callsIn(readFileSync(trace, 'utf8'), directory)
    // A shim that lets no link through makes none.
    const counted =
      'TORTURE_NO_LINKS' in scenario.env ? seen.filter((call) => call !== 'link') : seen
    assert.deepEqual(
      counted.filter((call) => changing.has(call)),
      made.filter((call) => changing.has(call)),
    )
    const other = made.filter((call) => !changing.has(call) && !reading.has(call))
    assert.deepEqual(other, [], 'calls that nobody has thought of')
  }
})
