// A public directory, as Debian's servers show it to a real Chromium: of a hundred names and
// contents that the default settings take, none runs a script in the site's name, with and without
// what docs/servers.md adds. With it, no handler runs and nothing of the hidden folder is served.

import assert from 'node:assert/strict'
import { chownSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { chromium } from 'playwright-core'
import { executedByBrowsers, executedByServers, inert } from '../../src/settings/table.ts'
import { file, post } from '../host/form.ts'
import { section } from '../host/guide.ts'
import { Machine, skipGuide } from '../host/guide-site.ts'
import { find, missing } from '../host/installed.ts'
import { chromiumArgs } from '../host/page.ts'
import { Uploads } from '../host/piece-upload.ts'
import type { RunningServer } from '../host/server.ts'
import { giveToServer, serverIds } from '../host/user.ts'

const guide = section('A public directory')
const settings = new Map(
  [...guide.block('toml').matchAll(/^(\w+) = "?([^"\n]*)"?$/gm)].map(([, key = '', value = '']) => [
    key,
    value,
  ]),
)
const directory = settings.get('directory') ?? ''

/** A script that shows that it runs by asking the server for something. */
const script = "<script>new Image().src = '/ran?' + encodeURIComponent(location.pathname)</script>"
const contents = [
  `<!doctype html><title>x</title>${script}`,
  `Content-Type: text/html\nBody:----x----\n${script}\n----x----\n`,
  `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`,
  `Content-Type: text/html\n\n<html>${script}`,
  `GIF89a<html>${script}`,
  `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`,
]
/** Two names of each kind that is taken, one with a second extension. */
const names = inert.flatMap((extension) => [`a.${extension}`, `b.en.${extension}`])
const refused = [
  ...[...executedByBrowsers, ...executedByServers].map((extension) => `x.${extension}`),
  ...['evil', 'LICENSE', 'a.html5', 'a.htmlx', 'a.html~', 'e.en', 'a.xsd', 'a.rng', 'a.html.pdf'],
  ...['a.var.jpg', 'a.kml', 'a.rss', 'a.gpx', 'a.docm', 'a.fodt', 'a.mhtml', 'a.txt.foo'],
]

const env = {
  UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: settings.get('allow_public_directory') ?? '',
  UPLOAD_CGI_PUBLIC_URL: settings.get('public_url') ?? '',
  // The names and the servers alone must hold, whatever the content.
  UPLOAD_CGI_CONTENT_CHECK: 'false',
  UPLOAD_CGI_FILE_MODE: '0644',
  UPLOAD_CGI_MAX_FILES: '200',
  UPLOAD_CGI_DURABLE: 'false',
}

test('the default settings refuse every name that a server or browser could run', async (t) => {
  const uploads = new Uploads()
  for (const name of refused) {
    const reply = await post(uploads.directory, [file(name, contents[0])], env)
    assert.equal(reply.status, 415, name)
  }
  t.diagnostic(`${refused.length} names`)
})

for (const tool of ['apache2', 'nginx', 'lighttpd'] as const) {
  const skip = skipGuide || missing(tool, 'fcgiwrap', 'chromium')
  test(`${tool}: no file of strangers runs in the site's name`, {
    skip,
    timeout: 600_000,
  }, async (t) => {
    const machine = await publicMachine(t)
    machine.takeFromDebian(tool)
    const place = machine.path(directory)
    // That the test can see a script run at all.
    writeFileSync(join(place, 'own.html'), contents[0] ?? '')
    const plain = await started(machine, tool)
    const paths = names.map((name) => `/files/${name}`)
    assert.deepEqual(await ranIn(plain, ['/files/own.html', ...paths]), ['/files/own.html'])
    const hidden = hiddenFiles(place)
    assert.ok(hidden.some((path) => path.includes('/.ht')))
    // Debian's Apache lists folders, but neither lists nor shows files that begin with .ht. The
    // names are secret, so that listing them is all that other servers could do wrong.
    for (const path of ['.upload-cgi/', '.upload-cgi/incoming/']) {
      const reply = await fetch(new URL(`/files/${path}`, plain.url))
      assert.doesNotMatch(await reply.text(), /\.ht/, path)
    }
    if (tool === 'apache2') {
      const files = hidden.filter((path) => statSync(join(place, path)).isFile())
      for (const path of files) await assertClosed(plain, path)
    }
    await plain.stop()

    follow(machine, tool)
    // Debian's Apache would answer with the content type that this file says.
    writeFileSync(join(place, 'x.var'), contents[1] ?? '')
    const guided = await started(machine, tool)
    assert.deepEqual(await ranIn(guided, ['/files/own.html', '/files/x.var', ...paths]), [])
    for (const path of ['/files/own.html', '/files/a.jpg', '/files/a.pdf', '/files/x.var']) {
      const reply = await fetch(new URL(path, guided.url))
      assert.equal(reply.status, 200, path)
      assert.equal(reply.headers.get('x-content-type-options'), 'nosniff', path)
      assert.equal(reply.headers.get('content-disposition'), 'attachment', path)
      if (path.endsWith('.var')) assert.equal(await reply.text(), contents[1])
    }
    for (const path of ['.upload-cgi', '.upload-cgi/', ...hidden]) await assertClosed(guided, path)
  })
}

