// What upload.sh says when it ends, followed: afterwards the file is stored. Firewalls are those of
// Debian's packages. The table is complete: a sentence of the script without a row here fails.

import assert from 'node:assert/strict'
import { type ExecFileException, execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { startBlockingSite } from '../host/blocking-site.ts'
import { tools } from '../host/doctor.ts'
import { visible } from '../host/form.ts'
import { skipGuide } from '../host/guide-site.ts'
import { missing } from '../host/installed.ts'
import { freshDirectory, root } from '../host/program.ts'
import { callsOf } from '../host/shell-calls.ts'
import { giveToServer } from '../host/user.ts'

type Call = { readonly args: readonly string[]; readonly path?: string }

type Case = {
  readonly call: (place: Place) => Call
  /** What a person does who reads the sentence. */
  readonly follow: (place: Place, said: string) => Call
  /** As it is stored then. */
  readonly stored: string
  readonly isBehindFirewall?: boolean
}

/** Why no test follows it. */
type Reason = string

type Place = { readonly url: string; readonly directory: string; readonly home: string }

const script = join(root, 'upload.sh')
const skip = skipGuide || missing('apache2', 'curl', 'busybox', 'python3')
const skipFirewall = skip || missing('libapache2-mod-security2', 'modsecurity-crs')

const cases: Readonly<Record<string, Case | Reason>> = {
  'usage: [PIECE=BYTES] upload.sh URL FILE…': {
    call: ({ url }) => ({ args: [url] }),
    follow: ({ url, home }) => ({ args: [url, file(home, 'a.txt')] }),
    stored: 'a.txt',
  },
  'upload.sh needs curl: install it': {
    call: ({ url, home }) => ({ args: [url, file(home, 'b.txt')], path: join(home, 'bin') }),
    follow: ({ url, home }) => ({ args: [url, file(home, 'b.txt')] }),
    stored: 'b.txt',
  },
  '$shown: no such file': {
    call: ({ url, home }) => ({ args: [url, join(home, 'c.txt')] }),
    follow: ({ url, home }) => ({ args: [url, file(home, 'c.txt')] }),
    stored: 'c.txt',
  },
  '$url: no upload.cgi': {
    call: ({ url, home }) => ({ args: [`${url}-not/index.html`, file(home, 'd.txt')] }),
    follow: ({ url, home }) => ({ args: [url, file(home, 'd.txt')] }),
    stored: 'd.txt',
  },
  '$url: moved; use this address: $(location)': {
    call: ({ url, home }) => ({ args: [`${url}-old`, file(home, 'e.txt')] }),
    follow: ({ home }, said) => {
      const [, address = ''] = /moved; use this address: (\S+)$/m.exec(said) ?? []
      return { args: [address, file(home, 'e.txt')] }
    },
    stored: 'e.txt',
  },
  '$shown: no answer from $url: $(tail -n 1 "$tmp.curl" | safe)':
    'curl says what is wrong; test/pieces/upload-sh.test.ts has its words',
  '$shown: a firewall refuses the content: send it in a ZIP file, or ask the host': {
    // More lines than it cuts.
    call: ({ url, home }) => ({ args: [url, file(home, 'dump.sql', '-- x\n'.repeat(501))] }),
    follow: ({ url, home }) => {
      const zip = join(home, 'dump.zip')
      execFileSync('python3', ['-m', 'zipfile', '-c', zip, join(home, 'dump.sql')])
      return { args: [url, zip] }
    },
    stored: 'dump.zip',
    isBehindFirewall: true,
  },
  '$shown: a firewall refuses the name or the content: rename it, send it in a ZIP file, or ask the host':
    {
      call: ({ url, home }) => ({ args: [url, file(home, '.htaccess')] }),
      follow: ({ url, home }) => {
        renameSync(join(home, '.htaccess'), join(home, 'access.txt'))
        return { args: [url, join(home, 'access.txt')] }
      },
      stored: 'access.txt',
      isBehindFirewall: true,
    },
  '$shown: stored with another checksum': 'it says what is, and nothing of what to do',
}

test('each sentence with which upload.sh ends has a row', () => {
  const calls = callsOf(['stop'], readFileSync(script, 'utf8'))
  const sentences = new Set(calls.map(([, sentence]) => sentence))
  assert.deepEqual([...sentences].sort(), Object.keys(cases).sort())
})

test('what upload.sh says helps', { skip, timeout: 600_000 }, async (t) => {
  const directory = freshDirectory(t)
  giveToServer(directory)
  const site = freshDirectory(t)
  mkdirSync(join(site, 'upload-not'))
  file(join(site, 'upload-not'), 'index.html')
  giveToServer(site)
  const server = await startApache({
    env: { UPLOAD_CGI_DIRECTORY: directory },
    documentRoot: site,
    extra: 'Redirect 301 /upload-old /upload',
  })
  t.after(() => server.stop())
  await each(t, { url: server.url, directory }, false)
})

test(
  'what upload.sh says of a firewall helps',
  {
    skip: skipFirewall,
    timeout: 600_000,
  },
  async (t) => each(t, await startBlockingSite(t), true),
)

async function each(
  t: TestContext,
  site: { url: string; directory: string },
  isBehindFirewall: boolean,
): Promise<void> {
  for (const [sentence, one] of Object.entries(cases)) {
    if (typeof one === 'string' || (one.isBehindFirewall ?? false) !== isBehindFirewall) continue
    await t.test(sentence, async (t) => {
      const home = freshDirectory(t)
      renameSync(tools(t, 'sh od'), join(home, 'bin'))
      const place = { ...site, home }
      const refused = await run(home, one.call(place))
      assert.notEqual(refused.status, 0)
      const [, words = ''] = /^(?:\$\w+: )?([^$]*)/.exec(sentence) ?? []
      assert.ok(refused.said.includes(words), refused.said)
      const helped = await run(home, one.follow(place, refused.said))
      assert.equal(helped.status, 0, helped.said)
      assert.ok(visible(site.directory).includes(one.stored))
    })
  }
}

function run(home: string, { args, path }: Call): Promise<{ status: unknown; said: string }> {
  const env = { PATH: path ?? '/usr/bin:/bin', HOME: home }
  return new Promise((resolve) => {
    const ended = (error: ExecFileException | null, _out: string, said: string) =>
      resolve({ status: error?.code ?? 0, said })
    execFile('/bin/sh', [script, ...args], { env, timeout: 300_000 }, ended)
  })
}

function file(home: string, name: string, content = `${name}\n`): string {
  const path = join(home, name)
  writeFileSync(path, content)
  return path
}
