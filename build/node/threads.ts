// Makes Node end where it cannot make its second thread (docs/decisions/011). Node starts a thread
// for timers and one that helps V8. When the first cannot be made, Node says so and ends; when the
// second cannot, Node waits for it for ever: under a limit of processes a host would fill with
// programs that hang. One function makes both, and after each call is a jump for the case of
// failure. The second jump gets the goal of the first: one number changes. A Node in which these
// two calls and jumps look different is refused.

import { changed, fileOffset, symbol } from './elf.ts'
import type { Target } from './target.ts'

type Jump = { readonly place: number; readonly goal: number }

/** How to read a function's code: where it calls another, and the jump that follows the call. */
type Machine = {
  /** The goal of the call at `place`; undefined where there is none. */
  callAt(code: Buffer, place: number): number | undefined
  jumpAfter(code: Buffer, call: number): Jump | undefined
  /** The instruction of the jump, with another goal. */
  aimed(code: Buffer, jump: Jump, goal: number): Buffer
}

export function endWithoutThreads(file: Buffer, target: Target): void {
  const machine = machines[target]
  const [maker, thread] = [symbol(file, makerName), symbol(file, 'uv_thread_create')]
  const start = fileOffset(file, maker.address)
  const code = file.subarray(start, start + maker.size)
  const calls = [...code.keys()].filter(
    (place) => machine.callAt(code, place) === thread.address - maker.address,
  )
  const [first, second, ...more] = calls.map((call) => machine.jumpAfter(code, call))
  if (first === undefined || second === undefined || more.length > 0) throw changed('the jumps')
  machine.aimed(code, second, first.goal).copy(file, start + second.place)
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
