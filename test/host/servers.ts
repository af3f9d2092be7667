// Real web servers around the built executable, for whole-program tests: Apache with the project's
// own apache-example.conf, lighttpd, and nginx in front of fcgiwrap. Each gets a temporary
// directory of its own, 127.0.0.1 and a free port, and an environment of nothing but PATH.
// Started by root they work as www-data, as Debian's do; what they must reach is opened for them.
// Tests call stop() in t.after; should they never get there, the servers end with this process.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export type RunningServer = {
  /** Of the program, such as http://127.0.0.1:40123/upload. */
  readonly url: string
  /** Of the server's first process. */
  readonly pid: number
  /** Everything the server and its programs complained about so far; also after stop(). */
  errorLog(): string
  /** Resolves when every process and the temporary directory are gone. May be called again. */
  stop(): Promise<void>
}

export type ServerOptions = {
  /** The executable, or a settings script. */
  program: string
  /** The program's UPLOAD_CGI_* variables, set as an administrator would. */
  env?: Readonly<Record<string, string>>
  /** More lines of configuration, at the end: Apache and lighttpd globally, nginx in `server`. */
  extra?: string
}

export type ApacheOptions = ServerOptions & {
  /** mod_cgid with the event MPM or mod_cgi with prefork, as Debian pairs them. */
  module: 'cgid' | 'cgi'
  /** An empty directory unless given. */
  documentRoot?: string
  /** `Define`s in front of apache-example.conf, such as UPLOAD_CGI_MAX_BODY: '0'. */
  define?: Readonly<Record<string, string>>
}

export type Tool = keyof typeof packages | keyof typeof libraries

export async function startApache(options: ApacheOptions): Promise<RunningServer> {
  const program = resolve(options.program)
  return start('apache2', '/upload', options, (home, port) => {
    const documentRoot = options.documentRoot ?? folder(home, 'docroot')
    const define = {
      UPLOAD_CGI_FOLDER: dirname(program),
      UPLOAD_CGI_FILE: basename(program),
      UPLOAD_CGI_UPLOADS: options.env?.['UPLOAD_CGI_DIRECTORY'] ?? folder(home, 'unused'),
      ...options.define,
    }
    const mpm = options.module === 'cgid' ? 'event' : 'prefork'
    const config = [
      `ServerRoot "${home}"`,
      'ServerName localhost',
      `Listen 127.0.0.1:${port}`,
      'PidFile apache.pid',
      'ErrorLog error.log',
      'LogLevel info',
      'DefaultRuntimeDir .',
      'Mutex file:. default',
      ...apacheModules(mpm, options.module),
      ...(options.module === 'cgid' ? ['ScriptSock cgid.sock'] : []),
      ...(isRoot() ? [`User ${serverUser}`, `Group ${serverUser}`] : []),
      `DocumentRoot "${documentRoot}"`,
      '<Directory "/">',
      '  AllowOverride None',
      '  Require all denied',
      '</Directory>',
      `<Directory "${documentRoot}">`,
      '  AllowOverride All',
      '  Require all granted',
      '</Directory>',
      ...Object.entries(define).map(([name, value]) => `Define ${name} "${value}"`),
      `Include "${exampleConfig}"`,
      `<Directory "${dirname(program)}">`,
      `  <Files "${basename(program)}">`,
      // The example names a directory; a test that names none shall have none.
      ...(options.env?.['UPLOAD_CGI_DIRECTORY'] ? [] : ['UnsetEnv UPLOAD_CGI_DIRECTORY']),
      ...entries(options.env).map(([name, value]) => `SetEnv ${name} ${quoted(value)}`),
      '  </Files>',
      '</Directory>',
      options.extra ?? '',
    ]
    const file = write(home, 'apache.conf', config)
    const isReady = () => options.module === 'cgi' || isCgidReady(home, 'cgid.sock')
    return [{ tool: 'apache2', args: ['-d', home, '-f', file, '-D', 'FOREGROUND'], isReady }]
  })
}

