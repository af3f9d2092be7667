// Whether visitors can read the settings file, and with it passphrase and invitations. It is
// usually beside the program, and not every server keeps names with .ht from visitors as Apache and
// LiteSpeed do.

import { type Finding, failure } from '../../finding.ts'
import { Visitor } from './visitor.ts'

/** `url`: the form's. Undefined when the file is not shown. */
export async function secretsFinding(url: URL): Promise<Finding | undefined> {
  const file = new URL('.htupload.toml', url)
  const { status, text } = await new Visitor(file).send({ method: 'GET' })
  if (status !== 200 || !/^[ \t]*directory[ \t]*=/m.test(text)) return undefined
  const message = `the server shows the settings, with all secrets in them, to everyone: ${file}`
  return failure('SETTINGS_SHOWN', message, remedy)
}

const remedy =
  'change every passphrase, token and secret in it, after the server has a rule: ' +
  'location ~ /\\.ht { deny all; } (nginx), $HTTP["url"] =~ "/\\.ht" { url.access-deny = ("") } ' +
  '(lighttpd); or move it to /etc/upload-cgi.toml'
