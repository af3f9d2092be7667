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
    [`${formData}; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])
})

test('another media type has no boundary', () => {
  const types = ['', 'text/plain; boundary=a', 'multipart/mixed; boundary=a', `${formData}x`]
  types.push(`${formData}\xa0; boundary=a`, `\v${formData}; boundary=a`, `${formData}\f`)
  for (const type of types) assert.equal(parseBoundary(type), undefined, type)
})

test('a boundary that readers could understand differently is refused', () => {
  const illegal = 'a boundary that is not 1 to 70 legal characters'
  const cases = [
    ['', 'no boundary parameter'],
    ['; charset=utf-8', 'no boundary parameter'],
    ['; boundary=a; boundary=a', 'more than one boundary parameter'],
    ['; boundary*=a', 'an encoded boundary parameter'],
    ['; boundary*0=a; boundary*1=b', 'an encoded boundary parameter'],
    ['; boundary=', 'a malformed value of the parameter boundary'],
    ['; boundary="a', 'a malformed value of the parameter boundary'],
    ['; boundary=a"b', 'a malformed value of the parameter boundary'],
    ['; boundary=a b', 'something behind the value of the parameter boundary'],
    ['; boundary="a"b', 'something behind the value of the parameter boundary'],
    ['; boundary =a', 'a parameter that is not name=value'],
    ['; boundary', 'a parameter that is not name=value'],
    ['; ; boundary=a', 'a parameter that is not name=value'],
    ['; boundary=""', illegal],
    ['; boundary="a "', illegal],
    ['; boundary="a;b"', illegal],
    ['; boundary="a\r\nb"', illegal],
    ['; boundary=é', 'a malformed value of the parameter boundary'],
    ['; boundary="é"', illegal],
    ['; charset=<a>; boundary=b', 'a malformed value of the parameter charset'],
    [`; boundary=${'x'.repeat(71)}`, illegal],
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

test('filename* beside filename is ignored', () => {
  names([
    ['; name="a"; filename="x.txt"; filename*=UTF-8\'\'evil.php', 'a', 'x.txt'],
    ['; name="a"; filename*=UTF-8\'\'evil.php; filename="x.txt"', 'a', 'x.txt'],
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
    ["form-data; name*=UTF-8''a", 'an encoded name parameter'],
    ["form-data; name=a; filename*=UTF-8''x", 'filename* without filename, which RFC 7578 forbids'],
    ['form-data; name=a; filename*0=x', 'filename* without filename, which RFC 7578 forbids'],
    ['form-data; name="a', 'a malformed value of the parameter name'],
    ['form-data; name= "a"', 'a malformed value of the parameter name'],
    ['form-data\xa0; name=a', 'a Content-Disposition other than form-data'],
    ['form-data; name=a/b', 'a malformed value of the parameter name'],
    ['form-data; name=a; filename=x,y', 'a malformed value of the parameter filename'],
    ['form-data; name=a; filename=\xe9.txt', 'a malformed value of the parameter filename'],
    ['form-data; name=a\\b', 'a malformed value of the parameter name'],
    ['form-data; name="a" filename="x"', 'something behind the value of the parameter name'],
    ['form-data; name="C:\\"; filename="x"', 'something behind the value of the parameter name'],
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
  const property = fc.property(
    fc.stringMatching(/^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Z?]$/),
    (b) => {
      assert.deepEqual(parseBoundary(`${formData}; boundary="${b}"`), { value: b })
    },
  )
  fc.assert(property)
})
