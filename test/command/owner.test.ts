// docs/owner.md: every line of settings in it is right, and does what its question asks.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClosedForm, said, told } from '../host/closed-form.ts'
import { file } from '../host/form.ts'
import { root } from '../host/program.ts'

const guide = readFileSync(join(root, 'docs/owner.md'), 'utf8')

/** The first block of settings below a heading. */
function lines(heading: string): string {
  const section = guide.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const block = /^```toml\n(.*?)^```$/ms.exec(section)?.[1]
  assert.ok(block, heading)
  return block
}

test('all settings of the guide can be pasted', async (t) => {
  const blocks = [...guide.matchAll(/^```toml\n(.*?)^```$/gms)].map(([, block = '']) => block)
  assert.ok(blocks.length > 5)
  for (const block of blocks) {
    const reply = await new ClosedForm(t, block).get({ REMOTE_USER: 'ann' })
    assert.notEqual(reply.status, 503, block + reply.stderr)
  }
})

test('a passphrase, a link, users: the lines of the guide close the form and open it', async (t) => {
  const words = 'correct horse battery staple'
  const closed = new ClosedForm(t, lines('Protect it with a passphrase?'))
  assert.equal(told(await closed.post()), 'PASSPHRASE_REQUIRED')
  assert.equal(told(await closed.post({}, [said(words), file('a.txt')])), 'stored')

  const link = lines('Give a customer a link?').replaceAll('2026', '2099')
  const token = /invite=(\w+)/.exec(link)?.[1]
  const invited = new ClosedForm(t, `invited_only = true\n${link}`)
  assert.equal(told(await invited.post()), 'INVITATION_INVALID')
  assert.equal(told(await invited.post({ QUERY_STRING: `invite=${token}` })), 'stored')

  const users = new ClosedForm(t, lines('Let in only users of my web server?'))
  assert.equal(told(await users.post()), 'USER_REQUIRED')
  assert.equal(told(await users.post({ REMOTE_USER: 'ann' })), 'stored')
})
