// A real lighttpd around the executable.

import { resolve } from 'node:path'
import { program } from './program.ts'
import { entries, folder, type RunningServer, type ServerOptions, start, write } from './server.ts'
import { isRoot, serverUser } from './user.ts'

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
      `alias.url = ("/cgi-bin/upload.cgi" => "${resolve(options.program ?? program)}")`,
      '$HTTP["url"] =~ "^/cgi-bin/upload\\.cgi($|/)" {',
      '  cgi.assign = ("" => "")',
      `  setenv.set-environment = (${variables.join(', ')})`,
      '}',
      options.extra ?? '',
    ]
    return [{ tool: 'lighttpd', args: ['-D', '-f', write(home, 'lighttpd.conf', config)] }]
  })
}
