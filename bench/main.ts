// npm run bench [-- [--quick] [--part start,large]]: what upload.cgi costs, compared in one run
// with what a user could take instead and with the limits of the machine. Only the ratios count;
// the times are of this machine and this moment. docs/performance.md explains the tables.

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchFastCgi } from './fastcgi.ts'
import { benchFastCgiBeside } from './fastcgi-beside.ts'
import { benchFastCgiLarge } from './fastcgi-large.ts'
import { benchGrowth } from './growth.ts'
import { benchLarge, benchLargeServed, benchMany } from './large.ts'
import { benchMemory } from './memory.ts'
import { emptyExecutable, installPeers, packages, preparePeers } from './peers.ts'
import { heading, printAims } from './report.ts'
import { benchServed, withServed } from './served.ts'
import { benchStart } from './start.ts'
import { benchTold } from './told.ts'
import { verify } from './verify.ts'
import { benchWhere } from './where.ts'

const parts = [
  'start',
  'told',
  'served',
  'fastcgi',
  'fastcgi-beside',
  'fastcgi-large',
  'large',
  'apache',
  'many',
  'memory',
  'growth',
  'where',
] as const
type Part = (typeof parts)[number]
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, part: { type: 'string' } },
})
const wanted: readonly string[] = values.part?.split(',') ?? parts
const unknown = wanted.filter((name) => !parts.some((part) => part === name))
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(', ')}. There are ${parts.join(', ')}.`)
  process.exit(64)
}
installPeers()
// A directory in memory: on a shared machine a disk would be all that is measured. Programs that
// sync are measured on a disk as well.
const home = mkdtempSync('/dev/shm/upload-cgi-bench-')
// On the disk, like the program that it is compared with: the kernel maps files in memory
// differently.
const disk = mkdtempSync(join(tmpdir(), 'upload-cgi-bench-'))
try {
  chmodSync(home, 0o755)
  const directory = join(home, 'uploads')
  mkdirSync(directory)
  chmodSync(directory, 0o777)
  const peers = preparePeers(home, directory)
  const setting = {
    home,
    directory,
    peers,
    empty: await emptyExecutable(disk),
    isQuick: values.quick,
  }
  heading('The machine')
  const [processor] = cpus()
  console.log(
    `${cpus().length} × ${processor?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux, Node ${process.version}`,
  )
  if (peers.missing.length > 0) {
    console.log(
      `Not installed, so left out: ${peers.missing.join(', ')}. For all: apt-get install ${packages}`,
    )
  }
  verify(setting)
  const isWanted = (part: Part) => wanted.includes(part)
  if (isWanted('start')) benchStart(setting)
  if (isWanted('told')) await benchTold(setting)
  if (isWanted('served')) await withServed(setting, benchServed)
  if (isWanted('fastcgi')) await benchFastCgi(setting)
  if (isWanted('fastcgi-beside')) await benchFastCgiBeside(setting)
  if (isWanted('fastcgi-large')) await benchFastCgiLarge(setting)
  if (isWanted('large')) benchLarge(setting)
  if (isWanted('apache')) await withServed(setting, benchLargeServed)
  if (isWanted('many')) benchMany(setting)
  if (isWanted('memory')) await benchMemory(setting)
  if (isWanted('growth')) benchGrowth(setting)
  if (isWanted('where') && (!values.quick || values.part !== undefined)) benchWhere(setting)
  printAims()
} finally {
  rmSync(home, { recursive: true })
  rmSync(disk, { recursive: true })
}
