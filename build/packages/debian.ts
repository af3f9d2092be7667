// The .deb: made by dpkg-deb of the layout of Debian. Debian Policy, and deb(5).

import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { enabled, layOut, maintainer, type Source, stamp, template } from './tree.ts'

const sources = join(import.meta.dirname, 'debian')

/** Lays the package out in a folder and gives the arguments of dpkg-deb that packs it. */
export function debian(
  folder: string,
  source: Source,
  architecture: 'amd64' | 'arm64',
  level: 'full' | 'quick',
): readonly string[] {
  const doc = 'usr/share/doc/upload-cgi'
  const [copyright = '', licence = ''] = licenceOf(source.root)
  const configuration = ['etc/upload-cgi.toml', 'etc/apache2/conf-available/upload-cgi.conf']
  layOut(folder, source, {
    cgiBin: 'usr/lib/cgi-bin',
    apacheConf: 'etc/apache2/conf-available/upload-cgi.conf',
    user: 'www-data',
    extra: {
      [`${doc}/copyright`]: template(join(sources, 'copyright'), {
        COPYRIGHT: copyright,
        LICENSE: licence,
      }),
      [`${doc}/changelog.gz`]: packed(readFileSync(join(source.root, 'CHANGELOG.md'), 'utf8')),
      [`${doc}/changelog.Debian.gz`]: packed(changes(source)),
      'usr/share/lintian/overrides/upload-cgi': readFileSync(join(sources, 'lintian-overrides')),
    },
  })
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
  const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
  const control: Readonly<Record<string, string>> = {
    control: template(join(sources, 'control'), {
      VERSION: source.version,
      ARCHITECTURE: architecture,
      MAINTAINER: maintainer,
      SIZE: String(Math.ceil(bytes / 1024)),
    }),
    conffiles: configuration.map((path) => `/${path}\n`).join(''),
    md5sums: files
      .filter((path) => !configuration.includes(path))
      .map((path) => `${md5(join(folder, path))}  ${path}\n`)
      .join(''),
  }
  mkdirSync(join(folder, 'DEBIAN'))
  chmodSync(join(folder, 'DEBIAN'), 0o755)
  const put = (name: string, text: string, mode: number) => {
    writeFileSync(join(folder, 'DEBIAN', name), text)
    chmodSync(join(folder, 'DEBIAN', name), mode)
  }
  for (const [name, text] of Object.entries(control)) put(name, text, 0o644)
  for (const name of ['postinst', 'prerm', 'postrm']) {
    put(name, template(join(sources, name), { UNITS: enabled.join(' ') }), 0o755)
  }
  stamp(folder, source.seconds)
  const strength = level === 'full' ? ['-Zxz', '-z6', '--threads-max=1'] : ['-Zgzip', '-z1']
  return [...strength, '--root-owner-group', '--build', folder]
}

/** The copyright line and the rest of LICENSE, indented as copyright files want it. */
function licenceOf(root: string): readonly string[] {
  const text = readFileSync(join(root, 'LICENSE'), 'utf8')
  const line = /^Copyright \(c\) (.*)$/m.exec(text)
  if (line === null) throw new Error('LICENSE has no line of copyright')
  const rest = text.slice(line.index + line[0].length).trim()
  const indented = rest.split('\n').map((one) => (one === '' ? ' .' : ` ${one}`))
  return [`Copyright: ${line[1]}`, indented.join('\n')]
}

function changes({ version, seconds }: Source): string {
  const day = new Date(seconds * 1000).toUTCString().replace('GMT', '+0000')
  return `upload-cgi (${version}-1) unstable; urgency=medium

  * Made of the release ${version}; CHANGELOG.md says what is new.

 -- ${maintainer}  ${day}
`
}

function packed(text: string): Uint8Array {
  return gzipSync(text, { level: 9 })
}

function md5(path: string): string {
  return createHash('md5').update(readFileSync(path)).digest('hex')
}
