// Holds sizes and durations to what people write: literal cases, and properties that must hold for
// any number and any text (fast-check).

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  encodeDuration,
  encodeSize,
  formatSize,
  parseDuration,
  parseSize,
} from '../../src/quantity.ts'

const safe = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const factors = { '': 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, GiB: 2 ** 30 }

test('a whole number of any unit is that many of it; what a number cannot hold is refused', () => {
  const property = fc.property(fc.integer({ min: 0, max: 1e15 - 1 }), (number) => {
    for (const [unit, factor] of Object.entries(factors)) {
      const bytes = number * factor
      const expected = Number.isSafeInteger(bytes) ? bytes : undefined
      assert.equal(parseSize(`${number} ${unit}`.trim()), expected)
    }
  })
  fc.assert(property)
})

test('a size that is not zero never becomes zero, which stands for no limit', () => {
  for (const text of ['0.4', '0.1b', '0.0001KB']) assert.equal(parseSize(text), undefined, text)
  for (const text of ['0', '0.0', '0MB']) assert.equal(parseSize(text), 0, text)
  assert.equal(parseSize('0.001KB'), 1)
})

test('a size that is shown is read back as nearly that size', () => {
  const property = fc.property(safe, (bytes) => {
    const shown = formatSize(bytes)
    assert.match(shown, /^[0-9]{1,3}(\.[0-9])? (byte|bytes|[KMGTP]B)$/)
    if (!/^[0-9.]+ [KMGT]B$/.test(shown)) return
    assert.ok(Math.abs((parseSize(shown) ?? 0) - bytes) <= bytes / 20, shown)
  })
  fc.assert(property, { numRuns: 2000 })
})

test('a size is shown with the words and the decimal mark of a language', () => {
  const russian = ', Б Б кБ МБ ГБ ТБ'
  const shown = [1, 2, 999, 1000, 1_549_000, 999_949, 999_950, 1e12, 1e16]
  assert.deepEqual(
    shown.map((bytes) => formatSize(bytes, russian)),
    ['1 Б', '2 Б', '999 Б', '1 кБ', '1,5 МБ', '999,9 кБ', '1 МБ', '1 ТБ', '10000 ТБ'],
  )
  assert.equal(formatSize(1, '. byte bytes kB'), '1 byte')
})

test('sizes and durations are written as people write them, and read back exactly', () => {
  const sizes = ['0', '1500', '100MB', '1GB', '64KB', '1MiB', '1536KiB', '8TB']
  assert.deepEqual(
    sizes.map((text) => encodeSize(parseSize(text) ?? -1)),
    sizes,
  )
  const durations = ['90s', '90m', '36h', '1d', '90d', '1w']
  assert.deepEqual(
    durations.map((text) => encodeDuration(parseDuration(text) ?? -1)),
    durations,
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e15 - 1 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (b, d) => {
        assert.equal(parseSize(encodeSize(b)), b)
        assert.equal(parseDuration(encodeDuration(d)), d)
      },
    ),
  )
})

test('any text is a whole number from zero on, or nothing', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^[0-9.]{1,16} ?[a-zA-Z]{0,4}$/),
  )
  const property = fc.property(text, (value) => {
    for (const read of [parseSize(value), parseDuration(value)]) {
      assert.ok(read === undefined || (Number.isSafeInteger(read) && read >= 0), value)
    }
  })
  fc.assert(property, { numRuns: 5000 })
})
