// Which parts of the owner's message become links, and that nothing in it becomes markup.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linked } from './link.ts'

const page = (address: string) =>
  `<a href="${address}" target="_blank" rel="noopener">${address}</a>`
const mailbox = (address: string) => `<a href="mailto:${address}">${address}</a>`

test('addresses of pages and mailboxes become links, without the stop of the sentence', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['No address: x@y, http:, @, a.b', 'No address: x@y, http:, @, a.b'],
    ['See https://a.example/b?c=d#e.', `See ${page('https://a.example/b?c=d#e')}.`],
    ['(http://a.example), then', `(${page('http://a.example')}), then`],
    ['Ask Ann.B+c@mail.a.example!\nNow', `Ask ${mailbox('Ann.B+c@mail.a.example')}!\nNow`],
    ['請看 https://a.example/b。謝謝', `請看 ${page('https://a.example/b')}。謝謝`],
    ['a@b.example https://c.example', `${mailbox('a@b.example')} ${page('https://c.example')}`],
  ]
  for (const [text, html] of cases) assert.equal(linked(text).html, html, text)
})

test('nothing in a message becomes markup, and no other kind of address a link', () => {
  const { html } = linked(`<b>"' javascript:alert(1) https://a.example/"><script>&x`)
  assert.doesNotMatch(html, /<(?!a |\/a>)/)
  assert.deepEqual(html.match(/href="[^"]*"/g), ['href="https://a.example/"'])
  assert.match(
    linked("https://a.example/?a&b'c").html,
    /href="https:\/\/a\.example\/\?a&#38;b&#39;c"/,
  )
})
