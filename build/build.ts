// npm run build [-- --target linux-arm64] [--plain-node]: makes the bundles and the executable, and
// runs it once as a CGI program where this machine can. Fails if any of it fails. The product is
// build/upload.cgi; for another processor build/upload-linux-arm64.cgi. With --plain-node, Node
// stays byte for byte as its package has it, and the product is build/upload-plain.cgi or
// build/upload-linux-arm64-plain.cgi (docs/decisions/002-pkg-sea.md).

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Bundles, bundle, licenseText } from './bundle.ts'
import { writeCauses } from './causes.ts'
import { NodeError } from './node/elf.ts'
import { isTarget, ownTarget, type Target } from './node/target.ts'
import { packageExecutable, warm } from './package.ts'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    target: { type: 'string', default: ownTarget },
    'plain-node': { type: 'boolean', default: false },
  },
})

if (!isTarget(values.target)) {
  console.error(`upload.cgi is built for linux-x64 and linux-arm64, not for ${values.target}.`)
  process.exit(64)
}
try {
  writeCauses(root)
  await build(values.target, values['plain-node'])
} catch (error) {
  if (!(error instanceof NodeError)) throw error
  console.error(error.message)
  process.exitCode = 65
}

async function build(target: Target, isPlain: boolean): Promise<void> {
  const isOwn = target === ownTarget
  const name = ['upload', isOwn ? '' : `-${target}`, isPlain ? '-plain' : '', '.cgi'].join('')
  const output = resolve(root, 'build', name)
  // Packaged beside it and renamed: replacing a file that runs would fail, or break what runs.
  const temporary = `${output}.new`
  const licenses = resolve(root, 'build/licenses.txt')
  writeFileSync(licenses, licenseText(root))
  const bundles = await bundle(root)
  const caches = isOwn ? warm(root, bundles) : undefined
  const whole = { ...bundles, caches, assets: { ...bundles.assets, licenses } }
  await packageExecutable(root, whole, target, temporary, isPlain ? 'plain' : 'patched')
  chmodSync(temporary, 0o755)
  if (isOwn) smokeTest(temporary)
  renameSync(temporary, output)
  writeFileSync(`${output}.map`, mapsOf(bundles))
  const megabytes = (statSync(output).size / 1e6).toFixed(1)
  console.log(`${output}: ${megabytes} MB${isOwn ? ', answers as a CGI program' : ''}`)
  if (isPlain)
    console.log('  Its Node obeys variables of the environment, such as NODE_V8_COVERAGE.')
}

/** The source maps of all bundles by their names, as src/driver/stack.ts reads them. */
function mapsOf({ assets }: Bundles): string {
  const bundles = Object.entries(assets).filter(([name]) => name.endsWith('.cjs'))
  const maps = bundles.map(([name, path]) => [
    name,
    JSON.parse(readFileSync(`${path}.map`, 'utf8')),
  ])
  return JSON.stringify(Object.fromEntries(maps))
}

/** Makes one GET as a web server would. A word on stderr is a failure too (a rejected cache). */
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
