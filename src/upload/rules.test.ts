// The lists of extensions that the owner allows and blocks, case by case.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusedExtension } from './rules.ts'

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
