// src/main.ts → one CommonJS file with the pages inside. Called by build.ts.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { textModule } from './text.ts'

/** Gives the path of the bundle. */
export async function bundle(root: string): Promise<string> {
  const outfile = resolve(root, 'build/upload.cjs')
  await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs', // what a single executable can run; import() of our own files becomes a lazy block
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true, // names are kept: stack traces in an error log should say something
    sourcemap: 'external', // beside the executable for who wants it (trace.ts), never in it
    sourcesContent: false,
    legalComments: 'none', // the notices are an asset of the executable: `upload.cgi --licenses`
    plugins: [textPlugin],
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

const textPlugin: Plugin = {
  name: 'text',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?(text|sha256)$/ }, ({ path, importer }) => ({
      path: resolve(dirname(importer), path),
      namespace: 'text',
    }))
    onLoad({ filter: /./, namespace: 'text' }, ({ path }) => {
      const at = path.lastIndexOf('?')
      const file = path.slice(0, at)
      const contents = textModule(file, path.slice(at + 1))
      return { contents, loader: 'text', watchFiles: [file] }
    })
  },
}
