// Holds the reading of Content-Type and Content-Disposition to RFC 7578 and to the escapes of
// browsers. Each case is a header's value and the whole outcome: what it means, or the rule that it
// breaks. Content-Disposition values are given as they arrive: bytes in latin1.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { multipartBody } from '../../test/host/multipart-body.ts'
import { parseBoundary, parseDisposition, trimBlanks } from './header.ts'
import { isToken } from './parameters.ts'

const formData = 'multipart/form-data'
const latin1 = (text: string) => Buffer.from(text).toString('latin1')

function boundaries(cases: readonly (readonly [contentType: string, boundary: string])[]): void {
  for (const [type, value] of cases) assert.deepEqual(parseBoundary(type), { value }, type)
}

function names(
  cases: readonly (readonly [parameters: string, name: string, filename: string | undefined])[],
): void {
  for (const [parameters, name, filename] of cases) {
    const parsed = parseDisposition(`form-data${latin1(parameters)}`)
    assert.deepEqual(parsed, { value: { name, filename } }, parameters)
  }
}

test('a boundary is read bare, quoted, in any case and beside other parameters', () => {
  boundaries([
    [`${formData}; boundary=abc`, 'abc'],
    [`${formData};boundary="abc"`, 'abc'],
    [` MULTIPART/Form-Data \t; charset=utf-8 ; BOUNDARY="a b" ;`, 'a b'],
    [`${formData}; boundary=----WebKitFormBoundaryAbC123`, '----WebKitFormBoundaryAbC123'],
    [`${formData}; boundary=(a/b:c=d?e,f)`, '(a/b:c=d?e,f)'],
    [`${formData}; boundary=${'x'.repeat(256)}`, 'x'.repeat(256)],
    [`${formData}; boundary=*****`, '*****'],
    [`${formData}; boundary=a$^~\`<>{}[]@`, 'a$^~`<>{}[]@'],
    [`${formData}; boundary="a;b"`, 'a;b'],
    [`${formData}; charset=<a>; boundary=b`, 'b'],
  ])
})

test('another media type has no boundary', () => {
  const types = ['', 'text/plain; boundary=a', 'multipart/mixed; boundary=a', `${formData}x`]
  types.push(`${formData}\xa0; boundary=a`, `\v${formData}; boundary=a`, `${formData}\f`)
  for (const type of types) assert.equal(parseBoundary(type), undefined, type)
})

test('a boundary that readers could understand differently is refused', () => {
  const notPrintable = (hex: string) =>
    `a boundary with the character U+${hex}, which is not printable ASCII`
  const cases = [
    ['', 'no boundary parameter'],
    ['; charset=utf-8', 'no boundary parameter'],
    ['; boundary=a; boundary=a', 'more than one boundary parameter'],
    ['; boundary*=a', 'an encoded boundary parameter'],
    ['; boundary*0=a; boundary*1=b', 'an encoded boundary parameter'],
    ['; boundary=', 'a malformed value of the parameter boundary'],
    ['; boundary="a', 'a quotation mark in boundary that is never closed'],
    ['; boundary=a"b', 'a malformed value of the parameter boundary'],
    ['; boundary=a\\b', 'a boundary with a backslash'],
    ['; boundary=a b', 'something behind the value of the parameter boundary'],
    ['; boundary="a"b', 'an unescaped quotation mark in boundary'],
    ['; boundary =a', 'a parameter that is not name=value'],
    ['; boundary', 'a parameter that is not name=value'],
    ['; ; boundary=a', 'a parameter that is not name=value'],
    ['; boundary=""', 'an empty boundary'],
    ['; boundary="a "', 'a boundary that ends in a blank'],
    ['; boundary="a\r\nb"', notPrintable('000D')],
    ['; boundary=é', notPrintable('00E9')],
    ['; boundary="a\\"b"', 'a boundary with a quotation mark'],
    ['; boundary="😀"', notPrintable('1F600')],
    ['; charset=a"b; boundary="c"', 'a malformed value of the parameter charset'],
    [`; boundary=${'x'.repeat(257)}`, 'a boundary of 257 characters; at most 256 are allowed'],
  ]
  for (const [rest, problem] of cases) {
    assert.deepEqual(parseBoundary(`${formData}${rest}`), { problem }, rest)
  }
})

