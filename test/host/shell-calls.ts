// Reads calls of functions out of a shell script, so that a test can hold a table of them complete.

/** The words of each call of one of these functions, without quotes around them. */
export function callsOf(names: readonly string[], script: string): string[][] {
  const named = names.join('|')
  const start = new RegExp(`^(?! *#).*?(?<![\\w$])(?:${named}) (?=\\S*\\d|"\\$|[A-Z_]+ )`, 'gm')
  const code = script.replaceAll(/\\\n\s*/g, '')
  return [...code.matchAll(start)].map(({ index, 0: { length } }) => wordsAt(code, index + length))
}

/** Up to the end of the line or a semicolon. */
function wordsAt(code: string, start: number): string[] {
  const words: string[] = []
  const word = /[ \t]*((?:'[^']*'|"(?:[^"\\]|\\.)*"|[^\s;'"])+)/sy
  word.lastIndex = start
  for (let found = word.exec(code); found; found = word.exec(code)) {
    words.push((found[1] ?? '').replaceAll(/^(['"])(.*)\1$/gs, '$2'))
  }
  return words
}
