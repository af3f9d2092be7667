// A form whose owner is told by a mailer and by a program, and what each of them was told.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { directoryUntilExit, program } from './program.ts'

/** A form whose owner is told by a mailer and by a program, both of which write down what came. */
export class ToldForm {
  readonly home: string
  readonly directory: string
  readonly env: { UPLOAD_CGI_CONFIG: string }
  readonly #notes: string

  constructor(more = '') {
    const [home, remove] = directoryUntilExit()
    after(remove)
    this.home = home
    this.directory = join(home, 'uploads')
    this.#notes = join(this.directory, '.upload-cgi/notes')
    mkdirSync(this.directory)
    for (const kind of ['mail', 'run']) {
      mkdirSync(join(home, kind))
      this.script(kind, '')
    }
    const path = join(home, 'settings.toml')
    writeFileSync(
      path,
      `directory = "${this.directory}"
notify = ["owner@example.org", "${home}/run.sh"]
mail_command = ["${home}/mail.sh"]
durable = false
${more}`,
    )
    this.env = { UPLOAD_CGI_CONFIG: path }
  }

  /** What the mailer or the program does after it has written down what it got. */
  script(kind: string, then: string): void {
    const text = `#!/bin/sh\ncat > ${this.home}/${kind}/$$.new\n${then}\n`
    const told = `mv ${this.home}/${kind}/$$.new ${this.home}/${kind}/$$.$(date +%s%N)\n`
    writeFileSync(join(this.home, `${kind}.sh`), text + told, { mode: 0o755 })
  }

  /** What was told, once there are so many. */
  async told(kind: string, count: number): Promise<string[]> {
    const names = () => readdirSync(join(this.home, kind)).filter((name) => !name.endsWith('.new'))
    for (let i = 0; i < 600 && names().length < count; i++) await sleep(100)
    return names().map((name) => readFileSync(join(this.home, kind, name), 'utf8'))
  }

  notes(kind: string): string[] {
    const path = join(this.#notes, kind)
    return existsSync(path) ? readdirSync(path) : []
  }

  /** No deliverer is at work, and nothing is to be told. */
  async settled(): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (this.notes('delivering').length + this.notes('storing').length === 0) return
      await sleep(100)
    }
    assert.fail(`still there: ${this.notes('delivering')} ${this.notes('storing')}`)
  }

  /** Until no deliverer is at work. */
  async idle(): Promise<void> {
    for (let i = 0; i < 600 && this.notes('delivering').length > 0; i++) await sleep(100)
  }

  /** As if a deliverer were at work: a request starts none. */
  holdDeliverers(): void {
    const path = join(this.#notes, 'delivering')
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const quarter = Math.floor(Date.now() / 900_000)
    for (const one of [quarter, quarter + 1]) writeFileSync(join(path, `.ht${one}`), '')
  }

  /** As if the quarter of an hour of one that died were over. */
  freeDeliverers(): void {
    rmSync(join(this.#notes, 'delivering'), { recursive: true, force: true })
  }

  deliver(...args: string[]) {
    const env = { PATH: '/usr/bin:/bin', ...this.env }
    return spawnSync(program, ['deliver', ...args], { env, encoding: 'utf8', timeout: 120_000 })
  }
}
