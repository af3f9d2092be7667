// The receipt where no script runs: what it says in every language, on paper, in a narrow window
// and from right to left.

import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { chromium } from 'playwright-core'
import { languageFiles } from '../../src/languages/files.ts'
import { runCgi } from '../host/cgi.ts'
import { find } from '../host/installed.ts'
import { contentType, multipartBody } from '../host/multipart-body.ts'
import {
  arrives,
  axe,
  choose,
  chromiumArgs,
  filesOf,
  flaws,
  send,
  skip,
  visit,
} from '../host/page.ts'
import { freshDirectory } from '../host/program.ts'
import { startReceiver } from '../host/serve.ts'

const asked = JSON.stringify([
  { name: 'who', label: 'Your <name>', required: true },
  { name: 'more', label: 'What else', type: 'textarea' },
])

async function receipt(names: readonly string[], env: Record<string, string> = {}) {
  const files = names.map((filename) => ({ name: 'file', filename, content: 'content' }))
  const answers = [
    { name: 'who', content: 'Zoë & Bob' },
    { name: 'more', content: 'two\nlines' },
  ]
  const { status, text } = await runCgi({
    directory: freshDirectory({ after }),
    body: multipartBody([...answers, ...files]),
    contentType: contentType(),
    env: { HTTP_ACCEPT: 'text/html', UPLOAD_CGI_EXTRA_FIELDS: asked, ...env },
  })
  assert.equal(status, 201)
  return text
}

test('the receipt says what has arrived, when, from whom and under which names', async () => {
  const text = await receipt(['a b.txt', 'c:d.txt'], {
    UPLOAD_CGI_PUBLIC_URL: 'https://files.example.org/in/',
  })
  assert.match(text, /<main data-stage="done">/)
  assert.match(text, /<h1 tabindex="-1">All files have arrived<\/h1>/)
  assert.match(text, /<dt>Your &#60;name&#62;<\/dt><dd>Zoë &#38; Bob<\/dd>/)
  assert.match(text, /<dt>What else<\/dt><dd>two\r?\nlines<\/dd>/)
  assert.match(text, /<time datetime="(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d.]+Z">\1, \2 UTC<\/time>/)
  assert.match(text, /<a href="https:\/\/files\.example\.org\/in\/a%20b\.txt">/)
  assert.match(text, /<bdi class="name">c_d\.txt<\/bdi>.*sent as “<bdi>c:d\.txt<\/bdi>”/)
  assert.equal(text.match(/<code class="sum">[0-9a-f]{64}<\/code>/g)?.length, 2)
  assert.doesNotMatch(text, /<script/)
})

test('the receipt of one file speaks of one, and has no place for missing checksums', async () => {
  const text = await receipt(['a.txt'], { UPLOAD_CGI_CHECKSUM: 'none' })
  assert.match(text, /<h1 tabindex="-1">The file has arrived<\/h1>/)
  assert.match(text, /<details hidden>/)
})

test('sizes are the same without script and with it', { skip }, async (t) => {
  const browser = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
  })
  t.after(() => browser.close())
  for (const language of ['de', 'fr', 'ar', 'ru']) {
    const { url } = await startReceiver(t, {
      UPLOAD_CGI_LANGUAGE: language,
      UPLOAD_CGI_MAX_FILE_SIZE: '1500MB',
    })
    const shown = await Promise.all(
      [false, true].map(async (javaScriptEnabled) => {
        const page = await (await browser.newContext({ javaScriptEnabled })).newPage()
        await page.goto(url)
        return page.locator('[data-bytes]:not([data-total])').textContent()
      }),
    )
    assert.equal(shown[0], shown[1])
    assert.match(shown[0] ?? '', /^1[.,]5 \p{L}+$/u)
  }
})

