// Called by package.ts on its copy of Node, before that is stripped. Node starts a thread for timers and one
// to help V8. When the first cannot be made, it ends with words; when the second cannot, it goes on to wait
// for it, for ever: a limit of processes would fill a host with programs that hang. Both are made in one
// function, each followed by a jump for the case of failure. Here the second jump is given the goal of
// the first: one number is changed. Whatever looks different in another Node fails the build.

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Target } from './package.ts'

type Jump = { readonly place: number; readonly goal: number }

/** Of a function's code: where it calls another, and the jump for failure that follows a call. */
type Machine = {
  callAt(code: Buffer, place: number): number | undefined
  jumpAfter(code: Buffer, call: number): Jump | undefined
  aimed(code: Buffer, jump: Jump, goal: number): Buffer
}

export function endWithoutThreads(path: string, target: Target): void {
  const file = readFileSync(path)
  const machine = machines[target]
  const [maker, thread] = [symbol(file, makerName), symbol(file, 'uv_thread_create')]
  const start = fileOffset(file, maker.address)
  const code = file.subarray(start, start + maker.size)
  const calls = [...code.keys()].filter(
    (place) => machine.callAt(code, place) === thread.address - maker.address,
  )
  const [first, second, ...more] = calls.map((call) => machine.jumpAfter(code, call))
  if (first === undefined || second === undefined || more.length > 0) throw changed('the jumps')
  const bytes = machine.aimed(code, second, first.goal)
  const fd = openSync(path, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, start + second.place)
  } finally {
    closeSync(fd)
  }
}

const makerName = '_ZN4node23WorkerThreadsTaskRunnerC1EiNS_21PlatformDebugLogLevelE'

const machines: Readonly<Record<Target, Machine>> = {
  'linux-x64': {
    // call rel32
    callAt: (code, place) =>
      code[place] === 0xe8 && place + 5 <= code.length
        ? place + 5 + code.readInt32LE(place + 1)
        : undefined,
    // test eax, eax; jne rel32
    jumpAfter: (code, call) => {
      const place = code.indexOf(Buffer.from([0x85, 0xc0, 0x0f, 0x85]), call) + 2
      if (place < call || place > call + 16) return undefined
      return { place, goal: place + 6 + code.readInt32LE(place + 2) }
    },
    aimed: (code, { place }, goal) => {
      const jump = Buffer.from(code.subarray(place, place + 6))
      jump.writeInt32LE(goal - place - 6, 2)
      return jump
    },
  },
  'linux-arm64': {
    // bl imm26
    callAt: (code, place) => {
      if (place % 4 !== 0) return undefined
      const word = code.readUInt32LE(place)
      return word >>> 26 === 0x25 ? place + ((word << 6) >> 4) : undefined
    },
    // cbnz w0, imm19
    jumpAfter: (code, call) => {
      for (const place of [call + 4, call + 8]) {
        const word = code.readUInt32LE(place)
        if ((word & 0xff00001f) >>> 0 !== 0x35000000) continue
        return { place, goal: place + (((word << 8) >> 13) << 2) }
      }
      return undefined
    },
    aimed: (_code, { place }, goal) => {
      const jump = Buffer.alloc(4)
      jump.writeUInt32LE((0x35000000 | ((((goal - place) >> 2) & 0x7ffff) << 5)) >>> 0)
      return jump
    },
  },
}

/** From the symbol table of a 64-bit ELF file. */
function symbol(file: Buffer, name: string): { address: number; size: number } {
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
function fileOffset(file: Buffer, address: number): number {
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

function changed(what: string): Error {
  return new Error(`this Node differs from the one that build/threads.ts knows: ${what}`)
}
