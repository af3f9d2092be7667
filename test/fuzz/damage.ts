// Damages the bytes of a file as a full disk, a crash, another program or an older version could:
// random bytes, a part missing, a part twice, JSON of another shape.

import type { Random } from './mutate.ts'

/** What a fuzzer of damaged files tells. */
export type Damage = { readonly executions: number; readonly problem: string | undefined }

/** Far more than any request takes, also on a machine that is busy with other things. */
export function isSlow(since: number): boolean {
  return performance.now() - since > 30_000
}

export function damaged(random: Random, bytes: Buffer): Buffer {
  const at = Math.floor(random() * (bytes.length + 1))
  const length = Math.floor(random() * (bytes.length - at + 1))
  const noise = Buffer.from(
    Array.from({ length: 1 + Math.floor(random() * 40) }, () => 256 * random()),
  )
  switch (Math.floor(random() * 9)) {
    case 0:
      return bytes.subarray(0, at)
    case 1:
      return noise
    case 2:
      return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at + noise.length)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 4:
      return Buffer.concat([bytes, bytes.subarray(at)])
    case 5:
      return Buffer.alloc(Math.floor(random() * 3) * 5000)
    case 6:
      return Buffer.from(`${JSON.stringify(otherValue(random, 0))}\n`)
    default:
      return otherShape(random, bytes)
  }
}

/** A line that is JSON gets another value at one place. */
function otherShape(random: Random, bytes: Buffer): Buffer {
  const lines = bytes.toString('utf8').split('\n')
  const at = Math.floor(random() * lines.length)
  try {
    const line: unknown = JSON.parse(lines[at] ?? '')
    lines[at] = JSON.stringify(changed(random, line))
  } catch {
    lines[at] = JSON.stringify(otherValue(random, 0))
  }
  return Buffer.from(lines.join('\n'))
}

function changed(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.2) return otherValue(random, 0)
  const keys = Object.keys(value)
  const key = keys[Math.floor(random() * keys.length)]
  if (key === undefined) return otherValue(random, 0)
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  if (random() < 0.2) delete copy[key]
  else copy[key] = changed(random, copy[key])
  return copy
}

function otherValue(random: Random, depth: number): unknown {
  const texts = ['', 'x', '../../x', '\0', 'a\nb', '__proto__', 'x'.repeat(300)]
  const numbers = [0, 1, -1, 1.5, 1e308, 2 ** 53, -(2 ** 60)]
  const pick = <Item>(list: readonly Item[]) => list[Math.floor(random() * list.length)]
  switch (Math.floor(random() * (depth > 2 ? 3 : 5))) {
    case 0:
      return pick(texts)
    case 1:
      return pick(numbers)
    case 2:
      return pick([null, true, false])
    case 3:
      return [otherValue(random, depth + 1), otherValue(random, depth + 1)]
    default:
      return {
        [pick(['size', 'name', 'stored', 'files', 'x']) ?? '']: otherValue(random, depth + 1),
      }
  }
}
