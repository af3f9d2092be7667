// A real mail server: Debian's Postfix with a Maildir for owner@example.org, which takes mail by
// sendmail's interface and by SMTP with STARTTLS and a password (mail.sh).

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit, directoryUntilExit, root } from './program.ts'

export const owner = 'owner@example.org'

export class MailServer {
  readonly home: string
  readonly port: number
  /** For `mail_command`. */
  readonly command: readonly string[]
  readonly #remove: () => void
  readonly #forget: () => void

  private constructor(port: number) {
    const [home, remove] = directoryUntilExit()
    this.home = home
    this.port = port
    this.command = ['/usr/sbin/sendmail', '-C', join(home, 'etc'), '-t', '-i']
    this.#remove = remove
    this.#forget = atExit(() => this.#run('stop'))
  }

  /** Needs root. */
  static start(): MailServer {
    for (let attempt = 1; ; attempt++) {
      // Below what the system gives to others, but another server may have it.
      const server = new MailServer(20_000 + Math.floor(Math.random() * 10_000))
      try {
        server.#run('start', String(server.port))
        return server
      } catch (error) {
        server.stop()
        if (attempt === 3) throw error
      }
    }
  }

  stop(): void {
    this.#forget()
    this.#run('stop')
    this.#remove()
  }

  /** The messages in the mailbox, once there are so many; they are removed from it. */
  async take(count: number): Promise<string[]> {
    const folder = join(this.home, 'mail/owner/new')
    const names = () => (existsSync(folder) ? readdirSync(folder).sort() : [])
    for (let i = 0; i < 600 && names().length < count; i++) await sleep(100)
    return names().map((name) => {
      const text = readFileSync(join(folder, name), 'utf8')
      rmSync(join(folder, name))
      return text
    })
  }

  #run(...args: string[]): void {
    const [what = '', ...rest] = args
    const script = join(root, 'test/host/mail.sh')
    // Daemons keep what they inherit.
    const { status } = spawnSync('bash', [script, what, this.home, ...rest], { stdio: 'ignore' })
    if (status !== 0 && what === 'start')
      throw new Error(`the mail server does not start: ${status}`)
  }
}
