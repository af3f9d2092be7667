// `upload.cgi apache-conf`: prints apache-example.conf with this machine's paths: the program's own,
// the directory of its settings, and the largest request that they allow. install.sh writes Apache's
// configuration with it. It refuses a path that Apache's configuration cannot name.

import { basename, dirname, resolve } from 'node:path'
import { pages } from '../pages/files.ts'
import { loadSettings } from '../settings/load.ts'
import type { LoadedSettings } from '../settings/settings.ts'

/** `installed`: where the program is, or will be, if that is not where it runs now; '' if it is. */
export function apacheConf(script: string, address: string, installed: string): number {
  if (!/^\/[\w./~-]*[\w~-]$/.test(address)) {
    process.stderr.write('upload.cgi: --address is a path on the site, such as /upload\n')
    return 64
  }
  const elsewhere = installed === '' ? '' : resolve(installed)
  const settings = loadSettings(process.env, elsewhere || process.execPath, script)
  const program = elsewhere || script || process.execPath
  const { maxRequestBytes, directory } = settings
  // A little more than our own limit, so that the program refuses first, with a page that says why.
  const most = maxRequestBytes === 0 ? 0 : maxRequestBytes + 1_048_576
  const values: Record<string, string> = {
    UPLOAD_CGI_FOLDER: dirname(program),
    UPLOAD_CGI_FILE: basename(program),
    UPLOAD_CGI_URL: address,
    UPLOAD_CGI_MAX_BODY: String(most),
    ...(directory === '' ? {} : { UPLOAD_CGI_UPLOADS: directory }),
  }
  for (const [name, value] of Object.entries(values)) {
    // Apache's configuration has no way to write these characters.
    if (!/["\n]|\$\{/.test(value)) continue
    process.stderr.write(`upload.cgi: ${name}: no configuration of Apache can name ${value}\n`)
    return 78
  }
  // A variable in the environment would override what the file says.
  const isInFile = settings.file !== '' && !/^(REDIRECT_)?UPLOAD_CGI_/.test(originOf(settings))
  const text = filled(values)
  process.stdout.write(isInFile ? text.replace(/^ *SetEnv UPLOAD_CGI_DIRECTORY ".*\n/m, '') : text)
  return 0
}

function originOf({ origins }: LoadedSettings): string {
  return origins.get('directory') ?? ''
}

function filled(values: Readonly<Record<string, string>>): string {
  return pages.apacheExample().replace(/^( *Define (\w+) ).*$/gm, (line, start, name) => {
    const value = values[name]
    return value === undefined ? line : `${start}"${value}"`
  })
}
