// `success_redirect` to a page of another site, with and without script, in three browsers.
// Chromium and WebKit ask the policy of the page about the address that the reply to a form leads
// to. And what `check --url` says of such an address.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { redirectFinding } from '../../src/command/check-url/redirect.ts'
import { startableBrowsers, type Tab } from '../host/browsers.ts'
import { comesTrue } from '../host/page.ts'
import { startReceiver } from '../host/serve.ts'

const browsers = startableBrowsers()
after(() => Promise.all(browsers.map((browser) => browser.end())))

for (const { name, skip, tab } of browsers) {
  test(`${name}: form and script lead to a page of another site, with the receipt`, {
    skip,
    timeout: 600_000,
  }, async (t) => {
    const { thanks, asked } = await startThanks(t)
    const receiver = await startReceiver(t, {
      UPLOAD_CGI_SUCCESS_REDIRECT: `${thanks}thanks?number={receipt}`,
    })
    const page = await tab()
    await page.open(receiver.url)
    await page.evaluate(submit)
    await comesTrue(() => asked.length > 0)
    assert.match(asked[0] ?? '', /^\/thanks\?number=[\w-]{10,}$/)
    assert.deepEqual([...receiver.stored().keys()], ['a.txt'])
    await isLedTo(page, thanks)
    const other = await tab()
    await other.open(receiver.url)
    await other.evaluate(submitByScript)
    await comesTrue(() => asked.length > 1)
    assert.match(asked[1] ?? '', /^\/thanks\?number=[0-9A-Z-]{12}$/)
    assert.notEqual(asked[1], asked[0])
    assert.equal(receiver.stored().size, 2)
  })
}

test('the policy names the site that a form leads to, and nothing more of it', async (t) => {
  for (const [redirect, source] of [
    ['', "form-action 'self';"],
    ['/thanks?{receipt}', "form-action 'self';"],
    ['https://a.example:8443/b?c={receipt}', "form-action 'self' https://a.example:8443;"],
  ] as const) {
    const { url } = await startReceiver(t, { UPLOAD_CGI_SUCCESS_REDIRECT: redirect })
    const { headers } = await fetch(url)
    assert.ok(headers.get('content-security-policy')?.includes(source), redirect)
  }
})

test('check --url says whether success_redirect answers, fails or leads on', async (t) => {
  const { thanks } = await startThanks(t)
  const found = async (redirect: string) => {
    const { url } = await startReceiver(t, { UPLOAD_CGI_SUCCESS_REDIRECT: redirect })
    return redirectFinding(new URL(url))
  }
  assert.equal(await found(''), undefined)
  assert.equal((await found(`${thanks}thanks?a=b&number={receipt}`))?.code, 'REDIRECT')
  const gone = await found(`${thanks}gone`)
  assert.deepEqual([gone?.code, gone?.level], ['REDIRECT_BROKEN', 'warning'])
  assert.equal((await found('http://127.0.0.1:1/'))?.code, 'REDIRECT_BROKEN')
  const on = await found(`${thanks}on`)
  assert.equal(on?.code, 'REDIRECT_LEADS_ON')
  assert.match(on?.remedy ?? '', /success_redirect = "https:\/\/third\.example\/x"/)
})

/** The server is asked before the tab is there, and a tab on its way goes nowhere else. */
async function isLedTo(tab: Tab, address: string): Promise<void> {
  const isThere = `document.readyState === 'complete' && location.href.startsWith('${address}')`
  const end = Date.now() + 120_000
  // Between two pages it may have no answer.
  while (!(await tab.evaluate<boolean>(isThere).catch(() => false))) {
    assert.ok(Date.now() < end, `the tab never comes to ${address}`)
    await delay(50)
  }
}

/** As where scripts do not run: submit() asks no listener. */
const submit = `(() => {
  const data = new DataTransfer()
  data.items.add(new File(['content'], 'a.txt'))
  const input = document.getElementById('file')
  input.files = data.files
  setTimeout(() => input.form.submit())
})()`

const submitByScript = `(() => {
  const data = new DataTransfer()
  data.items.add(new File(['content'], 'a.txt'))
  const input = document.getElementById('file')
  input.files = data.files
  input.dispatchEvent(new Event('change'))
  setTimeout(() => document.getElementById('send').click())
})()`

/** `thanks`: its address, which ends with a slash. `asked`: what browsers asked of it. */
async function startThanks(t: TestContext) {
  const asked: string[] = []
  const server = createServer(({ url = '' }, reply) => {
    if (!url.startsWith('/favicon')) asked.push(url)
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
    if (pathname === '/on') reply.writeHead(302, { location: 'https://third.example/x' }).end()
    else if (pathname !== '/thanks' || !searchParams.has('number')) reply.writeHead(404).end()
    else reply.writeHead(200, { 'content-type': 'text/html' }).end('<p>Thanks')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const thanks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return { thanks, asked }
}
