// What the operating system answers: the code of an error, how to go past one where nothing better
// can be done, and how to write all of something when it takes only a part.

import { Fault } from './fault.ts'

/** What the operating system said (`ENOSPC`, …), or '' when this is not its error. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return ''
  // Node's own errors (ERR_…) are mistakes of ours.
  if (error.code.startsWith('ERR_')) return ''
  const { errno } = error as { errno?: unknown }
  return (typeof errno === 'number' && unnamed.get(errno)) || error.code
}

/**
 * For cleaning up, where there is nothing better to do about a failure than to continue: undefined
 * when the system or a Fault refused it. A mistake of ours is no failure and is thrown.
 */
export function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch (error) {
    if (errorCode(error) === '' && !(error instanceof Fault)) throw error
    return undefined
  }
}

/**
 * Calls `write` until all is taken. It gets the place to write from and returns how much it took.
 */
export function writeAll(bytes: Uint8Array, write: (at: number) => number): void {
  for (let at = 0; at < bytes.length; ) at += write(at)
}

/** What libuv has no names for. */
const unnamed = new Map([
  [-116, 'ESTALE'],
  [-122, 'EDQUOT'],
])