export async function startLighttpd(options: ServerOptions): Promise<RunningServer> {
  return start('lighttpd', '/cgi-bin/upload.cgi', options, (home, port) => {
    // Here a backslash protects a quote, but stands for itself everywhere else.
    const variables = entries(options.env).map(
      ([name, value]) => `"${name}" => "${value.replaceAll('"', '\\"')}"`,
    )
    const config = [
      'server.modules = ("mod_auth", "mod_authn_file", "mod_alias", "mod_setenv", "mod_cgi")',
      'server.bind = "127.0.0.1"',
      `server.port = ${port}`,
      `server.document-root = "${folder(home, 'docroot')}"`,
      `server.errorlog = "${home}/error.log"`,
      `server.upload-dirs = ("${folder(home, 'bodies')}")`,
      ...(isRoot()
        ? [`server.username = "${serverUser}"`, `server.groupname = "${serverUser}"`]
        : []),
      `alias.url = ("/cgi-bin/upload.cgi" => "${resolve(options.program)}")`,
      '$HTTP["url"] =~ "^/cgi-bin/upload\\.cgi($|/)" {',
      '  cgi.assign = ("" => "")',
      `  setenv.set-environment = (${variables.join(', ')})`,
      '}',
      options.extra ?? '',
    ]
    return [{ tool: 'lighttpd', args: ['-D', '-f', write(home, 'lighttpd.conf', config)] }]
  })
}

export async function startNginx(options: ServerOptions): Promise<RunningServer> {
  return start('nginx', '/cgi-bin/upload.cgi', options, (home, port) => {
    const socket = join(home, 'fcgiwrap.sock')
    const temporary = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi']
    const config = [
      'daemon off;',
      `pid "${home}/nginx.pid";`,
      `error_log "${home}/error.log";`,
      ...(isRoot() ? [`user ${serverUser};`] : []),
      'worker_processes 1;',
      'events { worker_connections 512; }',
      'http {',
      '  access_log off;',
      ...temporary.map((name) => `  ${name}_temp_path "${home}/${name}";`),
      // Its default of 1 MB would answer for the program; `extra` can set it again.
      '  client_max_body_size 0;',
      // nginx has no other way to write a dollar sign.
      '  geo $dollar { default "$"; }',
      '  server {',
      `    listen 127.0.0.1:${port};`,
      `    root "${folder(home, 'docroot')}";`,
      '    location ~ ^/cgi-bin/upload\\.cgi(?:$|/) {',
      '      fastcgi_split_path_info ^(/cgi-bin/upload\\.cgi)(.*)$;',
      '      include /etc/nginx/fastcgi_params;',
      `      fastcgi_param SCRIPT_FILENAME "${resolve(options.program)}";`,
      '      fastcgi_param SCRIPT_NAME $fastcgi_script_name;',
      '      fastcgi_param PATH_INFO $fastcgi_path_info;',
      '      fastcgi_param REMOTE_USER $remote_user;',
      ...entries(options.env).map(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx's placeholder, not ours
        ([name, value]) => `fastcgi_param ${name} ${quoted(value).replaceAll('$', '${dollar}')};`,
      ),
      `      fastcgi_pass "unix:${socket}";`,
      '    }',
      options.extra ?? '',
      '  }',
      '}',
    ]
    const args = ['-c', write(home, 'nginx.conf', config), '-p', home, '-e', `${home}/error.log`]
    return [
      // As many at once as browsers open connections to one site, and a few more.
      { tool: 'fcgiwrap', args: ['-f', '-c', '8', '-s', `unix:${socket}`], socket },
      { tool: 'nginx', args },
    ]
  })
}

/**
 * The reason to skip a test (`t.skip`, `{ skip }`), or false when everything is installed. With
 * UPLOAD_CGI_NO_SKIPS in the environment it throws that reason instead.
 */
export function missing(...names: readonly Tool[]): string | false {
  const absent = names.filter((name) => !isInstalled(name))
  if (absent.length === 0) return false
  const verb = absent.length === 1 ? 'is' : 'are'
  const wanted = [
    ...new Set(
      absent.map((name) => (name in libraries ? name : packages[name as keyof typeof packages])),
    ),
  ].join(' ')
  const reason = `${absent.join(', ')} ${verb} not installed: apt-get install ${wanted}`
  if (process.env['UPLOAD_CGI_NO_SKIPS']) throw new Error(reason)
  return reason
}

/** Of `check`: root would look as the user of web servers, who may not get into a directory of a test. */
export const asOneself: readonly string[] = process.getuid?.() === 0 ? ['--user', 'root'] : []

/** Gives a directory to the user that the servers work as, and makes it reachable for that user. */
export function giveToServer(directory: string): void {
  if (!isRoot()) return
  const { uid, gid } = serverIds()
  chownSync(directory, uid, gid)
  openTheWay(directory)
}

// What start() is given for each process; `socket` is a file to wait for before the next.
type Command = {
  tool: Tool
  args: readonly string[]
  socket?: string
  /** Asked until it is so, besides that the port answers. */
  isReady?: () => boolean
  env?: Readonly<Record<string, string>>
}
export type Prepare = (home: string, port: number) => readonly Command[]

