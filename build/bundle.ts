// src/main.ts → a CommonJS file with the pages inside, and one for the command line. Called by build.ts.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { textModule } from './text.ts'

export type Bundles = {
  /** What requests need: src/main.ts, but for the command line. */
  readonly upload: string
  /** src/command/run.ts, taken out of the executable only when it is called. */
  readonly command: string
  /** V8's code cache of `upload`; '' for none, as for another processor. */
  readonly cache: string
  /** Texts that they read when they need them: name → file. */
  readonly assets: Readonly<Record<string, string>>
}

/** Gives the paths of the bundles. */
export async function bundle(root: string): Promise<Bundles> {
  const assets: Assets = {}
  const upload = await bundleOne(root, 'src/main.ts', 'build/upload.cjs', assets)
  const command = await bundleOne(root, 'src/command/run.ts', 'build/command.cjs', assets)
  // By name, not as esbuild came upon them: the same executable each time.
  const sorted = Object.entries(assets).sort(([one], [other]) => (one < other ? -1 : 1))
  return { upload, command, cache: '', assets: Object.fromEntries(sorted) }
}

type Assets = Record<string, string>

async function bundleOne(
  root: string,
  entryPoint: string,
  output: string,
  assets: Assets,
): Promise<string> {
  const outfile = resolve(root, output)
  await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: 'node',
    preserveSymlinks: true, // the source map names files as they are found from here
    format: 'cjs', // what a single executable can run
    target: 'node24',
    supported: { 'dynamic-import': false }, // becomes the require() of loader.cjs
    charset: 'ascii', // loader.cjs takes a byte for a character
    // As Node wraps modules; the source map knows of it.
    banner: { js: '(function(exports,require,module){' },
    footer: { js: '})' },
    minifySyntax: true,
    minifyWhitespace: true, // names are kept: stack traces in an error log should say something
    sourcemap: 'external', // beside the executable for who wants it (trace.ts), never in it
    sourcesContent: false,
    legalComments: 'none', // the notices are an asset of the executable: `upload.cgi --licenses`
    plugins: [textPlugin(root, assets), commandPlugin],
    logLevel: 'warning',
  })
  return outfile
}

/** Every notice that the executable must carry: ours, the library's, Node's with all it contains. */
export function licenseText(root: string): string {
  const read = (path: string) => readFileSync(resolve(root, path), 'utf8').trim()
  const rule = '='.repeat(80)
  const section = (title: string, path: string) => `${rule}\n${title}\n${rule}\n\n${read(path)}\n`
  const node = `node_modules/node-${process.platform}-${process.arch}`
  return [
    section('upload.cgi', 'LICENSE'),
    section('smol-toml (reads the settings file)', 'node_modules/smol-toml/LICENSE'),
    section(`Node.js ${process.version} and what it contains`, `${node}/LICENSE`),
  ].join('\n')
}

/** The command line is a bundle of its own, which loader.cjs loads by this name. */
const commandPlugin: Plugin = {
  name: 'command',
  setup({ onResolve }) {
    onResolve({ filter: /\/command\/run\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: 'upload.cgi/command', external: true } : undefined,
    )
  },
}

/** Paths are relative, since the source map tells them. Assets are read by what loader.cjs gives for this name. */
function textPlugin(root: string, assets: Assets): Plugin {
  return {
    name: 'text',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^upload\.cgi\/asset\// }, ({ path }) => ({ path, external: true }))
      onResolve({ filter: /\?(text|sha256|asset)$/ }, ({ path, importer }) => ({
        path: relative(root, resolve(dirname(importer), path)),
        namespace: 'text',
      }))
      onLoad({ filter: /./, namespace: 'text' }, ({ path }) => {
        const [name = '', query = ''] = path.split('?')
        const file = resolve(root, name)
        const contents = textModule(file, query)
        if (query !== 'asset') return { contents, loader: 'text', watchFiles: [file] }
        const asset = basename(name)
        assets[asset] = resolve(root, 'build/assets', asset)
        mkdirSync(dirname(assets[asset]), { recursive: true })
        writeFileSync(assets[asset], contents)
        return { contents: `export default () => require('upload.cgi/asset/${asset}')` }
      })
    },
  }
}
