// One of several processes that post to one directory at once (links.test.ts). Its argument is the
// task as JSON. It posts `count` files of one name, three at a time, each with a content of its
// own, and prints as JSON what came of each: status, stored name, content.

import { file, post } from '../host/form.ts'

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
