// doctor.cgi with patients whose illness is known: what keeps the program from starting is made in
// a copy of the built executable, in its place or by limits, and the page must name it by number
// and code word. Under the shells that systems have as /bin/sh; doctor-served.test.ts has servers
// and the limits of a user.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Answer,
  ask,
  configure,
  overwrite,
  type Patient,
  patch,
  patient,
} from '../host/doctor.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { program, writeSettings } from '../host/program.ts'

const otherMachine = process.arch === 'arm64' ? 62 : 183

const shells = [
  { name: 'sh', shell: ['sh'], skip: false as const },
  { name: 'busybox ash', shell: ['busybox', 'ash'], skip: missing('busybox') },
]

/** Whatever is wrong, the page has an end. */
function assertComplete({ text }: Answer): void {
  assert.match(text, /^18 HOST_LIMITS /m)
  assert.match(text, /owner and mode of all parents:\n.* \/tmp/)
}

test('strip is named as a cause where the program crashes after it', {
  skip: missing('strip'),
}, async (t) => {
  const ill = patient(t)
  configure(ill)
  execFileSync('strip', [ill.program], { stdio: 'ignore' })
  const { findings, text } = await ask(ill, { shell: ['sh'] })
  assert.deepEqual(findings, ['FOUND 17 CRASHED'], text)
  assert.match(text, /damaged on its way here, or by strip,/)
  assert.match(text, /without strip/)
})

