// upload.sh through Apache, under dash with the usual tools and under busybox with its own: what
// curl users get when runs are killed, connections break, limits are in front, files change, and
// two runs send the same.

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Batch } from '../../src/outcome.ts'
import { startApache } from '../host/apache.ts'
import { invitation, passphrase, token } from '../host/closed-form.ts'
import { isRefusedForHyphens, withHyphens } from '../host/firewall.ts'
import { type HttpProxy, type Network, startHttpProxy } from '../host/http-proxy.ts'
import { missing } from '../host/installed.ts'
import { partOf } from '../host/piece-sender.ts'
import { freshDirectory, program, writeSettings } from '../host/program.ts'
import { giveToServer } from '../host/user.ts'

const script = resolve(import.meta.dirname, '../../upload.sh')

type Ended = { readonly status: number | null; readonly out: string; readonly err: string }

/** Somebody's computer, and a server with a proxy in front. */
class Place {
  readonly home: string
  readonly directory: string
  readonly #shell: 'dash' | 'busybox'
  readonly #path: string
  #proxy: HttpProxy | undefined

  static async open(
    t: TestContext,
    shell: 'dash' | 'busybox',
    line: Partial<Network> = {},
    settings: Readonly<Record<string, string>> = {},
  ): Promise<Place> {
    const place = new Place(shell, freshDirectory(t))
    const env = { UPLOAD_CGI_DIRECTORY: place.directory, UPLOAD_CGI_DURABLE: 'false', ...settings }
    const apache = await startApache({ env })
    t.after(() => apache.stop())
    place.#proxy = await startHttpProxy(t, apache.url, line)
    return place
  }

