// The owner's rules for one file: lists of extensions, literally; size, at the limit and one byte over
// it; and what a refusal tells the sender.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../fault.ts'
import { refusedExtension, requireAllowedExtension, requireFileSize } from './rules.ts'

test('a blocked extension is found in any part and any case', () => {
  const block = ['php', 'web.config']
  const refused = (name: string) => refusedExtension(name, [], block)
  const names = ['a.php', 'shell.php.jpg', 'a.PhP', 'a. php .jpg', 'php']
  for (const name of names) assert.equal(refused(name), 'php', name)
  assert.equal(refused('Web.Config'), 'web.config')
  assert.equal(refused('my.web.config.txt'), 'web.config')
  for (const name of ['a.phpx', 'php-a.txt', 'web.x.config', 'a.jpg', 'README']) {
    assert.equal(refused(name), undefined, name)
  }
})

test('a list of allowed extensions must have the end of the name, and blocking goes first', () => {
  const refused = (name: string) => refusedExtension(name, ['jpg', 'tar.gz', 'php'], ['php'])
  assert.equal(refused('a.JPG'), undefined)
  assert.equal(refused('a.tar.gz'), undefined)
  assert.equal(refused('a.gz'), 'gz')
  assert.equal(refused('a.jpg.png'), 'png')
  assert.equal(refused('jpg'), '')
  assert.equal(refused('a.php'), 'php')
})

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
