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
    ['a\ud800b\udc00cd\ufffee\u2028f', 'abcdef'],
    ['a \u00a0\u3000 b', 'a b'],
    ['\ud83d\u200b\ude00x', 'x'],
  ])
})

test('letters that people defined stay, those of shares become an underscore', () => {
  stored([
    ['\ue000\ue001.pdf', '\ue000\ue001.pdf'],
    ['\u{f0000}a.txt', '\u{f0000}a.txt'],
    ['Meeting 10\uf02230\uf025.txt', 'Meeting 10_30_.txt'],
    ['a\uf000\uf001\uf029\uf02a', 'a\uf000__\uf02a'],
  ])
})

test('joiners stay between letters or emoji, and go at the edges and beside ASCII', () => {
  stored([
    ['می\u200cخواهم.pdf', 'می\u200cخواهم.pdf'],
    ['क\u094d\u200dष.pdf', 'क\u094d\u200dष.pdf'],
    ['👨\u200d👩\u200d👧.jpg', '👨\u200d👩\u200d👧.jpg'],
    ['❤\ufe0f\u200d🔥 👩🏽\u200d🚀.jpg', '❤\ufe0f\u200d🔥 👩🏽\u200d🚀.jpg'],
    ['\u200cمی\u200c.p\u200ddf\u200d', 'می.pdf'],
    ['a\u200dب \u200cب', 'aب ب'],
    ['ی\u200c\u200d\u200cخ', 'ی\u200cخ'],
    ['a \u200c b', 'a b'],
  ])
})

test('where an extension alone is left, the name is upload', () => {
  stored([
    ['\u3164.png', 'upload.png'],
    ['\u200b.tar.gz', 'upload.tar.gz'],
    ['-.pdf', 'upload.pdf'],
    ['.\u2800.pdf', 'upload.pdf'],
    ['.pdf', 'pdf'],
    ['.tar.gz', 'tar.gz'],
  ])
})

test('a name of letters that nobody sees is none, and they go at the end', () => {
  const fillers = '\u3164 \u2800 \u115f \u1160 \uffa0 \u034f'
  const unseen = `${fillers} \u17b4 \u17b5 \u180e \ufe0f \u{e0100}`
  const all = [...unseen.split(' '), unseen, unseen.replaceAll(' ', '')]
  stored(all.map((name) => [name, 'upload']))
  stored(all.map((name) => [`${name}.png`, 'upload.png']))
  stored([
    ['x.php\u3164', 'x.php'],
    ['x.html\u2800 .', 'x.html'],
    ['x\u3164\u3000', 'x'],
    [`${'\u3164'.repeat(200)}a`, 'upload'],
    [`${'\u3164'.repeat(200)}a.txt`, 'upload.txt'],
  ])
})

test('the time that a framework of phones puts behind a name goes', () => {
  stored([
    ['IMG_1.jpg?1518418559498', 'IMG_1.jpg'],
    ['IMG_1.jpg?a=1', 'IMG_1.jpg_a=1'],
    ['what?1', 'what_1'],
    ['a.jpg?', 'a.jpg_'],
  ])
})

test('a name that is percent-encoded stays so', () => {
  stored([['a%20b%C3%A9.txt', 'a%20b%C3%A9.txt']])
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
  assert.equal(numberedName('backup.tar.gz', 10), 'backup-10.tar.gz')
  assert.equal(numberedName('scan.nii.GZ', 2), 'scan-2.nii.GZ')
  assert.equal(numberedName('v1.2.gz', 2), 'v1.2-2.gz')
  assert.equal(numberedName('a.b.txt', 2), 'a.b-2.txt')
  assert.equal(numberedName('tar.gz', 2), 'tar-2.gz')
  assert.equal(numberedName('README', 3), 'README-3')
  assert.equal(numberedName(`${'x'.repeat(251)}.pdf`, 12), `${'x'.repeat(248)}-12.pdf`)
  assert.equal(numberedName('é'.repeat(127), 2), `${'é'.repeat(126)}-2`)
})

const nasty = fc.constantFrom(
  ...['/', '\\', '.', '-', ' ', ':', '\0', '\ud800', '\udc00', '\u0301', '\u202e', '\u037e'],
  ...['\u200c', '\u200d', '\u3164', '\u3000', '\ufe0f', '\u1160', '\u17b4', 'ی', '?1', '\u212a'],
  ...['\uf022', '\ue000', '.tar.gz', '\u3164'.repeat(90), 'ᄀ\u1161'],
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
  assert.doesNotMatch(name.replace(/[\u200c\u200d]/g, ''), /\p{Cf}/u)
  assert.doesNotMatch(name, /[\0-\x7f][\u200c\u200d]|[\u200c\u200d](?:[\0-\x7f]|$)|^[\u200c\u200d]/)
  assert.notEqual(name, '')
  assert.ok(Buffer.byteLength(name) <= 255, `${Buffer.byteLength(name)} bytes`)
  assert.match(name, /^[^.\- ]/u)
  assert.match(name, /[^. ]$/u)
  assert.doesNotMatch(name, /[/\\\p{Cc}\p{Cs}\u2044\u2215\u29f8\uff0f\uff3c<>:"|?*`$;]/u)
}

test('any text becomes one safe component: not empty, hidden, an option or over 255 bytes', () => {
  always((text) => assertSafe(storedName(text)))
})

test('a long name of which an extension alone is left is called upload', () => {
  assert.equal(storedName(`\u3164.txt${'\u3164'.repeat(90)} \ufe0f`), 'upload.txt')
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
