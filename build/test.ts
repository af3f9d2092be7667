// npm test [-- FILE …]: type check and all tests against the built executable, or the named test files.
// What this machine cannot run is skipped with its reason and how to get it; with UPLOAD_CGI_NO_SKIPS=1 a
// skip is a failure.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const named = process.argv.slice(2)
const files = named.length > 0 ? named : ['src/**/*.test.ts', 'test/**/*.test.ts']
const args = ['--import', './build/register.ts', '--test', '--test-concurrency=2', ...files]
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
process.exit(status ?? 70)