  constructor(shell: 'dash' | 'busybox', home: string) {
    this.#shell = shell
    this.home = home
    this.directory = join(home, 'uploads')
    this.#path = join(home, 'bin')
    mkdirSync(this.directory)
    giveToServer(this.directory)
    mkdirSync(this.#path)
    // Nobody waits here.
    writeFileSync(join(this.#path, 'sleep'), '#!/bin/sh\n', { mode: 0o755 })
    if (shell === 'dash') return
    const own = spawnSync('busybox', ['--list'], { encoding: 'utf8' }).stdout.split('\n')
    for (const tool of tools) {
      const target = own.includes(tool) ? 'busybox' : tool
      const found = spawnSync('which', [target], { encoding: 'utf8' }).stdout.trim()
      symlinkSync(found, join(this.#path, tool))
    }
  }

  get proxy(): HttpProxy {
    assert.ok(this.#proxy)
    return this.#proxy
  }

  get url(): string {
    return new URL('/upload', this.proxy.url).href
  }

  /** Gives what upload.sh waited for since the last call, in seconds. */
  countNaps(): () => string[] {
    const log = join(this.home, 'naps')
    const sleep = join(this.#path, 'sleep')
    writeFileSync(sleep, `#!/bin/sh\necho "$1" >>'${log}'\n`)
    return () => {
      const naps = readFileSync(log, 'utf8').split('\n')
      writeFileSync(log, '')
      return naps
    }
  }

  file(name: string, content: string | Buffer): string {
    const path = join(this.home, name)
    writeFileSync(path, content)
    return path
  }

  stored(): string[] {
    return readdirSync(this.directory).filter((name) => name !== '.upload-cgi')
  }

  /** What the owner sees of it. */
  batches(): Batch[] {
    const env = { UPLOAD_CGI_DIRECTORY: this.directory, PATH: '/usr/bin:/bin' }
    const { stdout } = spawnSync(program, ['list', '--json'], { env, encoding: 'utf8' })
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  remembered(): string[] {
    return readdirSync(join(this.home, '.local/state/upload.cgi'))
  }

  start(args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess {
    const [first = '', ...rest] = this.#shell === 'dash' ? ['dash'] : ['busybox', 'sh']
    const path = this.#shell === 'dash' ? `${this.#path}:${process.env['PATH']}` : this.#path
    const env = { PATH: path, HOME: this.home, PIECE: '1048576', ...more }
    const command = this.#shell === 'dash' ? first : join(this.#path, first)
    return spawn(command, [...rest, script, ...args], { env, cwd: this.home, detached: true })
  }

  run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return ended(this.start(args, more))
  }

  assertStored(path: string, name: string): void {
    assert.ok(readFileSync(join(this.directory, name)).equals(readFileSync(path)), name)
  }
}

async function ended(child: ChildProcess): Promise<Ended> {
  const said = { out: '', err: '' }
  child.stdout?.on('data', (text) => (said.out += text))
  child.stderr?.on('data', (text) => (said.err += text))
  const [status] = await once(child, 'close')
  return { status, ...said }
}

/** The whole group, so that curl ends with it. */
function kill(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
  }
}

/** By pieces and not by time: ten of these leave some of 29 pieces, however fast the machine. */
async function killInSecondPiece(child: ChildProcess, proxy: HttpProxy): Promise<void> {
  const before = proxy.posts
  while (proxy.posts < before + 2 && child.exitCode === null) await delay(2)
  await delay(Math.random() * 30)
  kill(child)
}

for (const shell of ['dash', 'busybox'] as const) {
  const skip = missing('apache2', 'curl', shell)

  test(`${shell}: the passphrase and the token of an invitation go before the file`, {
    skip,
  }, async (t) => {
    const home = freshDirectory(t)
    chmodSync(home, 0o755)
    const closed = `passphrase = "${passphrase}"\ninvited_only = true\n${invitation}`
    const settings = { UPLOAD_CGI_CONFIG: writeSettings(home, closed) }
    const place = await Place.open(t, shell, {}, settings)
    const file = place.file('a.txt', 'some text')
    const refused = await place.run([place.url, file])
    assert.equal(refused.status, 69)
    assert.match(refused.err, /PASSPHRASE_REQUIRED/)
    const known = await place.run([place.url, file], { UPLOAD_PASSPHRASE: passphrase })
    assert.equal(known.status, 0, known.err)
    const other = place.file('b.txt', 'other text')
    const invited = await place.run([place.url, other], { UPLOAD_INVITE: token })
    assert.equal(invited.status, 0, invited.err)
    assert.deepEqual(place.stored().sort(), ['a.txt', 'b.txt'])
  })

  test(`${shell}: files of any name and size are stored, with a line for each`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const odd = place.file(`-l'été "x"; $(id) & 100%\n.bin`, 'odd')
    const empty = place.file('empty.txt', '')
    const even = place.file('even.bin', partOf(0, 2 * 1_048_576))
    const ragged = place.file('ragged.bin', partOf(7, 2_500_001))
    const { status, out, err } = await place.run([place.url, odd, empty, even, ragged])
    assert.equal(status, 0, err)
    const names = out.split('\n').map((line) => line.split('\t')[0])
    assert.deepEqual(names, [
      `l'été _x__ _(id) & 100%.bin`,
      'empty.txt',
      'even.bin',
      'ragged.bin',
      '',
    ])
    for (const [i, path] of [odd, empty, even, ragged].entries()) {
      place.assertStored(path, names[i] ?? '')
      const sum = createHash('sha256').update(readFileSync(path)).digest('hex')
      assert.equal(out.split('\n')[i]?.split('\t')[2], sum)
    }
    // Relative, and beginning like an option.
    assert.equal((await place.run([place.url, '--', 'even.bin'])).status, 66)
    const dashed = place.file('-n', 'dashed')
    assert.equal((await place.run([`${place.url}?x=1`, '-n'])).status, 0)
    place.assertStored(dashed, 'n')
    assert.deepEqual(place.remembered(), [])
  })

  test(`${shell}: killed and run again, again and again, at most a piece is sent twice each time`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell, { bytesPerSecond: 30_000_000 })
    const large = place.file('large.bin', partOf(0, 30_000_001))
    let kills = 0
    let run: Ended | undefined
    for (; run?.status !== 0; ) {
      assert.ok(kills < 60, 'it gets nowhere')
      const child = place.start([place.url, large])
      const end = ended(child)
      if (kills < 10) await killInSecondPiece(child, place.proxy)
      run = await end
      if (child.signalCode === 'SIGKILL') kills++
    }
    assert.equal(kills, 10)
    place.assertStored(large, 'large.bin')
    assert.deepEqual(place.stored(), ['large.bin'])
    // 29 pieces, and one more for each kill.
    assert.ok(place.proxy.posts <= 29 + kills, `${place.proxy.posts} pieces`)
    t.diagnostic(`${kills} kills, ${place.proxy.posts} pieces of which 29 are needed`)
  })

  test(`${shell}: a file that is stored is not sent again because a later one failed`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const one = place.file('one.bin', partOf(0, 1_500_000))
    const two = place.file('two.bin', partOf(1, 1_500_000))
    const refused = place.file('a.php', '<?php')
    const first = await place.run([place.url, one, refused, two])
    assert.equal(first.status, 69)
    assert.match(first.err, /HTTP 415 EXTENSION_REFUSED: /)
    const second = await place.run([place.url, one, two])
    assert.equal(second.status, 0, second.err)
    assert.equal(second.out.split('\n')[0], first.out.split('\n')[0], 'the same receipt')
    assert.deepEqual(place.stored().sort(), ['one.bin', 'two.bin'])
    // Once all is done, the same again is meant so.
    assert.equal((await place.run([place.url, one])).status, 0)
    assert.deepEqual(place.stored().sort(), ['one-2.bin', 'one.bin', 'two.bin'])
  })

  test(`${shell}: several files are one submission, also if a run breaks off`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const small = place.file('a.txt', 'some text')
    const film = place.file('film.bin', partOf(3, 5_000_000))
    const args = [place.url, small, film]
    const broken = place.start(args)
    await killInSecondPiece(broken, place.proxy)
    await once(broken, 'close')
    const { status, err } = await place.run(args)
    assert.equal(status, 0, err)
    // The same again is another one, and so is a file by itself.
    assert.equal((await place.run(args)).status, 0)
    assert.equal((await place.run([place.url, small])).status, 0)
    const batches = place.batches()
    const names = batches.map(({ files }) => files.map(({ stored }) => stored))
    assert.deepEqual(names, [['a.txt', 'film.bin'], ['a-2.txt', 'film-2.bin'], ['a-3.txt']])
    assert.match(err, new RegExp(`^receipt number: ${batches[0]?.receipt}$`, 'm'))
    assert.equal(new Set(batches.map(({ receipt }) => receipt)).size, 3)
    // Beside what the killed run could not remove.
    const left = place.remembered().filter((name) => !name.startsWith('run.'))
    assert.deepEqual(left, [])
  })

  test(`${shell}: files that come a day after the first begin another submission`, {
    skip,
  }, async (t) => {
    const place = new Place(shell, freshDirectory(t))
    const ids: string[] = []
    const server = createServer(async (incoming, reply) => {
      const body = Buffer.concat(await incoming.toArray()).toString('latin1')
      const id = /name="_submission"\r\n\r\n([0-9a-f]{32})\r\n/.exec(body)?.[1] ?? ''
      if (incoming.method === 'GET') reply.writeHead(404).end('NO_SUCH_UPLOAD: none [id 1]\n')
      else if (body.includes('name="_close"')) reply.end(`a\t1\t-\tOF-${id}\tnow\n`)
      else {
        ids.push(id)
        const isOld = id === ids[0]
        const text = isOld ? 'SUBMISSION_CLOSED: too late [id 1]\n' : 'a\t1\t-\t1\tnow\n'
        reply.writeHead(isOld ? 409 : 201).end(text)
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const files = ['a', 'b'].map((name) => place.file(name, name))
    const { status, err } = await place.run([url, ...files])
    assert.equal(status, 0, err)
    const [old, fresh, last] = ids
    assert.deepEqual([ids.length, old === fresh, fresh === last], [3, false, true])
    assert.match(err, new RegExp(`^receipt number: OF-${fresh}$`, 'm'))
  })

  test(`${shell}: limits in front make the pieces smaller, also those that only break the line`, {
    skip,
  }, async (t) => {
    const line = { mostBytes: 1_000_000 }
    const place = await Place.open(t, shell, line, { UPLOAD_CGI_MAX_REQUEST_SIZE: '3MB' })
    const large = place.file('large.bin', partOf(0, 5_000_000))
    const first = await place.run([place.url, large], { PIECE: '8388608' })
    assert.equal(first.status, 0, first.err)
    assert.equal(
      place.proxy.posts,
      4 + 10,
      '8, 4, 2 and 1 MiB are too large; ten pieces of 512 KiB',
    )
    place.proxy.network.mostBytes = 0
    place.proxy.network.breakingBytes = 600_000
    const second = await place.run([place.url, large])
    assert.equal(second.status, 0, second.err)
    place.proxy.network.breakingBytes = 0
    // Over the owner's limit of one request, not of a file.
    assert.equal((await place.run([place.url, large], { PIECE: '4194304' })).status, 0)
    for (const name of ['large.bin', 'large-2.bin', 'large-3.bin']) place.assertStored(large, name)
  })

  test(`${shell}: lost replies and a stuttering line store the file once`, { skip }, async (t) => {
    const line = { cut: new Set([2, 4, 5]), mute: new Set([1, 7, 10]) }
    const place = await Place.open(t, shell, line)
    const large = place.file('large.bin', partOf(0, 5_000_000))
    const { status, err, out } = await place.run([place.url, large])
    assert.equal(status, 0, err)
    assert.match(out, /^large\.bin\t5000000\t/)
    assert.deepEqual(place.stored(), ['large.bin'])
    place.assertStored(large, 'large.bin')
  })

  test(`${shell}: when nothing gets through it ends with 75, and goes on when run again`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const large = place.file('large.bin', partOf(0, 3_000_000))
    place.proxy.network.breakingBytes = 1
    const first = await place.run([place.url, large])
    assert.equal(first.status, 75, first.err)
    assert.equal(place.remembered().length, 1)
    place.proxy.network.breakingBytes = 0
    assert.equal((await place.run([place.url, large])).status, 0)
    place.assertStored(large, 'large.bin')
  })

  test(`${shell}: an address where nobody is, or that is none, is told in a line, soon`, {
    skip,
  }, async (t) => {
    const place = new Place(shell, freshDirectory(t))
    const naps = place.countNaps()
    const file = place.file('a.txt', 'a')
    for (const [url, reason] of [
      ['http://127.0.0.1:9/upload', /connect/],
      ['http://none.invalid/upload', /resolve/],
      ['htp://127.0.0.1/upload', /[Pp]rotocol/],
    ] as const) {
      const { status, out, err } = await place.run([url, file])
      assert.equal(status, 75)
      assert.equal(out, '')
      const [line = '', ...more] = err.trim().split('\n')
      assert.deepEqual(more, [], err)
      assert.ok(line.startsWith(`${file}: no answer from ${url}: curl: `), err)
      assert.match(line, reason)
      assert.deepEqual(naps(), ['1', '2', ''])
    }
  })

  test(`${shell}: an address that moved is told with the new one`, { skip }, async (t) => {
    const place = new Place(shell, freshDirectory(t))
    const file = place.file('a.txt', 'a')
    for (const status of [301, 302, 303, 307, 308]) {
      const url = await serverThatSays(t, status, { Location: 'https://a.example/new' }, '')
      const run = await place.run([url, file])
      assert.equal(run.status, 69)
      assert.equal(run.err, `${url}: moved; use this address: https://a.example/new\n`)
    }
  })

  test(`${shell}: two runs send the same file at once; it is stored once, unmixed`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const large = place.file('large.bin', partOf(0, 20_000_000))
    // So that both know the id.
    const first = place.start([place.url, large])
    first.stderr?.once('data', () => kill(first))
    await ended(first)
    const both = await Promise.all([place.run([place.url, large]), place.run([place.url, large])])
    for (const { status, err } of both) assert.equal(status, 0, err)
    place.assertStored(large, 'large.bin')
    assert.deepEqual(place.stored(), ['large.bin'])
    assert.equal(both[0].out, both[1].out)
  })

  test(`${shell}: a file that changed is another upload, and one that shrinks is noticed`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const path = place.file('large.bin', partOf(0, 4_000_000))
    const half = async () => {
      const child = place.start([place.url, path])
      child.stderr?.on('data', (text) => / [2-9]\d %/.test(String(text)) && kill(child))
      await ended(child)
      assert.equal(child.signalCode, 'SIGKILL')
    }
    await half()
    // Within the same minute, of the same size.
    writeFileSync(path, partOf(5, 4_000_000))
    assert.equal((await place.run([place.url, path])).status, 0)
    place.assertStored(path, 'large.bin')
    const shrinking = place.start([place.url, path])
    shrinking.stderr?.once('data', () => writeFileSync(path, partOf(5, 1_500_000)))
    const { status, err } = await ended(shrinking)
    assert.equal(status, 75, err)
    assert.deepEqual(place.stored(), ['large.bin'])
  })

  test(`${shell}: a firewall that counts requests is waited for, three times at most`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const naps = place.countNaps()
    const path = place.file('a.bin', partOf(0, 3_500_000))
    for (const [most, status, waits] of [
      [4, 0, ['15', '30', '30', '']],
      [100, 69, ['15', '30', '30', '']],
    ] as const) {
      let [posts, refusals] = [0, 0]
      place.proxy.network.refuses = (body) => {
        if (body !== '') posts++
        return posts > 2 && refusals++ < most
      }
      const run = await place.run([place.url, path])
      assert.equal(run.status, status, run.err)
      assert.deepEqual(naps(), waits)
      if (status === 0) place.assertStored(path, 'a.bin')
    }
  })

  test(`${shell}: a file of which nothing has passed is waited for, too, if others passed`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    const naps = place.countNaps()
    let [posts, refusals] = [0, 0]
    place.proxy.network.refuses = (body) => {
      if (body !== '') posts++
      return posts > 0 && refusals++ >= 1 && refusals < 4
    }
    const run = await place.run([place.url, place.file('a.txt', 'a'), place.file('b.txt', 'b')])
    assert.equal(run.status, 0, run.err)
    assert.deepEqual(naps(), ['15', '30', ''])
    assert.deepEqual(place.stored().sort(), ['a.txt', 'b.txt'])
  })

