import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../fault.ts'
import { announcedBytes, type Slot, shareOf, takeOne } from './slots.ts'

const now = 1_000_000_000_000
const minute = 60_000
const idle = now - minute
const slot = (key: string, offset: number, touchedAt: number, sender = 'ann', size = 5e6): Slot => {
  return { key, sender, size, offset, touchedAt }
}
const keys = (slots: readonly Slot[]) => slots.map(({ key }) => key).join('')

function displaced(slots: readonly Slot[], most: number, active = ''): string {
  const gone: Slot[] = []
  takeOne(slots, most, now, (one) => {
    if (active.includes(one.key)) return false
    gone.push(one)
    return true
  })
  return keys(gone)
}

function isRefused(slots: readonly Slot[], most: number, active = ''): void {
  const isFull = (error: unknown) => error instanceof Fault && error.code === 'TOO_MANY_UPLOADS'
  assert.throws(() => displaced(slots, most, active), isFull)
}

test('a sender has a quarter of the slots, but always as many as the page sends at a time', () => {
  const share = (maxPartialUploads: number, parallelUploads: number, isShared = false) =>
    shareOf({ maxPartialUploads, parallelUploads }, isShared)
  assert.equal(share(100, 3), 25)
  assert.equal(share(8, 3), 4)
  assert.equal(share(2, 3), 2)
  assert.equal(share(0, 3), 0)
  assert.equal(share(1000, 3, true), 1000)
  assert.equal(share(100, 3, true), 100)
  assert.equal(share(1000, 300), 301)
  assert.equal(share(40, 2, true), 40)
})

test('nothing gives way while there is a slot', () => {
  const slots = [slot('a', 0, 0), slot('b', 0, 0)]
  assert.equal(displaced(slots, 3), '')
  assert.equal(displaced([], 1), '')
})

test('the least advanced gives way, of equal ones the one that is idle for longest', () => {
  const slots = [
    slot('a', 10, idle),
    slot('b', 5, idle),
    slot('c', 5, idle - 1),
    slot('d', 0, idle + 1),
  ]
  assert.equal(displaced(slots, 4), 'c')
  assert.equal(displaced(slots, 4, 'c'), 'b')
  assert.equal(displaced(slots, 2), 'cba')
  isRefused(slots, 1)
  isRefused(slots, 2, 'b')
})

test('an upload over 1 MB, one that was touched within a minute, an active one give no way', () => {
  isRefused([slot('a', 1_000_001, 0)], 1)
  isRefused([slot('a', 0, idle + 1)], 1)
  isRefused([slot('a', 0, 0)], 1, 'a')
  assert.equal(displaced([slot('a', 1_000_000, idle)], 1), 'a')
  // The clock was set back.
  assert.equal(displaced([slot('a', 0, now + minute)], 1), 'a')
})

test('where too few can give way, none is displaced in vain', () => {
  const gone: Slot[] = []
  const slots = [slot('a', 0, idle), slot('b', 2e6, idle)]
  assert.throws(() => takeOne(slots, 1, now, (one) => gone.push(one) > 0))
  assert.deepEqual(gone, [])
})

test('what is announced counts, for each sender at most a quarter of the room', () => {
  const of = (slots: readonly Slot[]) => announcedBytes(slots, 40e6, now)
  assert.equal(of([]), 0)
  assert.equal(of([slot('a', 1e6, now)]), 4e6)
  assert.equal(of([slot('a', 0, now), slot('b', 0, now)]), 10e6)
  assert.equal(of([slot('a', 0, now), slot('b', 0, now), slot('c', 0, now)]), 10e6)
  assert.equal(of([slot('a', 0, now, 'ann', 9e15), slot('b', 0, now, 'bob', 9e15)]), 20e6)
  // What gives way keeps nobody out.
  assert.equal(of([slot('a', 0, idle), slot('b', 2e6, idle)]), 3e6)
  assert.equal(announcedBytes([slot('a', 0, now)], Infinity, now), 5e6)
})
