// Whether a claim of another machine has been silent for long. On a shared file system each machine
// writes its own times, so none of them is compared with ours: a claim is silent while it stays as
// this machine has seen it, by the steady clock of this machine. What was seen, and when, is a line
// of `KEY.seen` in `incoming/`: the boot, the state of the claim, milliseconds. What cannot be read
// or written only makes a sender wait for longer.

import { closeSync, constants, unlinkSync, writeSync } from 'node:fs'
import { steadyMilliseconds } from '../clock.ts'
import { attempt } from '../system-error.ts'
import { createFile, openPlain, readSmall } from './files.ts'

/** `path`: of `KEY.seen`. `state`: another one, without blanks, whenever the claim has changed. */
export function isSilent(path: string, boot: string, state: string, milliseconds: number): boolean {
  // Since the start of the machine: the same for all of its processes.
  const now = Math.floor(steadyMilliseconds())
  const lines =
    attempt(() => readSmall(path, maxBytes))
      ?.toString()
      .split('\n') ?? []
  const seen = lines
    .map((line) => line.split(' '))
    .filter(([by, what]) => by === boot && what === state)
  const since = Math.min(...seen.map(([, , at]) => Number(at)))
  // A later time than now is of another clock.
  if (since <= now) return now - since > milliseconds
  attempt(() => add(path, `${boot} ${state} ${now}\n`))
  return false
}

function add(path: string, line: string): void {
  // One that is full has lines of claims that are long gone.
  if (attempt(() => readSmall(path, maxBytes - 200)) === undefined) attempt(() => unlinkSync(path))
  const fd =
    attempt(() => createFile(path).fd) ?? openPlain(path, constants.O_WRONLY | constants.O_APPEND)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}

const maxBytes = 4096
