// A deliverer that is killed before any of its calls to the upload directory: the next one tells
// everybody of everything, and who is told twice is told the same with the same id.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { file, post } from '../host/form.ts'
import { program } from '../host/program.ts'
import { home, shim, skip } from './rack.ts'

const directory = join(home, 'uploads')
const notes = join(directory, '.upload-cgi/notes')
const delivering = join(notes, 'delivering')
const settings = join(home, 'settings.toml')
const env = { UPLOAD_CGI_CONFIG: settings }
const runs = 25

/** As if another deliverer were at work: then a request starts none. */
function holdDeliverers(): void {
  mkdirSync(delivering, { recursive: true, mode: 0o700 })
  const quarter = Math.floor(Date.now() / 900_000)
  for (const one of [quarter, quarter + 1]) writeFileSync(join(delivering, `.ht${one}`), '')
}

/** A deliverer, killed before this call; 0 for none. Gives the calls that it made. */
function deliver(at: number): { status: number | null; signal: string | null; calls: number } {
  // A deliverer that died has its quarter of an hour: it is over.
  rmSync(delivering, { recursive: true, force: true })
  const log = join(home, 'log')
  rmSync(log, { force: true })
  const { status, signal, stderr } = spawnSync(program, ['deliver'], {
    env: {
      PATH: '/usr/bin:/bin',
      ...env,
      LD_PRELOAD: shim,
      TORTURE_DIRECTORY: directory,
      TORTURE_LOG: log,
      TORTURE_AT: String(at),
      TORTURE_HOW: 'kill',
    },
    encoding: 'utf8',
    timeout: 120_000,
  })
  assert.equal(stderr, '')
  return { status, signal, calls: readFileSync(log, 'utf8').split('\n').length - 1 }
}

function told(kind: string): string[] {
  return readdirSync(join(home, kind)).map((name) => readFileSync(join(home, kind, name), 'utf8'))
}

async function send(): Promise<string> {
  holdDeliverers()
  const reply = await post(directory, [file('a.txt')], env)
  assert.equal(reply.status, 201, reply.stderr)
  return reply.json().receipt
}

test('killed before any call, a deliverer loses nothing, and every repetition is the same', {
  skip,
}, async () => {
  mkdirSync(directory)
  for (const kind of ['mail', 'run']) {
    mkdirSync(join(home, kind))
    const text = `#!/bin/sh\nexec cat > ${home}/${kind}/$$.$(date +%s%N)\n`
    writeFileSync(join(home, `${kind}.sh`), text, { mode: 0o755 })
  }
  const lines = [
    `directory = "${directory}"`,
    `notify = ["owner@example.org", "${home}/run.sh"]`,
    `mail_command = ["${home}/mail.sh"]`,
    'durable = false',
  ]
  writeFileSync(settings, `${lines.join('\n')}\n`)
  await send()
  const { calls, status } = deliver(0)
  assert.equal(status, 0)
  assert.ok(calls > runs, `${calls}`)
  let deaths = 0
  for (let i = 0; i < runs; i++) {
    const at = 1 + Math.floor((i * (calls - 1)) / (runs - 1))
    const receipt = await send()
    // The first one made folders that the later ones find.
    const killed = deliver(at)
    assert.ok(killed.signal === 'SIGKILL' || killed.calls < at, `before call ${at}`)
    if (killed.signal === 'SIGKILL') deaths++
    // Mails of the hour do not count here.
    rmSync(join(notes, 'mailed'), { recursive: true, force: true })
    assert.equal(deliver(0).status, 0, `after call ${at}`)
    const mails = told('mail').filter((mail) => mail.includes(receipt))
    assert.ok(mails.length > 0 && mails.length <= 2, `${mails.length} mails, ${at}`)
    assert.equal(new Set(mails).size, 1, `${at}`)
    const heard = told('run').filter((run) => run.includes(receipt))
    assert.ok(heard.length > 0 && heard.length <= 2, `${heard.length} runs, ${at}`)
    assert.equal(new Set(heard).size, 1, `${at}`)
    assert.deepEqual(readdirSync(join(notes, 'storing')), [], `${at}`)
  }
  assert.ok(deaths > runs / 2, `${deaths}`)
})
