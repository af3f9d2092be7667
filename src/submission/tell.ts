// Tells one member of `notify` what came, by mail, webhook or program. It decides neither who is
// told nor when; outbox.ts does. What went wrong it says in words for the owner.

import type { Batch } from '../outcome.ts'
import { runProgram } from '../program/program.ts'
import type { Member } from '../settings/row.ts'
import type { Settings } from '../settings/settings.ts'
import { type News, sendMail } from './mail.ts'
import type { Told } from './told.ts'
import { postWebhook } from './webhook.ts'

/** Several batches at once are for mail alone. */
export async function tell(member: Member, news: News, settings: Settings): Promise<Told> {
  const { kind, text } = member
  const told = await (kind === 'mail'
    ? sendMail(news, text, settings)
    : byJson(member, news, settings))
  return { ...told, text: told.text === '' ? '' : `${shownMember(member)}: ${told.text}` }
}

/** As webhooks and programs get it. */
export function encodeBatch(batch: Batch, isTest: boolean): string {
  return JSON.stringify(isTest ? { ...batch, test: true } : batch)
}

/** Without what may be a secret. */
export function shownMember({ kind, text }: Member): string {
  return kind === 'webhook' ? new URL(text).origin : text
}

async function byJson(
  { kind, text }: Member,
  { batches: [batch], id, isTest }: News,
  { webhookSecret }: Settings,
): Promise<Told> {
  const json = encodeBatch(batch, isTest)
  if (kind === 'program') return runNotified(text, json)
  return postWebhook(text, { id, json, secret: webhookSecret })
}

/** What the program prints is for the owner's log, even if it heard. */
function runNotified(path: string, json: string): Told {
  const { exit, text, hasPrinted } = runProgram([path], json, maxSeconds)
  const isHeard = exit === 0
  return { isHeard, text: isHeard && !hasPrinted ? '' : text }
}

const maxSeconds = 60
