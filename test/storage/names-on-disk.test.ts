// Stored names on real file systems: create the file, list the directory, get the same name back.
// On the disk of the temporary directory, in memory (tmpfs), and on a FAT image: mounted by the
// kernel where it can, else by fusefat. What this machine cannot mount is skipped with its reason.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { numberedName, storedName } from '../../src/storage/filename.ts'
import { freshDirectory, skipped } from '../host/program.ts'

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
)
const tmpfsMagic = 0x01021994
/** All that fusefat can: it answers EPERM to any name outside ASCII. */
const plain = [
  'x'.repeat(255),
  'a.txt',
  'README',
  'x y.tar.gz',
  'Smith & Sons (final).pdf',
  '_con.txt',
  'a-2.b',
]
const international = ["l'été.pdf", '写真 2024.jpg', '😀.png', 'é'.repeat(127)]

function comesBack(directory: string, name: string): void {
  const path = join(directory, name)
  writeFileSync(path, 'x', { flag: 'wx' })
  try {
    assert.deepEqual(readdirSync(directory), [name])
  } finally {
    unlinkSync(path)
  }
}

function allComeBack(directory: string): void {
  for (const name of [...plain, ...international]) comesBack(directory, name)
  const property = fc.property(anyName, fc.integer({ min: 2, max: 99999 }), (text, number) => {
    const name = storedName(text)
    comesBack(directory, name)
    comesBack(directory, numberedName(name, number))
  })
  fc.assert(property, { numRuns: 500 })
}

function skip(t: TestContext, reason: string): void {
  t.skip(skipped(reason))
}

test('every stored name is found again on the disk', (t) => {
  allComeBack(freshDirectory(t))
})

test('every stored name is found again in memory', (t) => {
  let isTmpfs = false
  try {
    isTmpfs = statfsSync('/dev/shm').type === tmpfsMagic
  } catch {}
  if (!isTmpfs) return skip(t, '/dev/shm is no tmpfs')
  allComeBack(freshDirectory(t, '/dev/shm'))
})

test('stored names are found again on FAT', (t) => {
  const home = freshDirectory(t)
  const image = join(home, 'image')
  const mountPoint = join(home, 'mount')
  mkdirSync(mountPoint)
  writeFileSync(image, '')
  truncateSync(image, 16 * 2 ** 20)
  const run = (command: string, ...args: string[]) =>
    spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 })
  if (run('mkfs.vfat', image).status !== 0)
    return skip(t, 'no mkfs.vfat: apt-get install dosfstools')
  const byKernel = run('mount', '-o', 'loop,utf8', '-t', 'vfat', image, mountPoint)
  const byFuse = byKernel.status === 0 ? byKernel : run('fusefat', '-o', 'rw+', image, mountPoint)
  if (byFuse.status !== 0) {
    const why = `${byKernel.stderr ?? ''}; ${byFuse.stderr || byFuse.error || 'fusefat failed'}`
    return skip(t, `no FAT can be mounted (apt-get install fusefat): ${why.replaceAll('\n', ' ')}`)
  }
  try {
    assert.notEqual(statSync(mountPoint).dev, statSync(home).dev)
    t.diagnostic(byKernel.status === 0 ? 'mounted by the kernel' : 'mounted by fusefat')
    if (byKernel.status === 0) allComeBack(mountPoint)
    else for (const name of plain) comesBack(mountPoint, name)
  } finally {
    run('umount', mountPoint)
  }
})
