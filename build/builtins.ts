// Called by package.ts on its copy of Node, when that can run here. Node brings its own modules compiled, but V8 takes a
// compiled module only under the flags that made it, and ours say --jitless: a POST, which needs node:crypto, spent
// half of its time compiling it. The flags change how compiled code is run, not what it is: Node's snapshot, which V8
// takes under any flags, holds such code already. So each module is told to be made under ours.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { changed, write } from './elf.ts'

export function acceptBuiltins(path: string, flags: readonly string[]): void {
  const [usual, own] = [headerUnder([]), headerUnder(flags)]
  const file = readFileSync(path)
  const found: number[] = []
  for (let at = file.indexOf(usual.kind); at !== -1; at = file.indexOf(usual.kind, at + 1)) {
    if (file.subarray(at + flagHashAt, at + flagHashAt + 4).equals(usual.flagHash)) found.push(at)
  }
  if (!usual.kind.equals(own.kind) || found.length < fewestModules) throw changed('its modules')
  for (const at of found) write(path, at + flagHashAt, own.flagHash)
}

/** In the header of compiled code: magic, version, source, flags, length, checksum; 4 bytes each. */
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
