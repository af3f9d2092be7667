// `upload.cgi invite NAME`: prints an invitation for the end of a settings file, with its link in a
// comment, so that `>>` appends it. Exit status 0, or 64 when it would not be a right one.

import { parseSize } from '../quantity.ts'
import { randomId } from '../random-id.ts'
import { invitationBlock, nameProblem } from '../settings/invitations.ts'
import { loadSettings } from '../settings/load.ts'
import { parseMoment } from '../settings/moment.ts'
import { failed, print } from './terminal.ts'

export type Wanted = {
  readonly until?: string | undefined
  readonly 'max-size'?: string | undefined
  readonly 'max-files'?: string | undefined
  readonly folder?: string | undefined
  /** The address of the page; without it the link is described. */
  readonly url?: string | undefined
}

export function invite(script: string, name: string, wanted: Wanted): number {
  const wrong = nameProblem(name)
  if (wrong !== '') return failed(64, `${wrong}: upload.cgi invite "Acme"`)
  const { until = '', folder = '', url = '' } = wanted
  const endsAt = until === '' ? 0 : parseMoment(until)
  if (endsAt === undefined) return failed(64, '--until is a day such as 2026-12-31')
  const maxBytes = parseSize(wanted['max-size'] ?? '0')
  if (maxBytes === undefined) return failed(64, '--max-size is a size such as 5GB')
  const files = wanted['max-files'] ?? '0'
  if (!/^[0-9]{1,9}$/.test(files)) return failed(64, '--max-files is a whole number')
  if (url !== '' && !/^https?:\/\/[!-~]+$/.test(url)) {
    return failed(64, '--url is the address of the page: https://www.example.org/upload')
  }
  const { invitations } = loadSettings(process.env, process.execPath, script)
  if (invitations.some((other) => other.name === name)) {
    return failed(64, `there is an invitation called ${name} already`)
  }
  const token = randomId()
  const block = { name, token, folder, endsAt, maxBytes, maxFiles: Number(files) }
  print(`\n# The link for ${name}: ${linkOf(url, token)}\n${invitationBlock(block)}`)
  return 0
}

function linkOf(url: string, token: string): string {
  const page = url.replace(/#.*/, '')
  if (page === '') return `the address of the page, and after it ?invite=${token}`
  return `${page}${page.includes('?') ? '&' : '?'}invite=${token}`
}