test('names are read as text in UTF-8, what is not UTF-8 is replaced', () => {
  names([
    ['; name="a"', 'a', undefined],
    ['; name=a', 'a', undefined],
    ['; name=""; filename=""', '', ''],
    ['; filename="l\'été 中.pdf"; name="ü"', 'ü', "l'été 中.pdf"],
    ['; NAME="a"; FileName=x.txt;', 'a', 'x.txt'],
    ['; name="a;b=c"; filename="x; y.txt"', 'a;b=c', 'x; y.txt'],
    ['; name="__proto__"; other=1', '__proto__', undefined],
  ])
  assert.deepEqual(parseDisposition('form-data; name="\xe9"'), {
    value: { name: '\ufffd', filename: undefined },
  })
})

test('only the three escapes of browsers are decoded', () => {
  names([
    ['; name="%22%0D%0A%0d%0a"', '"\r\n\r\n', undefined],
    ['; name="%41%2522%"', '%41%2522%', undefined],
  ])
})

test('a backslash is itself unless it stands before a quote inside the value', () => {
  names([
    ['; name="a"; filename="C:\\dir\\x.txt"', 'a', 'C:\\dir\\x.txt'],
    ['; name="a"; filename="x\\"y.txt"', 'a', 'x"y.txt'],
    ['; name="a\\"b"; filename="c"', 'a"b', 'c'],
    ['; name="a"; filename="C:\\"', 'a', 'C:\\'],
  ])
})

test('filename* and name* in UTF-8 count, alone or beside their stand-ins', () => {
  names([
    ['; name="a"; filename="x.txt"; filename*=UTF-8\'\'Gr%C3%B6%c3%9fe.pdf', 'a', 'Größe.pdf'],
    ['; name="a"; filename*=utf-8\'en\'a!%22b; filename="x.txt"', 'a', 'a!"b'],
    ["; name=a; filename*=UTF-8''x", 'a', 'x'],
    ["; name*=UTF-8''%C3%A4; filename=x", 'ä', 'x'],
    ["; name=a; name*=UTF-8''; filename*=UTF-8''", '', ''],
    ['; name=a; filename=x; filename*0=y', 'a', 'x'],
  ])
})

test('a name wholly of encoded-words is decoded', () => {
  names([
    ['; name=a; filename="=?utf-8?B?R3LDtsOfZS5wZGY=?="', 'a', 'Größe.pdf'],
    ['; name="=?UTF-8?q?=C3=A4_b?="', 'ä b', undefined],
    ['; name=a; filename="=?iso-8859-1?Q?=E9?= \t=?utf-8?b?eA==?="', 'a', 'éx'],
    ['; name=a; filename="a =?utf-8?B?eA==?="', 'a', 'a =?utf-8?B?eA==?='],
    ['; name=a; filename="=?="', 'a', '=?='],
    ['; name=a; filename="=?utf-8?Q?%22?="', 'a', '%22'],
  ])
})

