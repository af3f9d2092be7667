// The commands of the README and of the pages in docs: each block is run here in the order of its
// page, or a reason says which test runs it. A new block fails without a row. docs/owner.md,
// docs/servers.md and docs/own-form.md have tests of their own.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import * as tus from 'tus-js-client'
import { runCgi } from '../host/cgi.ts'
import { missing } from '../host/installed.ts'
import { Machine } from '../host/machine.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { root } from '../host/program.ts'
import { startServe } from '../host/serve.ts'
import { isRoot } from '../host/user.ts'

type Run = (block: string, t: TestContext) => Promise<void>
/** Which test runs it. */
type Reason = string

const address = 'https://example.org/cgi-bin/upload.cgi'
const elsewhere = ['docs/owner.md', 'docs/servers.md', 'docs/own-form.md', 'docs/cluster.md']
const pages = globSync(['README.md', 'CONTRIBUTING.md', 'docs/*.md'], { cwd: root })
const source = 'test/build/release.test.ts and .ci/run do the same from the sources'

// By page and first line.
const rows: Readonly<Record<string, Run | Reason>> = {
  'CONTRIBUTING.md: npm start': source,
  'README.md: install -m 755 upload.cgi /usr/lib/cgi-bin/': 'test/build/release.test.ts',
  'README.md: npm start': source,
  'README.md: /usr/lib/cgi-bin/upload.cgi form --action /cgi-bin/upload.cgi > /var/www/html/upload.html':
    async (block, t) => {
      const machine = new Machine(t)
      machine.type(block)
      assert.match(machine.read('/var/www/html/upload.html'), / action="\/cgi-bin\/upload\.cgi"/)
    },
  "README.md: curl -w '%{http_code}\\n' -F file=@report.pdf https://example.org/cgi-bin/upload.cgi":
    async (block, t) => {
      const [machine, said] = await typedOnMachine(t, block, { 'report.pdf': 1000 })
      assert.match(said, /^report\.pdf\t1000\t[0-9a-f]{64}\t.*\n201\n\{/)
      assert.deepEqual(machine.stored(), ['report-2.pdf', 'report.pdf'])
    },
  'README.md: [[extra_fields]]': async (block, t) => {
    const page = await new Machine(t, block).get()
    assert.match(page.text, /Your e-mail/)
  },
  'README.md: upload.cgi check': async (block, t) => {
    const commands = block
      .split('\n')
      .flatMap((line) => /^(upload\.cgi .*?)(?: {2}|$)/.exec(line)?.[1] ?? [])
    assert.equal(commands.length, 12)
    const stays = ['upload.cgi serve', 'upload.cgi fastcgi']
    const ending = commands.filter((command) => !stays.includes(command))
    assert.equal(ending.length, 10)
    // Otherwise it is silent for 30 s, to see whether the server cuts it off.
    const typed = ending.join('\n').replace(address, `${address} --pause 0`)
    await typedOnMachine(t, typed, {}, 'notify = ["/bin/true"]')
  },
  'docs/clients.md: const form = new FormData()': 'React Native alone runs it',
  'docs/clients.md: MultipartEntityBuilder.create()': 'it needs a library that Debian lacks',
  'docs/clients.md: ID=$(openssl rand -hex 16)': async (block, t) => {
    const files = { 'report.pdf': 1000, 'annex.pdf': 2000 }
    const [machine, said] = await typedOnMachine(t, block, files)
    const { batch, receipt, files: stored } = JSON.parse(said.slice(said.indexOf('{')))
    assert.deepEqual([batch, stored.length], [1, 2])
    // Each of the two files was told with its receipt, and `_close` told both again.
    assert.equal(said.match(/^(report|annex)\.pdf\t/gm)?.length, 4)
    assert.equal(said.split('\n').filter((line) => line.includes(`\t${receipt}\t`)).length, 2)
    assert.deepEqual(machine.stored(), ['annex.pdf', 'report.pdf'])
  },
  'docs/install.md: tar -xzf upload.cgi-*-linux-x64.tar.gz && cd upload.cgi-*-linux-x64':
    'test/build/release.test.ts',
  'docs/install.md: apt-get install ./upload-cgi_*_amd64.deb': 'test/build/release.test.ts',
  'docs/install.md: dnf install ./upload-cgi-*.x86_64.rpm': 'test/build/release.test.ts',
  'docs/install.md: systemctl enable --now upload-cgi-clean.timer': 'test/build/units.test.ts',
  'docs/install.md: systemctl enable --now upload-cgi.socket upload-cgi@1.service upload-cgi@2.service':
    'test/build/units.test.ts',
  'docs/limits.md: umount /srv/share': async (block, t) => {
    if (!isRoot() || cannotMount()) return t.skip('only root may mount')
    const share = mountTmpfs(t, 'size=1m,mode=1777')
    const directory = join(share, 'uploads')
    const store = () => runCgi({ env: { UPLOAD_CGI_DIRECTORY: directory } })
    const commands = block.replaceAll('/srv/share', share).split('\n').join(' && ')
    const [unmount = '', mount = ''] = commands.split(/ && (?=mount)/)
    spawnSync('sh', ['-ec', unmount])
    assert.equal((await store()).status, 503)
    execFileSync('sh', ['-ec', mount.replace('mount ', 'mount -t tmpfs -o mode=1777 none ')])
    execFileSync('install', ['-d', '-o', 'www-data', directory])
    assert.equal((await store()).status, 200)
  },
  'docs/resume.md: ./upload.sh https://example.org/cgi-bin/upload.cgi film.mp4 other.iso': async (
    block,
    t,
  ) => {
    const command = block.replace('./', '')
    const sizes = { 'film.mp4': 9_000_000, 'other.iso': 100 }
    const [machine] = await typedOnMachine(t, command, sizes)
    assert.deepEqual(machine.stored(), ['film.mp4', 'other.iso'])
  },
  'docs/resume.md: ID=$(openssl rand -hex 16)': async (block, t) => {
    const [machine, said] = await typedOnMachine(t, block, { 'film.mp4': 9_000_000 })
    assert.equal(said.match(/"offset":8000000,"size":9000000/g)?.length, 2, said)
    assert.deepEqual(machine.stored(), [])
  },
  "docs/resume.md: new tus.Upload(file, { endpoint: '/cgi-bin/upload.cgi/tus', chunkSize: 8_000_000, metadata: { filename: file.name } })":
    async (block, t) => {
      const machine = new Machine(t)
      const { url } = await startServe(t, { env: { UPLOAD_CGI_DIRECTORY: machine.directory } })
      const file = Object.assign(Buffer.alloc(9_000_000), { name: 'a.bin' })
      const text = block.replace('/cgi-bin/', url)
      const upload = new Function('tus', 'file', `return ${text}`)(tus, file) as tus.Upload
      await new Promise<void>((resolve, reject) => {
        upload.options.onSuccess = () => resolve()
        upload.options.onError = reject
        upload.start()
      })
      assert.deepEqual(machine.stored(), ['a.bin'])
    },
}

const blocks = pages.filter((page) => !elsewhere.includes(page)).flatMap(blocksOf)

test('each block of the pages has a test', () => {
  assert.deepEqual(blocks.map(({ name }) => name).sort(), Object.keys(rows).sort())
})

for (const { name, text } of blocks) {
  const row = rows[name]
  if (row === undefined || typeof row === 'string') continue
  test(name, { skip: missing('curl', 'openssl') }, (t) => row(text, t))
}

/** What a person sees who types that, with files of so many bytes, where the form is served. */
async function typedOnMachine(
  t: TestContext,
  commands: string,
  files: Readonly<Record<string, number>>,
  settings = '',
): Promise<[Machine, string]> {
  const machine = new Machine(t, settings)
  await machine.serve(t)
  for (const [file, bytes] of Object.entries(files)) {
    writeFileSync(machine.at(`/tmp/${file}`), Buffer.alloc(bytes, 'film '))
  }
  return [machine, machine.type(commands.replaceAll(address, 'https://example.org/upload'))]
}

/** What is indented by four columns after an empty line, or between fences. */
function blocksOf(page: string): { name: string; text: string }[] {
  const text = readFileSync(join(root, page), 'utf8')
  const found = text.matchAll(/(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+|^```\w+\n([\s\S]*?)^```$/gm)
  return [...found].map(([indented, fenced]) => {
    const block = (fenced ?? indented.replaceAll(/^ {4}/gm, '')).trim()
    return { name: `${page}: ${/^.*?(?=$| {3})/m.exec(block)?.[0]}`, text: block }
  })
}
