// `upload.cgi apache-conf`: prints apache-example.conf with this machine's paths: the program's
// own, the directory of its settings, and the largest request that they allow. install.sh writes
// Apache's configuration with it. It refuses a path that Apache's configuration cannot name.

import { basename, dirname, resolve } from 'node:path'
import { pages } from '../pages/files.ts'
import { loadSettings } from '../settings/load.ts'
import { failed, print } from './terminal.ts'

/** `installed`: where the program is, or will be, if that is not where it runs now; '' if it is. */
export function apacheConf(script: string, address: string, installed: string): number {
  if (!/^\/[\w./~-]*[\w~-]$/.test(address)) {
    return failed(64, '--address is a path on the site, such as /upload')
  }
  const elsewhere = installed === '' ? '' : resolve(installed)
  const settings = loadSettings(process.env, elsewhere || process.execPath, script)
  const program = elsewhere || script || process.execPath
  const { maxRequestBytes, directory } = settings
  // 1 MiB more than our own limit: so the program refuses, with a page that says why.
  const apacheMaxBytes = maxRequestBytes === 0 ? 0 : maxRequestBytes + 1_048_576
  const values: Record<string, string> = {
    UPLOAD_CGI_FOLDER: dirname(program),
    UPLOAD_CGI_FILE: basename(program),
    UPLOAD_CGI_URL: address,
    UPLOAD_CGI_MAX_BODY: String(apacheMaxBytes),
    ...(directory === '' ? {} : { UPLOAD_CGI_UPLOADS: directory }),
  }
  for (const [name, value] of Object.entries(values)) {
    // Apache has no escapes for these.
    if (!/["\n]|\$\{/.test(value)) continue
    return failed(78, `${name}: no configuration of Apache can name ${value}`)
  }
  // A SetEnv would override the directory that a settings file names.
  const origin = settings.origins.get('directory') ?? ''
  const isInFile = settings.file !== '' && !/^(REDIRECT_)?UPLOAD_CGI_/.test(origin)
  const text = filled(values)
  print(isInFile ? text.replace(/^ *SetEnv UPLOAD_CGI_DIRECTORY ".*\n/m, '') : text)
  return 0
}

function filled(values: Readonly<Record<string, string>>): string {
  return pages.apacheExample().replace(/^( *Define (\w+) ).*$/gm, (line, start, name) => {
    const value = values[name]
    return value === undefined ? line : `${start}"${value}"`
  })
}
