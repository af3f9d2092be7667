// Makes one executable of a bundle, by @yao-pkg/pkg in SEA mode on the pinned Node. pkg's command
// line drops `seaConfig`, so its module is called (docs/decisions/002-pkg-sea.md). Refuses a Node
// whose bytes are not those that package-lock.json vouches for.

import { execFileSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Bundles, type Caches, cachedBundles } from './bundle.ts'
import { flagHashAt } from './node/builtins.ts'
import { originalNode } from './node/original.ts'
import { patched } from './node/patches.ts'
import { strip } from './node/strip.ts'
import { ownTarget, type Target } from './node/target.ts'

type Sea = (
  entryPoint: string,
  options: {
    targets: { nodeRange: string; platform: string; arch: string; output: string }[]
    nodePath: string
    useLocalNode: boolean
    signature: boolean
    seaConfig: Record<string, unknown>
  },
) => Promise<void>

/**
 * V8 without compiled code at run time: it starts where memory may not be both writable and
 * executable (SELinux, hardened services) and needs half the address space. One helper thread: 0
 * would mean one for each processor, so that a large host needed more process slots and address
 * space. No debugger on SIGUSR1.
 */
const flags = ['--jitless', '--v8-pool-size=1', '--disable-sigusr1']

/** `plain`: Node stays as its package has it, neither patched nor stripped. */
export async function packageExecutable(
  root: string,
  bundles: Bundles,
  target: Target,
  output: string,
  node: 'patched' | 'plain' = 'patched',
): Promise<void> {
  const original = originalNode(root, target)
  const require = createRequire(import.meta.url)
  const sea = require('@yao-pkg/pkg/lib-es5/sea.js').default as Sea
  const temporary = mkdtempSync(join(tmpdir(), 'upload-cgi-'))
  const isNative = target === ownTarget
  // pkg works in a directory of its own there, whose name must not matter.
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = temporary
  try {
    const nodePath = join(temporary, 'node')
    const bytes = node === 'plain' ? original : patched(original, { target, isNative, flags })
    writeFileSync(nodePath, bytes, { mode: 0o755 })
    if (node === 'patched') strip(nodePath, target)
    const compiled = cachedBundles.map((name, i) => {
      const made = bundles.caches?.[name]
      const bytes = made === undefined ? none : readFileSync(made)
      const path = join(temporary, `${i}.cache`)
      writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(wordBytes)]))
      return { asset: cacheName(name), path, bytes }
    })
    const caches = Object.fromEntries(compiled.map(({ asset, path }) => [asset, path]))
    copyFileSync(resolve(root, 'build/start/loader.cjs'), join(temporary, 'loader.cjs'))
    await sea(join(temporary, 'loader.cjs'), {
      targets: [{ nodeRange: 'node24', platform: 'linux', arch: target.slice(6), output }],
      nodePath,
      // The generator is this process's Node, of the same version. A foreign one cannot run here.
      useLocalNode: !isNative,
      signature: false,
      seaConfig: {
        // Seen from pkg's own directory in ours; the executable remembers the name.
        main: '../loader.cjs',
        execArgv: flags,
        execArgvExtension: 'none',
        useCodeCache: false, // loader.cjs brings its own
        assets: { ...bundles.assets, ...caches },
      },
    })
    for (const { bytes } of compiled) align(output, bytes)
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    rmSync(temporary, { recursive: true })
  }
}

/**
 * V8 copies a code cache whose address is no multiple of 8, and pkg puts it anywhere. So its asset
 * has room for the cache to be moved; the last byte tells how far. (The place in the file and the
 * place in memory differ by whole pages.)
 */
function align(output: string, compiled: Buffer): void {
  if (compiled.length === 0) return
  const place = readFileSync(output).indexOf(compiled)
  const start = (wordBytes - (place % wordBytes)) % wordBytes
  const slot = Buffer.alloc(compiled.length + wordBytes)
  compiled.copy(slot, start)
  slot[slot.length - 1] = start
  const fd = openSync(output, 'r+')
  try {
    writeSync(fd, slot, 0, slot.length, place)
  } finally {
    closeSync(fd)
  }
}

const wordBytes = 8
const none = Buffer.alloc(0)

/** As loader.cjs asks for it. */
function cacheName(bundle: string): string {
  return bundle.replace(/cjs$/, 'cache')
}

/**
 * Writes V8's code caches of the bundles of requests, made by this Node under the flags of the
 * executable. The same bytes each time take a fixed seed for hashes. A cache counts only under the
 * flags that made it, and the executable must have a seed that nobody knows, so the hash of the
 * flags is replaced by that of the executable's. (V8 computes all hashes anew when it reads a
 * cache, since the seed is another one in each process anyway.)
 */
export function warm(root: string, { assets }: Bundles): Caches {
  const script = resolve(root, 'build/start/warm.cjs')
  const options = { env: { PATH: process.env['PATH'] }, stdio: 'inherit' } as const
  const made = cachedBundles.map((name) => {
    const cache = resolve(root, 'build/bundles', cacheName(name))
    const args = [script, name, assets[name] ?? '', cache]
    execFileSync(process.execPath, [...flags, '--hash-seed=1', ...args], options)
    const bytes = readFileSync(cache)
    execFileSync(process.execPath, [...flags, ...args], options)
    readFileSync(cache).copy(bytes, flagHashAt, flagHashAt, flagHashAt + 4)
    writeFileSync(cache, bytes)
    return [name, cache] as const
  })
  return Object.fromEntries(made) as Caches
}
