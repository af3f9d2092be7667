// What is imported when it is needed is a bundle of its own, read from the executable by its path
// and only when the import runs. A GET begins with src/form.ts, all else with src/main.ts.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { type Bundles, bundle } from '../../build/bundle.ts'
import { isTarget, ownTarget } from '../../build/node/target.ts'
import { packageExecutable } from '../../build/package.ts'

const root = resolve(import.meta.dirname, '../..')
const home = mkdtempSync(join(tmpdir(), 'upload-cgi-test-'))
after(() => rmSync(home, { recursive: true }))

const sources = {
  'src/form.ts': `
    import { say } from './say.ts'
    say('form')
    if (process.argv[2] !== undefined) import('./main.ts')`,
  'src/main.ts': `
    import { say } from './say.ts'
    import one from './one/text.json?asset'
    import other from './other/text.json?asset'
    say('main')
    const [, , wanted] = process.argv
    if (wanted === 'text') say(one() + other())
    if (wanted === 'parts') {
      import('./one/part.ts')
        .then(({ part }) => say(part()))
        .then(() => import('./other/part.ts'))
        .then(({ part }) => part())
        .then(say)
        .then(() => import('./one/part.ts'))
        .then(({ part }) => say(part()))
    }`,
  'src/say.ts': 'export const say = (text: string) => console.log(text)',
  'src/one/part.ts': `
    let calls = 0
    export const part = () => 'one/part ' + (calls += 1)`,
  'src/other/part.ts': `
    import { say } from '../say.ts'
    say('other/part is loaded')
    export const part = () => import('./deeper.ts').then(({ deeper }) => deeper)`,
  'src/other/deeper.ts': "export const deeper = 'deeper'",
  'src/one/text.json': '"one text"',
  'src/other/text.json': '"other text"',
}

let bundles: Bundles
const program = join(home, 'program')

before(async () => {
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(home, name)), { recursive: true })
    writeFileSync(join(home, name), text)
  }
  bundles = await bundle(home)
  assert.ok(isTarget(ownTarget))
  await packageExecutable(root, bundles, ownTarget, program)
  chmodSync(program, 0o755)
})

function run(...args: string[]): string[] {
  return answered({}, args)
}

function answered(env: Record<string, string>, args: string[]): string[] {
  const { stdout, stderr, status } = spawnSync(program, args, { env, encoding: 'utf8' })
  assert.deepEqual({ stderr, status }, { stderr: '', status: 0 })
  return stdout.trim().split('\n')
}

test('each is an asset by its path, and not in the bundle of main.ts', () => {
  assert.deepEqual(Object.keys(bundles.assets), [
    'src/form.cjs',
    'src/main.cjs',
    'src/one/part.cjs',
    'src/one/text.json',
    'src/other/part.cjs',
    'src/other/text.json',
  ])
  assert.doesNotMatch(textOf(bundles, 'src/main.cjs'), /one\/part |deeper|one text/)
})

test('a GET and a HEAD begin with form.ts, which may go on to main.ts', () => {
  for (const method of ['GET', 'HEAD']) {
    assert.deepEqual(answered({ REQUEST_METHOD: method }, []), ['form'])
    assert.deepEqual(answered({ REQUEST_METHOD: method }, ['more']), ['form', 'main'])
  }
  assert.deepEqual(answered({ REQUEST_METHOD: 'POST' }, []), ['main'])
})

test('it is loaded when the import runs, and only once', () => {
  assert.deepEqual(run(), ['main'])
  assert.deepEqual(run('parts'), [
    'main',
    'one/part 1',
    'other/part is loaded',
    'deeper',
    'one/part 2',
  ])
})

test('texts of the same name in two folders are two texts', () => {
  assert.deepEqual(run('text'), ['main', '"one text""other text"'])
})

test('main.ts bundles no commands, and form.ts nothing that stores', async () => {
  const all = await bundle(root)
  const main = textOf(all, 'src/main.cjs')
  assert.ok('src/command/run.cjs' in all.assets)
  assert.ok(main.includes('upload.cgi/src/command/run.cjs'))
  assert.doesNotMatch(main, /parseArgs/)
  for (const word of ['linkSync', 'MultipartParser', 'nodemailer']) {
    assert.ok(!textOf(all, 'src/form.cjs').includes(word), word)
  }
  assert.ok(main.includes('linkSync') && main.includes('MultipartParser'))
})

function textOf({ assets }: Bundles, name: string): string {
  return readFileSync(assets[name] ?? '', 'utf8')
}