for (const { name, shell, skip } of shells) {
  const sick = (
    sentence: string,
    findings: readonly (string | RegExp)[],
    prepare: (patient: Patient, t: TestContext) => void,
  ) => {
    test(`${name}: ${sentence}`, { skip }, async (t) => {
      const ill = patient(t)
      configure(ill)
      prepare(ill, t)
      const answer = await ask(ill, { shell })
      assertComplete(answer)
      assert.equal(answer.findings.length, findings.length, answer.text)
      for (const [index, finding] of findings.entries()) {
        const found = answer.findings[index] ?? ''
        if (typeof finding === 'string') assert.equal(found, finding, answer.text)
        else assert.match(found, finding, answer.text)
      }
      assert.equal(answer.status, answer.text.includes('FOUND ') ? 1 : 0)
      assert.equal(answer.stderr, '')
    })
  }

  sick('nothing is found where nothing is wrong', [], () => {})
  sick(
    'a file without the right to be executed is named',
    ['FOUND 1 NOT_EXECUTABLE'],
    ({ program }) => chmodSync(program, 0o644),
  )
  sick('a download that broke off early is named', ['FOUND 2 DAMAGED'], ({ program }) =>
    truncateSync(program, 5_000_000),
  )
  sick('a download that lacks its last byte is named', ['FOUND 2 DAMAGED'], ({ program }) =>
    truncateSync(program, readFileSync(program).length - 1),
  )
  sick('an empty file is named', ['FOUND 2 DAMAGED'], ({ program }) => truncateSync(program, 0))
  sick('a file of forty bytes is named', ['FOUND 2 DAMAGED'], ({ program }) =>
    truncateSync(program, 40),
  )
  sick('a web page in place of the program is named', ['FOUND 2 DAMAGED'], ({ program }) =>
    writeFileSync(program, '<!doctype html>\n<title>404</title>\n'),
  )
  sick('a packed program is named', ['FOUND 2 DAMAGED'], ({ program }) =>
    writeFileSync(program, Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])),
  )
  sick(
    'a program that went through ASCII mode is named',
    ['MAYBE 2 DAMAGED', 'FOUND 2 DAMAGED'],
    ({ program }) => {
      const text = readFileSync(program).toString('latin1').replaceAll('\n', '\r\n')
      writeFileSync(program, text, 'latin1')
    },
  )
  sick('a sum that differs from SHA256SUMS beside it is named', ['FOUND 2 DAMAGED'], ({ folder }) =>
    writeFileSync(join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  upload.cgi\n`),
  )
  sick(
    'a program for another processor is named, and no shell reads it',
    ['FOUND 3 WRONG_MACHINE'],
    ({ program }) => overwrite(program, 18, Buffer.from([otherMachine])),
  )
  sick('a missing loader is named', ['FOUND 4 LOADER_MISSING'], ({ program }) =>
    patch(program, '/ld-linux-', '/ld-lunix-'),
  )
  sick('a missing library is named', ['FOUND 5 LIBRARY_MISSING'], ({ program }) =>
    patch(program, 'libstdc++.so.6\0', 'libstdxx.so.6\0'),
  )
  sick('a C library that is too old is named', ['FOUND 6 GLIBC_TOO_OLD'], ({ program }) =>
    patch(program, 'GLIBC_2.28\0', 'GLIBC_9.28\0'),
  )
  sick('a program that crashes is named', [/^FOUND 17 (CRASHED|CPU_TOO_OLD)$/], ({ program }) => {
    const entry = Number(readFileSync(program).readBigUInt64LE(24))
    overwrite(program, entry - 0x400000, Buffer.alloc(64, 0xcc))
  })
  sick(
    'a directory for uploads that is missing is told by the program itself',
    ['FOUND 14 DIRECTORY_UNUSABLE'],
    ({ uploads }) => rmSync(uploads, { recursive: true }),
  )
  sick(
    'missing settings are told by the program itself',
    ['FOUND 14 NOT_CONFIGURED'],
    ({ folder }) => writeSettings(folder, 'directry = "/srv"\n'),
  )
  sick('a program that others may write to is told', ['MAYBE 7 SUEXEC_REFUSES'], ({ program }) =>
    chmodSync(program, 0o775),
  )
  sick('a directory that others may write to is told', ['MAYBE 7 SUEXEC_REFUSES'], ({ folder }) =>
    chmodSync(folder, 0o777),
  )

  const script = (text: string) => (ill: Patient) => {
    mkdirSync(join(ill.folder, 'bin'))
    const moved = join(ill.folder, 'bin', 'upload.cgi')
    renameSync(ill.program, moved)
    writeFileSync(ill.program, text.replace('PROGRAM', moved).replace('UPLOADS', ill.uploads))
    chmodSync(ill.program, 0o755)
  }
  sick(
    'a settings script that is right is found right',
    [],
    script('#!PROGRAM\ndirectory = "UPLOADS"\n'),
  )
  sick(
    'CRLF in the first line of a settings script is named',
    ['FOUND 4 SCRIPT_CRLF'],
    script('#!PROGRAM\r\ndirectory = "UPLOADS"\r\n'),
  )
  sick(
    'a byte order mark in front of a settings script is named',
    ['FOUND 4 SCRIPT_MARKED'],
    script('\ufeff#!PROGRAM\ndirectory = "UPLOADS"\n'),
  )
  sick(
    'a wrong path in the first line of a settings script is named',
    ['FOUND 4 PATH_WRONG'],
    script('#! /opt/none/upload.cgi\ndirectory = "UPLOADS"\n'),
  )
  sick(
    'a settings script whose program may not be executed is named',
    ['FOUND 1 NOT_EXECUTABLE'],
    (ill) => {
      script('#!PROGRAM\ndirectory = "UPLOADS"\n')(ill)
      chmodSync(join(ill.folder, 'bin', 'upload.cgi'), 0o644)
    },
  )

  test(`${name}: a file system without programs is named`, {
    skip: skip || cannotMount(),
  }, async (t) => {
    const place = mountTmpfs(t, 'size=200m,noexec,mode=755')
    const ill = patient(t, program, place)
    const answer = await ask(ill, { shell })
    assert.deepEqual(answer.findings, ['FOUND 1 NOEXEC_MOUNT'], answer.text)
    assertComplete(answer)
  })

  test(`${name}: a limit of address space or data is named`, { skip }, async (t) => {
    const ill = patient(t)
    configure(ill)
    for (const limit of [
      '--as=500000000',
      '--as=300000000',
      '--data=20000000',
      '--data=26000000',
    ]) {
      const answer = await ask(ill, { shell, prefix: ['prlimit', limit] })
      assert.deepEqual(answer.findings, ['FOUND 9 ADDRESS_SPACE'], limit + answer.text)
      assertComplete(answer)
    }
    const short = await ask(ill, { shell, prefix: ['prlimit', '--as=640000000'] })
    assert.deepEqual(short.findings, ['MAYBE 9 ADDRESS_SPACE'], short.text)
  })

  test(`${name}: limits of open files, file size and processor time are named`, {
    skip,
  }, async (t) => {
    const ill = patient(t)
    configure(ill)
    const limited = async (limit: string, findings: readonly string[]) => {
      const answer = await ask(ill, { shell, prefix: ['prlimit', limit] })
      assert.deepEqual(answer.findings, findings, limit + answer.text)
      assertComplete(answer)
    }
    await limited('--nofile=18', ['FOUND 18 OPEN_FILES'])
    await limited('--fsize=1000000', ['MAYBE 18 FILE_SIZE'])
    await limited('--cpu=20', ['MAYBE 18 CPU_TIME'])
  })
}
