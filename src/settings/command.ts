// The kinds of settings that name a program: a list of its whole path and its arguments, which no
// shell reads. Refuses text, a program without its path, and a control character.

import type { Kind, Parsed } from './row.ts'
import { listOfText, wrong } from './value.ts'

/** Empty for none. */
export const command: Kind<readonly string[]> = {
  parse: parseCommand,
  fromText: (text) => text,
  show: JSON.stringify,
  fallback: [],
}

/** A command that gets the path of a file. */
export const fileCommand: Kind<readonly string[]> = {
  ...command,
  parse: (written) => {
    const parsed = parseCommand(written)
    if (!('value' in parsed) || parsed.value.length === 0) return parsed
    return parsed.value.slice(1).some((word) => word.includes('{file}'))
      ? parsed
      : wrong(written, 'write "{file}" where the path of the file belongs')
  },
}

function parseCommand(written: unknown): Parsed<readonly string[]> {
  const list = listOfText(written)
  const isCommand = list?.every((word) => !/\p{Cc}/u.test(word)) && /^(\/|$)/.test(list[0] ?? '')
  return list !== undefined && isCommand
    ? { value: list }
    : wrong(written, 'write a list of the whole path of a program and its arguments')
}
