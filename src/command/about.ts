// `upload.cgi --help`, `--version` and `--licenses`: what the program says about itself.

import manifest from '../../package.json' with { type: 'json' }
import type { Command } from './command.ts'
import { helpText } from './help.ts'
import { print } from './terminal.ts'

type Asked = { readonly version?: boolean | undefined; readonly licenses?: boolean | undefined }

export function about({ version, licenses }: Asked, commands: readonly Command[]): number {
  if (version) print(`upload.cgi ${manifest.version}\n`)
  else if (licenses) print(process.getBuiltinModule('node:sea').getAsset('licenses', 'utf8'))
  else print(helpText(commands))
  return 0
}
