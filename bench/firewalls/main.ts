// npm run firewalls: 200 real files, then odd names and answers, through Apache with ModSecurity
// and the core rule set at paranoia 1 and 2: sent whole by curl, by the page in Chromium, and by
// upload.sh. Prints the tables of docs/servers.md. It needs root, Apache, Chromium, curl and
// Debian's packages (files.ts); it takes half an hour.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { TestContext } from 'node:test'
import { freshDirectory } from '../../test/host/program.ts'
import { type RealFile, realFiles } from './files.ts'
import { answers, names } from './names.ts'
import { type Result, type Sender, senders, sendTo } from './senders.ts'
import { type Site, startSite } from './site.ts'

const levels = [1, 2]
const undo: (() => unknown)[] = []
const t = { after: (action: () => unknown) => undo.push(action) } as unknown as TestContext
try {
  const home = freshDirectory(t)
  const files = realFiles(home)
  const all = await senders(t)
  const without = await sendAll(await startSite(t, 0), files, all)
  for (const level of levels) {
    const site = await startSite(t, level)
    const results = await sendAll(site, files, all)
    printFiles(level, files, results, without)
    await printOthers(site, home, level, all)
  }
} finally {
  for (const action of undo.reverse()) await action()
}

/** By sender, in the order of the files. */
type Results = ReadonlyMap<Sender, readonly Result[]>

async function sendAll(
  site: Site,
  files: readonly RealFile[],
  all: readonly Sender[],
): Promise<Results> {
  const results = new Map<Sender, Result[]>()
  for (const sender of all) {
    const list: Result[] = []
    for (const { path } of files) list.push(await sendTo(site, sender, path))
    console.error(`${sender.name} has sent all`)
    results.set(sender, list)
  }
  return results
}

function printFiles(
  level: number,
  files: readonly RealFile[],
  results: Results,
  without: Results,
): void {
  const names = [...results.keys()].map(({ name }) => name)
  console.log(`\n## Paranoia ${level}\n`)
  console.log(`| kind | files | stored: ${names.join(' | ')} | cuts cost | rules |`)
  console.log(`|---|---|${names.map(() => '---|').join('')}---|---|`)
  for (const kind of [...new Set(files.map((file) => file.kind)), 'all']) {
    const chosen = files.flatMap((file, i) => (kind === 'all' || file.kind === kind ? [i] : []))
    const of = (found: Results, sender: Sender) =>
      chosen.map((i) => found.get(sender)?.[i]).filter((result) => result !== undefined)
    const counts = [...results.keys()].map(
      (sender) => of(results, sender).filter(({ isStored }) => isStored).length,
    )
    const costs = [...results.keys()].slice(1).map((sender) => {
      const beyond = (what: 'requests' | 'seconds') =>
        sum(of(results, sender), what) - sum(of(without, sender), what)
      return `${beyond('requests')} requests, ${beyond('seconds').toFixed(1)} s`
    })
    const rules = new Set(
      [...results.keys()].flatMap((s) => of(results, s).flatMap((r) => r.rules)),
    )
    const cells = [kind, chosen.length, ...counts, costs.join('; '), [...rules].sort().join(' ')]
    console.log(`| ${cells.join(' | ')} |`)
  }
  for (const [sender, list] of results) {
    if (sender.name === 'whole') continue
    list.forEach(({ isStored, said, rules }, i) => {
      const file = files[i]
      if (!isStored) console.log(`\n${sender.name}: ${file?.source}: ${rules.join(' ')}: ${said}`)
    })
    const most = list.reduce((one, other) => (other.requests > one.requests ? other : one))
    const { source } = files[list.indexOf(most)] ?? {}
    console.log(`\n${sender.name}, most requests: ${most.requests}, ${most.seconds} s: ${source}`)
  }
}

function sum(results: readonly Result[], what: 'requests' | 'seconds'): number {
  return results.reduce((total, result) => total + result[what], 0)
}

/** A small file with an odd name, and one whose sender answers oddly. */
async function printOthers(
  site: Site,
  home: string,
  level: number,
  all: readonly Sender[],
): Promise<void> {
  const small = join(home, 'small.txt')
  writeFileSync(small, 'small\n')
  const tried: [string, string, string][] = names.map((name, i) => {
    const folder = join(home, 'names', `${level}-${i}`)
    mkdirSync(folder, { recursive: true })
    copyFileSync(small, join(folder, name))
    return [name, join(folder, name), '']
  })
  tried.push(...answers.map((answer): [string, string, string] => [answer, small, answer]))
  for (const [what, path, answer] of tried) {
    for (const sender of all) {
      if (answer !== '' && sender.name === 'upload.sh') continue
      const { isStored, said, rules } = await sendTo(site, sender, path, answer)
      const kind = answer === '' ? 'name' : 'answer'
      const outcome = isStored ? 'stored' : said.replace(basename(path), '')
      console.log(`${kind} | ${what} | ${sender.name} | ${outcome} | ${rules.join(' ')}`)
    }
  }
}
