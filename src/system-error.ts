// Errors of the operating system: their code, and the two ways to survive one. Errors of any other
// kind are bugs and pass through.

/** What the operating system said (`ENOSPC`, …), or '' when this is not its error. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return ''
  // libuv has no name for it.
  return 'errno' in error && error.errno === -122 ? 'EDQUOT' : error.code
}

/** For cleaning up, where there is nothing better to do about a failure than to go on. */
export function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
