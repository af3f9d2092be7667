// `upload.cgi deliver`: tells whoever is in `notify` what came and was not told yet. `--test` tells
// all of them of a batch that says that it is a test. Exit status 0; 69 when somebody did not hear;
// 75 while another deliverer is at work; 78 when the settings or the directory cannot be used.

import { loadSettings } from '../settings/load.ts'
import { type LoadedSettings, problemText } from '../settings/settings.ts'
import { openStorage } from '../storage/open.ts'
import { usableDirectory } from '../storage/usable.ts'
import { noteSaying } from '../submission/outbox.ts'
import { becomeOwner } from './account.ts'
import { complain, failed, print } from './terminal.ts'

export async function deliver(script: string, isTest: boolean, isDue: boolean): Promise<number> {
  const settings = loadSettings(process.env, process.execPath, script)
  const [problem] = settings.problems
  if (problem !== undefined) return failed(78, problemText(problem))
  if (settings.notify.length === 0) {
    complain('nobody is in notify: nothing to be done')
    // A timer may run on when `notify` is empty; whoever tests expects somebody there.
    return isTest ? 78 : 0
  }
  return isTest ? test(settings) : deliverAll(settings, script, isDue)
}

/**
 * `isDue`: as a request starts it. Then nobody is at the terminal, and the next request says it.
 */
async function deliverAll(
  settings: LoadedSettings,
  script: string,
  isDue: boolean,
): Promise<number> {
  let isComplete = true
  try {
    const site = { documentRoots: [], program: process.execPath, script }
    const directory = usableDirectory(settings, site)
    becomeOwner(directory)
    const storage = openStorage(settings, directory)
    const { deliver } = await import('../submission/deliver.ts')
    const say = (line: string) => {
      isComplete = false
      if (isDue) noteSaying(storage, line)
      else complain(line)
    }
    const count = await deliver(storage, settings, { say, isPauseKept: isDue })
    if (isDue) return 0
    if (count === undefined) return failed(75, 'another deliverer is at work: try again later')
    print(`told: ${count}\n`)
    return isComplete ? 0 : 69
  } catch (error) {
    return failed(78, `${error instanceof Error ? (error.cause ?? error.message) : error}`)
  }
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
