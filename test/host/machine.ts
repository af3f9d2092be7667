// A machine as docs/owner.md speaks of it, with its paths below a directory of the test: what the
// guide says is written into the settings file, or typed into a shell there, as it is.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type CgiReply, runCgi } from './cgi.ts'
import { type Env, file } from './form.ts'
import { type BodyPart, contentType, multipartBody } from './multipart-body.ts'
import { freshDirectory, type Owner, program, root } from './program.ts'
import { startServe } from './serve.ts'
import { giveToServer, openTheWay } from './user.ts'

export class Machine {
  readonly home: string
  /** The upload directory. */
  readonly directory: string
  readonly #bin: string
  #url = 'https://example.org/upload'

  /** `settings`: lines beside `directory`. */
  constructor(owner: Owner, settings = '') {
    this.home = freshDirectory(owner)
    this.directory = this.at('/srv/uploads')
    this.#bin = this.at('/usr/lib/cgi-bin')
    for (const path of [
      '/srv/uploads',
      '/usr/lib/cgi-bin',
      '/var/www/html',
      '/home/me/bin',
      '/tmp',
    ]) {
      mkdirSync(this.at(path), { recursive: true })
    }
    const own = join(this.#bin, 'upload.cgi')
    try {
      linkSync(program, own)
    } catch {
      copyFileSync(program, own)
    }
    this.write(settings)
    openTheWay(this.#bin)
    giveToServer(this.directory)
  }

  /** Where a path of the guide is. */
  at(path: string): string {
    return join(this.home, path)
  }

  /** The text with the paths of this machine. */
  here(text: string): string {
    return text
      .replaceAll(this.home, '')
      .replace(
        /(?<![\w.])\/(srv|usr\/lib\/cgi-bin|var\/www|home\/me|tmp(?!\/upload-cgi-test-))\//g,
        `${this.home}/$1/`,
      )
      .replace(/ -C \/ /g, ` -C ${this.home} `)
      .replaceAll('https://example.org/upload', this.#url)
  }

  /** Replaces the settings. */
  write(settings: string): void {
    const text = `directory = "${this.directory}"\ndurable = false\n${this.here(settings)}`
    writeFileSync(this.#settings, text, { mode: 0o644 })
  }

  /** From now on the address of the guide is this form. */
  async serve(t: TestContext): Promise<void> {
    const { url } = await startServe(t, { env: { UPLOAD_CGI_CONFIG: this.#settings } })
    this.#url = url
  }

  /** A program that the guide names, which does what the lines of shell say. */
  script(path: string, lines: string): string {
    writeFileSync(this.at(path), lines.startsWith('#!') ? lines : `#!/bin/sh\n${lines}\n`)
    chmodSync(this.at(path), 0o755)
    return this.at(path)
  }

  /** What a person types; gives what it prints. It must not fail. */
  type(commands: string): string {
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', this.here(commands)], {
      cwd: this.at('/tmp'),
      env: { PATH: `${this.#bin}:${root}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: this.home },
      encoding: 'utf8',
      timeout: 120_000,
    })
    assert.equal(status, 0, `${commands}\n${stdout}${stderr}`)
    return stdout
  }

  /** What cron does with a line of /etc/crontab, as the user of the test. */
  cron(line: string): string {
    const [, command] = /^(?:\S+ ){5}www-data (.+)\n$/.exec(line) ?? []
    assert.ok(command !== undefined, line)
    return this.type(command)
  }

  post(parts: readonly BodyPart[] = [file('a.txt')], env: Env = {}): Promise<CgiReply> {
    return this.#request({
      contentType: contentType(),
      body: multipartBody(parts),
      env: { HTTP_ACCEPT: 'application/json', ...env },
    })
  }

  get(env: Env = {}): Promise<CgiReply> {
    return this.#request({ env: { HTTP_ACCEPT: 'text/html', ...env } })
  }

  /** The paths of all that visitors have stored, in order. */
  stored(): string[] {
    const entries = readdirSync(this.directory, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(this.directory.length + 1))
      .filter((path) => !path.startsWith('.upload-cgi/'))
      .sort()
  }

  read(path: string): string {
    return existsSync(this.at(path)) ? readFileSync(this.at(path), 'utf8') : ''
  }

  get #settings(): string {
    return join(this.#bin, '.htupload.toml')
  }

  #request(options: Parameters<typeof runCgi>[0]): Promise<CgiReply> {
    return runCgi({ program: join(this.#bin, 'upload.cgi'), timeoutSeconds: 120, ...options })
  }
}
