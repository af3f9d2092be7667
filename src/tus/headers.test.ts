// The headers of tus requests: what is understood, and that anything doubtful is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../fault.ts'
import { parseTusHeaders, requireTusVersion } from './headers.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

function refused(env: Record<string, string>): string {
  try {
    parseTusHeaders(env)
  } catch (error) {
    if (error instanceof Fault) return error.code
    throw error
  }
  return ''
}

test('without any header nothing is known', () => {
  assert.deepEqual(parseTusHeaders({}), {
    requestPath: undefined,
    uploadLength: undefined,
    uploadOffset: undefined,
    metadata: { text: '', name: '', folders: '', type: '', fields: [], submission: '' },
    checksum: undefined,
  })
})

test('only version 1.0.0 is spoken', () => {
  requireTusVersion({ HTTP_TUS_RESUMABLE: '1.0.0' })
  for (const version of [undefined, '', '0.2.2', '1.0', '1.0.1', '1.0.0, 1.0.0', ' 1.0.0']) {
    assert.throws(() => requireTusVersion({ HTTP_TUS_RESUMABLE: version }), {
      code: 'UNSUPPORTED_TUS',
    })
  }
})

test('lengths and offsets are plain decimal numbers', () => {
  const { uploadLength, uploadOffset } = parseTusHeaders({
    HTTP_UPLOAD_LENGTH: '9007199254740991',
    HTTP_UPLOAD_OFFSET: '0',
  })
  assert.deepEqual([uploadLength, uploadOffset], [2 ** 53 - 1, 0])
  const wrong = ['', '-1', '+1', '01', '1.0', '1e3', '0x10', ' 1', '1, 1', '9007199254740992', '٣']
  for (const text of wrong) {
    assert.equal(refused({ HTTP_UPLOAD_LENGTH: text }), 'BAD_UPLOAD', `length ${text}`)
    assert.equal(refused({ HTTP_UPLOAD_OFFSET: text }), 'BAD_UPLOAD', `offset ${text}`)
  }
})

test('metadata gives name and type, and fields for the rest', () => {
  const [name, type, note] = ['l’été.pdf', 'application/pdf', 'a, b'].map(base64)
  const text = `filename ${name},filetype ${type},is_secret, note ${note}`
  assert.deepEqual(parseTusHeaders({ HTTP_UPLOAD_METADATA: text }).metadata, {
    text,
    name: 'l’été.pdf',
    folders: '',
    type: 'application/pdf',
    fields: [
      { name: 'is_secret', value: '' },
      { name: 'note', value: 'a, b' },
    ],
    submission: '',
  })
})

test('`name` and `type` stand in where `filename` and `filetype` are missing or empty', () => {
  const names = (text: string) => {
    const { name, type } = parseTusHeaders({ HTTP_UPLOAD_METADATA: text }).metadata
    return [name, type]
  }
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(base64)
  assert.deepEqual(names(`name ${a},type ${b}`), ['a', 'b'])
  assert.deepEqual(names(`name ${a},type ${b},filename ${c},filetype ${d}`), ['c', 'd'])
  assert.deepEqual(names(`name ${a},filename,type ${b},filetype`), ['a', 'b'])
  assert.deepEqual(names('Filename YQ=='), ['', ''])
})

test('`relativePath` gives the folders, and the name where nothing else does', () => {
  const found = (pairs: Record<string, string>) => {
    const text = Object.entries(pairs).map(([key, value]) => `${key} ${base64(value)}`)
    const { folders, name, fields } = parseTusHeaders({
      HTTP_UPLOAD_METADATA: text.join(),
    }).metadata
    assert.deepEqual(fields, [])
    return [folders, name]
  }
  const filename = 'b.txt'
  assert.deepEqual(found({ relativePath: 'a/b.txt', filename }), ['a/', 'b.txt'])
  assert.deepEqual(found({ relativePath: 'a/old.txt', filename }), ['a/', 'b.txt'])
  assert.deepEqual(found({ relativePath: 'a/c/d.txt' }), ['a/c/', 'd.txt'])
  assert.deepEqual(found({ relativePath: 'null', filename }), ['', 'b.txt'])
  assert.deepEqual(found({ relativePath: 'null' }), ['', ''])
})

test('a name that is not UTF-8 is understood with replacements', () => {
  const text = `filename ${Buffer.from([0x61, 0xff, 0x62]).toString('base64')}`
  assert.equal(parseTusHeaders({ HTTP_UPLOAD_METADATA: text }).metadata.name, 'a\ufffdb')
})

test('metadata that two readers could understand differently is refused', () => {
  const wrong = [
    'filename YQ',
    'filename YQ=',
    'filename Y===',
    'filename YQ==YQ==',
    'filename Y_-=',
    'filename  YQ==',
    'filename YQ== YQ==',
    'filename YQ==,filename YQ==',
    'note,note',
    'filename YQ==,',
    ',filename YQ==',
    ',',
    ' ',
    'dateiname\u00e4 YQ==',
    'a\tb YQ==',
    'a\r\nb YQ==',
    'a\0b YQ==',
  ]
  for (const text of wrong)
    assert.equal(refused({ HTTP_UPLOAD_METADATA: text }), 'BAD_UPLOAD', text)
  assert.equal(refused({ HTTP_UPLOAD_METADATA: 'a'.repeat(70_000) }), 'FIELD_TOO_LARGE')
})

test('reading metadata takes linear time', () => {
  const started = performance.now()
  for (const text of [' ', '\t', ',', 'a,', '=', 'A']) {
    refused({ HTTP_UPLOAD_METADATA: `x${text.repeat(65_000 / text.length)}` })
  }
  assert.ok(performance.now() - started < 1000)
})

test('checksums of sha1 and sha256 are understood', () => {
  const sha1 = Buffer.alloc(20, 1).toString('base64')
  const sha256 = Buffer.alloc(32, 1).toString('base64')
  const read = (text: string) => parseTusHeaders({ HTTP_UPLOAD_CHECKSUM: text }).checksum
  assert.deepEqual(read(`sha1 ${sha1}`), { algorithm: 'sha1', digest: sha1 })
  assert.deepEqual(read(`sha256 ${sha256}`), { algorithm: 'sha256', digest: sha256 })
  const wrong = [
    '',
    'sha1',
    sha1,
    `SHA1 ${sha1}`,
    `md5 ${sha1}`,
    `__proto__ ${sha1}`,
    `sha1  ${sha1}`,
    `sha1 ${sha1} `,
    `sha1 ${sha256}`,
    `sha256 ${sha1}`,
    `sha1 ${sha1.slice(0, -1)}`,
    `sha1 ${sha1}, sha1 ${sha1}`,
  ]
  for (const text of wrong)
    assert.equal(refused({ HTTP_UPLOAD_CHECKSUM: text }), 'BAD_UPLOAD', text)
})

test('what is not offered is refused and never ignored', () => {
  assert.equal(refused({ HTTP_UPLOAD_DEFER_LENGTH: '1' }), 'BAD_UPLOAD')
  assert.equal(refused({ HTTP_UPLOAD_CONCAT: 'partial' }), 'BAD_UPLOAD')
  assert.equal(refused({ HTTP_TRAILER: 'Upload-Checksum' }), 'BAD_UPLOAD')
  assert.equal(refused({ HTTP_TRAILER: 'X-Other, upload-checksum' }), 'BAD_UPLOAD')
  assert.equal(refused({ HTTP_TRAILER: 'X-Other' }), '')
})
