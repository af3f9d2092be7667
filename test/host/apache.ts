// A real Apache around the executable, with the project's own apache-example.conf.

import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { program, root } from './program.ts'
import {
  type Certificate,
  entries,
  folder,
  quoted,
  type RunningServer,
  type ServerOptions,
  start,
  write,
} from './server.ts'
import { isRoot, serverIds, serverUser } from './user.ts'

export type ApacheOptions = ServerOptions & {
  /** mod_cgid with the event MPM, unless given, or mod_cgi with prefork, as Debian pairs them. */
  module?: 'cgid' | 'cgi'
  /** An empty directory unless given. */
  documentRoot?: string
  /** `Define`s in front of apache-example.conf, such as UPLOAD_CGI_MAX_BODY: '0'. */
  define?: Readonly<Record<string, string>>
}

export async function startApache(options: ApacheOptions): Promise<RunningServer> {
  const served = resolve(options.program ?? program)
  return start('apache2', '/upload', options, (home, port) => {
    const documentRoot = options.documentRoot ?? folder(home, 'docroot')
    const define = {
      UPLOAD_CGI_FOLDER: dirname(served),
      UPLOAD_CGI_FILE: basename(served),
      UPLOAD_CGI_UPLOADS: options.env?.['UPLOAD_CGI_DIRECTORY'] ?? folder(home, 'unused'),
      ...options.define,
    }
    const module = options.module ?? 'cgid'
    const mpm = module === 'cgid' ? 'event' : 'prefork'
    const config = [
      `ServerRoot "${home}"`,
      'ServerName localhost',
      `Listen 127.0.0.1:${port}`,
      'PidFile apache.pid',
      'ErrorLog error.log',
      'LogLevel info',
      'DefaultRuntimeDir .',
      'Mutex file:. default',
      ...apacheModules(mpm, module),
      ...(options.tls === undefined ? [] : secureLines(options.tls)),
      ...(module === 'cgid' ? ['ScriptSock cgid.sock'] : []),
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
      `<Directory "${dirname(served)}">`,
      `  <Files "${basename(served)}">`,
      // The example names a directory; a test that names none shall have none.
      ...(options.env?.['UPLOAD_CGI_DIRECTORY'] ? [] : ['UnsetEnv UPLOAD_CGI_DIRECTORY']),
      ...entries(options.env).map(([name, value]) => `SetEnv ${name} ${quoted(value)}`),
      '  </Files>',
      '</Directory>',
      options.extra ?? '',
    ]
    const file = write(home, 'apache.conf', config)
    const isReady = () => module === 'cgi' || isCgidReady(home, 'cgid.sock')
    return [{ tool: 'apache2', args: ['-d', home, '-f', file, '-D', 'FOREGROUND'], isReady }]
  })
}

/**
 * Apache takes requests before the socket of mod_cgid, `name` and a number, belongs to the user
 * that it works as; until then it answers 503, and does not try again.
 */
export function isCgidReady(directory: string, name: string): boolean {
  const socket = readdirSync(directory).find((entry) => entry.startsWith(name))
  if (socket === undefined) return false
  return !isRoot() || statSync(join(directory, socket)).uid === serverIds().uid
}

function apacheModules(mpm: string, cgi: string): readonly string[] {
  const names = [`mpm_${mpm}`, 'authn_core', 'authz_core', 'authz_host', 'authz_user']
  names.push('auth_basic', 'authn_file', 'alias', 'dir', 'env', 'headers', 'mime', 'reqtimeout')
  names.push('setenvif', cgi)
  const lines = names.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  return [...lines, 'TypesConfig /dev/null']
}

function secureLines({ certificate, key }: Certificate): readonly string[] {
  return [
    `LoadModule ssl_module ${modules}/mod_ssl.so`,
    `LoadModule http2_module ${modules}/mod_http2.so`,
    'Protocols h2 http/1.1',
    'SSLEngine on',
    `SSLCertificateFile "${certificate}"`,
    `SSLCertificateKeyFile "${key}"`,
  ]
}

const modules = '/usr/lib/apache2/modules'
const exampleConfig = join(root, 'apache-example.conf')
