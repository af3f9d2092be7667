// The promises of the program between two machines that share `directory`: on a real CephFS, each
// machine a client of its own, the second one with a clock that is an hour and a half behind, and
// on a local directory. docs/cluster.md has the table.

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { missing } from '../host/installed.ts'
import { type Both, cephHost, findingsOf, type Host, localHosts, machines } from './machines.ts'
import {
  batchesAreWhole,
  foldersAreShared,
  limitsAreHeld,
  nothingInUseIsSwept,
  ownerIsTold,
  totalIsExact,
  visitorsAreKnown,
} from './recording.ts'
import {
  allOrNothing,
  namesAreTakenOnce,
  oneSenderAtATime,
  piecesAlternate,
  samePieceFromBoth,
  tusAlternates,
} from './storing.ts'

const promises: Record<string, (both: Both) => Promise<void>> = {
  'a name is taken once, others get a number': (both) => namesAreTakenOnce(both, 'rename'),
  'a name is taken once, others are refused': (both) => namesAreTakenOnce(both, 'reject'),
  'all files of a request or none': allOrNothing,
  'pieces alternate': piecesAlternate,
  'the same file from both is one file': samePieceFromBoth,
  'one sender at a time': oneSenderAtATime,
  'tus alternates': tusAlternates,
  'each file is in exactly one batch': batchesAreWhole,
  'limits are held': limitsAreHeld,
  'the total is exact': totalIsExact,
  'visitors are known': visitorsAreKnown,
  'the owner is told': ownerIsTold,
  'folders are shared': foldersAreShared,
  'nothing in use is swept': nothingInUseIsSwept,
}

test('two machines on a local directory', (t) => areKept(t, localHosts(t)))

test('two machines on CephFS', { skip: cannotCeph() || missing('gcc', 'setfattr') }, async (t) => {
  const ceph = new CephFs(t)
  const hosts: [Host, Host] = [cephHost(t, ceph), cephHost(t, ceph, -5400)]
  await t.test('check says what CephFS has', () => checkNamesIt(hosts[0]))
  await areKept(t, hosts)
})

/** It has no limit of inodes, and without a manager it does not say how much is free. */
function checkNamesIt({ path }: Host): void {
  const directory = join(path, 'checked')
  mkdirSync(directory)
  const found = findingsOf({ directory })
  assert.equal(found['FILE_SYSTEM'], `file system: fuse.ceph-fuse, mounted at ${path}`)
  assert.match(found['SPACE'] ?? '', /does not report its free space, so min_free_space has no/)
  assert.equal(found['INODES'], undefined)
  assert.equal(found['QUOTA'], 'CephFS has no quota for the directory')
  const without = findingsOf({ directory }, '/nowhere')['QUOTA'] ?? ''
  assert.match(without, /this command tells .*: getfattr -n ceph.quota.max_bytes \/.*\/checked$/)
}

async function areKept(t: TestContext, hosts: [Host, Host]): Promise<void> {
  for (const [sentence, isKept] of Object.entries(promises)) {
    await t.test(sentence, () => isKept(machines(hosts, sentence.replaceAll(/\W/g, '-'))))
  }
}
