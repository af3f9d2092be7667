// `upload.cgi apache-conf`: apache-example.conf with this machine's paths: the program's own, the directory of its
// settings, the largest request that they allow.

import { basename, dirname } from 'node:path'
import { pages } from '../pages/files.ts'
import { loadSettings } from '../settings/load.ts'
import type { LoadedSettings } from '../settings/settings.ts'

export function apacheConf(script: string, address: string): number {
  if (!/^\/[\w./~-]*[\w~-]$/.test(address)) {
    process.stderr.write('upload.cgi: --address is a path on the site, such as /upload\n')
    return 64
  }
  const settings = loadSettings(process.env, process.execPath, script)
  const program = script === '' ? process.execPath : script
  const { maxRequestBytes, directory } = settings
  // A little more than ours, so that the program is the one to refuse, with a page that says why.
  const most = maxRequestBytes === 0 ? 0 : maxRequestBytes + 1_048_576
  const values: Record<string, string> = {
    UPLOAD_CGI_FOLDER: dirname(program),
    UPLOAD_CGI_FILE: basename(program),
    UPLOAD_CGI_URL: address,
    UPLOAD_CGI_MAX_BODY: String(most),
    ...(directory === '' ? {} : { UPLOAD_CGI_UPLOADS: directory }),
  }
  for (const [name, value] of Object.entries(values)) {
    // Apache has no way to write it.
    if (!/["\n]|\$\{/.test(value)) continue
    process.stderr.write(`upload.cgi: ${name}: no configuration of Apache can name ${value}\n`)
    return 78
  }
  // What stands in the environment would win over what a file says.
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