async function assertClosed(server: RunningServer, path: string): Promise<void> {
  const { status } = await fetch(new URL(`/files/${path}`, server.url))
  assert.ok([403, 404].includes(status), `${path}: ${status}`)
}

/** With all files in the directory, and an upload in pieces that is not finished. */
async function publicMachine(t: TestContext): Promise<Machine> {
  const machine = new Machine(t)
  machine.makeForServer(directory)
  const place = machine.path(directory)
  const parts = names.map((name, i) => file(name, contents[i % contents.length]))
  const reply = await post(place, parts, env)
  assert.equal(reply.status, 201, reply.text)
  assert.ok(names.every((name) => readdirSync(place).includes(name)))
  const bytes = Buffer.from(`${contents[0]}`.padEnd(1000))
  const piece = await new Uploads(place).piece({ bytes, name: 'later.pdf', env })
  assert.equal(piece.status, 202, piece.text)
  // As if the server's user had run the program.
  const { uid, gid } = serverIds()
  for (const path of ['.upload-cgi', ...hiddenFiles(place)]) chownSync(join(place, path), uid, gid)
  giveToServer(place)
  return machine
}

/** All that is in the hidden folder, by its path in the directory. */
function hiddenFiles(place: string): string[] {
  const inside = (path: string): string[] =>
    statSync(join(place, path)).isDirectory()
      ? [path, ...readdirSync(join(place, path)).flatMap((name) => inside(join(path, name)))]
      : [path]
  return inside('.upload-cgi').slice(1)
}

function follow(machine: Machine, tool: 'apache2' | 'nginx' | 'lighttpd'): void {
  if (tool === 'nginx') {
    const site = '/etc/nginx/sites-available/default'
    machine.edit([[site, /\n}/, `\n${machine.translate(guide.block('nginx'))}}`]])
    return
  }
  const blocks = guide.blocks.filter(({ path }) => path.includes(tool))
  assert.equal(blocks.length, 1)
  for (const { path, text } of blocks) machine.write(path, text)
  machine.run(tool === 'apache2' ? guide.script() : 'lighty-enable-mod upload-public')
}

function started(machine: Machine, tool: 'apache2' | 'nginx' | 'lighttpd') {
  if (tool === 'apache2') return machine.startApache('/files/')
  return tool === 'nginx' ? machine.startNginx('/files/', '-c1') : machine.startLighttpd('/files/')
}

/** Opens each path of the server in Chromium; those whose scripts ran. */
async function ranIn(server: RunningServer, paths: readonly string[]): Promise<string[]> {
  const executablePath = find('chromium') ?? ''
  const browser = await chromium.launch({ executablePath, args: chromiumArgs, timeout: 120_000 })
  const ran = new Set<string>()
  try {
    const context = await browser.newContext({ acceptDownloads: false })
    context.on('request', (request) => {
      const { pathname, search } = new URL(request.url())
      if (pathname === '/ran') ran.add(decodeURIComponent(search.slice(1)))
    })
    const page = await context.newPage()
    for (const path of paths) {
      // What is no page is a download, which ends the navigation with an error.
      await page.goto(new URL(path, server.url).href, { timeout: 120_000 }).catch((error) => {
        assert.match(String(error), /Download is starting|ERR_ABORTED/, path)
      })
    }
    // One more page, so that whatever the last one began has been seen.
    await page.goto('about:blank')
  } finally {
    await browser.close()
  }
  return [...ran]
}
