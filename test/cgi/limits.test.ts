// docs/limits.md is true: with what it calls enough every kind of request works, with what it calls
// too little each ends at once with a reply, a line for the error log or a signal, and nothing
// below hangs. The least amounts are measured and told as diagnostics, so that the table can be
// kept near them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import {
  type Circumstances,
  documented,
  isClean,
  isFine,
  type Kind,
  kinds,
  request,
} from '../host/limits.ts'
import { contentType } from '../host/multipart-body.ts'
import { freshDirectory, patchedOnly, program } from '../host/program.ts'
import { needsRoot } from '../host/user.ts'

const table = documented()
const noRoot = needsRoot('needs root, to be a user without other processes')
/** Decision 011: without its second thread it waits for ever. */
const mayHang = patchedOnly('hangs where a limit leaves no room for its second thread')
let nextUid = 41_000 + 20 * (process.pid % 500)

function prepare(t: TestContext): Circumstances {
  const home = freshDirectory(t)
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  chmodSync(home, 0o755)
  chmodSync(directory, 0o777)
  return { directory }
}

/** Another one each time: what a killed program left running counts for its user. */
function otherUser(): number {
  nextUid += 1
  return nextUid
}

const measured = [
  { name: 'address', limit: 'as', step: 1e6, unit: 'MB' },
  { name: 'data', limit: 'data', step: 1e6, unit: 'MB' },
  { name: 'stack', limit: 'stack', step: 4096, unit: 'KB' },
  { name: 'open', limit: 'nofile', step: 1, unit: '' },
  { name: 'processes', limit: 'nproc', step: 1, unit: '' },
] as const

for (const { name, limit, step, unit } of measured) {
  const isProcesses = limit === 'nproc'
  const { enough, tooLittle } = table.get(name) ?? { enough: 0, tooLittle: 0 }
  const under = (kind: Kind, place: Circumstances, value: number) => {
    const user = isProcesses ? { uid: otherUser() } : {}
    rmSync(join(place.directory, '.upload-cgi'), { recursive: true, force: true })
    return request(kind, { ...place, ...user, limits: { [limit]: value } })
  }

  test(`${name}: enough is enough`, { skip: isProcesses && noRoot }, async (t) => {
    const place = prepare(t)
    assert.ok(enough > 0, `docs/limits.md has no row ${name}`)
    for (const kind of kinds) {
      const well = await under(kind, place, enough)
      assert.ok(isFine(kind, well), `${kind}: ${well.status} ${well.text} ${well.stderr}`)
    }
  })

  test(`${name}: too little ends it at once with words`, {
    skip: isProcesses && (noRoot || mayHang),
  }, async (t) => {
    const place = prepare(t)
    assert.ok(tooLittle > 0 && enough > tooLittle, `docs/limits.md has no row ${name}`)
    for (const kind of kinds) {
      const short = await under(kind, place, tooLittle)
      assert.ok(!isFine(kind, short) && isClean(short), `${kind}: ${short.status} ${short.stderr}`)
      let [low, high] = [tooLittle, enough]
      while (high - low > step) {
        const middle = Math.floor((low + high) / 2)
        if (isFine(kind, await under(kind, place, middle))) high = middle
        else low = middle
      }
      const divisor = { MB: 1e6, KB: 1e3, '': 1 }[unit]
      t.diagnostic(`least ${name} for the ${kind}: ${Math.ceil(high / divisor)} ${unit}`)
    }
  })
}

type Limited = readonly (readonly [limit: string, values: readonly number[]])[]

async function neverWorksNorHangs(t: TestContext, below: Limited): Promise<void> {
  const place = prepare(t)
  for (const [limit, values] of below) {
    for (const value of values) {
      const user = limit === 'nproc' ? { uid: otherUser() } : {}
      const reply = await request('upload', { ...place, ...user, limits: { [limit]: value } })
      const told = `${limit} ${value}: ${reply.status} ${reply.stderr} ${reply.signal}`
      assert.ok(reply.status !== 201 && isClean(reply), told)
    }
  }
}

