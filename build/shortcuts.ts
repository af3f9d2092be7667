// Called by package.ts on its copy of Node, before that is stripped. Starting Node costs more than all that a request
// does, and a fifth of it is work that a program without compiled code, which answers once, has no use for: three
// functions, whose first instructions become a return, and a switch (docs/performance.md has the measurements).

import { readFileSync } from 'node:fs'
import { changed, fileOffset, symbol, write } from './elf.ts'
import type { Target } from './package.ts'

type Answer = 'nothing' | 'true'

const shortcuts: readonly (readonly [symbol: string, answer: Answer])[] = [
  // detail::sprp(n, a), part of V8's search for three prime numbers to hash strings with. It draws random numbers until
  // all have as many bits set as not, differ in half of them, and are prime. The last costs some 400 divisions of
  // 128 bits; that nobody outside can know the numbers comes from the drawing. Any number passes for prime.
  ['_ZN6detailL4sprpEyy', 'true'],
  // v8::CpuProfiler::UseDetailedSourcePositionsForProfiling(): goes through the whole heap, for profilers.
  ['_ZN2v811CpuProfiler38UseDetailedSourcePositionsForProfilingEPNS_7IsolateE', 'nothing'],
  // node::builtins::BuiltinLoader::SaveCodeCache(): of Node's own modules, for who builds Node.
  [
    '_ZN4node8builtins13BuiltinLoader13SaveCodeCacheERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEN2v85LocalINSA_4DataEEE',
    'nothing',
  ],
]

const code: Readonly<Record<Target, Record<Answer, Buffer>>> = {
  'linux-x64': {
    nothing: Buffer.from([0xc3]), // ret
    true: Buffer.from([0xb8, 1, 0, 0, 0, 0xc3]), // mov eax, 1; ret
  },
  'linux-arm64': {
    nothing: Buffer.from([0xc0, 0x03, 0x5f, 0xd6]), // ret
    true: Buffer.from([0x20, 0, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6]), // mov w0, 1; ret
  },
}

/**
 * absl::synch_deadlock_detection: whether Abseil's mutexes, of which V8 has some, look for deadlocks (an
 * `absl::OnDeadlockCycle`). Meant for debugging; the first one that is locked fills a megabyte with it.
 */
const deadlockDetection = '_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE'
const [ignore, abort] = [0, 2]

export function takeShortcuts(path: string, target: Target): void {
  const file = readFileSync(path)
  for (const [name, answer] of shortcuts) {
    const bytes = code[target][answer]
    const { address, size } = symbol(file, name)
    if (size < bytes.length) throw changed(name)
    write(path, fileOffset(file, address), bytes)
  }
  const place = fileOffset(file, symbol(file, deadlockDetection).address)
  if (file.readUInt32LE(place) !== abort) throw changed(deadlockDetection)
  const off = Buffer.alloc(4)
  off.writeUInt32LE(ignore)
  write(path, place, off)
}
