// npm run bench [-- --quick]: what upload.cgi costs, beside what a user would take instead and beside the machine's own
// limits, in one run. Ratios count; the times are of this machine and moment. docs/performance.md explains the tables.

import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchGrowth } from './growth.ts'
import { benchLarge } from './large.ts'
import { benchMemory } from './memory.ts'
import { emptyExecutable, installPeers, packages, preparePeers } from './peers.ts'
import { heading, printAims } from './report.ts'
import { benchServed, serveAll } from './served.ts'
import { benchStart } from './start.ts'
import { verify } from './verify.ts'
import { benchWhere } from './where.ts'

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } })
installPeers()
// In memory: disks of shared machines would be all that is measured. What syncs is measured on a disk as well.
const home = mkdtempSync('/dev/shm/upload-cgi-bench-')
// On the disk, as the program it is compared with: the kernel maps files of either kind differently.
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
  benchStart(setting)
  const served = await serveAll(setting)
  try {
    await benchServed(setting, served)
    await benchLarge(setting, served)
  } finally {
    await served.stop()
  }
  await benchMemory(setting)
  benchGrowth(setting)
  if (!values.quick) benchWhere(setting)
  printAims()
} finally {
  rmSync(home, { recursive: true })
  rmSync(disk, { recursive: true })
}
