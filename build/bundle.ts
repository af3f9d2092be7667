// Makes CommonJS bundles of the sources, with the pages inside: of src/form.ts, where a GET comes
// in, of src/main.ts, and of each file that main.ts imports by `import('./x.ts')`, which
// build/start/loader.cjs takes out of the executable only when that import runs. So no way in reads
// what it does not use. A bundle has its own copy of every module that it shares with others, so
// neither module state nor `instanceof` works from one to the other. What such a file imports by
// `import()` itself is inside its bundle. Refuses two files that would have one name.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { textModule } from './pages/text.ts'

/** The bundles of requests, which have code caches. */
export const cachedBundles = ['src/form.cjs', 'src/main.cjs'] as const

/** A path for each bundle of requests. */
export type Caches = Readonly<Record<(typeof cachedBundles)[number], string>>

export type Bundles = {
  /** The files with V8's code caches; undefined for another processor. */
  readonly caches: Caches | undefined
  /** Bundles and texts: name in the executable → file. */
  readonly assets: Readonly<Record<string, string>>
}

/** Without caches. A name in the executable is the path of the source, so none is there twice. */
export async function bundle(root: string): Promise<Bundles> {
  const assets: Record<string, string> = {}
  const lazy = new Set<string>()
  const texts = textPlugin(root, assets)
  const add = async (source: string, plugins: Plugin[]) => {
    const name = bundleName(source)
    if (name in assets) throw new Error(`two files would be the asset ${name}`)
    assets[name] = await bundleOne(root, source, `build/bundles/${name}`, plugins)
  }
  const first = ['src/form.ts', 'src/main.ts']
  for (const source of first) await add(source, [texts, lazyPlugin(root, lazy)])
  for (const source of lazy) if (!first.includes(source)) await add(source, [texts])
  // By name, not as esbuild came upon them: the same executable each time.
  const sorted = Object.entries(assets).sort(([one], [other]) => (one < other ? -1 : 1))
  return { caches: undefined, assets: Object.fromEntries(sorted) }
}

async function bundleOne(
  root: string,
  entryPoint: string,
  output: string,
  plugins: Plugin[],
): Promise<string> {
  const outfile = resolve(root, output)
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    write: false,
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
    sourcemap: 'external', // beside the executable for whoever wants it (trace.ts), never in it
    sourcesContent: false,
    legalComments: 'none', // the notices are an asset of the executable: `upload.cgi --licenses`
    plugins: [externalPlugin, ...plugins],
    logLevel: 'warning',
  })
  for (const { path, contents } of outputFiles) writeWhole(path, contents)
  return outfile
}

/** The notices that the executable must carry: ours, the library's, Node's with its contents. */
export function licenseText(root: string): string {
  const read = (path: string) => readFileSync(resolve(root, path), 'utf8').trim()
  const rule = '='.repeat(80)
  const section = (title: string, path: string) => `${rule}\n${title}\n${rule}\n\n${read(path)}\n`
  const node = `node_modules/node-${process.platform}-${process.arch}`
  return [
    section('upload.cgi', 'LICENSE'),
    section('smol-toml (reads the settings file)', 'node_modules/smol-toml/LICENSE'),
    section('StableLib (hashes what is short)', 'node_modules/@stablelib/sha256/LICENSE'),
    section('Nodemailer (composes mails)', 'node_modules/nodemailer/LICENSE'),
    section(`Node.js ${process.version} and what it contains`, `${node}/LICENSE`),
  ].join('\n')
}

/** What a bundle requires by a name that begins so, loader.cjs gives: the asset of that name. */
const prefix = 'upload.cgi/'

const externalPlugin: Plugin = {
  name: 'external',
  setup({ onResolve }) {
    onResolve({ filter: /^upload\.cgi\// }, ({ path }) => ({ path, external: true }))
  },
}

/** Leaves out what is imported by `import('./x.ts')`, and puts the file into `found`. */
function lazyPlugin(root: string, found: Set<string>): Plugin {
  return {
    name: 'lazy',
    setup({ onResolve }) {
      onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ kind, path, importer }) => {
        if (kind !== 'dynamic-import') return undefined
        const source = relative(root, resolve(dirname(importer), path))
        found.add(source)
        return { path: `${prefix}${bundleName(source)}`, external: true }
      })
    },
  }
}

/** loader.cjs knows by the end of the name that it is a bundle. */
function bundleName(source: string): string {
  return source.replace(/\.ts$/, '.cjs')
}

/** Page files as text. Paths are relative, since the source map tells them. */
function textPlugin(root: string, assets: Record<string, string>): Plugin {
  return {
    name: 'text',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\?(text|sha256|asset)$/ }, ({ path, importer }) => ({
        path: relative(root, resolve(dirname(importer), path)),
        namespace: 'text',
      }))
      onLoad({ filter: /./, namespace: 'text' }, ({ path }) => {
        const [name = '', query = ''] = path.split('?')
        const file = resolve(root, name)
        const contents = textModule(file, query)
        if (query !== 'asset') return { contents, loader: 'text', watchFiles: [file] }
        const copy = resolve(root, 'build/assets', name)
        writeWhole(copy, contents)
        assets[name] = copy
        return { contents: `export default () => require('${prefix}${name}')` }
      })
    },
  }
}

/** Another build in this directory, or a test, may read the file meanwhile. */
function writeWhole(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, contents)
  renameSync(temporary, path)
}
