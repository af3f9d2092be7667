// `upload.cgi check`: says what would go wrong, and how to fix it, before a visitor finds out. Exit
// status 0; 64 for a user that does not exist; 78 (EX_CONFIG) when something is wrong. Root may do
// everything, so for root the checks run as `--user`, else as the account whose folder the program
// is in, as under suexec, else as the user that web servers work as.

import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { inspect } from '../check/inspect.ts'
import { findingText } from '../finding.ts'
import { loadSettings } from '../settings/load.ts'
import { accounts, become } from './account.ts'
import { failed, print } from './terminal.ts'

/** `user`: a name or a number; '' means for root the likely one, for others themselves. */
export function check(script: string, asJson: boolean, user: string): number {
  const become = becomeUser(user, script || process.execPath)
  if ('problem' in become) return failed(64, become.problem)
  const settings = loadSettings(process.env, process.execPath, script)
  const findings = inspect(settings, process.env, process.execPath, become.why)
  const isFine = findings.every((finding) => finding.level !== 'error')
  if (asJson) print(`${JSON.stringify({ ok: isFine, findings })}\n`)
  else print(findings.map(findingText).join(''))
  return isFine ? 0 : 78
}

/** `served`: what the server runs. `why`: why as this user, if that is a guess. */
function becomeUser(
  wanted: string,
  served: string,
): { readonly problem: string } | { readonly why: string } {
  if (process.getuid?.() !== 0) {
    if (wanted === '') return { why: '' }
    return { problem: '--user needs root: sudo upload.cgi check --user …' }
  }
  const entries = accounts()
  const find = (name: string) => entries.find((entry) => entry[0] === name || entry[2] === name)
  const [server] = serverUsers.map(find).filter((entry) => entry !== undefined)
  const owner = wanted === '' ? find(String(statSync(dirname(served)).uid)) : undefined
  const isAccount = owner !== undefined && owner[2] !== '0' && owner[0] !== server?.[0]
  const entry = wanted === '' ? (isAccount ? owner : server) : find(wanted)
  if (entry === undefined) {
    return wanted === '' ? { why: '' } : { problem: `--user: there is no user ${wanted}` }
  }
  const [name = '', , uid = '', gid = ''] = entry
  become(name, Number(uid), Number(gid))
  if (!isAccount) return { why: '' }
  const other = server === undefined ? '' : `; without suexec: check --user ${server[0]}`
  return { why: `, whose folder the program is in${other}` }
}

/** Whom web servers work as in Debian, Red Hat, Arch and others. */
const serverUsers = ['www-data', 'apache', 'http', 'www', 'lighttpd', 'nginx']
