// The same uploads on every file system that this machine can mount: whole files, several in one
// request, conflicts of each kind, names of 255 bytes, pieces that other processes go on with, and
// programs that are killed on the way. Each is what the table in docs/limits.md says of it.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CephFs, cannotCeph } from '../host/cephfs.ts'
import { type CgiReply, runCgi } from '../host/cgi.ts'
import type { Checked } from '../host/check.ts'
import { contents, file, incoming, post, storedNames, visible } from '../host/form.ts'
import { missing, type Tool } from '../host/installed.ts'
import {
  cannotMount,
  mountBindfs,
  mountBtrfs,
  mountEncfs,
  mountExfat,
  mountExt4,
  mountGocryptfs,
  mountRclone,
  mountSshfs,
  mountTmpfs,
  mountVfat,
  mountXfs,
} from '../host/mounts.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import { content, Uploads } from '../host/piece-upload.ts'
import { freshDirectory, program, root } from '../host/program.ts'
import { storesAllOrNothing } from '../host/storing.ts'

type Mounted = string | { path: string } | { skip: string }

const fileSystems: Record<string, [tools: Tool[], mount: (t: TestContext) => Mounted]> = {
  tmpfs: [[], (t) => mountTmpfs(t, 'size=32m')],
  ext4: [['mkfs.ext4'], (t) => mountExt4(t, 32)],
  xfs: [['mkfs.xfs'], mountXfs],
  btrfs: [['mkfs.btrfs'], (t) => mountBtrfs(t, 128)],
  vfat: [['mkfs.vfat'], (t) => mountVfat(t, 32)],
  exfat: [['mkfs.exfat'], (t) => mountExfat(t, 32)],
  encfs: [['encfs'], mountEncfs],
  gocryptfs: [['gocryptfs'], mountGocryptfs],
  bindfs: [['bindfs'], mountBindfs],
  sshfs: [['sshfs', 'openssh-sftp-server'], mountSshfs],
  cephfs: [[], (t) => new CephFs(t).mount()],
}

const env = { UPLOAD_CGI_MIN_FREE_SPACE: '0' }

for (const [name, [tools, mount]] of Object.entries(fileSystems)) {
  test(`${name} holds what was stored, whole, and nothing of what was not`, async (t) => {
    const reason = cannotMount() || missing(...tools) || (name === 'cephfs' && cannotCeph())
    if (reason) return t.skip(reason)
    const mounted = mount(t)
    if (typeof mounted === 'object' && 'skip' in mounted) return t.skip(mounted.skip)
    const path = typeof mounted === 'string' ? mounted : mounted.path
    const fresh = (name: string) => {
      mkdirSync(join(path, name))
      return join(path, name)
    }
    const notes = freshDirectory(t)
    await t.test('the table', () => isAsDocumented(name, fresh('table')))
    await t.test('forms', () => storesAllOrNothing(fresh('forms'), env))
    await t.test('long names', () => storesLongNames(fresh('names')))
    await t.test('a killed form', () => survivesKilledForm(fresh('form'), notes))
    const lost = losesRenamed(path) && 'this driver loses what is in a directory that is renamed'
    await t.test('pieces', { skip: lost }, () => storesPieces(fresh('pieces')))
    await t.test('a killed piece', { skip: lost }, () => survivesKilledPiece(fresh('piece'), notes))
  })
}

test('rclone stores what it is sent, but check calls the mount an error', async (t) => {
  const reason = cannotMount() || missing('rclone')
  if (reason) return t.skip(reason)
  const directory = mountRclone(t)
  assert.deepEqual(storedNames(await post(directory, [file('a.txt'), file('a.txt')], env)), [
    'a.txt',
    'a-2.txt',
  ])
  const { findings, status } = check(directory)
  const finding = findings.find(({ code }) => code === 'MOUNT_LOSES_FILES')
  assert.equal(finding?.level, 'error')
  assert.match(finding.remedy, /local directory.*rclone move/)
  assert.equal(status, 78)
})

/** `check` and a stored file show the links, names and modes of its row in docs/limits.md. */
async function isAsDocumented(name: string, directory: string): Promise<void> {
  const rows = readFileSync(join(root, 'docs/limits.md'), 'utf8').split('\n')
  const row = rows.find((line) => line.startsWith(`| ${name}`)) ?? ''
  const documented = row.split(' | ').slice(1, 4)
  const { findings } = check(directory)
  const said = (code: string) => findings.find((one) => one.code === code)?.message ?? ''
  const found = [
    /^hard links: (yes|no)/.exec(said('HARD_LINKS'))?.[1],
    /at most (\d+) bytes/.exec(said('NAME_LENGTH'))?.[1] ?? '255',
  ]
  const [stored = ''] = storedNames(
    await post(directory, [file('a.txt')], { ...env, UPLOAD_CGI_FILE_MODE: '0604' }),
  )
  const isKept = (statSync(join(directory, stored)).mode & 0o777) === 0o604
  assert.deepEqual([...found, isKept ? 'yes' : 'no'], documented, row)
}

