// A scratch machine for docs/servers.md: a directory that is its /, in which the guide's files are
// written and its commands run, and Debian's servers with a copy of Debian's own configuration in
// it. What differs from the guide is the place of every path, the port, and what a test changes by
// `edits`. It needs root, as the guide does.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { isCgidReady } from './apache.ts'
import type { Section } from './guide.ts'
import { directoryUntilExit, program } from './program.ts'
import { type RunningServer, start } from './server.ts'
import { giveToServer, needsRoot } from './user.ts'

/** What a test changes in a file of the guide or of Debian: [path as in the guide, old, new]. */
export type Edit = readonly [path: string, from: string | RegExp, to: string]

/** The reason to skip the guide's tests, or false. */
export const skipGuide = needsRoot('the server guide is for root: it sets up servers and accounts')

export class Machine {
  /** The directory that is its /. */
  readonly root: string
  readonly #t: TestContext
  readonly #names: Readonly<Record<string, string>>

  /** `names`: other words of the guide and what replaces them. `parent`: where suexec wants it. */
  constructor(t: TestContext, names: Readonly<Record<string, string>> = {}, parent = tmpdir()) {
    this.#t = t
    const [directory, remove] = directoryUntilExit(parent)
    this.root = directory
    this.#names = names
    t.after(remove)
    chmodSync(this.root, 0o755)
    for (const path of ['/usr/lib', '/srv', '/home', '/run', '/var/www/html', '/var/cache']) {
      mkdirSync(this.path(path), { recursive: true })
    }
  }

  /** Where this path of the guide is. */
  path(path: string): string {
    return this.translate(path)
  }

