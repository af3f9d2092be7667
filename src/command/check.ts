// `upload.cgi check`: says what would go wrong, and how to fix it, before a visitor finds out. Exit
// status 0; 64 for a user that does not exist; 78 (EX_CONFIG) when something is wrong. Root may do
// everything, so for root the checks run as the user that web servers work as, or as `--user`.

import { readFileSync } from 'node:fs'
import { inspect } from '../check/inspect.ts'
import { findingText } from '../finding.ts'
import { loadSettings } from '../settings/load.ts'
import { failed, print } from './terminal.ts'

/** `user`: a name or a number; '' for root means the web server's user, for others themselves. */
export function check(script: string, asJson: boolean, user: string): number {
  const problem = becomeUser(user)
  if (problem !== '') return failed(64, problem)
  const settings = loadSettings(process.env, process.execPath, script)
  const findings = inspect(settings, process.env, process.execPath)
  const isFine = findings.every((finding) => finding.level !== 'error')
  if (asJson) print(`${JSON.stringify({ ok: isFine, findings })}\n`)
  else print(findings.map(findingText).join(''))
  return isFine ? 0 : 78
}

/** '' when done, else why it cannot be done. */
function becomeUser(wanted: string): string {
  if (process.getuid?.() !== 0) {
    return wanted === '' ? '' : '--user needs root: sudo upload.cgi check --user …'
  }
  const known = readFileSync('/etc/passwd', 'utf8').split('\n')
  const entries = known.map((line) => line.split(':'))
  const candidates = wanted === '' ? serverUsers : [wanted]
  const entry = candidates
    .map((name) => entries.find((fields) => fields[0] === name || fields[2] === name))
    .find((found) => found !== undefined)
  if (entry === undefined) return wanted === '' ? '' : `--user: there is no user ${wanted}`
  const [name = '', , uid = '', gid = ''] = entry
  // Node has process.initgroups(), but its types lack it.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void }
  initgroups?.(name, Number(gid))
  process.setgid?.(Number(gid))
  process.setuid?.(Number(uid))
  return ''
}

/** Whom web servers work as in Debian, Red Hat, Arch and others. */
const serverUsers = ['www-data', 'apache', 'http', 'www', 'lighttpd', 'nginx']
