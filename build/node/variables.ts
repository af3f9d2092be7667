// Takes away the environment variables that Node itself obeys: each of their names gets another
// first letter wherever Node has it, in its code, its modules, and what it compiled of them. A
// variable of a host or of a visitor then changes nothing: it would write files, load modules, or
// open descriptors. No shell can set a name that begins with a dollar sign. A Node that lacks one
// of the names, or has one that the list lacks, ends the build.

import { changed } from './elf.ts'

export function forgetVariables(file: Buffer): void {
  for (const name of unknownNames(file)) throw changed(`the variable ${name}`)
  for (const name of obeyedVariables) {
    const places = [...placesOf(file, name, 'latin1'), ...placesOf(file, name, 'utf16le')]
    if (places.length === 0) throw changed(`the variable ${name}`)
    for (const at of places) file.write('$', at)
  }
}

/** Where the name is a whole word. */
function placesOf(file: Buffer, name: string, encoding: 'latin1' | 'utf16le'): number[] {
  const text = Buffer.from(name, encoding)
  const width = text.length / name.length
  const found: number[] = []
  for (let at = file.indexOf(text); at !== -1; at = file.indexOf(text, at + 1)) {
    if (!isLetter(file[at - width]) && !isLetter(file[at + text.length])) found.push(at)
  }
  return found
}

/** Variables that Node's modules read and that neither list has. */
function unknownNames(file: Buffer): string[] {
  const known = new Set<string>([...obeyedVariables, ...otherVariables])
  const marker = 'process.env.'
  const names = new Set<string>()
  for (let at = file.indexOf(marker); at !== -1; at = file.indexOf(marker, at + 1)) {
    const start = at + marker.length
    const [name = ''] = /^[A-Z0-9_]*/.exec(file.toString('latin1', start, start + 60)) ?? []
    if (name.length > 1) names.add(name)
  }
  return [...names].filter((name) => !known.has(name))
}

function isLetter(byte = 0): boolean {
  return /^[\w$]$/.test(String.fromCharCode(byte))
}

/** Of Node, libuv, OpenSSL and ICU. */
export const obeyedVariables = [
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_CLUSTER_SCHED_POLICY',
  'NODE_COMPILE_CACHE',
  'NODE_COMPILE_CACHE_PORTABLE',
  'NODE_DEBUG',
  'NODE_DEBUG_NATIVE',
  'NODE_DISABLE_COLORS',
  'NODE_DISABLE_COMPILE_CACHE',
  'NODE_EXTRA_CA_CERTS',
  'NODE_ICU_DATA',
  'NODE_INSPECT_RESUME_ON_START',
  'NODE_NO_READLINE',
  'NODE_NO_WARNINGS',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_PENDING_DEPRECATION',
  'NODE_PENDING_PIPE_INSTANCES',
  'NODE_PRESERVE_SYMLINKS',
  'NODE_PRESERVE_SYMLINKS_MAIN',
  'NODE_REDIRECT_WARNINGS',
  'NODE_REPL_EXTERNAL_MODULE',
  'NODE_REPL_HISTORY',
  'NODE_SKIP_PLATFORM_CHECK',
  'NODE_TEST_CONTEXT',
  'NODE_TEST_WORKER_ID',
  'NODE_TLS_REJECT_UNAUTHORIZED',
  'NODE_UNIQUE_ID',
  'NODE_USE_ENV_PROXY',
  'NODE_USE_SYSTEM_CA',
  'NODE_V8_COVERAGE',
  'OPENSSL_CONF',
  'OPENSSL_ENGINES',
  'OPENSSL_MODULES',
  'SSL_CERT_DIR',
  'SSL_CERT_FILE',
  'UV_THREADPOOL_SIZE',
  'UV_USE_IO_URING',
  'WATCH_REPORT_DEPENDENCIES',
] as const

/** Of the terminal, of proxies that only NODE_USE_ENV_PROXY turns on, and of modules not loaded. */
const otherVariables = [
  'FORCE_COLOR',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'JEST_WORKER_ID',
  'NO_PROXY',
  'TEMP',
  'TERM',
  'TMP',
  'UNDICI_NO_WASM_SIMD',
  'USERPROFILE',
  '__MINIMATCH_TESTING_PLATFORM__',
]
