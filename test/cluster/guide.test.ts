// docs/cluster.md as it is written: two web machines, each with processes of FastCGI behind an
// nginx of its own and with its own client of a CephFS, and the balancer of the page in front of
// them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { Section } from '../host/guide.ts'
import { missing } from '../host/installed.ts'
import { startNginxFastCgi } from '../host/nginx.ts'
import { freshDirectory, root } from '../host/program.ts'
import { freePort } from '../host/server.ts'
import { giveToServer } from '../host/user.ts'
import { contentsOf } from './machines.ts'

const page = new Section(readFileSync(join(root, 'docs/cluster.md'), 'utf8'))

test('two machines behind one balancer', {
  skip: cannotCeph() || missing('nginx'),
}, async (t) => {
  const ceph = new CephFs(t)
  const machines = []
  for (const path of [ceph.mount(), ceph.mount()]) machines.push(await webMachine(t, path))
  const [one, other] = machines
  assert.ok(one !== undefined && other !== undefined)
  const url = await startBalancer(t, [one.server.url, other.server.url])
  assert.equal((await fetch(url, { headers: { accept: 'text/html' } })).status, 200)
  const wanted: Record<string, string> = {}
  const store = async (name: string) => {
    wanted[name] = name.repeat(1000)
    const body = new FormData()
    body.append('file', new Blob([wanted[name]]), name)
    const reply = await fetch(url, {
      method: 'POST',
      body,
      headers: { origin: new URL(url).origin },
    })
    assert.equal(reply.status, 201, await reply.text())
  }
  for (let i = 0; i < 6; i++) await store(`${i}.txt`)
  // The balancer takes both in turn.
  for (const { log } of machines) assert.match(readFileSync(log, 'utf8'), /"status":201/)
  await one.server.stop()
  for (let i = 6; i < 9; i++) await store(`${i}.txt`)
  for (const { directory } of machines) assert.deepEqual(contentsOf(directory), wanted)
})

/** Its settings are those of the page, with a log of its own. */
async function webMachine(t: TestContext, mount: string) {
  const home = freshDirectory(t)
  const directory = join(mount, 'uploads')
  mkdirSync(directory, { recursive: true })
  const [log, file] = [join(home, 'log'), join(home, 'upload.toml')]
  const settings = page.block('toml').replace('/mnt/inbox', mount).replace('10.0.0.1', '127.0.0.1')
  writeFileSync(file, `${settings}log_file = "${log}"\n`, { mode: 0o644 })
  for (const path of [directory, home]) giveToServer(path)
  const server = await startNginxFastCgi({ env: { UPLOAD_CGI_CONFIG: file } })
  t.after(() => server.stop())
  return { server, directory, log }
}

/** Returns the address of the page. */
async function startBalancer(t: TestContext, urls: readonly string[]): Promise<string> {
  const home = freshDirectory(t)
  const port = await freePort()
  const hosts = urls.map((url) => new URL(url).host)
  const http = ['10.0.0.2', '10.0.0.3'].reduce(
    (text, address, i) => text.replace(address, hosts[i] ?? ''),
    page.block('nginx').replace('listen 80', `listen 127.0.0.1:${port}`),
  )
  const temporary = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi']
  const lines = [
    'daemon off;',
    `pid "${home}/pid";`,
    'events {}',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path "${home}/${name}";`),
    http,
    '}',
  ]
  const file = join(home, 'nginx.conf')
  writeFileSync(file, lines.join('\n'))
  const child = spawn('nginx', ['-c', file, '-e', join(home, 'error.log')], { stdio: 'inherit' })
  t.after(async () => {
    child.kill()
    await once(child, 'exit')
  })
  const url = `http://127.0.0.1:${port}/upload`
  for (const end = Date.now() + 60_000; ; ) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return url
    assert.ok(Date.now() < end, 'the balancer does not answer')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
