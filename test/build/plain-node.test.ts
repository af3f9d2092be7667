// npm run build -- --plain-node: the executable has Node as its package has it, and works.

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { sections } from '../../build/node/elf.ts'
import { ownTarget } from '../../build/node/target.ts'

const root = resolve(import.meta.dirname, '../..')
const program = join(root, 'build/upload-plain.cgi')
const home = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
const uploads = join(home, 'uploads')
mkdirSync(uploads)
after(() => rmSync(home, { recursive: true }))

before(() => {
  rmSync(program, { force: true })
  const args = ['build/build.ts', '--plain-node']
  const said = execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  assert.match(said, /upload-plain\.cgi: \d+\.\d MB, answers as a CGI program/)
})

/**
 * What postject writes anew when it puts our code into a section of its own: tables of names in
 * another order, what refers to them by number, and notes that move. They have no code.
 */
const rewritten = new Set([
  '',
  '.note.gnu.build-id',
  '.note.ABI-tag',
  '.gnu.hash',
  '.dynsym',
  '.dynstr',
  '.gnu.version',
  '.gnu.version_r',
  '.rela.dyn',
  '.rela.plt',
  '.dynamic',
  '.symtab',
  '.strtab',
  '.shstrtab',
])

/** Postject turns the 0 into a 1, which tells Node that it is a single executable. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:'

const noBits = 8

type Contents = Readonly<Record<string, { address: number; bytes: Buffer }>>

/** All sections but those, by name. */
function contents(path: string): Contents {
  const file = readFileSync(path)
  const kept = sections(file).filter(({ name }) => !rewritten.has(name))
  return Object.fromEntries(
    kept.map(({ name, kind, address, offset, size }) => [
      name,
      { address, bytes: file.subarray(offset, offset + (kind === noBits ? 0 : size)) },
    ]),
  )
}

/** The names of the sections that are not equal, the fuse apart. */
function differing(one: Contents, other: Contents): string[] {
  return Object.keys(one).filter((name) => {
    const [here, there] = [one[name], other[name]]
    if (here === undefined || there === undefined) return true
    return here.address !== there.address || !unlit(here.bytes).equals(unlit(there.bytes))
  })
}

function unlit(bytes: Buffer): Buffer {
  const at = bytes.indexOf(fuse)
  if (at === -1) return bytes
  const copy = Buffer.from(bytes)
  copy.write('0', at + fuse.length)
  return copy
}

test('its code, constants and data are those of the package, byte for byte', () => {
  const original = contents(join(root, `node_modules/node-${ownTarget}/bin/node`))
  for (const name of ['.text', '.rodata', '.data', '.eh_frame', '.init_array', '.got']) {
    assert.ok((original[name]?.bytes.length ?? 0) > 1000, name)
  }
  assert.deepEqual(differing(original, contents(program)), [])
})

test('the usual executable differs from the package in code, constants and data', () => {
  const original = contents(join(root, `node_modules/node-${ownTarget}/bin/node`))
  const changed = differing(original, contents(join(root, 'build/upload.cgi')))
  for (const name of ['.text', '.rodata', '.data']) assert.ok(changed.includes(name), name)
})

const env = { GATEWAY_INTERFACE: 'CGI/1.1', UPLOAD_CGI_DIRECTORY: uploads }

test('it answers a GET', () => {
  const { stdout, stderr } = spawnSync(program, [], { env: { ...env, REQUEST_METHOD: 'GET' } })
  assert.equal(String(stderr), '')
  assert.match(String(stdout), /^Status: 200 OK\r\n/)
  assert.match(String(stdout), /<form/)
})

test('it stores what a POST sends', () => {
  const body =
    '--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nbytes\r\n--b--\r\n'
  const { stdout, stderr } = spawnSync(program, [], {
    env: {
      ...env,
      REQUEST_METHOD: 'POST',
      CONTENT_TYPE: 'multipart/form-data; boundary=b',
      CONTENT_LENGTH: String(body.length),
    },
    input: body,
  })
  assert.equal(String(stderr), '')
  assert.match(String(stdout), /^Status: 201 Created\r\n/)
  assert.equal(readFileSync(join(uploads, 'a'), 'utf8'), 'bytes')
  assert.deepEqual(
    readdirSync(uploads).filter((name) => !name.startsWith('.')),
    ['a'],
  )
})

test('it knows its version and its licences', () => {
  const run = (args: string[]) => execFileSync(program, args, { encoding: 'utf8' })
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  assert.equal(run(['--version']), `upload.cgi ${version}\n`)
  assert.match(run(['--licenses']), /Node\.js is licensed/)
})
