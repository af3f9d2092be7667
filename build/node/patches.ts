// The table of what is changed in the executable's copy of Node. Each patch finds its place by
// symbols and ends the build where a new Node looks different. docs/decisions/002 has the same
// table for people, and a test compares the two; the bill of materials of a release lists them.

import { acceptBuiltins } from './builtins.ts'
import { returnAtOnce, setVariable } from './shortcuts.ts'
import type { Target } from './target.ts'
import { endWithoutThreads } from './threads.ts'
import { forgetVariables } from './variables.ts'

export type Patch = {
  readonly what: string
  readonly why: string
  /** Measured with the executable for x64; docs/performance.md says how. */
  readonly gain: string
  /** Its own decision, a file in docs/decisions: every patch of hashing or threads has one. */
  readonly decision?: string
  /** `file`: all bytes of Node, not stripped. Their number stays. */
  readonly apply: (file: Buffer, node: PatchedNode) => void
}

export type PatchedNode = {
  readonly target: Target
  /** This machine can run it. */
  readonly isNative: boolean
  /** Under which the executable will run it. */
  readonly flags: readonly string[]
}

/** Node's bytes with every patch of the table. */
export function patched(original: Buffer, node: PatchedNode): Buffer {
  const file = Buffer.from(original)
  for (const { apply } of patches) apply(file, node)
  return file
}

export const patches: readonly Patch[] = [
  {
    what: 'the jump after a thread that cannot be made has another goal',
    why: 'Node would wait for that thread for ever',
    gain: 'ends with a message under every limit, where it would hang',
    decision: '011-node-ends-without-its-threads.md',
    apply: (file, { target }) => endWithoutThreads(file, target),
  },
  {
    what: "V8's test for prime numbers says yes",
    why: 'that the three secret numbers of string hashing are prime does not make them more secret',
    gain: '13.6 of the 88 million instructions of an empty program, 18 % of its time',
    decision: '010-secrets-of-hashing-need-not-be-prime.md',
    // detail::sprp(n, a), one round of the test.
    apply: (file, { target }) => returnAtOnce(file, target, '_ZN6detailL4sprpEyy', 'true'),
  },
  {
    what: 'a call that prepares profilers does nothing',
    why: 'it goes through the whole heap, and nobody profiles',
    gain: '4.3 of those 88 million instructions',
    // v8::CpuProfiler::UseDetailedSourcePositionsForProfiling()
    apply: (file, { target }) => returnAtOnce(file, target, profilerSymbol, 'nothing'),
  },
  {
    what: 'Node does not keep what it compiled of its own modules',
    why: 'only whoever builds Node needs that',
    gain: '1.5 of those 88 million instructions',
    // node::builtins::BuiltinLoader::SaveCodeCache()
    apply: (file, { target }) => returnAtOnce(file, target, saveSymbol, 'nothing'),
  },
  {
    what: "Abseil's mutexes do not look for deadlocks",
    why: 'that is a debugging aid, and the first lock fills a megabyte for it',
    gain: '9 % of the time of an empty program',
    decision: '012-mutexes-do-not-look-for-deadlocks.md',
    // absl::synch_deadlock_detection, an OnDeadlockCycle: kAbort (2) becomes kIgnore (0).
    apply: (file) => setVariable(file, deadlockSymbol, 2, 0),
  },
  {
    what: 'the names of the environment variables that Node obeys begin with another letter',
    why: 'such a variable could write files, load modules or open descriptors',
    gain: 'no variable but those of upload.cgi changes what it does',
    apply: forgetVariables,
  },
  {
    what: "Node's modules are marked as compiled under our flags (not in a cross-build)",
    why: 'V8 would compile them anew',
    gain: '43 of the 152 million instructions of a small upload',
    apply: (file, { isNative, flags }) => {
      if (isNative) acceptBuiltins(file, flags)
    },
  },
]

const profilerSymbol = '_ZN2v811CpuProfiler38UseDetailedSourcePositionsForProfilingEPNS_7IsolateE'
const saveSymbol =
  '_ZN4node8builtins13BuiltinLoader13SaveCodeCacheERKNSt7__cxx1112basic_string' +
  'IcSt11char_traitsIcESaIcEEEN2v85LocalINSA_4DataEEE'
const deadlockSymbol = '_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE'