test('the receipt has a time and a heading in every language', async () => {
  for (const [code, read] of Object.entries(languageFiles)) {
    const sentences: Record<string, string> = JSON.parse(read())
    const text = await receipt(['a.txt'], { UPLOAD_CGI_LANGUAGE: code })
    const [, day = '', shown = ''] = /<time datetime="(\S{10})T\S+">([^<]*)</.exec(text) ?? []
    for (const number of day.split('-')) assert.ok(shown.includes(number), `${code}: ${shown}`)
    const [, heading = ''] = /<h1[^>]*>([^<]*)</.exec(text) ?? []
    assert.doesNotMatch(heading, /[{}|]/, code)
    const forms = sentences['result.arrived']?.replaceAll('{count}', '1').split('|')
    assert.ok(forms?.includes(heading.replace(/&#39;/g, "'")), `${code}: ${heading}`)
  }
})

const long = `${'a very long name without an end '.repeat(6)}.txt`

for (const [look, direction, viewport] of [
  ['at 200 %', 'en', { width: 640, height: 450 }],
  ['at 400 %', 'en', { width: 320, height: 256 }],
  ['at 400 % from right to left', 'ar', { width: 320, height: 256 }],
] as const) {
  visit(
    `scripts off, ${look}: form, error and receipt need no scrolling aside, and axe finds nothing`,
    {
      context: { viewport },
      script: axe,
      env: { UPLOAD_CGI_EXTRA_FIELDS: asked, UPLOAD_CGI_LANGUAGE: direction },
      mayFail: true,
    },
    async ({ page, proxy }) => {
      const narrow = async (what: string) => {
        const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        assert.ok(Number(wide) <= 0, `${what} is ${wide} pixels wider than the window`)
        assert.deepEqual(await flaws(page), [], what)
      }
      await narrow('form')
      for (const [what, names] of [
        ['error', ['a.php']],
        ['receipt', [long, 'b.txt']],
      ] as const) {
        await page.goto(proxy.url)
        await page.locator('#field-who').fill('Zoë')
        await page.evaluate(`{
          const data = new DataTransfer()
          for (const name of ${JSON.stringify(names)}) data.items.add(new File(['x'], name))
          document.getElementById('file').files = data.files
        }`)
        // As where scripts do not run: submit() asks no listener.
        const replied = page.waitForResponse((reply) => reply.request().method() === 'POST')
        await Promise.all([replied, page.evaluate('document.forms[0].submit()')])
        await page.locator('main > .files, main > dl:not(.receipt)').first().waitFor()
        await narrow(what)
      }
    },
  )
}

visit(
  'scripts off: on paper the receipt has its checksums, and nothing to press',
  { context: { javaScriptEnabled: false, colorScheme: 'dark' } },
  async ({ t, page }) => {
    await choose(page, filesOf(t, { 'a.txt': 10 }))
    await Promise.all([page.waitForURL('**'), send(page)])
    await page.getByRole('heading', { name: 'The file has arrived' }).waitFor()
    const sum = page.locator('.sum')
    assert.equal(await sum.isVisible(), false)
    await page.emulateMedia({ media: 'print' })
    assert.equal(await sum.isVisible(), true)
    assert.equal(await page.locator('a.button').isVisible(), false)
    assert.ok((await page.pdf()).length > 1000)
  },
)

visit(
  'with scripts, on paper: what has arrived and why the rest has not, and nothing to press',
  { env: { UPLOAD_CGI_ON_CONFLICT: 'reject', UPLOAD_CGI_EXTRA_FIELDS: asked }, mayFail: true },
  async ({ t, page, receiver }) => {
    const taken = join(receiver.directory, 'taken.txt')
    writeFileSync(taken, 'first')
    await page.locator('#field-who').fill('Zoë')
    await choose(page, filesOf(t, { [long.slice(0, 200)]: 10, 'taken.txt': 10 }))
    await send(page)
    await page.locator('main[data-stage=partly]').waitFor()
    const onPaper = async () => {
      await page.emulateMedia({ media: 'print' })
      const pressable = page.locator('button, a.button, input, textarea, label, summary')
      for (const one of await pressable.all()) assert.equal(await one.isVisible(), false)
      const text = await page.evaluate('document.body.innerText.trim()')
      await page.emulateMedia({ media: 'screen' })
      return String(text)
    }
    const partly = await onPaper()
    assert.match(partly, /^1 of 2 files have arrived\s/)
    assert.match(partly, /taken\.txt.*A file with this name is already there/s)
    await page.emulateMedia({ media: 'print' })
    const isCut = `[...document.querySelectorAll('#queue .name > :first-child')].some((part) =>
      part.scrollWidth > part.clientWidth && getComputedStyle(part).display !== 'inline')`
    assert.equal(await page.evaluate(isCut), false, 'names are whole')
    rmSync(taken)
    await page.emulateMedia({ media: 'screen' })
    await send(page)
    await arrives(page)
    const whole = await onPaper()
    assert.match(whole, /^All 2 files have arrived\s+Receipt number\s/)
    assert.match(whole, /Your <name>\s+Zoë/)
    assert.equal(whole.match(/\b[0-9a-f]{64}\b/g)?.length, 2)
  },
)
