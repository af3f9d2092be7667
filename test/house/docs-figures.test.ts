// What the documentation says of the repository is true: the files and headings that it names and
// links to exist, sizes and limits are right, and the torture has as many runs as docs/security.md
// and decision 006 say. The runs are counted as torture.test.ts counts them, from one run of each
// scenario in which nothing fails.

import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { missing } from '../host/installed.ts'
import { patchedOnly, program } from '../host/program.ts'
import { callsOf, fatesOf, home, shim, skip } from '../torture/rack.ts'
import { type Fate, scenarios, suffer } from '../torture/scenarios.ts'

const root = resolve(import.meta.dirname, '../..')
const pages = globSync(['README.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/decisions/*.md'], {
  cwd: root,
})
const security = read('docs/security.md')
const decision = read('docs/decisions/006-failures-are-looked-at-before-they-are-believed.md')

test('no line of prose is longer than 100 columns', () => {
  const prose = [...pages, 'CHANGELOG.md'].flatMap((page) =>
    readFileSync(join(root, page), 'utf8')
      .replaceAll(/^```.*?^```$/gms, '')
      .split('\n')
      .filter((line) => !/^(?:\|| {4})/.test(line))
      .map((line) => `${page}: ${line}`),
  )
  assert.ok(prose.length >= 1000, `${prose.length} lines`)
  assert.deepEqual(
    prose.filter((line) => line.length - line.indexOf(': ') - 2 > 100),
    [],
  )
})

test('every file of the repository that the documentation names exists', () => {
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/`((?:src|test|bench|build)\/[\w.*/-]+\.(?:ts|cjs|c))`/g)].map(
      ([, path = '']) => ({ page, path }),
    ),
  )
  assert.ok(named.length >= 10, `${named.length} names found`)
  const missing = named.filter(({ path }) => globSync(path, { cwd: root }).length === 0)
  assert.deepEqual(missing, [])
})

test('every link from the documentation to a file of the repository finds it', () => {
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, to = '']) => ({ page, to })),
  )
  assert.ok(links.length >= 20, `${links.length} links found`)
  const dead = links.filter(({ page, to }) => !existsSync(join(root, dirname(page), to)))
  assert.deepEqual(dead, [])
})

test('docs/README.md lists every page of docs', () => {
  const listed = [...read('docs/README.md').matchAll(/\| \[[\w.-]+\]\(([\w.-]+)\) \|/g)]
  const there = globSync('docs/*.md', { cwd: root }).map((page) => basename(page))
  assert.deepEqual(
    listed.map(([, page]) => page).sort(),
    ['decisions', ...there.filter((page) => page !== 'README.md')].sort(),
  )
})

test('every link to a heading finds it', () => {
  const links = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)].map(
      ([, to = '', heading = '']) => ({
        page: to === '' ? page : join(dirname(page), to),
        heading,
      }),
    ),
  )
  assert.ok(links.length >= 10, `${links.length} links found`)
  const dead = links.filter(({ page, heading }) => !headingsOf(page).includes(heading))
  assert.deepEqual(dead, [])
})

test('the program is about as large as the README says', {
  skip: patchedOnly('is larger') || missing('strip'),
}, () => {
  const [megabytes = 0] = figures(read('README.md'), /one file of (\d+) MB/)
  const size = statSync(program).size / 1e6
  assert.ok(Math.abs(size - megabytes) < 3, `${size.toFixed(1)} MB`)
})

test('the README takes what the program needs from docs/limits.md', () => {
  const table = read('docs/limits.md')
  const needs = /650 MB of address space \(100 MB of memory\) and three process slots/
  assert.match(read('README.md'), needs)
  assert.match(table, /\| address space [^|]*\| 650 MB \|/)
  assert.match(table, /\| memory really used [^|]*\| 100 MB \|/)
  assert.match(table, /\| processes [^|]*\| 3 \|/)
})

test('doctor.cgi knows as many causes as docs/install.md says', () => {
  const causes = [...read('doctor.cgi').matchAll(/ cause (\d+) [A-Z_]+ /g)].map(([, n]) =>
    Number(n),
  )
  assert.deepEqual(
    causes,
    [...Array(18).keys()].map((i) => i + 1),
  )
  assert.match(read('docs/install.md'), /which of eighteen causes/)
})

test('the torture has as many runs as the documentation says', { skip }, async () => {
  const fates: Fate[] = []
  for (const [i, scenario] of scenarios.entries()) {
    const log = join(home, `log-${i}`)
    const none: Fate = { how: 'none', at: 0, errno: 0 }
    const reply = await suffer(program, shim, join(home, `run-${i}`), scenario, none, log)
    assert.equal(reply.status, scenario.status, reply.text)
    const calls = callsOf(readFileSync(log, 'utf8'))
    fates.push(...fatesOf(calls, 'TORTURE_NO_LINKS' in scenario.env))
  }
  const kills = fates.filter(({ how }) => how === 'kill').length
  assert.deepEqual(figures(security, /(\d+) runs of the executable, (\d+) of them kills/), [
    fates.length,
    kills,
  ])
  assert.deepEqual(figures(decision, /(\d+) runs\./), [fates.length])
})

function figures(text: string, pattern: RegExp): number[] {
  const found = pattern.exec(text)
  assert.ok(found, `no words like ${pattern}`)
  return found.slice(1).map(Number)
}

/** As GitHub and others make links of headings: small letters, without punctuation. */
function headingsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8').replaceAll(/\s+/g, ' ')
}
