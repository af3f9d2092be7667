// Bundle → one executable, by @yao-pkg/pkg in SEA mode on the pinned Node. Called by build.ts.
// pkg's command line drops `seaConfig`, so its module is called (docs/decisions/002-pkg-sea.md).

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { acceptBuiltins, flagHashAt } from './builtins.ts'
import type { Bundles } from './bundle.ts'
import { write } from './elf.ts'
import { takeShortcuts } from './shortcuts.ts'
import { endWithoutThreads } from './threads.ts'

export type Target = 'linux-x64' | 'linux-arm64'

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
 * V8 without compiled code at run time: starts where memory may not be both writable and executable
 * (SELinux, hardened services) and needs half the address space. One helper thread: 0 would mean one for
 * each processor, so that a large host needed more process slots and address space. No SIGUSR1 debugger.
 */
const execArgv = ['--jitless', '--v8-pool-size=1', '--disable-sigusr1']

/** `assets`: name → file, inside the executable but not read unless asked for. */
export async function packageExecutable(
  root: string,
  bundles: Bundles,
  target: Target,
  output: string,
  assets: Readonly<Record<string, string>>,
): Promise<void> {
  const require = createRequire(import.meta.url)
  const sea = require('@yao-pkg/pkg/lib-es5/sea.js').default as Sea
  const temporary = mkdtempSync(join(tmpdir(), 'upload-cgi-'))
  const isNative = target === `${process.platform}-${process.arch}`
  // pkg works in a directory of its own there, whose name must not matter.
  const { TMPDIR } = process.env
  process.env['TMPDIR'] = temporary
  try {
    const nodePath = join(temporary, 'node')
    copyFileSync(findNode(root, target, temporary), nodePath)
    endWithoutThreads(nodePath, target)
    takeShortcuts(nodePath, target)
    if (isNative) acceptBuiltins(nodePath, execArgv)
    strip(nodePath, target)
    const cache = join(temporary, 'upload.cache')
    const compiled = bundles.cache === '' ? Buffer.alloc(0) : readFileSync(bundles.cache)
    writeFileSync(cache, Buffer.concat([compiled, Buffer.alloc(wordBytes)]))
    copyFileSync(resolve(root, 'build/loader.cjs'), join(temporary, 'loader.cjs'))
    await sea(join(temporary, 'loader.cjs'), {
      targets: [{ nodeRange: 'node24', platform: 'linux', arch: target.slice(6), output }],
      nodePath,
      // The generator is this process's Node, of the same version. A foreign one could not run here.
      useLocalNode: !isNative,
      signature: false,
      seaConfig: {
        // Seen from pkg's own directory in ours; the executable remembers the name.
        main: '../loader.cjs',
        execArgv,
        execArgvExtension: 'none',
        useCodeCache: false, // loader.cjs brings its own
        assets: {
          ...assets,
          ...bundles.assets,
          'upload.cjs': bundles.upload,
          'upload.cache': cache,
          'command.cjs': bundles.command,
        },
      },
    })
    align(output, compiled)
  } finally {
    if (TMPDIR === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = TMPDIR
    rmSync(temporary, { recursive: true })
  }
}

/**
 * V8 copies a code cache whose address is no multiple of 8, and pkg puts it anywhere. So its asset has room for it to be
 * moved; the last byte says how far. (Where it lies in the file and in memory differs by whole pages.)
 */
function align(output: string, compiled: Buffer): void {
  if (compiled.length === 0) return
  const place = readFileSync(output).indexOf(compiled)
  const start = (wordBytes - (place % wordBytes)) % wordBytes
  const slot = Buffer.alloc(compiled.length + wordBytes)
  compiled.copy(slot, start)
  slot[slot.length - 1] = start
  write(output, place, slot)
}

const wordBytes = 8

/**
 * V8's code cache of a bundle, made by this Node under the flags of the executable: the same bytes each time,
 * which takes a fixed seed for hashes. Since a cache counts only under the flags that made it, and the executable
 * must have a seed that nobody knows, the hash of the flags is replaced by that of the executable's. (V8 computes
 * all hashes anew when it reads a cache, for the seed is another one in each process anyway.)
 */
export function warm(root: string, bundle: string, cache: string): void {
  const script = resolve(root, 'build/warm.cjs')
  const options = { env: { PATH: process.env['PATH'] }, stdio: 'inherit' } as const
  execFileSync(process.execPath, [...execArgv, '--hash-seed=1', script, bundle, cache], options)
  const made = readFileSync(cache)
  execFileSync(process.execPath, [...execArgv, script, bundle, cache], options)
  readFileSync(cache).copy(made, flagHashAt, flagHashAt, flagHashAt + 4)
  writeFileSync(cache, made)
}

/** The pinned Node of that processor; npm installs only our own, so another is packed on demand. */
function findNode(root: string, target: Target, temporary: string): string {
  const name = `node-${target}`
  const installed = resolve(root, `node_modules/${name}/bin/node`)
  if (existsSync(installed)) return installed
  const manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'))
  const wanted = `${name}@${manifest.optionalDependencies[name]}`
  console.log(`fetching ${wanted}`)
  const options = { cwd: temporary, env: { ...process.env, NODE_OPTIONS: '' } }
  const packed = execFileSync('npm', ['pack', '--silent', wanted], options).toString().trim()
  execFileSync('tar', ['-xzf', packed, 'package/bin/node'], options)
  return join(temporary, 'package/bin/node')
}

/** 17 MB less to read from a cold disk. Without binutils the program is larger and works the same. */
function strip(path: string, target: Target): void {
  const tool = target === `linux-${process.arch}` ? 'strip' : `${gnuNames[target]}-strip`
  const before = readFileSync(path)
  try {
    execFileSync(tool, [path], { stdio: 'ignore' })
  } catch {
    writeFileSync(path, before)
    console.log(`not stripped: ${tool} is not installed`)
  }
}

const gnuNames: Readonly<Record<Target, string>> = {
  'linux-x64': 'x86_64-linux-gnu',
  'linux-arm64': 'aarch64-linux-gnu',
}
