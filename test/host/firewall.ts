// What ModSecurity's default rules do to a file with lines that begin with two hyphens, and such
// files.

/** A line that begins with two hyphens is not alone and not a delimiter. `body`: as latin1. */
export function isRefusedForHyphens(body: string): boolean {
  const [delimiter = ''] = body.split('\r\n', 1)
  const isFound = (line: string) => line.startsWith('--') && line !== '--'
  return body.split('\n').some((line) => isFound(line) && !line.startsWith(delimiter))
}

/** `at`: where lines begin with two hyphens. */
export function withHyphens(size: number, at: readonly number[]): Buffer {
  const content = Buffer.alloc(size, 'x')
  for (const place of at) {
    if (place > 0) content.write('\n', place - 1)
    content.write('--', place)
  }
  return content
}
