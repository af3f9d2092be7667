// What the sender of a refused file is told, and files of exactly the limit and one byte more.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../fault.ts'
import { requireAllowedExtension, requireFileSize } from './refusal.ts'

/** `CODE: detail` of the Fault that is thrown; '' when none is. */
function faultOf(action: () => void): string {
  try {
    action()
    return ''
  } catch (error) {
    assert.ok(error instanceof Fault)
    return `${error.code}: ${error.detail}`
  }
}

test('a refused extension is told with the name; one that is missing is told so', () => {
  const rules = { allowExtensions: ['jpg'], blockExtensions: ['php'] }
  const fault = (name: string) => faultOf(() => requireAllowedExtension(name, rules))
  assert.equal(fault('a.jpg'), '')
  assert.equal(fault('a.php.jpg'), 'EXTENSION_REFUSED: a.php.jpg: php')
  assert.equal(fault('a.png'), 'EXTENSION_REFUSED: a.png: png')
  assert.equal(fault('README'), 'EXTENSION_REFUSED: README: no extension')
})

test('a file of exactly the limit passes, one byte more does not, and 0 is no limit', () => {
  const rule = { maxFileBytes: 1500 }
  assert.equal(
    faultOf(() => requireFileSize(1500, rule)),
    '',
  )
  assert.equal(
    faultOf(() => requireFileSize(1501, rule)),
    'FILE_TOO_LARGE: the limit is 1.5 KB',
  )
  assert.equal(
    faultOf(() => requireFileSize(1501, rule, 'a.txt')),
    'FILE_TOO_LARGE: a.txt: the limit is 1.5 KB',
  )
  assert.equal(
    faultOf(() => requireFileSize(2 ** 52, { maxFileBytes: 0 })),
    '',
  )
})
