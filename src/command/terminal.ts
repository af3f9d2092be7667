// What commands say: results on standard output, complaints on standard error.

export function print(text: string): void {
  process.stdout.write(text)
}

export function complain(message: string): void {
  process.stderr.write(`upload.cgi: ${message}\n`)
}

/** Complains, and gives the exit status back. */
export function failed(status: number, message: string): number {
  complain(message)
  return status
}

/** Lines of at most `width` characters; a longer word has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}
