// A form that its settings file closes: what it takes, and what a visitor brings along.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CgiReply } from './cgi.ts'
import { runCgi } from './cgi.ts'
import { type Env, file, post } from './form.ts'
import type { BodyPart } from './multipart-body.ts'
import { freshDirectory, type Owner, writeSettings } from './program.ts'

export const passphrase = 'open sésame, & %'
export const token = 'acme-0123456789-abcdef'
export const invitation = `[[invitations]]\nname = "Acme <1>"\ntoken = "${token}"\n`

export class ClosedForm {
  readonly home: string
  readonly directory: string
  readonly settings: string

  /** `settings`: lines beside `directory`. */
  constructor(owner: Owner, settings: string) {
    this.home = freshDirectory(owner)
    this.directory = join(this.home, 'uploads')
    mkdirSync(this.directory)
    this.settings = ''
    this.settings = this.write(settings)
  }

  /** Replaces the settings. Returns the path of their file. */
  write(settings: string, name = 'settings.toml'): string {
    const text = `directory = "${this.directory}"\ndurable = false\n${settings}`
    return writeSettings(this.home, text, name)
  }

  post(env: Env = {}, parts: readonly BodyPart[] = [file('a.txt')]): Promise<CgiReply> {
    return post(this.directory, parts, { UPLOAD_CGI_CONFIG: this.settings, ...env })
  }

  get(env: Env = {}): Promise<CgiReply> {
    const { directory } = this
    const all = { UPLOAD_CGI_CONFIG: this.settings, HTTP_ACCEPT: 'text/html', ...env }
    return runCgi({ directory, env: all })
  }

  /** What a browser does on the page that asks: the pair of the cookie. */
  async cookie(env: Env = {}): Promise<string> {
    const reply = await this.post({ HTTP_ACCEPT: 'text/html', ...env }, [said(passphrase)])
    return reply.headers.get('set-cookie')?.split(';')[0] ?? ''
  }
}

export function said(value: string, name = '_passphrase'): BodyPart {
  return { name, content: Buffer.from(value) }
}

/** 'stored', or the code of the refusal. */
export function told(reply: CgiReply): string {
  return reply.status === 201 ? 'stored' : reply.json().code
}
