// Page files as they are shipped: HTML without the blank space between lines, style minified, browser script
// compiled and minified. Used by bundle.ts for the executable and by register.ts for tests from source,
// so that both see the same text and the same hashes for the Content-Security-Policy.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { buildSync } from 'esbuild'

/** `path?text`, `path?sha256` → the string that importing it gives; of `path?asset` the one that calling it gives. */
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

/** Dashes, curly quotes and the like as `\u2026`: what is left of most languages is Latin-1, which takes half of a string. */
function escaped(json: string): string {
  return json.replace(
    /[\u2010-\u206f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16)}`,
  )
}
