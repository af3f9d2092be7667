// `upload.cgi check --url URL`: checks the options, runs check-url/ and prints what it finds. Exit
// status 0, 64 for a wrong option, or 69 (EX_UNAVAILABLE) when something does not get through.

import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Finding, findingText } from '../finding.ts'
import { loadSettings } from '../settings/load.ts'
import type { Settings } from '../settings/settings.ts'
import { Incoming } from '../storage/incoming.ts'
import { attempt } from '../system-error.ts'
import type { Shown } from './check-url/folder.ts'
import { failed, print } from './terminal.ts'

type Values = {
  readonly url?: string | undefined
  readonly name?: string | undefined
  readonly pause?: string | undefined
  readonly json?: boolean | undefined
}

export async function checkAddress(values: Values, script: string): Promise<number> {
  const { url = '', name = 'check.txt', pause = '30', json = false } = values
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    return failed(64, '--url is an address: https://www.example.org/cgi-bin/upload.cgi')
  }
  const pauseSeconds = Number(pause)
  if (!(pauseSeconds >= 0 && pauseSeconds <= 600)) {
    return failed(64, '--pause is a number of seconds up to 600')
  }
  // Loaded here alone: node:https takes 20 ms to load, and no other command needs it.
  const { checkUrl } = await import('./check-url/check-url.ts')
  const tell = json ? () => undefined : (finding: Finding) => print(findingText(finding))
  const address = new URL(url)
  const shown = shownOf(loadSettings(process.env, process.execPath, script), address)
  const findings = await checkUrl({ url: address, name, pauseSeconds, shown, tell })
  const isFine = findings.every(({ level }) => level !== 'error')
  if (json) print(`${JSON.stringify({ ok: isFine, findings })}\n`)
  return isFine ? 0 : 69
}

/** Where the settings of this machine say that stored files are shown. */
function shownOf({ publicUrl, directory }: Settings, address: URL): Shown | undefined {
  if (publicUrl === '') return undefined
  const incoming = new Incoming(directory).path
  return {
    url: new URL(publicUrl.replace(/\/*$/, '/'), address),
    hiddenFiles: () =>
      (attempt(() => readdirSync(incoming)) ?? []).map((name) =>
        relative(directory, join(incoming, name)),
      ),
  }
}