function check(directory: string): Checked {
  const { stdout, status } = spawnSync(program, ['check', '--json', '--user', 'root'], {
    env: { UPLOAD_CGI_DIRECTORY: directory, ...env },
    encoding: 'utf8',
  })
  return { status, ...JSON.parse(stdout) }
}

/** fusefat does. */
function losesRenamed(path: string): boolean {
  const [from, to] = [join(path, 'from'), join(path, 'to')]
  mkdirSync(from)
  writeFileSync(join(from, 'file'), '')
  renameSync(from, to)
  return readdirSync(to).length === 0
}

/** 255 bytes, or what the file system can hold; the extension stays. */
async function storesLongNames(directory: string): Promise<void> {
  const long = `${'n'.repeat(251)}.pdf`
  const first = storedNames(await post(directory, [file(long, 'one')], env))
  const second = storedNames(await post(directory, [file(long, 'two')], env))
  const stored = [...first, ...second]
  assert.deepEqual(contents(directory), { [stored[0] ?? '']: 'one', [stored[1] ?? '']: 'two' })
  for (const name of stored) assert.match(name, /^n{100,}(-2)?\.pdf$/)
}

/** Each piece by a process of its own. */
async function storesPieces(directory: string): Promise<void> {
  const uploads = new Uploads(directory)
  for (const offset of [0, 100_000, 200_000]) {
    const bytes = content.subarray(offset, offset + 100_000)
    const reply = await uploads.piece({ offset, bytes, env })
    assert.equal(reply.status, offset === 200_000 ? 201 : 202, reply.text + reply.stderr)
  }
  assertWhole(directory)
  assert.deepEqual(incoming(directory), [])
}

async function survivesKilledForm(directory: string, notes: string): Promise<void> {
  const parts = [file('small.txt'), file('large.bin', Buffer.alloc(2_000_000, 'x'))]
  const killed = await postKilled(directory, multipartBody(parts), join(notes, 'form'))
  assert.equal(killed.signal, 'SIGKILL', killed.text + killed.stderr)
  assert.deepEqual(shown(directory), [])
  assert.deepEqual(storedNames(await post(directory, parts, env)), ['small.txt', 'large.bin'])
  assert.deepEqual(shown(directory), ['large.bin', 'small.txt'])
  assert.equal(statSync(join(directory, 'large.bin')).size, 2_000_000)
}

async function survivesKilledPiece(directory: string, notes: string): Promise<void> {
  const uploads = new Uploads(directory)
  const first = await uploads.piece({ bytes: content.subarray(0, 100_000), env })
  assert.equal(first.status, 202, first.text + first.stderr)
  const body = multipartBody([
    { name: '_upload', content: uploads.id },
    { name: '_offset', content: '100000' },
    { name: '_size', content: String(content.length) },
    { name: '_filename', content: 'video.mp4' },
    { name: 'file', filename: 'file', content: content.subarray(100_000) },
  ])
  const killed = await postKilled(directory, body, join(notes, 'piece'))
  assert.equal(killed.signal, 'SIGKILL', killed.text + killed.stderr)
  assert.deepEqual(shown(directory), [])
  const looked = await uploads.look(uploads.id, env)
  const offset = Number(looked.headers.get('upload-offset'))
  assert.ok(offset >= 100_000 && offset < content.length, looked.text + looked.stderr)
  let reply = await uploads.piece({ offset, bytes: content.subarray(offset), env })
  // Killed before it had written its name into its claim, it is forgotten after 45 s.
  for (let tries = 0; reply.status === 423 && tries < 240; tries++) {
    await delay(500)
    reply = await uploads.piece({ offset, bytes: content.subarray(offset), env })
  }
  assert.equal(reply.status, 201, reply.text + reply.stderr)
  assertWhole(directory)
}

/** Kills the program when it has received nine tenths of the body. `note`: for its process id. */
async function postKilled(directory: string, body: Buffer, note: string): Promise<CgiReply> {
  const most = Math.floor(body.length * 0.9)
  async function* cut() {
    yield body.subarray(0, most)
    const pid = () => (existsSync(note) ? Number(readFileSync(note, 'utf8').trim() || 0) : 0)
    while (pid() === 0 || !incoming(directory).some(isInUse)) await delay(20)
    // The program reads on meanwhile; however far it has got, nothing may be seen.
    process.kill(pid(), 'SIGKILL')
  }
  return runCgi({
    directory,
    contentType: contentType(),
    body: cut(),
    timeoutSeconds: 120,
    limit: `echo $$ > '${note}';`,
    env: { HTTP_ACCEPT: 'application/json', CONTENT_LENGTH: String(body.length), ...env },
  })
}

/** Without the hidden directory that a killed program may leave for a minute. */
function shown(directory: string): string[] {
  return visible(directory).filter((name) => !name.startsWith('.upload-cgi-'))
}

function assertWhole(directory: string): void {
  assert.deepEqual(shown(directory), ['video.mp4'])
  assert.ok(readFileSync(join(directory, 'video.mp4')).equals(content), 'another content')
}

/** A file that is being received, or the claim of a program that appends to one. */
const isInUse = (name: string) => /\.(part|claim-\d+)$/.test(name)
