// Finds functions and variables in an executable of 64 bits, little-endian, in the format ELF
// (https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html). Refuses with a NodeError a file
// in which it does not find what it is asked for, so that the build ends.

/** This Node is not the one that build/ knows. Its message is for whoever builds. */
export class NodeError extends Error {}

export function changed(what: string): NodeError {
  return new NodeError(`this Node differs from the one that build/node/ knows: ${what}`)
}

/** Looks in the symbol table. `address` is in memory, `size` in bytes. */
export function symbol(file: Buffer, name: string): { address: number; size: number } {
  const all = sections(file)
  const table = all.find(({ kind }) => kind === symbolTable)
  const names = all[table?.link ?? -1]
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

/** The place in the file of what is at `address` in memory, by the segments that are loaded. */
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

/** `kind` and `link` as the format has them; `offset` and `size` in the file, in bytes. */
export function sections(file: Buffer) {
  const [start, size, count] = [number(file, 40), file.readUInt16LE(58), file.readUInt16LE(60)]
  const names = number(file, start + file.readUInt16LE(62) * size + 24)
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * size
    const nameAt = names + file.readUInt32LE(at)
    return {
      name: file.toString('latin1', nameAt, file.indexOf(0, nameAt)),
      kind: file.readUInt32LE(at + 4),
      address: number(file, at + 16),
      offset: number(file, at + 24),
      size: number(file, at + 32),
      link: file.readUInt32LE(at + 40),
    }
  })
}

const symbolTable = 2

function number(file: Buffer, place: number): number {
  return Number(file.readBigUInt64LE(place))
}