  test(`${shell}: what no cut lets pass is told as refused for its content`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell, { refuses: isRefusedForHyphens })
    const path = place.file('a.txt', '--x\n'.repeat(501))
    const run = await place.run([place.url, path])
    assert.equal(run.status, 69)
    assert.match(run.err, /a firewall refuses the content: send it in a ZIP file, or ask the host/)
    assert.equal(place.proxy.posts, 1)
    place.proxy.network.refuses = (body) => body.includes('attack')
    const other = await place.run([place.url, place.file('b.txt', 'attack')])
    assert.equal(other.status, 69)
    assert.match(other.err, /a firewall refuses the name or the content: rename it, send it in a/)
    assert.deepEqual(place.stored(), [])
  })

  test(`${shell}: a name that a firewall refuses goes into the headers of the part`, {
    skip,
  }, async (t) => {
    const refuses = (body: string) => {
      const [, name = ''] = /name="_filename"\r\n\r\n([^\r]*)/.exec(body) ?? []
      return decodeURIComponent(name).includes('bashrc')
    }
    const place = await Place.open(t, shell, { refuses })
    const names = ['.bashrc', 'Größe (1) of bashrc']
    const paths = names.map((name) => place.file(name, partOf(0, 1_500_000)))
    const run = await place.run([place.url, ...paths])
    assert.equal(run.status, 0, run.err)
    // The first piece of each.
    assert.equal(place.proxy.posts - place.proxy.bodies.length, 2)
    for (const [i, path] of paths.entries()) place.assertStored(path, ['bashrc', names[1]][i] ?? '')
    // Firewalls refuse quotes there.
    const quoted = await place.run([place.url, place.file("'bashrc'", 'a')])
    assert.equal(quoted.status, 69)
    assert.match(quoted.err, /a firewall refuses the name or the content/)
  })

  test(`${shell}: a piece refused for its lines is cut, and later ones before they are sent`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell, { refuses: isRefusedForHyphens })
    const [first, later] = [place.file('first.bin', ''), place.file('later.bin', '')]
    const mebibyte = 1_048_576
    writeFileSync(first, withHyphens(3 * mebibyte, [0, mebibyte + 1, 3 * mebibyte - 2]))
    // A line of five, and one that two pieces share.
    const content = withHyphens(3 * mebibyte, [mebibyte + 10, 2 * mebibyte - 1])
    content.write('-----', mebibyte + 10)
    writeFileSync(later, content)
    const run = await place.run([place.url, first, later])
    assert.equal(run.status, 0, run.err)
    place.assertStored(first, 'first.bin')
    place.assertStored(later, 'later.bin')
    // Of each file one piece is refused, which shows the others.
    assert.equal(place.proxy.posts - place.proxy.bodies.length, 2)
    assert.equal(place.proxy.bodies.length, 6 + 7)
  })

  test(`${shell}: a 404 of somebody else to the question means that nothing has arrived`, {
    skip,
  }, async (t) => {
    const place = await Place.open(t, shell)
    place.proxy.network.question = { status: 404 }
    const path = place.file('a.bin', partOf(0, 2_000_000))
    const run = await place.run([place.url, path])
    assert.equal(run.status, 0, run.err)
    place.assertStored(path, 'a.bin')
  })

  test(`${shell}: what is wrong with the call is told by the exit status`, { skip }, async (t) => {
    const place = await Place.open(t, shell)
    const file = place.file('a.txt', 'a')
    assert.equal((await place.run([place.url])).status, 64)
    assert.equal((await place.run([place.url, file], { PIECE: '8MB' })).status, 64)
    assert.equal((await place.run([place.url, join(place.home, 'none')])).status, 66)
    assert.equal((await place.run([place.url, place.home])).status, 66)
    assert.equal((await place.run([place.url, file], { HOME: '/dev/null' })).status, 73)
    const other = await place.run([new URL('/elsewhere', place.url).href, file])
    assert.equal(other.status, 69)
    assert.match(other.err, /HTTP 40[34] /)
    assert.deepEqual(place.stored(), [])
  })

  test(`${shell}: the terminal gets no control character of the server or of a name`, {
    skip,
  }, async (t) => {
    const place = new Place(shell, freshDirectory(t))
    const tricks = 'a\x1b]0;x\x07 \u009b1m\u202egpj\u2066\u200f\u061c\u2028 \u0085 Größe 表\tend'
    const file = place.file('evil\x1b[2J\u202e.txt', 'evil')
    for (const status of [201, 415]) {
      const url = await serverThatSays(t, status, {}, `${tricks}\t-\n`)
      const run = await place.run([url, file])
      assert.equal(run.status, status === 201 ? 0 : 69, run.err)
      const said = run.out + run.err
      assert.match(said, /Größe 表\tend/)
      assert.match(said, /evil\[2J\?\.txt: /)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
      const commands = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/
      assert.doesNotMatch(said.replaceAll('\r', ''), commands)
    }
  })

  test(`${shell}: what passes is tried again, as long after as the server asks for`, {
    skip,
  }, async (t) => {
    const place = new Place(shell, freshDirectory(t))
    const naps = place.countNaps()
    const file = place.file('a.txt', 'a')
    const html = '<h1>Not by the program</h1>'
    for (const status of [408, 423, 425, 429, 499, 500, 502, 503, 504, 508, 520, 525, 530]) {
      const url = await serverThatSays(t, status, { 'Retry-After': '7' }, html)
      assert.equal((await place.run([url, file])).status, 75, String(status))
      assert.deepEqual(naps().slice(0, 9), ['7', '7', '7', '7', '7', '7', '7', '8', '9'])
    }
    const soon = await serverThatSays(t, 503, { 'Retry-After': '86400' }, html)
    assert.equal((await place.run([soon, file])).status, 75)
    assert.equal(naps()[0], '120')
    const ours = 'TOO_EARLY: Later. (not now) [id 0123456789abcdef'
    const passing = await serverThatSays(t, 418, {}, `${ours}, passing]\nmore\n`)
    assert.equal((await place.run([passing, file])).status, 75)
    for (const status of [418, 423, 503]) {
      const final = await serverThatSays(t, status, {}, `${ours}]\n`)
      assert.equal((await place.run([final, file])).status, 69, String(status))
    }
  })
}

