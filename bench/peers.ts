// The programs that a user could take instead of upload.cgi. All do the same job: a form on GET; on
// POST they store every file under its name in UPLOAD_CGI_DIRECTORY. One prints the form alone.
// None of them syncs, checks names, or removes a half-stored upload. They are written into a
// directory as programs that a web server can start.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { packageExecutable } from '../build/package.ts'
import type { Command } from './measure.ts'

const root = resolve(import.meta.dirname, '..')

export type Peers = {
  /** The paths by name. Programs whose interpreter is not installed are missing. */
  readonly programs: ReadonlyMap<string, string>
  readonly env: Readonly<Record<string, string>>
  readonly missing: readonly string[]
}

/** It prints the form alone: what loading CGI.pm costs by itself. */
export const perlForm = 'Perl CGI.pm, the form alone'

/** The packages of Debian that all parts of the bench need. */
export const packages =
  'apache2 apache2-utils curl gcc libc6-dev fcgiwrap haserl libcgi-pm-perl libfcgi-dev ' +
  'nginx-light perl php-cgi php-fpm python3 spawn-fcgi valgrind'

/** Installs the packages where that is possible: as root, on Debian. */
export function installPeers(): void {
  const names = ['haserl', 'php-cgi', 'ab', 'valgrind', 'spawn-fcgi']
  const tools = names.map((name) => `/usr/bin/${name}`)
  const isComplete = tools.every((path) => existsSync(path))
  if (isComplete || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  const options = {
    stdio: 'inherit',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  } as const
  const install = ['install', '-y', '--no-install-recommends', ...packages.split(' ')]
  spawnSync('apt-get', install, options)
}

/** `home`: the directory for the programs. `directory`: the one into which they store. */
export function preparePeers(home: string, directory: string): Peers {
  const limits = `upload_max_filesize=20G\npost_max_size=20G\nupload_tmp_dir=${directory}\n`
  writeFileSync(join(home, 'php.ini'), `${limits}cgi.force_redirect=0\ndate.timezone=UTC\n`)
  const haserl = `/usr/bin/haserl --upload-limit=20000000 --upload-dir=${directory}`
  /**
   * The name, the program, its interpreter, and the arguments that make the interpreter fail if it
   * lacks the library (Python 3.13 has none).
   */
  const kinds: readonly (readonly [string, string, string, readonly string[]])[] = [
    ["Python's cgi", 'upload.py', '/usr/bin/python3', ['-c', 'import cgi']],
    ['Perl CGI.pm', 'upload.pl', '/usr/bin/perl', ['-MCGI', '-e1']],
    [perlForm, 'form.pl', '/usr/bin/perl', ['-MCGI', '-e1']],
    ['php-cgi', 'upload.php', '/usr/bin/php-cgi', ['-v']],
    ['haserl', 'upload.haserl', haserl, ['--version']],
    ['Node + busboy', 'upload-busboy.cjs', process.execPath, ['--version']],
  ]
  const programs = new Map<string, string>()
  const missing: string[] = []
  for (const [name, file, interpreter, probe] of kinds) {
    const [command = ''] = interpreter.split(' ')
    if (spawnSync(command, probe, { stdio: 'ignore' }).status !== 0) {
      missing.push(name)
      continue
    }
    const path = join(home, file)
    writeFileSync(
      path,
      `#!${interpreter}\n${readFileSync(join(import.meta.dirname, 'peers', file), 'utf8')}`,
    )
    chmodSync(path, 0o755)
    programs.set(name, path)
  }
  const floor = join(home, 'floor')
  execFileSync('gcc', ['-O2', '-static', '-o', floor, join(import.meta.dirname, 'peers/floor.c')])
  programs.set('C, static', floor)
  const env = { PHPRC: home, TMPDIR: directory, NODE_PATH: join(root, 'node_modules') }
  return { programs, env, missing }
}

/** An executable that does nothing, packaged as ours is: it shows what starting Node costs. */
export async function emptyExecutable(home: string): Promise<string> {
  const folder = join(home, 'empty')
  mkdirSync(folder)
  const upload = join(folder, 'upload.cjs')
  writeFileSync(upload, '(function(exports,require,module){})')
  const output = join(folder, 'empty.cgi')
  const target = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64'
  const said = console.log
  console.log = () => undefined
  const assets = { 'src/form.cjs': upload, 'src/main.cjs': upload }
  await packageExecutable(root, { caches: undefined, assets }, target, output)
  console.log = said
  chmodSync(output, 0o755)
  return output
}

/** The commands of these programs. PHP finds its script by SCRIPT_FILENAME. */
export function commandsOf({ programs }: Peers, names: readonly string[]): Command[] {
  return names.flatMap((name) => {
    const path = programs.get(name)
    if (path === undefined) return []
    const env = name === 'php-cgi' ? { SCRIPT_FILENAME: path, REDIRECT_STATUS: '200' } : undefined
    return [{ name, words: [path], ...(env === undefined ? {} : { env }) }]
  })
}
