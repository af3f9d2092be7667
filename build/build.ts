// npm run build [-- --target linux-arm64]: bundle, executable, and one run of it as a CGI program; fails if
// that fails. Product: build/upload.cgi, or build/upload-linux-arm64.cgi for another processor.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bundle, licenseText } from './bundle.ts'
import { packageExecutable, type Target, warm } from './package.ts'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({ options: { target: { type: 'string' } } })
const own = `${process.platform}-${process.arch}`
const target = values.target ?? own

if (target !== 'linux-x64' && target !== 'linux-arm64') {
  console.error(`upload.cgi is built for linux-x64 and linux-arm64, not for ${target}.`)
  process.exit(64)
}
await build(target)

async function build(target: Target): Promise<void> {
  const output = resolve(root, target === own ? 'build/upload.cgi' : `build/upload-${target}.cgi`)
  // Packaged beside it and renamed: replacing a file that runs would fail, or break what runs.
  const temporary = `${output}.new`
  const licenses = resolve(root, 'build/licenses.txt')
  writeFileSync(licenses, licenseText(root))
  const bundles = await bundle(root)
  const cache = target === own ? resolve(root, 'build/upload.cache') : ''
  if (cache !== '') warm(root, bundles.upload, cache)
  await packageExecutable(root, { ...bundles, cache }, target, temporary, { licenses })
  chmodSync(temporary, 0o755)
  if (target === own) smokeTest(temporary)
  renameSync(temporary, output)
  copyFileSync(resolve(root, 'build/upload.cjs.map'), `${output}.map`)
  const megabytes = (statSync(output).size / 1e6).toFixed(1)
  console.log(`${output}: ${megabytes} MB${target === own ? ', answers as a CGI program' : ''}`)
}

/** One GET as a web server would make it. Any word on stderr is a failure too (a rejected code cache). */
function smokeTest(program: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'upload-cgi-'))
  const env = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: 'GET',
    SCRIPT_FILENAME: '/usr/lib/cgi-bin/upload.cgi',
    UPLOAD_CGI_DIRECTORY: directory,
  }
  const { stdout, stderr, error } = spawnSync(program, [], { env, timeout: 20_000 })
  rmSync(directory, { recursive: true })
  const reply = String(stdout)
  if (error === undefined && reply.startsWith('Status: 200 OK') && String(stderr) === '') return
  console.error(`The executable does not answer as it should:\n${reply}${stderr}${error ?? ''}`)
  process.exit(70)
}
