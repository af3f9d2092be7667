// Posts a batch to an address on the web by the Standard Webhooks specification
// (https://www.standardwebhooks.com): id, time and, with a secret, a signature of both and the
// body. It follows no redirect. Whatever is not 2xx within 30 s counts as not heard.

import type { IncomingMessage } from 'node:http'
import type { Told } from './told.ts'

export type Post = {
  /** The same each time that the same batch is told. */
  readonly id: string
  readonly json: string
  /** `whsec_` and base64; '' to sign nothing. */
  readonly secret: string
}

export function postWebhook(address: string, post: Post, seconds = 30): Promise<Told> {
  const url = new URL(address)
  const body = Buffer.from(post.json)
  const { request } = process.getBuiltinModule(
    url.protocol === 'https:' ? 'node:https' : 'node:http',
  )
  return new Promise((resolve) => {
    const settle = (text: string) => {
      clearTimeout(timer)
      sent.destroy()
      // A path may be a secret.
      resolve({ isHeard: text === '', text: text === '' ? '' : `${url.host}: ${text}` })
    }
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'User-Agent': 'upload.cgi',
      ...signatureHeaders(post, Math.floor(Date.now() / 1000)),
    }
    const sent = request(url, { method: 'POST', headers, agent: false })
    const timer = setTimeout(() => settle(`no answer within ${seconds} s`), seconds * 1000)
    sent.on('error', (error) => settle(error.message))
    sent.on('response', ({ statusCode = 0 }: IncomingMessage) => {
      settle(statusCode >= 200 && statusCode <= 299 ? '' : `status ${statusCode}`)
    })
    sent.end(body)
  })
}

/** `time`: in seconds since 1970. */
function signatureHeaders({ id, json, secret }: Post, time: number): Record<string, string> {
  const headers = { 'webhook-id': id, 'webhook-timestamp': String(time) }
  if (secret === '') return headers
  const { createHmac } = process.getBuiltinModule('node:crypto')
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${time}.${json}`).digest('base64')
  return { ...headers, 'webhook-signature': `v1,${signature}` }
}
