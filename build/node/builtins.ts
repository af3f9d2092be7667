// Marks the modules that Node brings compiled as compiled under the flags of the executable. V8
// takes compiled code only under the flags that made it, and ours say --jitless. That flag changes
// how compiled code runs, not what it is: V8 takes Node's snapshot under any flags, and the
// snapshot holds such code too. Refuses a Node whose compiled code is of another V8 than the one
// that builds, and a Node that has too few modules.

import { execFileSync } from 'node:child_process'
import { changed } from './elf.ts'

/** `flags`: under which the executable runs. The Node that builds must be of the same version. */
export function acceptBuiltins(file: Buffer, flags: readonly string[]): void {
  const [usual, own] = [headerUnder([]), headerUnder(flags)]
  const found: number[] = []
  for (let at = file.indexOf(usual.kind); at !== -1; at = file.indexOf(usual.kind, at + 1)) {
    if (file.subarray(at + flagHashAt, at + flagHashAt + 4).equals(usual.flagHash)) found.push(at)
  }
  if (!usual.kind.equals(own.kind) || found.length < fewestModules) throw changed('its modules')
  for (const at of found) own.flagHash.copy(file, at + flagHashAt)
}

/** The header of compiled code: magic, version, source, flags, length, checksum; 4 bytes each. */
export const flagHashAt = 12

/** Node 24 has 388. */
const fewestModules = 300

/** `kind`: magic and version. */
function headerUnder(flags: readonly string[]): { kind: Buffer; flagHash: Buffer } {
  const script =
    "process.stdout.write(new (require('node:vm').Script)('0').createCachedData().subarray(0, 16))"
  const env = { PATH: process.env['PATH'] }
  const header = execFileSync(process.execPath, [...flags, '-e', script], { env })
  return {
    kind: header.subarray(0, 8),
    flagHash: header.subarray(flagHashAt, flagHashAt + 4),
  }
}