  translate(text: string): string {
    const moved = text.replace(paths, `${this.root}$&`)
    const renamed = Object.entries(this.#names).reduce(
      (all, [from, to]) => all.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), to),
      moved,
    )
    return renamed
  }

  /** A file of the guide. */
  write(path: string, text: string): void {
    const place = this.path(path)
    assert.ok(place.startsWith(`${this.root}/`), `${path} is not on the scratch machine`)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, this.translate(text))
  }

  edit(edits: readonly Edit[]): void {
    for (const [path, from, to] of edits) {
      const place = this.path(path)
      const old = readFileSync(place, 'utf8')
      const text = old.replace(from, to)
      assert.notEqual(text, old, `${path} has no ${from}`)
      writeFileSync(place, text)
    }
  }

  /** The section's files and commands, in the order of the page. */
  follow(section: Section, edits: readonly Edit[] = []): void {
    let isWritten = false
    for (const { path, language, text } of section.blocks) {
      if (path !== '') {
        const folder = dirname(this.path(path))
        assert.ok(existsSync(folder), `the guide writes ${path} before its folder is there`)
        isWritten = true
        this.write(path, text)
        this.edit(edits.filter(([one]) => one === path))
      } else if (language === 'sh') {
        const isLate = isWritten && /^apt-get install/m.test(text)
        assert.ok(!isLate, `the guide installs packages after it wrote files: ${text}`)
        this.run(text)
      }
    }
  }

  /** Commands of the guide, but for those that would start or install something on this machine. */
  run(script: string): void {
    const bin = join(this.root, 'stub')
    mkdirSync(bin, { recursive: true })
    for (const name of ['systemctl', 'apt-get', 'busybox', 'adduser']) {
      writeFileSync(join(bin, name), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
    }
    // It knows no other place than /etc/lighttpd by itself.
    const lighty = '/usr/sbin/lighty-enable-mod'
    if (statSync(lighty, { throwIfNoEntry: false })) {
      const text = this.translate(readFileSync(lighty, 'utf8'))
      writeFileSync(join(bin, 'lighty-enable-mod'), text, { mode: 0o755 })
    }
    const env = {
      PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
      APACHE_CONFDIR: this.path('/etc/apache2'),
      APACHE_STATE_DIRECTORY: join(this.root, 'state'),
    }
    const cwd = dirname(program)
    const { status, stdout, stderr } = spawnSync('sh', ['-euc', this.translate(script)], {
      cwd,
      env,
      encoding: 'utf8',
    })
    assert.equal(status, 0, `${script}${stdout}${stderr}`)
  }

  /** A directory that Debian's packages make for the server's user. */
  makeForServer(path: string): void {
    mkdirSync(this.path(path), { recursive: true })
    giveToServer(this.path(path))
  }

  /** Debian's own configuration as it is after installation. Call it before follow(). */
  takeFromDebian(server: 'apache2' | 'lighttpd' | 'nginx'): void {
    const source = `/etc/${server}`
    const place = this.path(source)
    cpSync(source, place, { recursive: true, verbatimSymlinks: true })
    for (const file of globSync(`${place}/**`, { withFileTypes: true })) {
      const path = join(file.parentPath, file.name)
      if (file.isSymbolicLink()) {
        const target = readlinkSync(path)
        rmSync(path)
        symlinkSync(this.translate(target), path)
      }
      if (!file.isFile()) continue
      const text = readFileSync(path, 'latin1')
      writeFileSync(path, this.translate(text), 'latin1')
    }
    if (server === 'apache2') {
      mkdirSync(this.path('/usr/lib/cgi-bin'), { recursive: true })
      rmSync(join(place, 'mods-enabled'), { recursive: true })
      mkdirSync(join(place, 'mods-enabled'))
      this.run(`a2enmod -q ${debiansModules}`)
      const firewall = '/etc/modsecurity'
      if (existsSync(firewall)) {
        cpSync(firewall, this.path(firewall), { recursive: true })
        for (const path of ['/var/log/apache2', '/var/cache/modsecurity']) this.makeForServer(path)
      }
    }
    if (server === 'lighttpd') {
      rmSync(join(place, 'conf-enabled'), { recursive: true })
      mkdirSync(join(place, 'conf-enabled'))
      for (const path of ['/var/log/lighttpd', '/var/cache/lighttpd/uploads']) {
        this.makeForServer(path)
      }
      // IPv6 is not wanted here.
      this.edit([['/etc/lighttpd/lighttpd.conf', /^include_shell.*ipv6.*$/m, '']])
    }
    if (server === 'nginx') {
      // Modules of other packages.
      rmSync(join(place, 'modules-enabled'), { recursive: true })
      mkdirSync(this.path('/var/log/nginx'), { recursive: true })
    }
  }

  async startApache(path: string): Promise<RunningServer> {
    return this.#start('apache2', path, (home, port) => {
      const place = this.path('/etc/apache2')
      writeFileSync(join(place, 'ports.conf'), `Listen 127.0.0.1:${port}\nServerName localhost\n`)
      for (const file of globSync(`${place}/{sites,conf}-available/*.conf`)) {
        const text = readFileSync(file, 'utf8')
        writeFileSync(file, text.replace(/(<VirtualHost [^>]*:)\d+>/g, `$1${port}>`))
      }
      mkdirSync(join(home, 'socks'))
      const env = {
        APACHE_RUN_USER: 'www-data',
        APACHE_RUN_GROUP: 'www-data',
        APACHE_PID_FILE: join(home, 'apache.pid'),
        APACHE_RUN_DIR: home,
        APACHE_LOCK_DIR: home,
        APACHE_LOG_DIR: home,
      }
      const file = join(place, 'apache2.conf')
      const hasCgid = existsSync(join(place, 'mods-enabled/cgid.load'))
      const isReady = () => !hasCgid || isCgidReady(join(home, 'socks'), 'cgisock')
      return [
        { tool: 'apache2', args: ['-d', place, '-f', file, '-D', 'FOREGROUND'], env, isReady },
      ]
    })
  }

  async startLighttpd(path: string): Promise<RunningServer> {
    return this.#start('lighttpd', path, (home, port) => {
      const file = this.path('/etc/lighttpd/lighttpd.conf')
      const text = readFileSync(file, 'utf8')
        .replace(/^server\.port .*$/m, `server.port = ${port}`)
        .replace(/^server\.bind .*\n/m, '')
        .replace(/^server\.errorlog .*$/m, `server.errorlog = "${home}/error.log"`)
      writeFileSync(file, `${text}server.bind = "127.0.0.1"\n`)
      return [{ tool: 'lighttpd', args: ['-D', '-f', file] }]
    })
  }

  /** `fcgiwrap`: its options as Debian's unit would give them; without them it is not started. */
  async startNginx(path: string, fcgiwrap?: string): Promise<RunningServer> {
    const socket = this.path('/run/fcgiwrap.socket')
    // Where systemd would make the socket.
    giveToServer(dirname(socket))
    return this.#start('nginx', path, (home, port) => {
      const place = this.path('/etc/nginx')
      const site = join(place, 'sites-available/default')
      const text = readFileSync(site, 'utf8')
        .replace(/^\s*listen \[::\].*\n/m, '')
        .replace(/listen [\d.:]+/, `listen 127.0.0.1:${port}`)
      writeFileSync(site, text)
      const main = `daemon off; error_log ${home}/error.log;`
      const args = [
        '-c',
        join(place, 'nginx.conf'),
        '-p',
        home,
        '-e',
        `${home}/error.log`,
        '-g',
        main,
      ]
      const nginx = { tool: 'nginx', args } as const
      if (fcgiwrap === undefined) return [nginx]
      return [
        { tool: 'fcgiwrap', args: [fcgiwrap, '-s', `unix:${socket}`], socket, asServer: true },
        nginx,
      ]
    })
  }

  /** `command`: as the guide starts it. */
  async startBusybox(
    path: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<RunningServer> {
    return this.#start('busybox', path, (_, port) => {
      const args = command.map((word) => this.translate(word.replace('8080', `127.0.0.1:${port}`)))
      return [{ tool: 'busybox', args: [...args.slice(1), '-f'], env }]
    })
  }

  async #start(...[tool, path, prepare]: StartArguments): Promise<RunningServer> {
    const server = await start(tool, path, { program: join(this.root, 'any') }, prepare)
    this.#t.after(() => server.stop())
    return server
  }
}

type StartArguments = [
  Parameters<typeof start>[0],
  Parameters<typeof start>[1],
  Parameters<typeof start>[3],
]

// Not where they only end a longer path.
const paths =
  /(?<![\w.)}*])\/(?:usr\/lib\/cgi-bin|usr\/local|srv|home|run|etc\/(?:apache2|lighttpd|modsecurity|nginx|default)|var\/(?:www|log|cache))(?![\w-])/g

// What libapache2 has enabled when it is just installed, that cgi programs have to do with.
const debiansModules =
  'access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user ' +
  'autoindex deflate dir env filter mime mpm_event negotiation reqtimeout setenvif status'
