// The page must refuse exactly what the server refuses. Compares the script's answer with the
// server's for every blocked extension, for odd names and for any text; then checks that the
// compiled script has nothing of the server but the shared rules.

import assert from 'node:assert/strict'
import { relative, resolve } from 'node:path'
import { test } from 'node:test'
import { buildSync } from 'esbuild'
import fc from 'fast-check'
import { Fault } from '../../fault.ts'
import type { FaultCode } from '../../fault-table.ts'
import { settingsTable } from '../../settings/table.ts'
import { storedName } from '../../storage/filename.ts'
import { requireAllowedExtension, requireFileSize } from '../../upload/refusal.ts'
import { type Limits, refusal, sentName } from './limits.client.ts'

const blockExtensions = settingsTable.find(({ key }) => key === 'block_extensions')
  ?.default as readonly string[]
const limits: Limits = { maxFileBytes: 1000, maxFiles: 3, allowExtensions: [], blockExtensions }

/** The Fault that the server has for a file that the page would send, '' if it takes the file. */
function serverRefusal(name: string, bytes: number, rules: Limits): FaultCode | '' {
  try {
    const stored = storedName(decodeURIComponent(encodeURIComponent(sentName(name))))
    requireAllowedExtension(stored, rules)
    requireFileSize(bytes, rules)
    return ''
  } catch (error) {
    assert.ok(error instanceof Fault)
    return error.code
  }
}

/** The page's answer, once it is certain that the server gives the same. */
function agreed(name: string, rules: Limits, size = 1): string {
  const refused = refusal({ name, size }, 0, rules)
  const expected = { kind: 'EXTENSION_REFUSED', size: 'FILE_TOO_LARGE', '': '' }[refused as string]
  assert.equal(serverRefusal(name, size, rules), expected, JSON.stringify(name))
  return refused
}

test('every blocked extension is refused, wherever it is in a name', () => {
  assert.ok(blockExtensions.includes('php') && blockExtensions.includes('web.config'))
  for (const entry of blockExtensions) {
    for (const name of [entry, `.${entry}`, `a.${entry}`, `a.${entry}.jpg`, `${entry}.txt`]) {
      assert.equal(agreed(name, limits), 'kind', name)
      assert.equal(agreed(`${name.toUpperCase()} .`, limits), 'kind', name)
    }
  }
})

test('names are judged as they would be stored', () => {
  const refused = ['php.txt', 'web.config', 'my.web.config.txt', 'user.ini', 'x.php.jpg', '.PHP ']
  const refusedToo = ['a.php. .', 'a. php .jpg', 'a.p\u200bhp', 'dir\\a.php', 'a.php\u202e', 'PHP']
  for (const name of [...refused, ...refusedToo]) assert.equal(agreed(name, limits), 'kind', name)
  const taken = ['a.jpg', 'a.phpx', 'php-a.txt', 'web.x.config', 'config', 'a.p\ud800hp']
  const takenToo = ['', '.', 'user ini', 'a.php/b.txt', 'a:php', 'README', 'con']
  for (const name of [...taken, ...takenToo]) assert.equal(agreed(name, limits), '', name)
})

test('a list of allowed extensions must have the end of the name', () => {
  const rules = { ...limits, allowExtensions: ['jpg', 'tar.gz', 'php'] }
  for (const name of ['a.jpg', 'a.JPG .', '.a.jpg', 'a.tar.gz'])
    assert.equal(agreed(name, rules), '')
  for (const name of ['jpg', '.jpg', 'a.gz', 'a.jpg.png', 'ajpg', 'a.php', 'a.php.jpg', '']) {
    assert.equal(agreed(name, rules), 'kind', name)
  }
})

test('any text is refused by both or by none', () => {
  const part = fc.constantFrom(...blockExtensions, 'jpg', 'a', 'ſ', 'K', '\ud800', '\u200b', ' ')
  const name = fc.array(fc.oneof(part, fc.constant('.'), fc.string({ unit: 'binary' })))
  const rules = [limits, { ...limits, allowExtensions: ['jpg', 'tar.gz'] }]
  fc.assert(
    fc.property(name, fc.constantFrom(...rules), (parts, rule) => {
      agreed(parts.join(''), rule)
    }),
    { numRuns: 3000 },
  )
})

test('a file of exactly the limit is sent, one byte more is not, and 0 is no limit', () => {
  assert.equal(agreed('a.jpg', limits, 1000), '')
  assert.equal(agreed('a.jpg', limits, 1001), 'size')
  assert.equal(agreed('a.jpg', { ...limits, maxFileBytes: 0 }, 2 ** 52), '')
})

test('the page alone refuses empty files, and more files than the limit', () => {
  assert.equal(refusal({ name: 'a.jpg', size: 0 }, 0, limits), 'empty')
  assert.equal(refusal({ name: 'a.jpg', size: 1 }, 2, limits), '')
  assert.equal(refusal({ name: 'a.jpg', size: 1 }, 3, limits), 'count')
})

test('of the server, the script has the rules of names, extensions and sizes alone', () => {
  const root = resolve(import.meta.dirname, '../../..')
  const { metafile, outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints: [resolve(import.meta.dirname, 'form.client.ts')],
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
  })
  const files = Object.keys(metafile.inputs).map((path) => relative(root, resolve(root, path)))
  const foreign = files.filter((path) => !path.startsWith('src/pages/client/'))
  assert.deepEqual(foreign.sort(), [
    'src/quantity.ts',
    'src/storage/filename.ts',
    'src/upload/rules.ts',
  ])
  const script = outputFiles[0]?.text ?? ''
  assert.ok(script.length > 10_000)
  assert.doesNotMatch(script, /\bBuffer\b|\bprocess\b|\brequire\b|EXTENSION_REFUSED|FILE_TOO_LARGE/)
})
