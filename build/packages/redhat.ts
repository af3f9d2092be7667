// The .rpm: made by rpmbuild of the layout of Red Hat. Needs the package rpm, also on Debian.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { enabled, layOut, maintainer, type Source, template } from './tree.ts'

const sources = join(import.meta.dirname, 'redhat')

/** Lays the package out in a folder and gives the arguments of rpmbuild, with its own place. */
export function redHat(
  folder: string,
  source: Source,
  architecture: 'x86_64' | 'aarch64',
  level: 'full' | 'quick',
): readonly string[] {
  const staging = join(folder, 'files')
  layOut(staging, source, {
    cgiBin: 'var/www/cgi-bin',
    apacheConf: 'etc/httpd/conf.d/upload-cgi.conf',
    user: 'apache',
    licence: 'usr/share/licenses/upload-cgi/LICENSE',
    extra: {},
  })
  const spec = join(folder, 'upload-cgi.spec')
  writeFileSync(
    spec,
    template(join(sources, 'upload-cgi.spec'), {
      VERSION: source.version,
      MAINTAINER: maintainer,
      DAY: dayOf(source.seconds),
      UNITS: enabled.join(' '),
    }),
  )
  // Red Hat 8 and later read xz; with threads, it would make other bytes.
  const strength = level === 'full' ? 'w6.xzdio' : 'w1.gzdio'
  const define = (name: string, value: string) => ['--define', `${name} ${value}`]
  return [
    '-bb',
    '--quiet',
    ...define('_topdir', join(folder, 'work')),
    ...define('_rpmdir', folder),
    ...define('_rpmfilename', '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm'),
    ...define('_binary_payload', strength),
    ...define('staging', staging),
    ...['--target', `${architecture}-redhat-linux`],
    spec,
  ]
}

/** As in "Thu Oct 09 2025". */
function dayOf(seconds: number): string {
  const [week = '', day, month, year] = new Date(seconds * 1000).toUTCString().split(' ')
  return `${week.slice(0, 3)} ${month} ${day} ${year}`
}
