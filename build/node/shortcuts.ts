// Leaves out work of Node that a program which answers one request and ends has no use for: a
// function returns at once, or a variable has another value. Each is found by its symbol; a
// function that is too short, or a variable that is not what it was, ends the build.

import { changed, fileOffset, symbol } from './elf.ts'
import type { Target } from './target.ts'

/** The first instructions of the function become a return of `answer`. */
export function returnAtOnce(
  file: Buffer,
  target: Target,
  name: string,
  answer: 'nothing' | 'true',
): void {
  const bytes = code[target][answer]
  const { address, size } = symbol(file, name)
  if (size < bytes.length) throw changed(name)
  bytes.copy(file, fileOffset(file, address))
}

/** A variable of 32 bits that is `from` when Node starts becomes `to`. */
export function setVariable(file: Buffer, name: string, from: number, to: number): void {
  const place = fileOffset(file, symbol(file, name).address)
  if (file.readUInt32LE(place) !== from) throw changed(name)
  file.writeUInt32LE(to, place)
}

const code: Readonly<Record<Target, Record<'nothing' | 'true', Buffer>>> = {
  'linux-x64': {
    nothing: Buffer.from([0xc3]), // ret
    true: Buffer.from([0xb8, 1, 0, 0, 0, 0xc3]), // mov eax, 1; ret
  },
  'linux-arm64': {
    nothing: Buffer.from([0xc0, 0x03, 0x5f, 0xd6]), // ret
    true: Buffer.from([0x20, 0, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6]), // mov w0, 1; ret
  },
}
