// A real nginx: with fcgiwrap, which starts the executable for each request, or with the executable
// as a FastCGI process.

import { join, resolve } from 'node:path'
import { program } from './program.ts'
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
import { isRoot, serverUser } from './user.ts'

export async function startNginx(options: ServerOptions): Promise<RunningServer> {
  return start('nginx', '/cgi-bin/upload.cgi', options, (home, port) => {
    const socket = join(home, 'fcgiwrap.sock')
    const lines = [
      '    location ~ ^/cgi-bin/upload\\.cgi(?:$|/) {',
      '      fastcgi_split_path_info ^(/cgi-bin/upload\\.cgi)(.*)$;',
      '      include /etc/nginx/fastcgi_params;',
      `      fastcgi_param SCRIPT_FILENAME "${resolve(options.program ?? program)}";`,
      '      fastcgi_param SCRIPT_NAME $fastcgi_script_name;',
      '      fastcgi_param PATH_INFO $fastcgi_path_info;',
      '      fastcgi_param REMOTE_USER $remote_user;',
      ...entries(options.env).map(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx's placeholder, not ours
        ([name, value]) => `fastcgi_param ${name} ${quoted(value).replaceAll('$', '${dollar}')};`,
      ),
      `      fastcgi_pass "unix:${socket}";`,
      '    }',
    ]
    return [
      // As many at once as browsers open connections to one site, and a few more.
      {
        tool: 'fcgiwrap',
        args: ['-f', '-c', '8', '-s', `unix:${socket}`],
        socket,
        asServer: true,
      },
      { tool: 'nginx', args: nginxArgs(home, port, options, lines) },
    ]
  })
}

/**
 * The program is at `/` and at `/upload`, and gets bodies as they come. `env` is that of its
 * process.
 */
export async function startNginxFastCgi(options: ServerOptions): Promise<RunningServer> {
  return start('nginx', '/', options, (home, port) => {
    const socket = join(home, 'fastcgi.sock')
    const lines = [
      '    location / {',
      '      fastcgi_request_buffering off;',
      '      include /etc/nginx/fastcgi_params;',
      '      fastcgi_param HTTP_HOST $http_host;',
      '      fastcgi_split_path_info ^(/upload|)(.*)$;',
      '      fastcgi_param SCRIPT_NAME $fastcgi_script_name;',
      '      fastcgi_param PATH_INFO $fastcgi_path_info;',
      `      fastcgi_pass "unix:${socket}";`,
      '    }',
    ]
    return [
      {
        tool: program as `/${string}`,
        args: ['fastcgi', '--socket', socket],
        env: options.env ?? {},
        socket,
        asServer: true,
      },
      { tool: 'nginx', args: nginxArgs(home, port, options, lines) },
    ]
  })
}

function nginxArgs(
  home: string,
  port: number,
  { tls, extra = '' }: ServerOptions,
  location: readonly string[],
): string[] {
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
    `    listen 127.0.0.1:${port}${tls === undefined ? '' : ' ssl http2'};`,
    ...(tls === undefined ? [] : secureLines(tls)),
    `    root "${folder(home, 'docroot')}";`,
    ...location,
    extra,
    '  }',
    '}',
  ]
  return ['-c', write(home, 'nginx.conf', config), '-p', home, '-e', `${home}/error.log`]
}

function secureLines({ certificate, key }: Certificate): readonly string[] {
  return [`ssl_certificate "${certificate}";`, `ssl_certificate_key "${key}";`]
}