test('bash: no command of a server is run, though it stands where a number belongs', {
  skip: missing('bash', 'curl'),
}, async (t) => {
  const place = new Place('dash', freshDirectory(t))
  const file = place.file('a.txt', 'a')
  const url = await serverThatSays(t, 202, { 'Upload-Offset': 'x[$(echo run >ran)]' }, 'a\n')
  const env = { PATH: String(process.env['PATH']), HOME: place.home }
  const child = spawn('bash', [script, url, file], { env, cwd: place.home, detached: true })
  assert.equal((await ended(child)).status, 69)
  assert.deepEqual(readdirSync(place.home).includes('ran'), false)
})

/** For which `upload.sh` is the same whatever it asks. */
async function serverThatSays(
  t: TestContext,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<string> {
  const server = createServer((incoming, reply) => {
    incoming.resume().once('end', () => reply.writeHead(status, headers).end(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Of POSIX, as far as upload.sh uses it, and curl. */
const tools = [
  ...[
    'awk',
    'cat',
    'cksum',
    'curl',
    'cut',
    'dd',
    'find',
    'grep',
    'head',
    'ls',
    'mkdir',
    'od',
    'rm',
  ],
  ...['sed', 'sha256sum', 'sh', 'tail', 'tr', 'busybox'],
]
