// What the executable must start under, and what it must not load: hosts without executable memory,
// with three process slots, and the modules of a GET beside those of an empty executable made the
// same way.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { packageExecutable } from '../../build/package.ts'
import { missing } from '../host/installed.ts'
import {
  freshDirectory,
  isPlain,
  patchedOnly,
  program,
  root,
  writeSettings,
} from '../host/program.ts'
import { needsRoot } from '../host/user.ts'

const home = freshDirectory({ after })
const uploads = join(home, 'uploads')
mkdirSync(uploads)
// The program refuses uploads below its own directory.
const packages = freshDirectory({ after })
chmodSync(home, 0o755)
chmodSync(uploads, 0o777)
const env = { GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: 'GET', UPLOAD_CGI_DIRECTORY: uploads }

test('starts where memory is never writable and executable', { skip: missing('gcc') }, () => {
  const source = join(home, 'mdwe.c')
  writeFileSync(
    source,
    `#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (prctl(65 /* PR_SET_MDWE */, 1L, 0L, 0L, 0L)) { perror("PR_SET_MDWE"); return 99; }
  execv(argv[1], argv + 1);
  return 98;
}`,
  )
  execFileSync('gcc', ['-o', join(home, 'mdwe'), source])
  const { stdout, stderr, status } = spawnSync(join(home, 'mdwe'), [program], { env })
  assert.equal(String(stderr), '')
  assert.equal(status, 0)
  assert.match(String(stdout), /^Status: 200 OK/)
})

test('starts with three process slots, its own among them', {
  skip: needsRoot('needs root, to be a user without other processes'),
}, () => {
  const nobodyElse = ['--reuid=54321', '--regid=54321', '--clear-groups']
  const args = [...nobodyElse, 'prlimit', '--nproc=3', program]
  const options = { env: { ...env, PATH: '/usr/bin:/bin' }, timeout: 120_000 }
  const { stdout, stderr } = spawnSync('setpriv', args, options)
  assert.equal(String(stderr), '')
  assert.match(String(stdout), /^Status: 200 OK/)
})

test('a GET loads no module of Node that an empty executable does not load', async () => {
  const report = "require('fs').writeSync(2, process.moduleLoadList.join('\\n'))"
  const bundle = readFileSync(resolve(root, 'build/bundles/src/form.cjs'), 'utf8')
  const assetsHome = resolve(root, 'build/assets')
  const assets = Object.fromEntries(
    readdirSync(assetsHome, { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(join(assetsHome, name)).isFile())
      .map((name) => [name, join(assetsHome, name)]),
  )
  const wrapped = (source: string) => `(function(exports,require,module){\n${source}\n})`
  const loaded = async (name: string, source: string) => {
    const upload = join(packages, `${name}.cjs`)
    writeFileSync(upload, source)
    const output = join(packages, name)
    const first = { 'src/form.cjs': upload, 'src/main.cjs': upload }
    const bundles = { caches: undefined, assets: { ...assets, ...first } }
    await packageExecutable(root, bundles, ownTarget(), output, isPlain ? 'plain' : 'patched')
    chmodSync(output, 0o755)
    return listed(output, env, name === 'whole')
  }
  const listed = (path: string, from: Readonly<Record<string, string>>, isWhole: boolean) => {
    const { stdout, stderr } = spawnSync(path, [], { env: from })
    if (isWhole) assert.match(String(stdout), /^Status: 200 OK/)
    return String(stderr).split('\n')
  }
  const bare = new Set(await loaded('bare', wrapped(report)))
  const [, , ...more] = bundle.split('process.exit()')
  assert.deepEqual(more, [])
  const whole = await loaded('whole', bundle.replace('process.exit()', report))
  assert.deepEqual(
    whole.filter((name) => !bare.has(name)),
    [],
  )
  // Who is told, who scans and who may send adds none, although all of it is set.
  const closed = { ...env, UPLOAD_CGI_CONFIG: writeSettings(packages, everything) }
  const told = listed(join(packages, 'whole'), closed, true)
  assert.deepEqual(
    told.filter((name) => !bare.has(name)),
    [],
  )
})

const everything = `notify = ["owner@example.org", "https://hook.example.org/in", "/bin/true"]
mail_command = ["/usr/sbin/sendmail", "-t"]
webhook_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
scan_command = ["/usr/bin/clamdscan", "{file}"]
max_total_files = 1000
max_sender_files = 100
folder = "{date}/{sender}"
`

function ownTarget(): 'linux-x64' | 'linux-arm64' {
  return process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64'
}

test('Node takes its own modules as they are compiled already, and V8 our code where it lies', {
  skip: patchedOnly('compiles its own modules anew'),
}, () => {
  const said = modulesOfPost(10_000)
  assert.match(said, /Code cache of crypto \(\w+\) is accepted/)
  assert.doesNotMatch(said, /is rejected/)
  const bytes = readFileSync(program)
  for (const name of ['form', 'main']) {
    const cache = readFileSync(resolve(root, `build/bundles/src/${name}.cache`))
    const place = bytes.indexOf(cache)
    assert.deepEqual([name, place > 0, place % 8], [name, true, 0])
  }
})

test('a small upload does without node:crypto', {
  skip: patchedOnly('has no name for the variable that tells the modules'),
}, () => {
  assert.match(modulesOfPost(1000), /^Status: 201 /)
  assert.doesNotMatch(modulesOfPost(1000), /Code cache of (internal\/)?crypto/)
})

/** What Node says of its modules in a request with a file of so many bytes, after the reply. */
function modulesOfPost(bytes: number): string {
  const head = '--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
  const body = `${head}${'a'.repeat(bytes)}\r\n--b--\r\n`
  const { stdout, stderr } = spawnSync(program, [], {
    env: {
      ...env,
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: 'multipart/form-data; boundary=b',
      CONTENT_LENGTH: String(body.length),
      // The build has renamed it (variables.ts).
      $ODE_DEBUG_NATIVE: 'CODE_CACHE',
    },
    input: body,
  })
  return String(stdout) + String(stderr)
}
