// Who sends a file, and what became of it: curl as a whole, the page in Chromium, upload.sh.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { TestContext } from 'node:test'
import { chromium } from 'playwright-core'
import { find } from '../../test/host/installed.ts'
import { chromiumArgs } from '../../test/host/page.ts'
import { freshDirectory, root } from '../../test/host/program.ts'
import type { Site } from './site.ts'

export type Result = {
  readonly isStored: boolean
  /** What the sender said, where it is not stored. */
  readonly said: string
  readonly requests: number
  readonly seconds: number
  readonly rules: readonly string[]
}

/** Sends the file under this name, and gives what the sender says of it. */
type Send = (url: string, path: string, answer: string) => Promise<string>

export type Sender = { readonly name: string; readonly send: Send }

export async function senders(t: TestContext): Promise<Sender[]> {
  return [
    { name: 'whole', send: byCurl },
    { name: 'page', send: await byPage(t) },
    { name: 'upload.sh', send: byScript(t) },
  ]
}

/** `answer`: to the question of the page; only the page and curl have one. */
export async function sendTo(
  site: Site,
  { send }: Sender,
  path: string,
  answer = '',
): Promise<Result> {
  site.forget()
  const startedAt = performance.now()
  const said = await send(site.url, path, answer)
  const seconds = (performance.now() - startedAt) / 1000
  const [stored] = site.stored().values()
  const isStored = stored?.equals(readFileSync(path)) === true
  return { isStored, said, requests: site.requests(), seconds, rules: site.rules() }
}

const byCurl: Send = async (url, path, answer) => {
  const file = `file=@"${path.replace(/["\\]/g, '\\$&')}"`
  const args = [
    '-sS',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    '-H',
    'Expect:',
    '-A',
    'Mozilla/5.0',
  ]
  const note = answer === '' ? [] : ['--form-string', `note=${answer}`]
  return (await run('curl', [...args, ...note, '-F', file, url])).out
}

function byScript(t: TestContext): Send {
  const home = freshDirectory(t)
  const env = { PATH: '/usr/bin:/bin', HOME: home }
  return async (url, path) => {
    const { err } = await run('sh', [`${root}/upload.sh`, url, path], env)
    return lastLine(err).replace(path, basename(path))
  }
}

async function byPage(t: TestContext): Promise<Send> {
  const browser = await chromium.launch({
    executablePath: find('chromium') ?? '',
    args: chromiumArgs,
  })
  t.after(() => browser.close())
  return async (url, path, answer) => {
    const page = await browser.newPage({ locale: 'en' })
    page.setDefaultTimeout(300_000)
    await page.goto(url)
    if (answer !== '') await page.getByLabel('Note').fill(answer)
    await page.locator('#file').setInputFiles(path)
    await page.locator('#send').click()
    const line = page.locator('#queue li').first()
    // Attached, since the page hides its queue once all has arrived.
    const ended = page.locator('#queue li:is([data-state=stored], [data-state=failed])')
    await ended.waitFor({ state: 'attached' })
    const state = await line.getAttribute('data-state')
    const said = ((await line.textContent()) ?? '').replace(/\s+/g, ' ')
    await page.close()
    return state === 'stored' ? '' : said
  }
}

/** Without the progress that the same line showed before. */
function lastLine(text: string): string {
  return (
    text
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1) ?? ''
  )
}

async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = { PATH: '/usr/bin:/bin' },
): Promise<{ out: string; err: string }> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  await once(child, 'close')
  return { out, err }
}
