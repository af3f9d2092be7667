// An account for a test of programs that work as their owner: useradd makes it, and it is removed
// with the test.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { atExit } from './program.ts'

export type Account = { readonly name: string; readonly uid: number; readonly gid: number }

/** Its home will be in `homes`, but is not made. */
export async function makeAccount(t: TestContext, homes: string): Promise<Account> {
  const name = `upcgi${randomBytes(4).toString('hex')}`
  const options = ['--no-create-home', '--user-group', '--shell', '/usr/sbin/nologin']
  await insist('useradd', [...options, '--home-dir', join(homes, name), name])
  const forget = atExit(() => spawnSync('userdel', ['--force', name]))
  t.after(async () => {
    await insist('userdel', ['--force', name])
    forget()
  })
  const id = (option: string) =>
    Number(spawnSync('id', [option, name], { encoding: 'utf8' }).stdout)
  return { name, uid: id('-u'), gid: id('-g') }
}

/** Others may hold the lock on the accounts for a moment. */
async function insist(command: string, args: readonly string[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
    if (status === 0) return
    if (tries === 20) throw error ?? new Error(`${command} ${args.at(-1)}: ${stderr}`)
    await delay(200)
  }
}
