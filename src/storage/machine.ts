// Which machine this is, until it restarts: the boot id of random(4). Processes with the same one
// share a clock; where the kernel does not tell it, nothing is claimed of them.

import { readFileSync } from 'node:fs'
import { attempt } from '../system-error.ts'

/** Undefined where the kernel does not tell it. */
export function bootId(): string | undefined {
  return attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
}

/** The same in [0-9a-z], for names; `unknown` where the kernel does not tell it. */
export function machineName(): string {
  return bootId()?.replace(/[^0-9a-z]/g, '') || 'unknown'
}
