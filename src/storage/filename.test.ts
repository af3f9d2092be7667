// Holds stored names to their promise: one safe path component, with the least change to what
// people wrote. Literal cases first, then properties that must hold for any text (fast-check).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { numberedName, storedName } from './filename.ts'

function stored(cases: readonly (readonly [clientName: string, name: string])[]): void {
  for (const [clientName, name] of cases) {
    assert.equal(storedName(clientName), name, JSON.stringify(clientName))
  }
}

test('ordinary names of every script stay as they are', () => {
  const names = ['report.pdf', 'Smith & Sons (final).pdf', "l'été.pdf", '写真 2024.jpg', '😀.png']
  stored(
    [...names, 'a.tar.gz', '100% #1 @home!.txt', 'README', '_a-b~'].map((name) => [name, name]),
  )
})

test('only what stands behind the last slash of any kind counts', () => {
  stored([
    ['../../etc/passwd', 'passwd'],
    ['C:\\dir\\x.txt', 'x.txt'],
    ['a\\b/c.txt', 'c.txt'],
    ['a\u2044b\u2215c\u29f8d\uff0fe\uff3cf.txt', 'f.txt'],
    ['dir/', 'upload'],
  ])
})

test('nothing left of a name makes it upload', () => {
  stored(['', '.', '..', ' ', '...', '- .', '\0', '\u202e', '\ud800'].map((n) => [n, 'upload']))
})

test('what a shell or Windows could obey becomes an underscore', () => {
  stored([
    ['a<b>c:d"e|f?g*h`i$j;k', 'a_b_c_d_e_f_g_h_i_j_k'],
    ['a\u037eb\u1fefc', 'a_b_c'],
  ])
})

test('dots, dashes and spaces in front and dots and spaces behind go', () => {
  stored([
    ['.htaccess', 'htaccess'],
    ['-rf', 'rf'],
    [' .- -a- . ', 'a-'],
    ['a.txt. .', 'a.txt'],
  ])
})

test('invisible characters go and white space becomes one space', () => {
  stored([
    ['a\0b\r\nc\u007fd\u0085e', 'abcde'],
    ['gpj\u202e.exe\u200b\ufeff', 'gpj.exe'],
    ['a\ud800b\udc00c\ue000d\ufffee\u2028f', 'abcdef'],
    ['a \u00a0\u3000 b', 'a b'],
    ['\ud83d\u200b\ude00x', 'x'],
  ])
})

test('names are composed', () => {
  stored([['e\u0301.txt', '\u00e9.txt']])
})

test('devices of Windows get an underscore in front, names that only begin so do not', () => {
  stored([
    ['con', '_con'],
    ['NUL.txt', '_NUL.txt'],
    ['Com1 .tar.gz', '_Com1 .tar.gz'],
    ['lpt\u00b9', '_lpt\u00b9'],
    ['.aux', '_aux'],
    ['console.txt', 'console.txt'],
    ['com10', 'com10'],
    ['com', 'com'],
  ])
})

test('a long name is cut in front of its extension, between characters', () => {
  stored([
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(251)}.pdf`],
    ['x'.repeat(256), 'x'.repeat(255)],
    [`${'é'.repeat(200)}.pdf`, `${'é'.repeat(125)}.pdf`],
    [`${'😀'.repeat(100)}`, '😀'.repeat(63)],
    [`a.${'x'.repeat(300)}`, `a.${'x'.repeat(253)}`],
    [`${'x'.repeat(250)}q\u0323.pdf`, `${'x'.repeat(250)}.pdf`],
    [`${'x'.repeat(254)} y`, 'x'.repeat(254)],
  ])
})

test('a number goes in front of the extension and the name stays within 255 bytes', () => {
  assert.equal(numberedName('a.txt', 2), 'a-2.txt')
  assert.equal(numberedName('a.tar.gz', 10), 'a.tar-10.gz')
  assert.equal(numberedName('README', 3), 'README-3')
  assert.equal(numberedName(`${'x'.repeat(251)}.pdf`, 12), `${'x'.repeat(248)}-12.pdf`)
  assert.equal(numberedName('é'.repeat(127), 2), `${'é'.repeat(126)}-2`)
})

const nasty = fc.constantFrom(
  ...['/', '\\', '.', '-', ' ', ':', '\0', '\ud800', '\udc00', '\u0301', '\u202e', '\u037e'],
  ...['con', 'nul', 'com1', '.txt', 'é', '😀', 'x'.repeat(100), '\u0301'.repeat(90)],
)
const anyName = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary', minLength: 60, maxLength: 400 }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', minLength: 60, maxLength: 400 }),
  fc.array(nasty, { maxLength: 30 }).map((pieces) => pieces.join('')),
)

function always(holds: (name: string) => void): void {
  fc.assert(fc.property(anyName, holds), { numRuns: 3000 })
}

function assertSafe(name: string): void {
  assert.notEqual(name, '')
  assert.ok(Buffer.byteLength(name) <= 255, `${Buffer.byteLength(name)} bytes`)
  assert.match(name, /^[^.\- ]/u)
  assert.match(name, /[^. ]$/u)
  assert.doesNotMatch(name, /[/\\\p{Cc}\p{Cf}\p{Cs}\u2044\u2215\u29f8\uff0f\uff3c<>:"|?*`$;]/u)
}

test('any text becomes one safe component: not empty, hidden, an option or over 255 bytes', () => {
  always((text) => assertSafe(storedName(text)))
})

test('a stored name is stored as itself', () => {
  always((text) => assert.equal(storedName(storedName(text)), storedName(text)))
})

test('a numbered name is as safe as the name was', () => {
  always((text) => {
    const name = numberedName(storedName(text), 123456)
    assertSafe(name)
    assert.ok(name.includes('-123456'))
  })
})
