// npm test [-- [--plain-node] FILE …]: runs all tests, or those of the named files. They drive the
// executable that npm test built before; with --plain-node, build/upload-plain.cgi, which is built
// here, and UPLOAD_CGI_PROGRAM tells the tests its path. Types and style are checked by `npm run
// check`. A test that this machine cannot run is skipped with its reason and how to get what it
// lacks; with UPLOAD_CGI_NO_SKIPS=1 that is a failure. Only what an unchanged Node lacks by design
// is skipped then, too (patchedOnly in test/host/program.ts). A file that does not end is ended.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const root = resolve(import.meta.dirname, '..')
/** Far more than any file of tests takes, in ms. */
const limits = ['--test-concurrency=2', `--test-timeout=${20 * 60_000}`]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'plain-node': { type: 'boolean', default: false } },
})
const env = { ...process.env }
if (values['plain-node']) {
  run(['build/build.ts', '--plain-node'])
  env['UPLOAD_CGI_PROGRAM'] = resolve(root, 'build/upload-plain.cgi')
}
const files = positionals.length > 0 ? positionals : ['src/**/*.test.ts', 'test/**/*.test.ts']
run(['--import', './build/pages/register.ts', '--test', ...limits, ...files])

function run(args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 70)
}
