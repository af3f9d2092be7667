// Programs that nobody here wrote, each with a plain name, one that is not ASCII and one with
// quotes. docs/clients.md has a row for each: what it sends, and what becomes of it. A row that is
// not true fails here. clients.test.ts gives some of these programs many more names.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { startHttpProxy } from '../host/http-proxy.ts'
import { missing, type Tool } from '../host/installed.ts'
import { freshDirectory, root } from '../host/program.ts'
import { filesNamed } from '../host/sent-files.ts'
import { startReceiver } from '../host/serve.ts'

const names = ['plain.pdf', 'Größe.pdf', 'the "plan".pdf']
const guide = readFileSync(join(root, 'docs/clients.md'), 'utf8')
const scripts = join(import.meta.dirname, 'programs')

/** As docs/clients.md names it; its call up to the address and the files; what it needs. */
type Program = readonly [name: string, command: readonly string[], needs: readonly Tool[]]

const programs: readonly Program[] = [
  ['curl', ['sh', 'send.sh', 'curl'], ['curl']],
  ['wget, with a form made by printf', ['sh', 'send.sh', 'wget'], ['wget']],
  ['HTTPie', ['sh', 'send.sh', 'httpie'], ['http']],
  ['Python, requests', python('requests'), ['python3', 'python3-requests']],
  ['Python, httpx', python('httpx'), ['python3', 'python3-httpx']],
  ['Python, aiohttp', python('aiohttp'), ['python3', 'python3-aiohttp']],
  ['Python, aiohttp with `_filename`', python('aiohttp_with_name'), ['python3', 'python3-aiohttp']],
  ['Python, mechanize', python('mechanize'), ['python3', 'python3-mechanize']],
  ['Python, webtest', python('webtest'), ['python3', 'python3-webtest']],
  ['GNOME, libsoup 3', python('libsoup'), ['python3', 'gir1.2-soup-3.0', 'python3-gi']],
  ['Qt 6, QHttpMultiPart', python('qt'), ['python3', 'python3-pyqt6']],
  ['PHP, curl', ['php', 'send.php'], ['php', 'php-curl']],
  ['Perl, libwww-perl', ['/usr/bin/perl', 'send.pl'], ['perl', 'libwww-perl']],
  ['Ruby, net/http', ['ruby', 'send.rb', 'net-http'], ['ruby']],
  ['Ruby, rest-client', ['ruby', 'send.rb', 'rest-client'], ['ruby', 'ruby-rest-client']],
  ['Go, mime/multipart', ['go', 'run', 'send.go'], ['go']],
  ['Java, HttpClient with a form of its own', ['java', 'Send.java'], ['java']],
  ['Node, fetch', node('fetch'), []],
  ['Node, axios with form-data', node('axios'), ['node-axios', 'node-form-data']],
  ['Node, got with form-data', node('got'), ['node-got', 'node-form-data']],
  ['Python, tuspy', python('tuspy'), ['python3', 'python3-tuspy']],
  ['Node, tus-js-client', node('tus-js-client'), []],
]

for (const [name, command, needs] of programs) {
  test(`${name}: what it sends and what is stored is as docs/clients.md says`, {
    skip: missing(...needs),
    timeout: 300_000,
  }, async (t) => {
    assert.equal(await rowOf(t, name, command), rows().get(name))
  })
}

test('docs/clients.md has no row that no program held', () => {
  assert.deepEqual([...rows().keys()].sort(), programs.map(([name]) => name).sort())
})

function python(library: string): string[] {
  return ['/usr/bin/python3', 'send.py', library]
}

function node(library: string): string[] {
  return [process.execPath, 'send.cjs', library]
}

/** What a program did, as a row of the table. */
async function rowOf(t: TestContext, name: string, command: readonly string[]): Promise<string> {
  const log = join(freshDirectory(t), 'log')
  const receiver = await startReceiver(t, { UPLOAD_CGI_LOG_FILE: log })
  const proxy = await startHttpProxy(t, receiver.url)
  // The first of them is empty, which tuspy does not send.
  const files = filesNamed(t, ['empty', ...names]).slice(1)
  const [program = '', ...args] = command
  await promisify(execFile)(program, [...args, proxy.url, ...files.map(({ path }) => path)], {
    cwd: scripts,
    env: { ...process.env, ...environment, HOME: freshDirectory(t) },
  })
  const outcomes = await outcomesIn(log, names.length)
  const [plain, ...others] = outcomes.map(({ code, files: [file] = [] }, i) => {
    if (file === undefined) return [code ?? '', sentIn(proxy.bodies[i])]
    assert.ok(
      receiver
        .stored()
        .get(file.stored)
        ?.equals(files[i]?.bytes as Buffer),
      file.stored,
    )
    return [`\`${file.stored}\``, sentIn(proxy.bodies[i])]
  })
  return `| ${[name, plain?.[0], ...others.map(([stored, sent]) => `${sent} | ${stored}`)].join(' | ')} |`
}

/** What a form says of a file's name; tus says it in a header. */
function sentIn(body = ''): string {
  const said = /^content-disposition:.*?; *(filename\*?=.*)\r$/im.exec(body)?.[1]
  return said === undefined ? 'Upload-Metadata' : `\`${Buffer.from(said, 'latin1')}\``
}

type Outcome = { code?: string; files?: readonly { stored: string }[] }

/** A line of the log is written after the reply was sent. */
async function outcomesIn(log: string, count: number): Promise<Outcome[]> {
  for (let tries = 0; tries < 600; tries++) {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : []
    const outcomes = lines.filter((line) => /"(code|files)":.*\}$/.test(line))
    if (outcomes.length >= count) return outcomes.map((line) => JSON.parse(line) as Outcome)
    await delay(100)
  }
  throw new Error(`${log} does not tell of ${count} files`)
}

function rows(): Map<string, string> {
  const table = guide.split(/^## /m).find((part) => part.startsWith('What each program')) ?? ''
  const lines = table
    .split('\n')
    .filter((line) => /^\| [A-Z]|^\| (curl|wget)/i.test(line) && !line.startsWith('| program'))
  return new Map(lines.map((line) => [line.split(' | ')[0]?.slice(2) ?? '', line]))
}

const environment = {
  LC_ALL: 'C.UTF-8',
  NODE_PATH: '/usr/share/nodejs',
  QT_QPA_PLATFORM: 'offscreen',
  GO111MODULE: 'off',
  // Where nothing but this test writes, and no proxy of this machine is asked.
  no_proxy: '127.0.0.1',
}
