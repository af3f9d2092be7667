// Page files as they are shipped: HTML without the blank space between lines, style minified, the
// browser's script compiled and minified. The executable (bundle.ts) and tests from source
// (register.ts) get the same text here, so that the hashes for the Content-Security-Policy agree.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { buildSync } from 'esbuild'

/**
 * What importing `path?text` or `path?sha256` gives, and what calling the import of `path?asset`
 * gives. `query`: text, sha256 or asset.
 */
export function textModule(path: string, query: string): string {
  const text = shippedText(path)
  if (query !== 'sha256') return text
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function shippedText(path: string): string {
  const source = readFileSync(path, 'utf8')
  if (path.endsWith('.json')) return escaped(JSON.stringify(JSON.parse(source)))
  if (path.endsWith('.conf')) return source
  if (path.endsWith('.html')) return source.replace(/\n\s+/g, '\n').trim()
  const isStyle = path.endsWith('.css')
  const { outputFiles } = buildSync({
    entryPoints: [path],
    bundle: true,
    write: false,
    minify: true,
    charset: 'ascii',
    format: 'iife',
    target: isStyle ? ['chrome111', 'firefox113', 'safari16'] : 'es2022',
  })
  return outputFiles[0]?.text.trim() ?? ''
}

/**
 * Dashes, curly quotes and the like become `\u2026`. The rest of most languages is Latin-1, and V8
 * keeps such a string in half the memory.
 */
function escaped(json: string): string {
  return json.replace(
    /[\u2010-\u206f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  )
}