/** Starts what `prepare` says, which may be called again with another port. */
export async function start(
  tool: Tool,
  path: string,
  options: ServerOptions,
  prepare: Prepare,
): Promise<RunningServer> {
  const directory = options.env?.['UPLOAD_CGI_DIRECTORY']
  if (directory !== undefined && existsSync(directory)) giveToServer(directory)
  openTheWay(dirname(resolve(options.program)))
  endWithThisProcess()
  for (let attempt = 1; ; attempt += 1) {
    const home = mkdtempSync(join(tmpdir(), `upload-cgi-${tool}-`))
    homes.add(home)
    chmodSync(home, 0o755)
    giveToServer(home)
    const port = await freePort()
    try {
      return await launch(home, port, path, prepare(home, port))
    } catch (error) {
      // Between the choice of a port and its use somebody else may take it.
      const isTaken = /in use|could not bind/i.test(String(error))
      if (!isTaken || attempt === 3) throw error
    }
  }
}

async function launch(
  home: string,
  port: number,
  path: string,
  commands: readonly Command[],
): Promise<RunningServer> {
  const started: ChildProcess[] = []
  let lastLog: string | undefined
  const errorLog = () => lastLog ?? read(join(home, 'output.log')) + read(join(home, 'error.log'))
  const stop = async () => {
    for (const child of started.toReversed()) await end(child)
    lastLog ??= errorLog()
    rmSync(home, { recursive: true, force: true })
    homes.delete(home)
  }
  try {
    for (const command of commands) {
      const child = spawnDetached(home, command)
      started.push(child)
      const { socket } = command
      const isReady = async () =>
        socket ? existsSync(socket) : (command.isReady?.() ?? true) && (await answers(port))
      await until(isReady, child, command.tool)
    }
  } catch (error) {
    await stop()
    throw new Error(`${error instanceof Error ? error.message : error}\n${errorLog()}`)
  }
  return { url: `http://127.0.0.1:${port}${path}`, pid: started.at(-1)?.pid ?? 0, errorLog, stop }
}

/** In a process group of its own, so that what it started can be ended with it. */
function spawnDetached(home: string, command: Command): ChildProcess {
  const program = find(command.tool)
  if (program === undefined) throw new Error(String(missing(command.tool)))
  // fcgiwrap has no option for it.
  const ids = command.tool === 'fcgiwrap' && isRoot() ? serverIds() : {}
  const output = openSync(join(home, 'output.log'), 'a')
  try {
    const child = spawn(program, command.args, {
      cwd: home,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...command.env },
      stdio: ['ignore', output, output],
      detached: true,
      ...ids,
    })
    // Without a listener a failed start would end this process; until() reports it.
    child.on('error', () => undefined)
    if (child.pid !== undefined) groups.add(child.pid)
    return child
  } finally {
    closeSync(output)
  }
}

async function until(
  isReady: () => Promise<boolean>,
  child: ChildProcess,
  tool: Tool,
): Promise<void> {
  const deadline = Date.now() + startSeconds * 1000
  while (!(await isReady())) {
    if (hasEnded(child)) throw new Error(`${tool} ended at once (${child.exitCode})`)
    if (Date.now() > deadline) throw new Error(`${tool} did not answer in ${startSeconds} s`)
    await delay(20)
  }
  // Another server may be the one that answers on our port.
  if (hasEnded(child)) throw new Error(`${tool} ended at once (${child.exitCode})`)
}

