// The template of a folder below the upload directory: what it may be, and why another is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOfFolder, folderProblem } from './folder.ts'

test('a template is a path of names and holes, eight folders deep at most', () => {
  for (const template of [
    '',
    'in',
    '{date}/{year}-{month}/{receipt}/{sender}',
    'from {field:Your name}/x',
    'a/b/c/d/e/f/g/h',
  ]) {
    assert.equal(folderProblem(template), '', template)
  }
  for (const [template, problem] of [
    ['a/b/c/d/e/f/g/h/i', /more than 8 folders/],
    ['/srv', /has no name/],
    ['a//b', /has no name/],
    ['a/', /has no name/],
    ['{day}', /^there is no \{day\}$/],
    ['{field:_invite}', /^there is no \{field:_invite\}$/],
    ['{field:}', /^there is no \{field:\}$/],
    ['{date', /no partner/],
    ['date}', /no partner/],
    ['..', /begins with a dot/],
    ['a/.hidden', /begins with a dot/],
    ['a\\b', /character that files cannot have/],
    ['a\0b', /character that files cannot have/],
  ] as const) {
    assert.match(folderProblem(template), problem, template)
  }
})

test('the fields that a template names', () => {
  assert.deepEqual(fieldsOfFolder('{date}/{field:a}-{field:b c}/x'), ['a', 'b c'])
  assert.deepEqual(fieldsOfFolder('{receipt}'), [])
})
