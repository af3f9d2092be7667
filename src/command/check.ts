// `upload.cgi check`: what would go wrong, and how to mend it, before a visitor finds out.
// Exit status 0, or 78 (EX_CONFIG) when something is wrong. Root looks as the user that web servers work as,
// for root may do everything; `--user` names another.

import { readFileSync } from 'node:fs'
import { inspect } from '../check/inspect.ts'
import { type Finding, findingText } from '../finding.ts'
import { loadSettings } from '../settings/load.ts'

/** `user`: '' for the usual one when this is root, else for oneself. */
export function check(script: string, asJson: boolean, user: string): number {
  const problem = becomeUser(user)
  if (problem !== '') {
    process.stderr.write(`upload.cgi: ${problem}\n`)
    return 64
  }
  const settings = loadSettings(process.env, process.execPath, script)
  return report(inspect(settings, process.env, process.execPath), asJson)
}

export function report(findings: readonly Finding[], asJson: boolean): number {
  const isFine = findings.every((finding) => finding.level !== 'error')
  if (asJson) process.stdout.write(`${JSON.stringify({ ok: isFine, findings })}\n`)
  else process.stdout.write(findings.map(findingText).join(''))
  return isFine ? 0 : 78
}

/** '' when done, else why it cannot be. */
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
  // Missing in the types of Node, as documented in its process.initgroups().
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void }
  initgroups?.(name, Number(gid))
  process.setgid?.(Number(gid))
  process.setuid?.(Number(uid))
  return ''
}

/** Of Debian, Red Hat, Arch, others. */
const serverUsers = ['www-data', 'apache', 'http', 'www', 'lighttpd', 'nginx']