async function end(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  if (!hasEnded(child)) {
    const ended = new Promise((resolved) => child.once('exit', resolved))
    child.kill('SIGTERM')
    const patience = new AbortController()
    const timeout = delay(stopSeconds * 1000, undefined, { signal: patience.signal })
    await Promise.race([ended, timeout.catch(() => undefined)])
    patience.abort()
    killGroup(pid)
    await ended
  }
  // What the server left behind: programs that still ran, workers of fcgiwrap.
  killGroup(pid)
  groups.delete(pid)
  while (groupLives(pid)) await delay(10)
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

/** Zombies do not count: where nobody reaps orphans they stay for good. */
function groupLives(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    // pid (name) state parent group …; the name may hold anything.
    const fields = read(`/proc/${name}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[0] !== 'Z' && Number(fields[2]) === group
  })
}

function endWithThisProcess(): void {
  if (isHooked) return
  isHooked = true
  process.once('exit', () => {
    for (const pid of groups) killGroup(pid)
    for (const home of homes) rmSync(home, { recursive: true, force: true })
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => process.exit(1))
  }
}

function freePort(): Promise<number> {
  return new Promise((resolved, rejected) => {
    const server = createServer()
    server.once('error', rejected)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolved(port))
    })
  })
}

/**
 * Apache takes requests before the socket of mod_cgid, `name` and a number, belongs to the user that it works
 * as; it answers 503 then, and does not try again.
 */
export function isCgidReady(directory: string, name: string): boolean {
  const socket = readdirSync(directory).find((entry) => entry.startsWith(name))
  if (socket === undefined) return false
  return !isRoot() || statSync(join(directory, socket)).uid === serverIds().uid
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolved) => {
    const socket = connect(port, '127.0.0.1')
    const tell = (isOpen: boolean) => {
      socket.destroy()
      resolved(isOpen)
    }
    socket.once('connect', () => tell(true))
    socket.once('error', () => tell(false))
  })
}

/** Directories that mkdtemp made are closed to everyone but their maker. */
function openTheWay(directory: string): void {
  const top = resolve(tmpdir())
  for (let path = resolve(directory); path.startsWith(`${top}/`); path = dirname(path)) {
    const { mode, uid } = statSync(path)
    if (isRoot() || uid === process.getuid?.()) chmodSync(path, (mode & 0o7777) | 0o011)
  }
}

function serverIds(): { uid: number; gid: number } {
  const line = read('/etc/passwd').match(new RegExp(`^${serverUser}:[^:]*:(\\d+):(\\d+):`, 'm'))
  if (line === null) throw new Error(`there is no user ${serverUser}; run the tests as yourself`)
  return { uid: Number(line[1]), gid: Number(line[2]) }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

function apacheModules(mpm: string, cgi: string): readonly string[] {
  const names = [`mpm_${mpm}`, 'authn_core', 'authz_core', 'authz_host', 'authz_user']
  names.push('auth_basic', 'authn_file', 'alias', 'dir', 'env', 'headers', 'mime', 'reqtimeout')
  names.push('setenvif', cgi)
  const lines = names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  return [...lines, 'TypesConfig /dev/null']
}

/** Where the program of that name is, if it is installed. */
export function find(name: Tool): string | undefined {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`
  return path
    .split(delimiter)
    .filter((part) => part !== '')
    .map((part) => join(part, name))
    .find((file) => isExecutable(file))
}

function isInstalled(name: Tool): boolean {
  if (name in libraries) return existsSync(libraries[name as keyof typeof libraries])
  return find(name) !== undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

function folder(home: string, name: string): string {
  const path = join(home, name)
  mkdirSync(path)
  giveToServer(path)
  return path
}

function write(home: string, name: string, lines: readonly string[]): string {
  const path = join(home, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function entries(env: ServerOptions['env']): readonly [string, string][] {
  return Object.entries(env ?? {})
}

/** As Apache and nginx read it. */
function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`
}

const startSeconds = 10
// Apache's event MPM waits for busy programs much longer.
const stopSeconds = 3
const serverUser = 'www-data'
const modules = '/usr/lib/apache2/modules'
const exampleConfig = fileURLToPath(new URL('../../apache-example.conf', import.meta.url))

// What lives: the leaders of the process groups, and their directories.
const groups = new Set<number>()
const homes = new Set<string>()
let isHooked = false

// Which Debian package brings it.
const packages = {
  apache2: 'apache2',
  lighttpd: 'lighttpd',
  nginx: 'nginx-light',
  fcgiwrap: 'fcgiwrap',
  chromium: 'chromium',
  'qemu-aarch64': 'qemu-user',
  strace: 'strace',
  gcc: 'gcc libc6-dev',
  busybox: 'busybox',
  dash: 'dash',
  shellcheck: 'shellcheck',
  'php-cgi': 'php-cgi',
  curl: 'curl',
  perl: 'perl',
  python3: 'python3',
  http: 'httpie',
  debootstrap: 'debootstrap',
  faketime: 'faketime',
  man: 'man-db',
  unshare: 'util-linux',
} as const

// Packages that bring no program of their own, and a file that shows they are there.
const libraries = {
  'python3-requests': '/usr/lib/python3/dist-packages/requests',
  'python3-urllib3': '/usr/lib/python3/dist-packages/urllib3',
  'python3-httpx': '/usr/lib/python3/dist-packages/httpx',
  'python3-aiohttp': '/usr/lib/python3/dist-packages/aiohttp',
  'libwww-perl': '/usr/share/perl5/LWP.pm',
  'libcgi-pm-perl': '/usr/share/perl5/CGI.pm',
  'apache2-suexec-pristine': '/usr/lib/apache2/suexec-pristine',
  'libapache2-mod-security2': '/usr/lib/apache2/modules/mod_security2.so',
  'modsecurity-crs': '/usr/share/modsecurity-crs/owasp-crs.load',
} as const
