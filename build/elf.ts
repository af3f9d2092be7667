// Finding and changing functions in an executable of 64 bits (ELF), for threads.ts and shortcuts.ts. Whatever is not
// there ends the build.

import { closeSync, openSync, writeSync } from 'node:fs'

/** Into a file that stays as it is elsewhere. */
export function write(path: string, place: number, bytes: Buffer): void {
  const fd = openSync(path, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, place)
  } finally {
    closeSync(fd)
  }
}

/** From the symbol table of a 64-bit ELF file. */
export function symbol(file: Buffer, name: string): { address: number; size: number } {
  const table = sections(file).find(({ kind }) => kind === 2)
  const names = sections(file)[table?.link ?? -1]
  if (table === undefined || names === undefined) throw changed('the symbol table')
  const text = file.subarray(names.offset, names.offset + names.size)
  const nameAt = text.indexOf(`\0${name}\0`) + 1
  for (let entry = table.offset; entry < table.offset + table.size; entry += 24) {
    if (nameAt > 0 && file.readUInt32LE(entry) === nameAt) {
      return { address: number(file, entry + 8), size: number(file, entry + 16) }
    }
  }
  throw changed(name)
}

function sections(file: Buffer) {
  const [start, size, count] = [number(file, 40), file.readUInt16LE(58), file.readUInt16LE(60)]
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size
    return {
      kind: file.readUInt32LE(at + 4),
      offset: number(file, at + 24),
      size: number(file, at + 32),
      link: file.readUInt32LE(at + 40),
    }
  })
}

/** Where what will lie at an address lies in the file: by the segments that are loaded. */
export function fileOffset(file: Buffer, address: number): number {
  const [start, size, count] = [number(file, 32), file.readUInt16LE(54), file.readUInt16LE(56)]
  for (let index = 0; index < count; index += 1) {
    const at = start + index * size
    const [offset, from, length] = [
      number(file, at + 8),
      number(file, at + 16),
      number(file, at + 32),
    ]
    const isLoaded = file.readUInt32LE(at) === 1
    if (isLoaded && address >= from && address < from + length) return offset + address - from
  }
  throw changed('the segments')
}

function number(file: Buffer, place: number): number {
  return Number(file.readBigUInt64LE(place))
}

export function changed(what: string): Error {
  return new Error(`this Node differs from the one that build/ knows: ${what}`)
}
