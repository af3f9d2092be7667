// Holds the choice of a language to RFC 9110 section 12.5.4 and RFC 4647 section 3.4: literal
// headers first, then what must hold for any header (fast-check). Then how sentences are looked up
// and filled.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type LanguageCode, languageFiles } from './files.ts'
import { chooseLanguage, language } from './language.ts'

const codes = Object.keys(languageFiles) as LanguageCode[]

function chosen(cases: readonly (readonly [acceptLanguage: string, code: LanguageCode])[]): void {
  for (const [acceptLanguage, code] of cases) {
    assert.equal(chooseLanguage(acceptLanguage, ''), code, JSON.stringify(acceptLanguage))
  }
}

test('each language is chosen by its own code, in any case', () => {
  chosen(codes.flatMap((code) => [code, code.toUpperCase()].map((tag) => [tag, code] as const)))
})

test('a longer tag finds the language it begins with', () => {
  chosen([
    ['de-AT', 'de'],
    ['pt-BR', 'pt'],
    ['pt-PT', 'pt'],
    ['es-419', 'es'],
    ['sl-Latn-x-a, ru-Cyrl-RU-x-old', 'ru'],
    ['de-x-a-b-c-d-e-f', 'de'],
    ['den', 'en'],
    ['d', 'en'],
  ])
})

test('Chinese goes by its script, and by the place where no script is named', () => {
  chosen([
    ['zh', 'zh-Hans'],
    ['zh-CN', 'zh-Hans'],
    ['zh-SG', 'zh-Hans'],
    ['zh-Hans-HK', 'zh-Hans'],
    ['zh-TW', 'zh-Hant'],
    ['zh-HK', 'zh-Hant'],
    ['zh-MO', 'zh-Hant'],
    ['zh-Hant-SG', 'zh-Hant'],
    ['zh-TW,zh;q=0.9,en;q=0.8', 'zh-Hant'],
  ])
})

test('the old code of Hebrew is Hebrew', () => {
  chosen([
    ['iw', 'he'],
    ['iw-IL', 'he'],
  ])
})

test('the greatest weight wins, and the first among equals', () => {
  chosen([
    ['fr;q=0.2, de;q=0.8', 'de'],
    ['fr, de', 'fr'],
    ['fr;q=0.5, de;q=0.500, it;q=0.499', 'fr'],
    ['en;q=0.9, pl', 'pl'],
    ['de;Q=0.1 , \tuk ; q=0.2', 'uk'],
    ['ja;q=1.000,ko;q=0.999', 'ja'],
  ])
})

test('a language that is not there leaves the choice to the next', () => {
  chosen([
    ['no, nb;q=0.9, de;q=0.1', 'de'],
    ['nb-NO, sv', 'en'],
    ['tlh, eo, ko-KR', 'ko'],
  ])
})

test('weight 0 refuses', () => {
  chosen([
    ['de;q=0', 'en'],
    ['de;q=0, fr;q=0.1', 'fr'],
    ['de-AT, de;q=0, fr;q=0.1', 'fr'],
    ['de;q=0.000, fr;q=0.001', 'fr'],
    ['zh;q=0, zh-TW;q=0.9, ja;q=0.1', 'ja'],
    // Only German as in Austria is unwanted here.
    ['de-AT;q=0, de', 'de'],
  ])
})

test('any language is English, unless English has a weight of its own', () => {
  chosen([
    ['*', 'en'],
    ['*, de;q=0.5', 'en'],
    ['de, *;q=0.5', 'de'],
    ['*, de;q=0.9, en;q=0.1', 'de'],
    ['*;q=0, de', 'de'],
    ['*;q=0', 'en'],
  ])
})

test('nothing said means English, and what is malformed is passed over', () => {
  chosen([
    ['', 'en'],
    [' , ,, ', 'en'],
    [',,de', 'de'],
    ['de;q=2, fr;q=0.1', 'fr'],
    ['de;q=0.1234, fr;q=0.1', 'fr'],
    ['de;q=, de;q, de;level=1, d e, de_AT, fr;q=.5, it', 'it'],
    ['-de, de-, abcdefghi, de-abcdefghi, nl', 'nl'],
    ['constructor, __proto__, toString, ko', 'ko'],
  ])
})

test('twenty ranges and a thousand characters are read, and none that is cut off there', () => {
  const nineteen = Array.from({ length: 19 }, () => 'sv').join()
  chosen([
    [`${nineteen},de,fr`, 'de'],
    [`${nineteen},sv,de`, 'en'],
    [`${' '.repeat(998)}de`, 'de'],
    [`${' '.repeat(999)}de`, 'en'],
    [`it;q=0.1,${' '.repeat(989)}de-AT`, 'it'],
    [`it;q=0.1,${' '.repeat(985)}de;q=0.05`, 'it'],
  ])
})

test("the owner's language wins over the visitor's", () => {
  assert.equal(chooseLanguage('de, en;q=0', 'fr'), 'fr')
  assert.equal(chooseLanguage('', 'zh-Hant'), 'zh-Hant')
  assert.equal(chooseLanguage('de', 'en'), 'en')
})

test('any header and any setting give a language that is there', () => {
  const range = fc.tuple(fc.constantFrom('*', 'sv', 'DE-at', 'zh', 'iw', ...codes), fc.string())
  const header = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2000 }),
    fc.array(range.map(([tag, rest]) => `${tag};q=${rest}`)).map((ranges) => ranges.join()),
  )
  const check = (acceptLanguage: string, setting: string) =>
    codes.includes(chooseLanguage(acceptLanguage, setting))
  fc.assert(fc.property(header, fc.oneof(fc.constant(''), fc.string()), check))
})

test('where weights differ, their order in the header means nothing', () => {
  const ranges = fc.uniqueArray(fc.constantFrom('sv', 'de-AT', 'zh-TW', 'iw', '*', ...codes), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(ranges, fc.nat(), (tags, turn) => {
      const members = tags.map((tag, i) => `${tag};q=${(1 - i / 25).toFixed(2)}`)
      const at = turn % members.length
      const turned = [...members.slice(at), ...members.slice(0, at)]
      assert.equal(chooseLanguage(turned.join(), ''), chooseLanguage(members.join(), ''))
    }),
  )
})

test('Arabic and Hebrew are read from the right, the others from the left', () => {
  const fromTheRight = codes.filter((code) => language(code).direction === 'rtl')
  assert.deepEqual(fromTheRight, ['ar', 'he'])
})

test('holes are filled as they are, and one without a value stays', () => {
  const { text } = language('en')
  assert.equal(text('status.stored', { name: '$& {size} <b>' }), 'Received: $& {size} <b>')
  assert.equal(text('result.partly', { stored: 3 }), '3 of {count} files have arrived')
  assert.equal(text('status.started'), 'Upload started')
})

test('a key that is in no file is a bug', () => {
  assert.throws(() => language('en').text('no.such'), /no sentence no\.such in en/)
})

test('the sentences of sections come with their keys', () => {
  const sentences = JSON.parse(language('de').sections('result.', 'form.'))
  assert.equal(sentences['form.submit'], 'Hochladen')
  assert.ok(Object.keys(sentences).every((key) => /^(result|form)\./.test(key)))
})
