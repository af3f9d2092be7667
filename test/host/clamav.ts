// A real virus scanner: ClamAV's daemon as its own user, with two signatures of ours instead of its
// data base: EICAR's test file, and any file that has `upload-cgi-test-signature` in it.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit, directoryUntilExit } from './program.ts'

/** https://www.eicar.org: in two parts, so that no scanner takes this source for it. */
export const eicar = `${'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-'}${'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'}`
export const signature = 'upload-cgi-test-signature'

export class ClamAv {
  /** For `scan_command`. */
  readonly command: readonly string[]
  readonly #home: string
  readonly #remove: () => void
  #daemon: ChildProcess | undefined

  private constructor() {
    const [home, remove] = directoryUntilExit()
    this.#home = home
    this.#remove = remove
    this.command = [
      '/usr/bin/clamdscan',
      '-c',
      join(home, 'clamd.conf'),
      '--fdpass',
      '--no-summary',
      '{file}',
    ]
    mkdirSync(join(home, 'db'))
    const hex = (text: string) => Buffer.from(text).toString('hex')
    const signatures = [`Eicar.Test:0:*:${hex(eicar.slice(28))}`, `Own.Test:0:*:${hex(signature)}`]
    writeFileSync(join(home, 'db/own.ndb'), `${signatures.join('\n')}\n`)
    const lines = [
      'Foreground yes',
      `LocalSocket ${home}/clamd.sock`,
      'LocalSocketMode 666',
      `DatabaseDirectory ${home}/db`,
      `LogFile ${home}/clamd.log`,
      'User clamav',
    ]
    writeFileSync(join(home, 'clamd.conf'), `${lines.join('\n')}\n`)
    const [, uid = ''] = readFileSync('/etc/passwd', 'utf8').match(/^clamav:[^:]*:(\d+):/m) ?? []
    chmodSync(home, 0o755)
    for (const path of [home, join(home, 'db')]) chownSync(path, Number(uid), 0)
  }

  /** Needs root, since it becomes the user clamav. */
  static async start(): Promise<ClamAv> {
    const scanner = new ClamAv()
    await scanner.start()
    return scanner
  }

  async start(): Promise<void> {
    const daemon = spawn('clamd', ['-c', join(this.#home, 'clamd.conf')], { stdio: 'ignore' })
    this.#daemon = daemon
    atExit(() => daemon.kill('SIGKILL'))
    for (let i = 0; i < 1200; i++) {
      if (existsSync(join(this.#home, 'clamd.sock'))) return
      if (daemon.exitCode !== null) break
      await sleep(50)
    }
    throw new Error(`clamd does not start: ${this.#log()}`)
  }

  async kill(): Promise<void> {
    const daemon = this.#daemon
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return
    const ended = new Promise((resolve) => daemon.once('exit', resolve))
    daemon.kill('SIGKILL')
    await ended
  }

  async stop(): Promise<void> {
    await this.kill()
    this.#remove()
  }

  #log(): string {
    const path = join(this.#home, 'clamd.log')
    return existsSync(path) ? readFileSync(path, 'utf8') : 'no log'
  }
}
