// `upload.cgi deliver`: tells whoever is in `notify` what came and was not told yet. `--test` tells
// all of them of a batch that says that it is a test. Exit status 0; 69 when somebody did not hear;
// 78 when the settings are wrong.

import { loadSettings } from '../settings/load.ts'
import { type LoadedSettings, problemText } from '../settings/settings.ts'
import { failed, print } from './terminal.ts'

export async function deliver(script: string, isTest: boolean): Promise<number> {
  const settings = loadSettings(process.env, process.execPath, script)
  const [problem] = settings.problems
  if (problem !== undefined) return failed(78, problemText(problem))
  if (settings.notify.length === 0) return failed(78, 'nobody is in notify: nothing to be done')
  return isTest ? test(settings) : 0
}

/** Says of each member of `notify` what became of it. */
async function test(settings: LoadedSettings): Promise<number> {
  const { shownMember, tell } = await import('../submission/tell.ts')
  const time = new Date().toISOString()
  const batch = { receipt: 'TEST-TEST-TE', batch: 1, time, sender: {}, answers: [], files: [] }
  const id = `test-${Date.now()}`
  let status = 0
  for (const member of settings.notify) {
    const { isHeard, text } = await tell(member, { batches: [batch], id, isTest: true }, settings)
    const said = text === '' ? '' : `: ${text.replace(`${shownMember(member)}: `, '')}`
    print(`${isHeard ? 'told    ' : 'NOT TOLD'} ${shownMember(member)}${said}\n`)
    if (!isHeard) status = 69
  }
  return status
}
