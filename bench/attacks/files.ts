// Attacks on what lies in the directory: public directories, inodes, free space, journals.

import { chmodSync, readdirSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startApache } from '../../test/host/apache.ts'
import { runCgi } from '../../test/host/cgi.ts'
import { mountExt4, mountTmpfs } from '../../test/host/mounts.ts'
import type { BodyPart } from '../../test/host/multipart-body.ts'
import { freshDirectory } from '../../test/host/program.ts'
import { giveToServer } from '../../test/host/user.ts'
import {
  type Attack,
  piece,
  sendForm,
  size,
  stranger,
  type Target,
  visibleFiles,
} from './attacks.ts'

export const fileAttacks: readonly Attack[] = [
  { name: 'a public directory: an unfinished upload is a page', run: publishUnfinished },
  { name: 'a public directory: names that browsers or Apache run', run: publishScripts },
  { name: 'inodes: ext4 with 3000, empty files', run: takeInodes },
  { name: 'space: 12 senders of 30 MB on 200 MB, 64 MB to be left', run: takeSpace },
  { name: 'a journal that somebody with access to the directory damages', run: damageJournals },
]

const id = '0123456789abcdef0123456789abcdef'
const html = '<!doctype html><script>document.title = "run"</script>'

async function publishUnfinished({ program, context }: Target): Promise<string> {
  const documentRoot = freshDirectory(context)
  giveToServer(documentRoot)
  const directory = freshDirectory(context, documentRoot)
  chmodSync(directory, 0o755)
  giveToServer(directory)
  const env = {
    UPLOAD_CGI_DIRECTORY: directory,
    UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: 'true',
    UPLOAD_CGI_ALLOW_EXTENSIONS: 'jpg',
  }
  // Debian's own rule about names; the example's rule for the upload directory is for private ones.
  const extra = '<FilesMatch "^\\.ht">\nRequire all denied\n</FilesMatch>'
  const define = { UPLOAD_CGI_UPLOADS: freshDirectory(context) }
  const apache = await startApache({ program, documentRoot, env, define, extra })
  context.after(() => apache.stop())
  const form = new FormData()
  for (const { name, content } of piece(id, 'holiday.jpg', '', 1_000_000)) {
    if (name !== 'file') form.append(name, String(content))
  }
  form.append('file', new File([html], 'x'))
  const { status } = await fetch(apache.url, { method: 'POST', body: form })
  const { origin } = new URL(apache.url)
  const all = readdirSync(documentRoot, { recursive: true, encoding: 'utf8' })
  const found: string[] = []
  for (const path of all.filter((path) => statSync(join(documentRoot, path)).isFile())) {
    const answer = await fetch(`${origin}/${path}`)
    if (answer.status === 200 && (await answer.text()).includes('<script>')) found.push(path)
  }
  const what = found.length === 0 ? 'nothing of it is served' : 'the page is served, for a day'
  return `1 KB (${status}): ${what}`
}

async function publishScripts({ program, context }: Target): Promise<string> {
  const documentRoot = freshDirectory(context)
  const directory = freshDirectory(context, documentRoot)
  const env = {
    ...stranger,
    DOCUMENT_ROOT: documentRoot,
    UPLOAD_CGI_ALLOW_PUBLIC_DIRECTORY: 'true',
  }
  const accepted: string[] = []
  for (const filename of scripts) {
    const { status } = await sendForm(
      program,
      directory,
      [{ name: 'file', filename, content: html }],
      env,
    )
    if (status === 201) accepted.push(filename)
  }
  return `1 KB each: ${accepted.length} of ${scripts.length} accepted`
}

/** Sniffed as HTML, or run by a handler of stock Debian. */
const scripts =
  'evil LICENSE evil.foo x.html5 b.htmlx d.html~ e.en a.xsd a.phtm a.asis a.inc a.rng a.xbl m.var'.split(
    ' ',
  )

async function takeInodes({ program, context }: Target): Promise<string> {
  const directory = mountExt4(context, 64, 3000)
  const env = { ...stranger, UPLOAD_CGI_MIN_FREE_SPACE: '4MB' }
  let bytes = 0
  for (let i = 0; i < 160; i++) {
    const parts: BodyPart[] = Array.from({ length: 20 }, (_, n) => ({
      name: 'file',
      filename: `${i}-${n}`,
      content: '',
    }))
    const { status } = await sendForm(program, directory, parts, env)
    bytes += 2200
    if (status !== 201) break
  }
  return `${size(bytes)} leave ${statfsSync(directory).ffree} inodes`
}

async function takeSpace({ program, context }: Target): Promise<string> {
  const directory = mountTmpfs(context, 'size=200m')
  const env = { ...stranger, UPLOAD_CGI_MIN_FREE_SPACE: '64MB' }
  let least = Infinity
  const look = () => {
    const { bavail, bsize } = statfsSync(directory)
    least = Math.min(least, bavail * bsize)
  }
  const watch = setInterval(look, 2)
  const content = Buffer.alloc(30e6, 'x')
  const sent = Array.from({ length: 12 }, (_, i) =>
    sendForm(program, directory, [{ name: 'file', filename: `${i}.bin`, content }], env),
  )
  await Promise.all(sent).finally(() => clearInterval(watch))
  look()
  return `360 MB: ${visibleFiles(directory).length} stored, at least ${size(least)} were free`
}

async function damageJournals({ program, context }: Target): Promise<string> {
  const outcomes: string[] = []
  for (const damage of ['{"size":5}\n', '[]', '\0'.repeat(50)]) {
    const directory = freshDirectory(context)
    await sendForm(program, directory, piece(id, 'a.txt', 'hello', 10))
    const all = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    for (const path of all.filter((path) => path.includes('journal'))) {
      writeFileSync(join(directory, path), damage)
    }
    const { status } = await runCgi({
      program,
      directory,
      method: 'HEAD',
      env: { ...stranger, PATH_INFO: `/tus/${id}`, HTTP_TUS_RESUMABLE: '1.0.0' },
    })
    outcomes.push(status === 0 ? 'no reply' : String(status))
  }
  return `three kinds of damage: ${outcomes.join(', ')}`
}
