// The speed that the page shows: what an earlier visit has sent is no speed of this one.

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SpeedMeter } from './speed.client.ts'

test('the speed is that of the last four seconds, once half a second has passed', (t) => {
  const at = clock(t)
  const meter = new SpeedMeter()
  assert.equal(
    at(0, () => meter.perSecond(0)),
    0,
  )
  assert.equal(
    at(400, () => meter.perSecond(400)),
    0,
  )
  assert.equal(
    at(1000, () => meter.perSecond(1000)),
    1000,
  )
  for (const second of [2, 3, 4, 5, 6, 7, 8, 9]) {
    at(second * 1000, () => meter.perSecond(1000 + (second - 1) * 5000))
  }
  assert.equal(
    at(10_000, () => meter.perSecond(46_000)),
    5000,
  )
})

test('bytes of an earlier visit, and bytes that are sent again, are no speed', (t) => {
  const at = clock(t)
  const meter = new SpeedMeter()
  at(0, () => meter.perSecond(0))
  // The server has a gigabyte of the file already.
  meter.skip(1e9)
  assert.equal(
    at(1000, () => meter.perSecond(1e9 + 2000)),
    2000,
  )
  // A connection is lost, and the last 1000 bytes are sent again.
  meter.skip(-1000)
  assert.equal(
    at(2000, () => meter.perSecond(1e9 + 2000)),
    1500,
  )
})

/** Runs something at a time in ms. */
function clock(t: TestContext) {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  return <Result>(milliseconds: number, action: () => Result): Result => {
    now = milliseconds
    return action()
  }
}
