// doctor.cgi as a page: called by a real Apache, with and without suexec, by strangers, after its
// hour, and where it may start hardly any process. doctor.test.ts has the illnesses themselves.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startApache } from '../host/apache.ts'
import {
  type Answer,
  ask,
  configure,
  findingsIn,
  most,
  type Patient,
  patient,
  tools,
} from '../host/doctor.ts'
import { missing } from '../host/installed.ts'
import { program } from '../host/program.ts'
import type { RunningServer } from '../host/server.ts'
import { needsRoot } from '../host/user.ts'

const skip = needsRoot('needs root, to be another user')
// Each a user without other processes, not even a dead one, so that limits on them are exact.
let nextUid = 61_000 + 50 * (process.pid % 500)
function as(user: number, ...more: string[]): string[] {
  return ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', ...more]
}

function bodyOf({ text }: Answer): string {
  const [head = '', ...body] = text.split('\r\n\r\n')
  assert.match(head, /^Content-Type: text\/plain; charset=utf-8\r\nCache-Control: no-store\r\n/)
  assert.match(head, /\r\nStatus: (200 OK|403 Forbidden)$/)
  return body.join('\r\n\r\n')
}

test('it begins with its type, says that it must go, and never executes a query', async (t) => {
  const ill = patient(t)
  configure(ill)
  const touched = join(ill.folder, 'touched')
  const answer = await ask(ill, {
    method: 'GET',
    args: ['/bin/touch', touched, '$(touch touched)'],
    env: {
      QUERY_STRING: `/bin/touch+${touched}`,
      HTTP_COOKIE: 'secret=1',
      HTTP_X: '$(touch touched)',
    },
  })
  assert.match(bodyOf(answer), /^doctor\.cgi: why /)
  assert.match(answer.text, /It starts and answers: 200 OK/)
  assert.match(answer.text, new RegExp(`delete doctor\\.cgi.*\\n {4}rm ${ill.doctor}\n$`))
  assert.doesNotMatch(answer.text, /secret|touch/)
  assert.ok(!existsSync(touched))
  assert.equal(answer.status, 0)
})

test('HEAD has no body, and POST is answered without being read', async (t) => {
  const ill = patient(t)
  configure(ill)
  assert.equal(bodyOf(await ask(ill, { method: 'HEAD' })), '')
  const posted = await ask(ill, { method: 'POST', env: { CONTENT_LENGTH: '1000' } })
  assert.match(bodyOf(posted), /It starts and answers: 200 OK/)
})

test('settings that the server gives in the environment count, and are not shown', async (t) => {
  const ill = patient(t)
  configure(ill)
  renameSync(join(ill.folder, '.htupload.toml'), join(ill.folder, 'elsewhere.toml'))
  const without = await ask(ill, { method: 'GET' })
  assert.deepEqual(without.findings, ['FOUND 14 NOT_CONFIGURED'], without.text)
  const env = {
    UPLOAD_CGI_CONFIG: join(ill.folder, 'elsewhere.toml'),
    UPLOAD_CGI_TITLE: "l'Onion $(c)",
  }
  const answer = await ask(ill, { method: 'GET', env })
  assert.deepEqual(answer.findings, [], answer.text)
  assert.doesNotMatch(answer.text, /Onion|elsewhere/)
})

