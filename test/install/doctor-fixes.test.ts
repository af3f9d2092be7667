// The fixes in doctor.cgi's list of causes, for what it cannot see from inside, each on a real
// Apache that has that fault: afterwards it stores a file. The table is complete: a fix of the
// script without a row here fails.

import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startApache } from '../host/apache.ts'
import { configure, type Patient, patient } from '../host/doctor.ts'
import { visible } from '../host/form.ts'
import { upload } from '../host/guide-promises.ts'
import { missing } from '../host/installed.ts'
import { root } from '../host/program.ts'
import { callsOf } from '../host/shell-calls.ts'
import { giveToServer } from '../host/user.ts'

type Case = {
  /** Of the folder, without what is missing. */
  readonly config: readonly string[]
  readonly htaccess?: string
  readonly status: number
  readonly errorLog?: RegExp
  /** The line out of the fix, as an administrator writes it into the configuration. */
  readonly line: RegExp
  /** What the fix leaves open. */
  readonly value?: string
  /** As the owner of the folder does it, instead. */
  readonly byOwner?: (ill: Patient) => void
}

const text = Buffer.from('text')

/** Why no test follows it. */
type Reason = string

const handler = 'AddHandler cgi-script .cgi'
const cases: Readonly<Record<string, Case | Reason>> = {
  NO_EXECCGI: { config: [handler], status: 403, line: /^Options \+ExecCGI(?= for its <Dir)/ },
  HTACCESS_REFUSED: {
    config: [handler, 'Options +ExecCGI', 'AllowOverride FileInfo'],
    htaccess: 'Options -Indexes\n',
    status: 500,
    errorLog: /\.htaccess: Options not allowed here/,
    line: /^AllowOverride(?= for that directory)/,
    value: ' Options FileInfo',
    byOwner: ({ folder }) => rmSync(join(folder, '.htaccess')),
  },
  NO_HANDLER: {
    config: ['Options +ExecCGI'],
    // The file itself.
    status: 200,
    line: /AddHandler cgi-script \.cgi$/,
  },
  DIRECTORY_UNUSABLE: 'test/command/remedies.test.ts follows what check prints',
  BODY_LIMIT: {
    config: [handler, 'Options +ExecCGI', 'LimitRequestBody 100'],
    status: 413,
    line: /^LimitRequestBody 0(?=;)/,
  },
  TIMEOUT: 'it names settings; docs/servers.md has their values, which its tests set',
  HOST_LIMITS: 'the limits of hosters are not on this machine',
}

test('each fix in the list of causes has a row', () => {
  assert.deepEqual([...fixes().keys()].sort(), Object.keys(cases).sort())
})

for (const [code, one] of Object.entries(cases)) {
  if (typeof one === 'string') continue
  test(`${code}: the fix helps`, { skip: missing('apache2') }, async (t) => {
    const [line = ''] = one.line.exec(fixes().get(code) ?? '') ?? []
    assert.notEqual(line, '')
    const ill = patient(t)
    giveToServer(ill.uploads)
    configure(ill)
    if (one.htaccess) writeFileSync(join(ill.folder, '.htaccess'), one.htaccess)
    const wrong = await sendThere(t, ill, one.config)
    assert.equal(wrong.status, one.status, wrong.errorLog)
    if (one.errorLog) assert.match(wrong.errorLog, one.errorLog)
    const right = await sendThere(t, ill, [...one.config, `${line}${one.value ?? ''}`])
    assert.equal(right.status, 201, right.errorLog)
    assert.deepEqual(visible(ill.uploads), ['a.txt'])
    if (one.byOwner === undefined) return
    one.byOwner(ill)
    const again = await sendThere(t, ill, one.config)
    assert.equal(again.status, 201, again.errorLog)
  })
}

/** By code, what the script says after "fix:". */
function fixes(): ReadonlyMap<string, string> {
  const script = readFileSync(join(root, 'doctor.cgi'), 'utf8')
  const calls = callsOf(['cause'], script).filter(([, , , , fix]) => fix !== undefined)
  return new Map(calls.map(([, code = '', , , fix = '']) => [code, fix]))
}

async function sendThere(
  t: TestContext,
  { folder }: Patient,
  config: readonly string[],
): Promise<{ status: number; errorLog: string }> {
  const directory = [`<Directory "${folder}">`, 'Require all granted', ...config, '</Directory>']
  const server = await startApache({ extra: [`Alias /there "${folder}"`, ...directory].join('\n') })
  t.after(() => server.stop())
  const { status } = await upload(new URL('/there/upload.cgi', server.url).href, 'a.txt', text)
  await server.stop()
  return { status, errorLog: server.errorLog() }
}