test('a Content-Disposition that readers could understand differently is refused', () => {
  const cases = [
    ['', 'a Content-Disposition other than form-data'],
    ['attachment; name="a"', 'a Content-Disposition other than form-data'],
    ['form-data', 'a Content-Disposition without a name'],
    ['form-data; filename="x"', 'a Content-Disposition without a name'],
    ['form-data; name="a"; name="a"', 'more than one name parameter'],
    ['form-data; name=a; filename=x; filename=y', 'more than one filename parameter'],
    ["form-data; name*=UTF-8''a; NAME*=UTF-8''a", 'more than one name* parameter'],
    ['form-data; name*0=a', 'a name in several parameters'],
    ["form-data; name*=UTF-8'a", 'a malformed name* (RFC 8187)'],
    ["form-data; name=a; filename*=UTF-8''%zz", 'a malformed filename* (RFC 8187)'],
    ["form-data; name=a; filename*=UTF-8''%ff", 'a malformed filename* (RFC 8187)'],
    ["form-data; name=a; filename*=UTF-8''%c0%af", 'a malformed filename* (RFC 8187)'],
    ["form-data; name=a; filename*=UTF-8''a'b", 'a malformed filename* (RFC 8187)'],
    ['form-data; name=a; filename*="UTF-8\'\'x"', 'quotation marks around filename*'],
    [
      "form-data; name=a; filename=x; filename*=iso-8859-1''x",
      'a filename* in another character set than UTF-8 (RFC 8187)',
    ],
    ['form-data; name=a; filename*0=x', 'a filename in several parameters'],
    ...['=?utf-8?B?eA?=', '=?utf-8?B?eA=?=', '=?utf-8?B??=', '=?utf-8?Q?=f?=', '=?utf-8?Q?a b?=']
      .concat(['=?utf-8?B?eA==?==?utf-8?B?eA==?=', '=?utf-8?X?a?=', '=?koi8-r?Q?a?=', '=??='])
      .concat(['=?utf-8?Q?=ff?=', '=?iso-8859-1?Q?=80?=', '=?utf-8?B?6Q==?='])
      .map((words) => [`form-data; name="${words}"`, 'malformed encoded-words in name (RFC 2047)']),
    ['form-data; name="a', 'a quotation mark in name that is never closed'],
    ['form-data; name= "a"', 'a malformed value of the parameter name'],
    ['form-data\xa0; name=a', 'a Content-Disposition other than form-data'],
    ['form-data; name=a/b', 'a malformed value of the parameter name'],
    ['form-data; name=a; filename=x,y', 'a malformed value of the parameter filename'],
    ['form-data; name=a; filename=\xe9.txt', 'a malformed value of the parameter filename'],
    ['form-data; name=a\\b', 'a malformed value of the parameter name'],
    ['form-data; name="a" filename="x"', 'no semicolon behind the parameter name'],
    ['form-data; name=a; filename="a"b"', 'an unescaped quotation mark in filename'],
    ['form-data; name=a; filename="a "b".txt"', 'an unescaped quotation mark in filename'],
    ['form-data; name=a b', 'something behind the value of the parameter name'],
    ['form-data; name="C:\\"; filename="x"', 'an unescaped quotation mark in name'],
    ['form-data;; name="a"', 'a parameter that is not name=value'],
  ]
  for (const [value = '', problem] of cases) {
    assert.deepEqual(parseDisposition(value), { problem }, value)
  }
})

test('a token is visible ASCII without separators', () => {
  for (const text of ['a', 'Content-Type', "!#$%&'*+-.^_`|~0"]) assert.ok(isToken(text), text)
  for (const text of ['', 'a b', 'a:', 'a\n', '"a"', 'é', 'a/b']) assert.ok(!isToken(text), text)
})

test('only spaces and tabs are blanks', () => {
  assert.equal(trimBlanks(' \t a b \t'), 'a b')
  assert.equal(trimBlanks(' \t '), '')
  assert.equal(trimBlanks('\xa0a\n'), '\xa0a\n')
})

const text = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed())

test('the names that a browser writes are read back exactly, whatever they are', () => {
  const property = fc.property(text, text, (name, filename) => {
    // A browser writes CRLF for any line end in a field's name; NUL and percent signs are its own.
    fc.pre(!/[\0\r\n]|%(22|0d|0a)|\\$|\\"/i.test(name) && !/\0|%(22|0d|0a)|\\$|\\"/i.test(filename))
    fc.pre(![name, filename].some((sent) => /^=\?.*\?=$/s.test(sent)))
    const body = multipartBody([{ name, filename, content: '' }]).toString('latin1')
    const [, value = ''] = /Content-Disposition: ([^\r]*)/.exec(body) ?? []
    assert.deepEqual(parseDisposition(value), { value: { name, filename } })
  })
  fc.assert(property, { numRuns: 2000 })
})

test('garbage is refused or read, never thrown at', () => {
  const piece = fc.constantFrom(
    ';',
    '=',
    '"',
    '\\',
    '\\"',
    'name',
    'filename',
    '*',
    ' ',
    '\t',
    'a',
    '\xff',
  )
  const garbage = fc.oneof(
    text,
    fc.array(piece).map((pieces) => pieces.join('')),
  )
  const property = fc.property(garbage, (rest) => {
    parseDisposition(`form-data${rest}`)
    parseBoundary(`multipart/form-data${rest}`)
    parseBoundary(rest)
  })
  fc.assert(property, { numRuns: 5000 })
})

test('any legal boundary is read back, quoted', () => {
  const property = fc.property(fc.stringMatching(/^[ !#-[\]-~]{0,255}[!#-[\]-~]$/), (b) => {
    assert.deepEqual(parseBoundary(`${formData}; boundary="${b}"`), { value: b })
  })
  fc.assert(property)
})
