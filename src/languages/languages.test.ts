// Holds every language against English: the same keys and holes, sentences that can be shown as
// they are, and none left untranslated. English itself is held against the table of faults.

import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { faultTable } from '../fault-table.ts'
import { type LanguageCode, languageFiles } from './files.ts'
import { language } from './language.ts'

type Sentences = Readonly<Record<string, string>>

const directory = import.meta.dirname
const languages = Object.entries(languageFiles).map(([code, read]) => ({
  code: code as LanguageCode,
  sentences: JSON.parse(read()) as Sentences,
}))
const english: Sentences = JSON.parse(languageFiles.en())

/** `code key: sentence` of all that are wrong, so that a failure shows every one at once. */
function wrong(isWrong: (sentence: string, key: string, code: string) => boolean): string[] {
  return languages.flatMap(({ code, sentences }) =>
    Object.entries(sentences)
      .filter(([key, sentence]) => isWrong(sentence, key, code))
      .map(([key, sentence]) => `${code} ${key}: ${sentence}`),
  )
}

test('every file is a language and every language a file', () => {
  const expected = languages.map(({ code }) => `${code.toLowerCase()}.json`)
  const files = readdirSync(directory).filter((name) => name.endsWith('.json'))
  assert.deepEqual(files.sort(), expected.sort())
  for (const { code, sentences } of languages) {
    const path = `${directory}/${code.toLowerCase()}.json`
    assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), sentences, path)
  }
})

test('files are indented by two and end with a newline, with no letter escaped', () => {
  for (const { code, sentences } of languages) {
    const path = `${directory}/${code.toLowerCase()}.json`
    assert.equal(readFileSync(path, 'utf8'), `${JSON.stringify(sentences, null, 2)}\n`, path)
  }
})

test('sentences are found in a file without parsing it: each one, and each section', () => {
  for (const { code, sentences } of languages) {
    const { text, sections } = language(code)
    for (const [key, sentence] of Object.entries(sentences)) assert.equal(text(key), sentence, key)
    const prefixes = new Set(Object.keys(english).map((key) => key.replace(/(?<=\.).*/, '')))
    for (const prefix of prefixes) {
      const own = Object.entries(sentences).filter(([key]) => key.startsWith(prefix))
      assert.deepEqual(JSON.parse(sections(prefix)), Object.fromEntries(own), `${code} ${prefix}`)
    }
    assert.deepEqual(JSON.parse(sections(...prefixes)), sentences, code)
  }
})

test('every code is a language tag as it is written canonically', () => {
  for (const { code } of languages) assert.deepEqual(Intl.getCanonicalLocales(code), [code])
  const codes = languages.map(({ code }) => code)
  assert.deepEqual(Intl.NumberFormat.supportedLocalesOf(codes), codes)
})

test('every language has the keys of English, in their order', () => {
  for (const { code, sentences } of languages) {
    assert.deepEqual(Object.keys(sentences), Object.keys(english), code)
  }
})

test('every sentence has the holes of the English one, each as often', () => {
  // Of a sentence with forms for numbers (`|`) the last one counts: "one file" needs no hole.
  const holes = (sentence = '') =>
    (sentence.replace(/.*\|/, '').match(/\{\w+\}/g) ?? []).sort().join()
  assert.deepEqual(
    wrong((sentence, key) => holes(sentence) !== holes(english[key])),
    [],
  )
})

test('braces stand around holes alone', () => {
  assert.deepEqual(
    wrong((sentence) => /[{}]/.test(sentence.replace(/\{\w+\}/g, ''))),
    [],
  )
})

test('no sentence is empty or has blanks around it or two in a row', () => {
  assert.deepEqual(
    wrong((sentence) => sentence === '' || sentence !== sentence.trim() || /\s\s/.test(sentence)),
    [],
  )
})

test('no sentence holds controls, invisible characters or marks of direction', () => {
  assert.deepEqual(
    wrong((sentence) => /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}]/u.test(sentence)),
    [],
  )
})

test('quotes and apostrophes are those of print, and nothing is markup', () => {
  assert.deepEqual(
    wrong((sentence) => /["'`<>&]/.test(sentence)),
    [],
  )
})

test('sentences are composed (NFC)', () => {
  assert.deepEqual(
    wrong((sentence) => sentence !== sentence.normalize('NFC')),
    [],
  )
})

test('no sentence is the English one, except where both languages say the same', () => {
  const same = ['queue.perSecond']
  const sameInOne = new Set(['es queue.total', 'fr queue.total', 'pt queue.total'])
  assert.deepEqual(
    wrong((sentence, key, code) => {
      const isAllowed = code === 'en' || same.includes(key) || sameInOne.has(`${code} ${key}`)
      return !isAllowed && sentence === english[key]
    }),
    [],
  )
})

test('no sentence is three times as long as in English, and none has lost its end', () => {
  assert.deepEqual(
    wrong((sentence, key) => {
      const ratio = sentence.length / (english[key] ?? '').length
      // Chinese says in two characters what takes English a dozen letters.
      return ratio > 3 || ratio < 1 / 6
    }),
    [],
  )
})

test('a sentence ends with a stop where the English one does', () => {
  const hasStop = (sentence = '') => /[.。।]$/u.test(sentence)
  assert.deepEqual(
    wrong((sentence, key) => hasStop(sentence) !== hasStop(english[key])),
    [],
  )
})

test('each language writes its own script', () => {
  const scripts: Record<string, RegExp> = {
    ar: /\p{Script=Arabic}/u,
    he: /\p{Script=Hebrew}/u,
    hi: /\p{Script=Devanagari}/u,
    ja: /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u,
    ko: /\p{Script=Hangul}/u,
    ru: /\p{Script=Cyrillic}/u,
    uk: /\p{Script=Cyrillic}/u,
    'zh-Hans': /\p{Script=Han}/u,
    'zh-Hant': /\p{Script=Han}/u,
  }
  assert.deepEqual(
    wrong((sentence, _, code) => !(scripts[code] ?? /\p{Script=Latin}/u).test(sentence)),
    [],
  )
})

test('every sentence is used', () => {
  const sources = globSync('**/*.ts', { cwd: `${directory}/..`, exclude: ['languages/**'] })
    .filter((name) => !name.endsWith('.test.ts'))
    .map((name) => readFileSync(`${directory}/../${name}`, 'utf8'))
    .join('\n')
  const isUsed = (key: string) => {
    if (sources.includes(`'${key}'`)) return true
    const [, section = '', name = ''] = /^(\w+\.)(\w+)$/.exec(key) ?? []
    // `refused.${reason}`: the reason is a word of its own elsewhere.
    return (
      sources.includes(`\`${section}\${`) && new RegExp(`['"]${name}['"]|\\b${name}:`).test(sources)
    )
  }
  assert.deepEqual(
    Object.keys(english).filter((key) => !isUsed(key)),
    [],
  )
})

test('English says of a fault what the table of faults says', () => {
  const sentences = Object.entries(english).filter(([key]) => key.startsWith('fault.'))
  const expected = Object.entries(faultTable()).map(([code, [, sentence]]) => [
    `fault.${code}`,
    sentence,
  ])
  assert.deepEqual(sentences, expected)
})
