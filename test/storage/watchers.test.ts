// What inotifywait sees of the upload directory: for each stored file one event that says that it
// is complete, and none before that.

import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { file, post } from '../host/form.ts'
import { section } from '../host/guide.ts'
import { missing } from '../host/installed.ts'
import { lackingLibrary } from '../host/lacking.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory } from '../host/program.ts'
import { sendByItself, type TusRequest } from '../host/tus.ts'
import { create, patch } from '../host/tus-requests.ts'

const skip = missing('inotifywait')

test('a whole file, and two in one request', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const watch = await startWatch(t, directory)
  await post(directory, [file('a.txt', 'one')])
  await post(directory, [file('a.txt', 'two'), file('b.txt', 'three')])
  assert.deepEqual(await watch.complete(), [
    ['a.txt', 'one'],
    ['a-2.txt', 'two'],
    ['b.txt', 'three'],
  ])
})

test('a file that replaces another', { skip }, async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(join(directory, 'a.txt'), 'old')
  const watch = await startWatch(t, directory)
  await post(directory, [file('a.txt', 'new')], { UPLOAD_CGI_ON_CONFLICT: 'overwrite' })
  assert.deepEqual(await watch.complete(), [['a.txt', 'new']])
})

test('an upload in pieces', { skip }, async (t) => {
  const uploads = new Uploads()
  const watch = await startWatch(t, uploads.directory)
  assert.equal((await uploads.send()).status, 201)
  assert.deepEqual(await watch.complete(), [['video.mp4', content.toString('latin1')]])
})

test('an upload by tus', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const sender = { send: (asked: TusRequest) => sendByItself(directory, asked) }
  const watch = await startWatch(t, directory)
  const path = await create(sender, { length: content.length, name: 'film.mp4' })
  const half = content.length / 2
  for (const offset of [0, half]) {
    const reply = await patch(sender, path, offset, content.subarray(offset, offset + half))
    assert.equal(reply.status, 204, reply.text)
  }
  assert.deepEqual(await watch.complete(), [['film.mp4', content.toString('latin1')]])
})

test('a file on a file system without hard links', { skip }, async (t) => {
  const lacking = lackingLibrary(t)
  if ('skip' in lacking) return t.skip(lacking.skip)
  const directory = freshDirectory(t)
  const watch = await startWatch(t, directory)
  await post(directory, [file('a.txt', 'one')], lacking({ link: 'EPERM' }))
  assert.deepEqual(await watch.complete(), [['a.txt', 'one']])
})

test('a request that is refused', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const watch = await startWatch(t, directory)
  await post(directory, [file('a.txt'), file('a.php')])
  assert.deepEqual(await watch.complete(), [])
})

test('the loop of the guide starts its program with each file', { skip }, async (t) => {
  const directory = freshDirectory(t)
  const arrived = join(freshDirectory(t), 'arrived')
  const script = guide
    .script()
    .replace('/srv/uploads', `"${directory}"`)
    .replace('/usr/local/bin/arrived', 'printf "%s\\n"')
    .replace('done', `done > "${arrived}"`)
    // Its own words say when it watches.
    .replace(' -q', '')
  const loop = spawn('sh', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  t.after(() => {
    if (loop.pid !== undefined) process.kill(-loop.pid)
  })
  await watches(loop.stderr)
  await post(directory, [file('a b.txt'), file('c.txt')])
  const expected = `${directory}/a b.txt\n${directory}/c.txt\n`
  while (readFileSync(arrived, 'utf8').length < expected.length) await delay(20)
  assert.equal(readFileSync(arrived, 'utf8'), expected)
})

test('the units of the guide are units', { skip: missing('systemd-analyze') }, (t) => {
  const home = freshDirectory(t)
  const units = ['arrived.path', 'arrived.service'].map((name) => {
    const path = join(home, name)
    const text = guide.block(`/etc/systemd/system/${name}`)
    writeFileSync(path, text.replace('/usr/local/bin/arrived-all', '/bin/true'))
    return path
  })
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', ...units], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stderr], [0, ''])
})

type Watch = {
  /** The files that were reported complete, with what was in them at that moment. */
  complete(): Promise<[name: string, content: string][]>
}

async function startWatch(t: TestContext, directory: string): Promise<Watch> {
  const args = ['-m', '-e', 'close_write,moved_to', '--format', '%e %f', directory]
  const watcher = spawn('inotifywait', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.after(async () => {
    watcher.kill()
    if (watcher.exitCode === null && watcher.signalCode === null) await once(watcher, 'exit')
  })
  await watches(watcher.stderr)
  const found: [string, string][] = []
  const lines = createInterface(watcher.stdout)
  const ended = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const [, event = '', name = ''] = /^(\S+) (.*)$/.exec(line) ?? []
      if (name === end) return resolve()
      if (event.includes('CLOSE_WRITE') && !name.startsWith('.')) {
        found.push([name, readFileSync(join(directory, name), 'latin1')])
      }
    })
  })
  return {
    async complete() {
      writeFileSync(join(directory, end), '')
      await ended
      return found
    },
  }
}

async function watches(stderr: Readable): Promise<void> {
  let said = ''
  while (!said.includes('Watches established')) said += (await once(stderr, 'data'))[0]
}

const guide = section('When a file has arrived')
const end = '.the-end-of-this-test'
