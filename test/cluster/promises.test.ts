// The promises of the program between two machines that share `directory`: on a real CephFS, each
// machine a client of its own, the second one with a clock that is an hour and a half behind, and
// on a local directory. docs/cluster.md has the table.

import { type TestContext, test } from 'node:test'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { missing } from '../host/installed.ts'
import { type Both, cephHost, type Host, localHosts, machines } from './machines.ts'
import {
  batchesAreWhole,
  foldersAreShared,
  limitsAreHeld,
  nothingInUseIsSwept,
  ownerIsTold,
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
  'the owner is told': ownerIsTold,
  'folders are shared': foldersAreShared,
  'nothing in use is swept': nothingInUseIsSwept,
}

test('two machines on a local directory', (t) => areKept(t, localHosts(t)))

test('two machines on CephFS', { skip: cannotCeph() || missing('gcc') }, (t) => {
  const ceph = new CephFs(t)
  return areKept(t, [cephHost(t, ceph), cephHost(t, ceph, -5400)])
})

async function areKept(t: TestContext, hosts: [Host, Host]): Promise<void> {
  for (const [sentence, isKept] of Object.entries(promises)) {
    await t.test(sentence, () => isKept(machines(hosts, sentence.replaceAll(/\W/g, '-'))))
  }
}
