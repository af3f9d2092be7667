// One of several processes that post to one directory at once: it posts `count` files of the name
// `name`, a few at a time, each with its own content, and prints what came of them as JSON. The
// environment of the posts is the second argument, `[status, stored name, content]` a line's entry.

import { file, post } from './storage.ts'

const { directory, name, label, count, env } = JSON.parse(process.argv[2] ?? '')
const outcomes: [number, string | undefined, string][] = []
let next = 0

async function work(): Promise<void> {
  while (next < count) {
    const content = `${label}-${next++}-`.padEnd(40_000, label)
    const reply = await post(directory, [file(name, content)], env)
    outcomes.push([reply.status, reply.json().files?.[0].stored, content])
  }
}

await Promise.all([work(), work(), work()])
process.stdout.write(JSON.stringify(outcomes))
