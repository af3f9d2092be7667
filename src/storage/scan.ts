// Lets the owner's scanner (`scan_command`) look at whole files that are not visible yet. What it
// does not pass does not become visible: it fails closed. Servers and claims bear a program that is
// silent for 30 s, so all scans of a request have that long together.

import { steadyMilliseconds } from '../clock.ts'
import { Fault } from '../fault.ts'
import { type Ran, runProgram } from '../program/program.ts'
import type { Settings } from '../settings/settings.ts'

/** Throws REFUSED_BY_SCAN and SCAN_FAILED; what the scanner printed is for the owner alone. */
export function scan(
  files: readonly { readonly place: string; readonly path: string }[],
  { scanCommand }: Settings,
): void {
  if (scanCommand.length === 0) return
  const startedAt = steadyMilliseconds()
  for (const { place, path } of files) {
    const name = place.slice(place.lastIndexOf('/') + 1)
    const seconds = maxSeconds - (steadyMilliseconds() - startedAt) / 1000
    const { exit, text } = seconds > 0 ? scanned(path, scanCommand, seconds) : noTimeLeft
    if (exit === 0) continue
    const cause = new Error(`scan of ${name}: ${text}`)
    if (exit === 1) throw new Fault('REFUSED_BY_SCAN', name, cause)
    throw new Fault('SCAN_FAILED', '', cause)
  }
}

/** `command`: `{file}` in it becomes the path. */
export function scanned(path: string, command: readonly string[], seconds: number): Ran {
  const words = command.map((word) => word.split('{file}').join(path))
  return runProgram(words, '', seconds)
}

const maxSeconds = 30
const noTimeLeft = { exit: undefined, text: `the scans took ${maxSeconds} s` }
