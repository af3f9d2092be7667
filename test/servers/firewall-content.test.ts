// Files with lines that begin with two hyphens, through Apache with ModSecurity and the core rule
// set, blocking, without the exception of docs/servers.md: the firewall refuses such a file as a
// whole, and lets the pieces pass that the page and upload.sh cut.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { chromium } from 'playwright-core'
import { startBlockingSite } from '../host/blocking-site.ts'
import { visible } from '../host/form.ts'
import { upload } from '../host/guide-promises.ts'
import { skipGuide } from '../host/guide-site.ts'
import { find, missing } from '../host/installed.ts'
import { arrives, chromiumArgs } from '../host/page.ts'
import { freshDirectory } from '../host/program.ts'

const skip =
  skipGuide || missing('apache2', 'libapache2-mod-security2', 'modsecurity-crs', 'chromium', 'curl')
const script = resolve(import.meta.dirname, '../../upload.sh')
const timeout = 600_000

const binary = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 31 + (i >> 8)) % 251))
binary.write('\n--x', 2_000_000)

const files: Readonly<Record<string, Buffer>> = {
  'lines.txt': Buffer.from(
    '-- first\n--\nthe line above alone is harmless\r\n--\r\n---\n-x\nlast\n--',
  ),
  'key.pem': Buffer.from(`-----BEGIN KEY-----\n${'QUJD'.repeat(16)}\n-----END KEY-----\n`),
  'binary.bin': binary,
  'mail.eml': Buffer.from(
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n-- \r\nAda\r\n--b--\r\n',
  ),
  'change.patch': Buffer.from('--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old\n+-- new\n'),
  'dump.sql': Buffer.from('-- Table t\n--\n\nINSERT INTO t VALUES (1);\n\n-- Completed\n'),
}

test('the page sends what a firewall refuses as a whole', { skip, timeout }, async (t) => {
  const { url, directory } = await firewall(t)
  const home = written(t)
  const browser = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
  })
  t.after(() => browser.close())
  const page = await browser.newPage({ locale: 'en' })
  page.setDefaultTimeout(300_000)
  await page.goto(url)
  await page.locator('#file').setInputFiles(Object.keys(files).map((name) => join(home, name)))
  await page.locator('#send').click()
  await arrives(page)
  assertStored(directory)
})

test('upload.sh sends what a firewall refuses as a whole', { skip, timeout }, async (t) => {
  const { url, directory } = await firewall(t)
  const home = written(t)
  const child = spawn('sh', [script, url, ...Object.keys(files)], {
    cwd: home,
    env: { ...process.env, HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => (said += text))
  const [status] = await once(child, 'close')
  assert.equal(status, 0, said)
  assertStored(directory)
})

/** Asserts that each of the files is refused when it is sent as a whole. */
async function firewall(t: TestContext): Promise<{ url: string; directory: string }> {
  const site = await startBlockingSite(t)
  for (const [name, content] of Object.entries(files)) {
    assert.equal((await upload(site.url, name, content)).status, 403, name)
  }
  return site
}

function written(t: TestContext): string {
  const home = freshDirectory(t)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(home, name), content)
  return home
}

function assertStored(directory: string): void {
  assert.deepEqual(visible(directory), Object.keys(files).sort())
  for (const [name, content] of Object.entries(files)) {
    assert.ok(readFileSync(join(directory, name)).equals(content), name)
  }
}
