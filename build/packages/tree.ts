// The files of a package as they will be on the system: the layout of Debian or that of Red Hat.
// The settings name no directory yet, since a server may run everything in cgi-bin without asking:
// until the owner names one, every upload is refused. Nothing here tells a time or a name.

import {
  chmodSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** What every package is made of. `settings` and `pages` are what the program prints. */
export type Source = {
  readonly root: string
  readonly version: string
  readonly program: string
  readonly settings: string
  readonly pages: { readonly upload: string; readonly settings: string }
  /** Seconds since 1970, of every file. */
  readonly seconds: number
}

export type Layout = {
  readonly cgiBin: string
  readonly apacheConf: string
  readonly user: string
  /** Where the licence goes; Debian has it in its copyright file. */
  readonly licence?: string
  /** More files, by path. */
  readonly extra: Readonly<Record<string, string | Uint8Array>>
}

/** The project has no address of its own; whoever publishes packages puts theirs here. */
export const maintainer = 'the upload.cgi authors <maintainers@upload-cgi.invalid>'
const systemd = join(import.meta.dirname, 'systemd')
export const units: readonly string[] = readdirSync(systemd).toSorted()
/** What the owner may enable; the processes of FastCGI are named by number. */
export const enabled = units.filter((name) => /\.(?:timer|socket)$/.test(name))

export function layOut(folder: string, source: Source, layout: Layout): void {
  const { root } = source
  const program = `${layout.cgiBin}/upload.cgi`
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const copy = (from: string, path: string) => put(path, readFileSync(join(root, from)))

  mkdirSync(join(folder, layout.cgiBin), { recursive: true })
  copyFileSync(source.program, join(folder, program))
  mkdirSync(join(folder, 'usr/sbin'), { recursive: true })
  symlinkSync(relativeFromSbin(program), join(folder, 'usr/sbin/upload.cgi'))
  put('etc/upload-cgi.toml', withoutDirectory(source.settings))
  put(layout.apacheConf, withSettingsInEtc(readFileSync(join(root, 'apache-example.conf'), 'utf8')))
  for (const unit of units) {
    put(`usr/lib/systemd/system/${unit}`, filled(join(systemd, unit), { ...layout, program }))
  }
  put('usr/share/man/man8/upload.cgi.8.gz', gzipSync(source.pages.upload, { level: 9 }))
  put('usr/share/man/man5/upload-cgi.toml.5.gz', gzipSync(source.pages.settings, { level: 9 }))
  copy('doctor.cgi', 'usr/share/upload-cgi/doctor.cgi')
  copy('upload.sh', 'usr/share/upload-cgi/upload.sh')

  const pages = 'usr/share/doc/upload-cgi'
  for (const name of ['README.md', 'build/licenses.txt']) copy(name, `${pages}/${lastPart(name)}`)
  for (const path of ['CONTRIBUTING.md', ...guides(root)]) copy(path, `${pages}/${path}`)
  // The guides link to these three, and links must hold here, too.
  copy('apache-example.conf', `${pages}/apache-example.conf`)
  for (const name of ['doctor.cgi', 'upload.sh']) {
    symlinkSync(`../../upload-cgi/${name}`, join(folder, pages, name))
  }
  if (layout.licence !== undefined) copy('LICENSE', layout.licence)
  for (const [path, content] of Object.entries(layout.extra)) put(path, content)
  settle(folder, [program, 'usr/share/upload-cgi/doctor.cgi', 'usr/share/upload-cgi/upload.sh'])
  stamp(folder, source.seconds)
}

/** The paths of all pages and pictures of docs. */
export function guides(root: string): readonly string[] {
  return readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(md|png)$/.test(name))
    .map((name) => `docs/${name}`)
    .toSorted()
}

/** A file of this folder, with its words between @ replaced. */
export function template(file: string, words: Readonly<Record<string, string>>): string {
  const text = readFileSync(file, 'utf8')
  return text.replaceAll(/@([A-Z]+)@/g, (_, word: string) => {
    const value = words[word]
    if (value === undefined) throw new Error(`${file}: nothing is known for @${word}@`)
    return value
  })
}

/** Times, after the last change: tools take them from the files. */
export function stamp(folder: string, seconds: number): void {
  for (const path of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    lutimesSync(join(folder, path), seconds, seconds)
  }
}

function filled(file: string, words: { readonly user: string; readonly program: string }): string {
  return template(file, { USER: words.user, PROGRAM: `/${words.program}` })
}

function relativeFromSbin(program: string): string {
  return program.startsWith('usr/') ? `../${program.slice('usr/'.length)}` : `../../${program}`
}

function withoutDirectory(settings: string): string {
  const line = /^directory = /m
  if (!line.test(settings)) throw new Error('upload.cgi init prints no line for the directory')
  return settings.replace(line, '#directory = ')
}

/** The example, where the settings of the package name the directory and Apache does not. */
function withSettingsInEtc(example: string): string {
  const heading = /^# Apache 2\.4 for upload\.cgi[\s\S]*?^# It needs mod_cgid/m
  const block = /^ {4}# Settings\. If there is[\s\S]*?^ {4}<\/IfFile>\n/m
  if (!heading.test(example) || !block.test(example)) {
    throw new Error('apache-example.conf has no heading or no block about settings')
  }
  return example
    .replace(
      heading,
      `# Apache 2.4 for upload.cgi: the page gets the address /upload. Name the directory for uploads in
# /etc/upload-cgi.toml, and here too if it is not /srv/uploads. Then:
#   Debian, Ubuntu    a2enmod cgid && a2enconf upload-cgi && systemctl restart apache2
#   Red Hat, Fedora   systemctl restart httpd
#
# It needs mod_cgid`,
    )
    .replace(
      block,
      `    # Settings are in /etc/upload-cgi.toml. An environment variable overrides each of them:
    #   SetEnv UPLOAD_CGI_MAX_FILE_SIZE 2GB
`,
    )
}

/** 0644, and 0755 for directories and what is executed. Links have no permissions. */
function settle(folder: string, executables: readonly string[]): void {
  chmodSync(folder, 0o755)
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const whole = join(folder, path)
    const entry = lstatSync(whole)
    if (entry.isSymbolicLink()) continue
    chmodSync(whole, entry.isDirectory() || executables.includes(path) ? 0o755 : 0o644)
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
