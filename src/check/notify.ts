// What `check` says of who is told what came: a mailer or a program that is not there, a webhook
// that nobody can verify, and what was not told in time. It tells nobody anything; `deliver --test`
// does.

import { type Finding, failure, fine, quoted, warning } from '../finding.ts'
import { findProgram, mailerOf } from '../program/program.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import type { Storage } from '../storage/storage.ts'
import { lostCount } from '../submission/outbox.ts'

export function notifyFindings(settings: LoadedSettings): Finding[] {
  const { notify, webhookSecret } = settings
  if (notify.length === 0) return []
  const programs = notify.filter(({ kind }) => kind === 'program').map(({ text }) => text)
  const unsigned = webhookSecret === '' && notify.some(({ kind }) => kind === 'webhook')
  const findings = [
    ...(notify.some(({ kind }) => kind === 'mail') ? mailerFindings(settings) : []),
    ...programs.flatMap(programFindings),
    ...(unsigned ? [unsignedFinding] : []),
  ]
  return findings.length > 0 ? findings : [fine('NOTIFY', `told what came: ${notify.length}`)]
}

/** What should have been told long ago, and what nobody tries any more. */
export function outboxFindings(settings: LoadedSettings, storage: Storage): Finding[] {
  if (settings.notify.length === 0) return []
  const now = Date.now()
  const late = storage.entries.list().filter(({ startedAt }) => now - startedAt > lateMilliseconds)
  const lost = lostCount(storage)
  const findings: Finding[] = []
  if (late.length > 0) {
    const message = `somebody in notify has not heard of what came: ${late.length}`
    findings.push(warning('OUTBOX_WAITS', message, 'upload.cgi deliver   # tries now, says why'))
  }
  if (lost > 0) {
    const message = `somebody in notify never heard of what came, and was given up: ${lost}`
    const remedy = 'upload.cgi deliver --test   # says who does not hear; the error log has which'
    findings.push(warning('OUTBOX_LOST', message, remedy))
  }
  return findings
}

function mailerFindings({ mailCommand }: LoadedSettings): Finding[] {
  const mailer = mailerOf(mailCommand)
  if (mailer === undefined) {
    const remedy = 'install a mailer (apt-get install msmtp-mta), or name one in mail_command'
    return [failure('MAILER_MISSING', 'no mail can be sent: there is no sendmail here', remedy)]
  }
  const [path = ''] = mailer
  if (findProgram([path]) !== undefined) return []
  const message = `no mail can be sent: ${path} in mail_command cannot be run`
  return [failure('MAILER_MISSING', message, `ls -l ${quoted(path)}   # it must be executable`)]
}

function programFindings(path: string): Finding[] {
  if (findProgram([path]) !== undefined) return []
  const message = `${path} in notify cannot be run`
  return [failure('NOTIFY_MISSING', message, `chmod 755 ${quoted(path)}`)]
}

const unsignedFinding = warning(
  'WEBHOOK_UNSIGNED',
  'whoever gets the webhooks in notify cannot tell that they are from here',
  'set webhook_secret to what this prints: echo "whsec_$(head -c 32 /dev/urandom | base64)"',
)
/** An hour, after a quarter in which a submission may still be open. */
const lateMilliseconds = 75 * 60_000
