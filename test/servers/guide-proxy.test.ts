// The section of docs/servers.md about proxies: what it shows for nginx and Apache is loaded into
// them, in front of the program, and `check --url` finds nothing wrong.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { section } from '../host/guide.ts'
import { missing } from '../host/installed.ts'
import { startNginx } from '../host/nginx.ts'
import { freshDirectory, program } from '../host/program.ts'
import { looks } from '../host/tus.ts'

const guide = section('Behind a proxy')
const [, trusted = ''] = /^trusted_proxies = \["(.*)"\]$/m.exec(guide.block('toml')) ?? []
const skip = missing('apache2', 'nginx', 'fcgiwrap')

test('the guide names the address of the proxy', () => {
  assert.equal(trusted, '10.0.0.1')
})

test('nginx as a proxy, as the guide has it', { skip, timeout: 120_000 }, async (t) => {
  const behind = await startBehind(t)
  const extra = guide.block('nginx').replace('http://10.0.0.2', new URL(behind.url).origin)
  const proxy = await startNginx({ extra })
  t.after(() => proxy.stop())
  await assertFine(`${new URL(proxy.url).origin}/upload`)
  assert.deepEqual([behind.stored(), behind.incoming()], [{}, []])
})

test('Apache as a proxy, as the guide has it', { skip, timeout: 120_000 }, async (t) => {
  const behind = await startBehind(t)
  const { origin } = new URL(behind.url)
  const modules = ['proxy', 'proxy_http'].map(
    (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`,
  )
  // The example's own form is at that path, which the proxy has for itself here.
  const extra = `${modules.join('')}${guide.block('apache')}`
    .replace('http://10.0.0.2', origin)
    .replace('/upload ', '/proxied ')
  const proxy = await startApache({ extra })
  t.after(() => proxy.stop())
  const findings = await check(`${new URL(proxy.url).origin}/proxied`)
  // The path differs in this test alone.
  const others = findings.filter(({ code }) => code !== 'TUS_ADDRESS')
  assert.deepEqual(worseThanFine(others), [])
})

/** The program as it runs behind the proxy, which comes from this machine here. */
async function startBehind(t: TestContext) {
  const directory = freshDirectory(t)
  const env = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_TRUSTED_PROXIES: '127.0.0.1' }
  const { url, stop } = await startApache({ env, define: { UPLOAD_CGI_MAX_BODY: '0' } })
  t.after(stop)
  return { url, ...looks(directory) }
}

type Finding = { readonly level: string; readonly code: string; readonly message: string }

async function assertFine(url: string): Promise<void> {
  assert.deepEqual(worseThanFine(await check(url)), [])
}

function worseThanFine(findings: readonly Finding[]): Finding[] {
  assert.ok(findings.some(({ code }) => code === 'ORIGIN'))
  return findings.filter(({ level }) => level !== 'ok')
}

async function check(url: string): Promise<readonly Finding[]> {
  const args = ['check', '--json', '--pause', '1', '--url', url]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  await once(child, 'close')
  return JSON.parse(text).findings
}