test('an hour after it was put there it tells nothing more, whatever its time of writing', {
  skip: missing('busybox'),
}, async (t) => {
  const ill = patient(t)
  utimesSync(ill.doctor, 1, 1)
  assert.match(bodyOf(await ask(ill, { method: 'GET' })), /^doctor\.cgi: why /)
  const later = (seconds: number) => {
    const now = Math.floor(Date.now() / 1000) + seconds
    return { PATH: `${tools(t, 'stat', { date: `#!/bin/sh\necho ${now}\n` })}:/usr/bin:/bin` }
  }
  for (const method of ['GET', 'POST'] as const) {
    const answer = await ask(ill, { method, env: later(3700) })
    assert.match(answer.text, /Status: 403 Forbidden/)
    assert.match(
      bodyOf(answer),
      /^doctor\.cgi has been here for more than an hour.*chmod 755 doctor\.cgi\n$/s,
    )
    assert.doesNotMatch(answer.text, new RegExp(ill.folder))
  }
  // A clock that was wrong would unlock it for long.
  assert.match((await ask(ill, { method: 'GET', env: later(-3700) })).text, /Status: 403/)
  assert.match((await ask(ill, { method: 'GET', env: later(3500) })).text, /Status: 200/)
  // Whoever has a terminal may ask whenever he likes.
  assert.match((await ask(ill, { env: later(99_999) })).text, /^doctor\.cgi: why /)
})

test('where nothing tells its age, it stays locked', { skip: missing('busybox') }, async (t) => {
  const ill = patient(t)
  const locked = await ask(ill, { method: 'GET', env: { PATH: tools(t, 'date ls') } })
  assert.match(locked.text, /Status: 403/)
  const found = await ask(ill, { method: 'GET', env: { PATH: tools(t, 'find ls date') } })
  assert.match(found.text, /Status: 200/)
})

test('it does without timeout, getconf, awk and the like', {
  skip: missing('busybox'),
}, async (t) => {
  const ill = patient(t)
  configure(ill)
  const PATH = tools(t, most)
  const answer = await ask(ill, { env: { PATH }, shell: ['/bin/busybox', 'ash'] })
  assert.deepEqual(answer.findings, [], answer.text)
  assert.match(answer.text, /It starts and answers: 200 OK/)
  const blind = await ask(ill, { env: { PATH: tools(t, 'ls') }, shell: ['/bin/busybox', 'ash'] })
  assert.deepEqual(blind.findings, ['MAYBE 2 DAMAGED'], blind.text)
  assert.match(blind.text, /owner and mode of all parents:/)
})

test('odd names are quoted for pasting, and shown without control characters', async (t) => {
  const ill = patient(t)
  const odd = join(ill.folder, `it's "odd" $(touch x)\u001b[31m & -rf`)
  mkdirSync(odd)
  const moved = {
    ...ill,
    folder: odd,
    doctor: join(odd, '- d.cgi'),
    program: join(odd, 'upload.cgi'),
  }
  renameSync(ill.doctor, moved.doctor)
  renameSync(ill.program, moved.program)
  chmodSync(moved.program, 0o644)
  const answer = await ask(moved, { method: 'GET' })
  assert.deepEqual(answer.findings, ['FOUND 1 NOT_EXECUTABLE'], answer.text)
  assert.ok(!answer.text.includes('\u001b'), answer.text)
  const pasted = /^ *(rm .*)$/m.exec(answer.text)?.[1] ?? ''
  assert.equal(
    String(spawnSync('sh', ['-c', `rm() { printf %s "$1"; }; ${pasted}`]).stdout),
    moved.doctor.replace('\u001b', '?'),
  )
  const named = await ask(moved, { args: [moved.program], shell: ['sh'] })
  assert.deepEqual(named.findings, ['FOUND 1 NOT_EXECUTABLE'], named.text)
})

test('a path that its user may not walk is told part by part', { skip }, async (t) => {
  const ill = patient(t)
  const closed = join(ill.folder, 'closed')
  mkdirSync(closed)
  renameSync(ill.program, join(closed, 'upload.cgi'))
  chmodSync(closed, 0o700)
  writeFileSync(ill.program, `#!${closed}/upload.cgi\ndirectory = "/srv"\n`)
  chmodSync(ill.program, 0o755)
  const answer = await ask(ill, { prefix: as(nextUid) })
  nextUid += 1
  assert.deepEqual(answer.findings, ['FOUND 4 PATH_WRONG'], answer.text)
  assert.match(answer.text, new RegExp(`may not look into the directory ${closed}\\.`))
})

test('what lies there under the right name and is no file is named, and nothing waits for it', {
  skip,
}, async (t) => {
  for (const make of ['mkdir', 'mkfifo', 'ln -s /nowhere/upload.cgi', 'ln -s /dev/zero']) {
    const ill = patient(t, '')
    assert.equal(spawnSync('sh', ['-c', `${make} '${ill.program}'`]).status, 0)
    const answer = await ask(ill)
    const expected = make.includes('nowhere') ? 'FOUND 4 PATH_WRONG' : 'FOUND 2 DAMAGED'
    assert.deepEqual(answer.findings, [expected], make + answer.text)
  }
  const hidden = patient(t)
  configure(hidden)
  chmodSync(hidden.folder, 0o711)
  const unlisted = await ask(hidden, { prefix: as(nextUid) })
  nextUid += 1
  assert.match(unlisted.text, /It starts and answers: 200 OK/)
})

test('without /proc it says what it can', { skip }, async (t) => {
  const ill = patient(t)
  configure(ill)
  const hide = 'mount -t tmpfs tmpfs /proc && exec "$0" "$@"'
  const answer = await ask(ill, { prefix: ['unshare', '-m', 'sh', '-c', hide] })
  assert.match(answer.text, /^18 HOST_LIMITS/m)
  assert.match(answer.text, /owner and mode of all parents:/)
})

test('a program that hangs is ended, with timeout and without', {
  skip: missing('busybox'),
}, async (t) => {
  const ill = patient(t, '')
  writeFileSync(ill.program, '#!/bin/sh\nexec sleep 1000\n')
  chmodSync(ill.program, 0o755)
  const own = { env: { PATH: tools(t, most) }, shell: ['/bin/busybox', 'ash'] }
  for (const answer of await Promise.all([ask(ill), ask(ill, own)])) {
    assert.match(answer.findings[0] ?? '', /^(FOUND|MAYBE) 10 PROCESS_SLOTS$/, answer.text)
    assert.match(answer.text, /It hung, and was ended after/)
  }
})

test('with any number of processes it comes to an end, and names what is short', {
  skip: skip || missing('busybox'),
}, async (t) => {
  const ill = patient(t)
  configure(ill)
  const own = { shell: ['env', `PATH=${tools(t, most)}`, '/bin/busybox', 'ash'] }
  const each = async (count: number, question: object) => {
    nextUid += 1
    const answer = await ask(ill, {
      ...question,
      prefix: as(nextUid, 'prlimit', `--nproc=${count}`),
    })
    const told = answer.findings.some((finding) => finding.endsWith('10 PROCESS_SLOTS'))
    assert.ok(told || /It starts and answers: 200/.test(answer.text), `${count}: ${answer.text}`)
    return answer
  }
  const counts = [1, 2, 3, 4, 5, 6, 8, 12]
  await Promise.all(counts.flatMap((count) => [each(count, {}), each(count, own)]))
  assert.match((await each(12, {})).text, /It starts and answers: 200/)
})

async function fetchPage(server: RunningServer): Promise<{ text: string; findings: string[] }> {
  const response = await fetch(`${server.url}?a+b`)
  const text = await response.text()
  assert.equal(response.status, 200, text + server.errorLog())
  assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8')
  assert.equal(response.headers.get('cache-control'), 'no-store')
  return { text, findings: findingsIn(text) }
}

for (const module of ['cgid', 'cgi'] as const) {
  test(`Apache with mod_${module} shows it when the program beside it does not start`, {
    skip: missing('apache2'),
  }, async (t) => {
    const ill = patient(t)
    configure(ill)
    const server = await startApache({ module, program: ill.doctor, extra: 'RLimitMEM 500000000' })
    t.after(() => server.stop())
    const short = await fetchPage(server)
    assert.deepEqual(short.findings, ['FOUND 9 ADDRESS_SPACE'], short.text)
    assert.match(short.text, /^11 NO_EXECCGI +no: the server runs this page/m)
    chmodSync(ill.program, 0o644)
    assert.equal((await fetchPage(server)).findings[0], 'FOUND 1 NOT_EXECUTABLE')
  })
}

test('what real suexec refuses is named, and what it lets through is not', {
  skip: skip || missing('apache2', 'apache2-suexec-pristine'),
}, async (t) => {
  const nobody = Number(/^nobody:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1])
  const nogroup = Number(/^nogroup:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1])
  // suexec runs nothing outside.
  const ill = patient(t, program, '/var/www')
  configure(ill)
  for (const path of [ill.folder, ill.doctor, ill.program]) chownSync(path, nobody, nogroup)
  const extra = [
    'LoadModule suexec_module /usr/lib/apache2/modules/mod_suexec.so',
    'SuexecUserGroup nobody nogroup',
    `ScriptAlias /itself ${ill.program}`,
    `<Directory ${ill.folder}>`,
    'Require all granted',
    '</Directory>',
  ].join('\n')
  const server = await startApache({ program: ill.doctor, extra })
  t.after(() => server.stop())
  const itself = async () => (await fetch(new URL('/itself', server.url))).status

  const well = await fetchPage(server)
  assert.deepEqual(well.findings, [], well.text)
  assert.match(well.text, new RegExp(`user ${nobody},`))
  assert.equal(await itself(), 200)
  const refused = async (change: (patient: Patient) => void) => {
    change(ill)
    const { text, findings } = await fetchPage(server)
    assert.equal(findings[0], 'FOUND 7 SUEXEC_REFUSES', text)
    assert.equal(await itself(), 500)
    const remedy = /SUEXEC_REFUSES\n.*\n.*\n {6}(ch.*)$/m.exec(text)?.[1] ?? ''
    assert.equal(spawnSync('sh', ['-c', remedy]).status, 0, remedy)
    assert.equal(await itself(), 200, remedy)
  }
  await refused(({ program }) => chmodSync(program, 0o775))
  await refused(({ program }) => chmodSync(program, 0o4755))
  await refused(({ program }) => chownSync(program, 0, 0))

  // Then suexec refuses the page as well.
  chmodSync(ill.folder, 0o777)
  assert.equal(await itself(), 500)
  const { text, findings } = await ask(ill)
  assert.deepEqual(findings, ['MAYBE 7 SUEXEC_REFUSES'], text)
  const remedy = /^ {6}(chmod 755 .*)$/m.exec(text)?.[1] ?? ''
  assert.equal(spawnSync('sh', ['-c', remedy]).status, 0, remedy)
  assert.equal(await itself(), 200, remedy)
})
