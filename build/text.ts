// Page files as they are shipped: HTML without the blank space between lines, style minified, browser script
// compiled and minified. Used by bundle.ts for the executable and by register.ts for tests from source,
// so that both see the same text and the same hashes for the Content-Security-Policy.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'

/** `path?text` or `path?sha256` → the string that importing it gives. */
export function textModule(path: string, query: string): string {
  const text = shippedText(path)
  if (query === 'text') return text
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function shippedText(path: string): string {
  const source = readFileSync(path, 'utf8')
  if (path.endsWith('.html')) return source.replace(/\n\s+/g, '\n').trim()
  const loader = path.endsWith('.css') ? 'css' : 'ts'
  const { code } = transformSync(source, {
    loader,
    minify: true,
    charset: 'utf8',
    target: loader === 'css' ? ['chrome111', 'firefox113', 'safari16'] : 'es2020',
    ...(loader === 'ts' ? { format: 'iife' as const } : {}),
  })
  return code.trim()
}