test('below that it never hangs: it ends with words or by a signal', {
  skip: noRoot,
}, async (t) => {
  await neverWorksNorHangs(t, [
    ['as', [20e6, 60e6, 100e6, ...steps(150e6, 200e6, 25e6), 300e6, 400e6, 500e6]],
    ['data', [...steps(1e6, 9e6, 1e6), ...steps(22e6, 26e6, 1e6)]],
    ['stack', steps(4096, 61_440, 8192)],
    ['nofile', steps(3, 19, 1)],
    ['nproc', [1]],
  ])
})

test('it does not hang either where only its second thread lacks room', {
  skip: noRoot || mayHang,
}, async (t) => {
  // An unchanged Node hangs in 115 to 140 MB, in 11 to 20 MB, and with 2 processes.
  await neverWorksNorHangs(t, [
    ['as', steps(110e6, 150e6, 2e6)],
    ['data', steps(10e6, 21e6, 1e6)],
    ['nproc', [2]],
  ])
})

function steps(from: number, to: number, step: number): number[] {
  return Array.from(
    { length: Math.floor((to - from) / step) + 1 },
    (_, index) => from + index * step,
  )
}

test('three processes are enough on a machine with 64 processors', {
  skip: noRoot || missing('gcc'),
}, async (t) => {
  const place = prepare(t)
  const library = join(place.directory, '..', 'processors.so')
  const source = `#define _GNU_SOURCE
#include <sched.h>
#include <string.h>
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  memset(set, 0, size);
  for (int i = 0; i < 64; i++) CPU_SET_S(i, size, set);
  return 0;
}`
  writeFileSync(`${library}.c`, source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, `${library}.c`])
  const uid = otherUser()
  for (const limits of [{ nproc: 3 }, { as: table.get('address')?.enough ?? 0 }]) {
    const reply = await request('upload', {
      ...place,
      limits,
      uid,
      env: { LD_PRELOAD: library },
    })
    assert.equal(reply.status, 201, reply.stderr)
  }
})

test('the memory that it really uses stays below what the table says', async (t) => {
  const place = prepare(t)
  for (const kind of kinds) {
    const reply = await request(kind, { ...place, bytes: 8_000_000 })
    assert.ok(isFine(kind, reply), reply.stderr)
    assert.ok(
      reply.peakResidentBytes < (table.get('memory')?.enough ?? 0),
      String(reply.peakResidentBytes),
    )
    t.diagnostic(`memory for the ${kind}: ${Math.ceil(reply.peakResidentBytes / 1e6)} MB`)
  }
})

test('a file of the size that a file may have is stored, and a larger one refused', async (t) => {
  const place = { ...prepare(t), limits: { fsize: 100_000 } }
  for (const kind of ['upload', 'upload with checksum', 'piece'] as const) {
    assert.ok(isFine(kind, await request(kind, { ...place, bytes: 100_000 })))
    const reply = await request(kind, { ...place, bytes: 100_001 })
    assert.equal(reply.status, 507, reply.stderr)
    assert.match(reply.stderr, /DISK_FULL/)
  }
  const names = readdirSync(place.directory).sort()
  assert.deepEqual(names, ['.upload-cgi', 'whole-2.bin', 'whole.bin'])
})

test('a limit of processor time ends an upload, of which nothing is stored', async (t) => {
  const place = { ...prepare(t), limits: { cpu: 1 } }
  assert.ok(isFine('upload', await request('upload', { ...place, bytes: 8_000_000 })))
  // Lines that only begin like a delimiter are the hardest to read.
  const line = Buffer.from('\r\n--XboundaryX-'.repeat(20_000))
  const head = 'Content-Disposition: form-data; name="file"; filename="endless.bin"'
  function* endless() {
    yield Buffer.from(`--XboundaryX\r\n${head}\r\n\r\n`)
    for (;;) yield line
  }
  const reply = await runCgi({
    program: '/usr/bin/prlimit',
    args: ['--cpu=1:1', program],
    directory: place.directory,
    contentType: contentType(),
    body: endless(),
    env: {
      HTTP_TRANSFER_ENCODING: 'chunked',
      UPLOAD_CGI_MAX_FILE_SIZE: '0',
      UPLOAD_CGI_MAX_REQUEST_SIZE: '0',
      UPLOAD_CGI_DURABLE: 'false',
    },
  })
  assert.match(String(reply.signal), /^SIG(XCPU|KILL)$/, reply.stderr)
  assert.deepEqual(readdirSync(place.directory).sort(), ['.upload-cgi', 'whole.bin'])
})
