// Every remedy that doctor.cgi prints, followed on the set-up that it speaks of: afterwards it
// finds nothing, and a real Apache shows the form. The table is complete: a remedy of the script
// without a row here fails, and so does a row whose remedy is gone.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { startApache } from '../host/apache.ts'
import {
  ask,
  configure,
  findingsIn,
  overwrite,
  type Patient,
  patient,
  type Question,
  tools,
} from '../host/doctor.ts'
import { missing } from '../host/installed.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { program, root } from '../host/program.ts'
import { paste } from '../host/remedy.ts'
import type { RunningServer } from '../host/server.ts'
import { callsOf } from '../host/shell-calls.ts'
import { needsRoot } from '../host/user.ts'

/** Asked by Apache, unless a terminal is the place where it is wrong. */
type Asked = Question | undefined

type Case = {
  readonly finding: string
  readonly spoil: (ill: Patient, t: TestContext) => Asked
  /** What a person does where the remedy is words; unless given its commands are pasted. */
  readonly byHand?: (ill: Patient, remedies: readonly string[]) => Asked
  /** What Apache is told, and where the program is, if not in the place of all. */
  readonly site?: (t: TestContext) => { extra?: string; parent?: string }
  /** No remedy can change what is found. */
  readonly stays?: boolean
}

/** Why no test follows it. */
type Reason = string

const skip =
  needsRoot('limits and mounts need root') ||
  missing('apache2', 'busybox', 'strip') ||
  cannotMount()

const script = readFileSync(join(root, 'doctor.cgi'), 'utf8')
const otherMachine = process.arch === 'arm64' ? 62 : 183
const otherSystem: Reason = 'another machine or system is the remedy'

// By code and the first 80 characters of both.
const cases: Readonly<Record<string, readonly Case[] | Reason>> = {
  'PATH_WRONG: name the file by its right path.': [
    {
      finding: 'FOUND 4 PATH_WRONG',
      spoil: ({ folder }) => ({ args: [join(folder, 'uplaod.cgi')] }),
      byHand: (ill) => ({ args: [ill.program] }),
    },
  ],
  'DAMAGED: put the file there.': [
    {
      finding: 'FOUND 2 DAMAGED',
      spoil: (ill) => {
        rmSync(ill.program)
        mkdirSync(ill.program)
        return {}
      },
      byHand: transferAgain,
    },
  ],
  'SUEXEC_REFUSES: $log': 'doctor-served.test.ts follows it with real suexec',
  'NOT_EXECUTABLE: make it executable; file managers call this permissions, 755.': [
    { finding: 'FOUND 1 NOT_EXECUTABLE', spoil: (ill) => chmodSync(ill.program, 0o644) as Asked },
  ],
  'NOEXEC_MOUNT: put the executable on another file system, or let root allow it th': [
    {
      finding: 'FOUND 1 NOEXEC_MOUNT',
      site: (t) => ({ parent: mountTmpfs(t, 'size=200m,mode=755') }),
      spoil: ({ folder }) => {
        execFileSync('mount', ['-o', 'remount,noexec', dirname(folder)])
        return { shell: ['sh'] }
      },
    },
  ],
  'NOT_READABLE: make it readable.': [
    {
      finding: 'MAYBE 1 NOT_READABLE',
      spoil: (ill) => {
        settingsScript('#!PROGRAM\n')(ill)
        chmodSync(ill.program, 0o711)
        return undefined
      },
    },
  ],
  'DAMAGED: $again': [
    { finding: 'FOUND 2 DAMAGED', spoil: emptied, byHand: transferAgain },
    {
      finding: 'FOUND 2 DAMAGED',
      spoil: (ill) => writeFileSync(ill.program, '<!doctype html>\n') as Asked,
      byHand: transferAgain,
    },
  ],
  'DAMAGED: $compare': [
    {
      finding: 'MAYBE 2 DAMAGED',
      spoil: (_ill, t) => ({ env: { PATH: tools(t, 'ls') }, shell: ['/bin/busybox', 'ash'] }),
      byHand: (_ill, [, command = '']) => {
        assert.equal(paste(command).slice(0, 64), paste(`sha256sum ${program}`).slice(0, 64))
        return undefined
      },
      stays: true,
    },
  ],
  'DAMAGED: unpack it and put its content here.': [
    {
      finding: 'FOUND 2 DAMAGED',
      spoil: (ill) => {
        const packed = gzipSync(readFileSync(program), { level: 0 })
        return writeFileSync(ill.program, packed) as Asked
      },
      byHand: (ill) => void paste(`gunzip < ${ill.program} > u && cat u > ${ill.program}; rm u`),
    },
  ],
  'WRONG_MACHINE: use the release ...-linux-x64 on x86_64, ...-linux-arm64 on aarch': [
    {
      finding: 'FOUND 3 WRONG_MACHINE',
      spoil: (ill) => overwrite(ill.program, 18, Buffer.from([otherMachine])) as Asked,
      byHand: transferAgain,
    },
  ],
  'DAMAGED: transfer it again, in binary mode (FTP programs call the other one ASCI': [
    {
      finding: 'MAYBE 2 DAMAGED',
      spoil: (ill) => appendFileSync(ill.program, 'more') as Asked,
      byHand: transferAgain,
    },
  ],
  'DAMAGED: transfer it again, in binary mode, and make sure that the disk or the q': [
    {
      finding: 'FOUND 2 DAMAGED',
      spoil: (ill) => truncateSync(ill.program, 5_000_000) as Asked,
      byHand: transferAgain,
    },
  ],
  'DAMAGED: transfer it again, in binary mode, or remove SHA256SUMS if it is of ano': [
    {
      finding: 'FOUND 2 DAMAGED',
      spoil: ({ folder }) =>
        writeFileSync(join(folder, 'SHA256SUMS'), `${'0'.repeat(64)}  upload.cgi\n`) as Asked,
      byHand: ({ folder }) => rmSync(join(folder, 'SHA256SUMS')) as Asked,
    },
  ],
  'LOADER_MISSING: use a system with glibc 2.28 or newer: Debian 10, Ubuntu 20.04, ': otherSystem,
  'SCRIPT_MARKED: save it without BOM in the editor, or': [
    { finding: 'FOUND 4 SCRIPT_MARKED', spoil: settingsScript('\ufeff#!PROGRAM\n') },
  ],
  'SCRIPT_CRLF: give it the line ends of Unix.': [
    { finding: 'FOUND 4 SCRIPT_CRLF', spoil: settingsScript('#!PROGRAM\r\n') },
  ],
  'PATH_WRONG: begin it with the path of upload.cgi:': [
    {
      finding: 'FOUND 4 PATH_WRONG',
      spoil: settingsScript('#!\n'),
      byHand: (ill, [, line = '']) => {
        assert.match(line, /^#!\/.*\/upload\.cgi$/)
        return settingsScript('#!PROGRAM\n')(ill)
      },
    },
  ],
  'PATH_TOO_LONG: put the executable at a shorter path.': [
    {
      finding: 'MAYBE 4 PATH_TOO_LONG',
      spoil: settingsScript('#!PROGRAM\n', 'long'.repeat(30)),
      byHand: settingsScript('#!PROGRAM\n'),
    },
  ],
  'PATH_WRONG: write the path of the executable there, or put it where the line say': [
    {
      finding: 'FOUND 4 PATH_WRONG',
      spoil: settingsScript('#!/opt/none/upload.cgi\n'),
      byHand: (ill, [, command = '']) => {
        // The whole machine would take long.
        const found = paste(command.replace('find / ', `find ${ill.folder}/bin `)).trim()
        assert.equal(found, join(ill.folder, 'bin/upload.cgi'))
        return settingsScript(`#!${found}\n`)(ill)
      },
    },
  ],
  'CRASHED: tell its authors.': 'it changes nothing',
  'OPEN_FILES: have the limit raised to 64 or more (ulimit -n).': [
    limited('FOUND 18 OPEN_FILES', '--nofile=18', '--nofile=64'),
    limited('FOUND 18 OPEN_FILES', '--nofile=16', '--nofile=64'),
    limited('MAYBE 18 OPEN_FILES', '--nofile=31', '--nofile=64'),
  ],
  '$word: do what its lines with an arrow say.': [
    {
      finding: 'FOUND 14 DIRECTORY_UNUSABLE',
      spoil: ({ uploads }) => rmSync(uploads, { recursive: true }) as Asked,
      byHand: (_ill, remedies) => {
        const [command = ''] = remedies.filter((line) => line.startsWith('install '))
        return void paste(command)
      },
    },
    {
      finding: 'FOUND 14 NOT_CONFIGURED',
      spoil: (ill) => rmSync(join(ill.folder, '.htupload.toml')) as Asked,
      byHand: (ill, remedies) => {
        const [command = ''] = remedies.filter((line) => line.includes(' init '))
        return void paste(command.replace('/srv/uploads', ill.uploads))
      },
    },
  ],
  'NOEXEC_MOUNT: let root mount it with exec.': 'the libraries of the whole machine are there',
  'DAMAGED: transfer it again, in binary mode.': [
    {
      finding: 'FOUND 2 DAMAGED',
      // The size of a program header is another one.
      spoil: (ill) => overwrite(ill.program, 54, Buffer.from([57])) as Asked,
      byHand: transferAgain,
    },
  ],
  'NOT_EXECUTABLE: put it on another file system, or ask the administrator for the ': otherSystem,
  'CPU_TOO_OLD: use a newer machine.': otherSystem,
  'KILLED: ask the hoster which limit it was (LVE, cgroup, RLimitCPU). It needs 100':
    'it names nothing to change',
  'FILE_SIZE: have it raised (ulimit -f).': 'nothing that starts writes a file of that size',
  'STACK: have the limit raised to 1 MB or more (ulimit -s).': [
    limited('FOUND 9 STACK', '--stack=32768', '--stack=1000000'),
  ],
  'CRASHED: transfer it again, in binary mode, without strip.': [
    {
      finding: 'FOUND 17 CRASHED',
      spoil: (ill) => void execFileSync('strip', [ill.program], { stdio: 'ignore' }),
      byHand: transferAgain,
    },
  ],
  'SILENT: transfer it again, in binary mode.': [
    {
      finding: 'FOUND 17 SILENT',
      spoil: (ill) => writeFileSync(ill.program, '#!/bin/sh\nexit 0\n') as Asked,
      byHand: transferAgain,
    },
  ],
  'ENDED: show the lines above to its authors.': 'it changes nothing',
  'PROCESS_SLOTS: end what else runs under this user, or have the limit raised (Apa': [
    limited('MAYBE 10 PROCESS_SLOTS', '--nproc=5', '--nproc=50', 59_000 + (process.pid % 900)),
  ],
  'ADDRESS_SPACE: raise the limit, or ask the hoster for 650 MB.':
    'the line of Apache that follows it does: see the next row',
  'ADDRESS_SPACE: raise the limit: in Apache, or in .htaccess where the host allows': [
    {
      finding: 'FOUND 9 ADDRESS_SPACE',
      site: () => ({ extra: 'RLimitMEM 500000000' }),
      spoil: () => undefined,
      byHand: ({ folder }, remedies) => {
        const [line = ''] = remedies.filter((one) => one.startsWith('RLimitMEM '))
        return writeFileSync(join(folder, '.htaccess'), `${line}\n`) as Asked
      },
    },
  ],
  'LIBRARY_MISSING: install the package that contains it.': otherSystem,
  'GLIBC_TOO_OLD: use a newer system: Debian 10, Ubuntu 20.04, RHEL 8 or later.': otherSystem,
  'SELINUX: give it the label of CGI programs, and read the audit log.': otherSystem,
  'CPU_TIME: have it raised (Apache: RLimitCPU; ulimit -t): large uploads take seco':
    'a GET takes less than a second, the shortest limit there is',
  'CPU_TIME: have it raised (Apache: RLimitCPU; ulimit -t).': [
    limited('MAYBE 18 CPU_TIME', '--cpu=20', '--cpu=60'),
  ],
  'FILE_SIZE: have the limit raised (ulimit -f).': [
    limited('MAYBE 18 FILE_SIZE', '--fsize=1000000', '--fsize=unlimited'),
  ],
}

test('each remedy of doctor.cgi has a row', () => {
  const own = callsOf(['finding', 'possible'], script)
    .filter(([, , , remedy]) => remedy !== '$remedy')
    .map(([, code, , remedy]) => [code, remedy])
  // Whose remedy is one of build/causes.sh.
  const shared = callsOf(['known'], script).map(([code, , remedy]) => [code, remedy])
  assert.ok(shared.length > 15)
  const remedies = [...own, ...shared].map(([code, remedy]) => `${code}: ${remedy}`.slice(0, 80))
  assert.deepEqual([...new Set(remedies)].sort(), Object.keys(cases).sort())
})

test('each remedy of doctor.cgi helps', { skip, timeout: 600_000 }, async (t) => {
  const shared = await open(t, {})
  for (const [name, list] of Object.entries(cases)) {
    if (typeof list === 'string') continue
    for (const one of list) await t.test(name, (t) => helps(t, one, shared))
  }
})

/** Apache closes a connection while a command runs that is waited for. */
const alone = { headers: { connection: 'close' } }

type Place = { readonly ill: Patient; readonly server: RunningServer }

async function open(
  t: TestContext,
  { extra = '', parent }: { extra?: string; parent?: string },
): Promise<Place> {
  const ill = patient(t, program, parent)
  const folder = [`<Directory ${ill.folder}>`, 'AllowOverride All', 'Require all granted']
  const lines = [extra, `ScriptAlias /itself ${ill.program}`, ...folder, '</Directory>']
  const server = await startApache({ program: ill.doctor, extra: lines.join('\n') })
  t.after(() => server.stop())
  return { ill, server }
}

async function helps(t: TestContext, one: Case, shared: Place): Promise<void> {
  const place = one.site ? await open(t, one.site(t)) : shared
  const { ill, server } = place
  rmSync(ill.uploads, { recursive: true, force: true })
  mkdirSync(ill.uploads)
  chmodSync(ill.uploads, 0o777)
  configure(ill)
  transferAgain(ill)
  const asked = one.spoil(ill, t)
  const text = await told(place, asked)
  assert.ok(findingsIn(text).includes(one.finding), text)
  const follow = one.byHand ?? pasteCommands
  const then = follow(ill, remediesIn(text, one.finding)) ?? asked
  if (!one.stays) {
    const after = await told(place, then)
    assert.deepEqual(findingsIn(after), [], after)
  }
  const { status } = await fetch(new URL('/itself', server.url), alone)
  assert.equal(status, 200, server.errorLog())
}

async function told({ ill, server }: Place, asked: Asked): Promise<string> {
  if (asked !== undefined) return (await ask(ill, asked)).text
  const response = await fetch(server.url, alone)
  assert.equal(response.status, 200, server.errorLog())
  return response.text()
}

/** Words and commands from the finding on, among them those of the program's own `check`. */
function remediesIn(text: string, finding: string): string[] {
  const [level, number = '', code = ''] = finding.split(' ')
  const from = text.indexOf(`${level}  ${number.padStart(2)} ${code}`)
  const [block = ''] = text.slice(from + 1).split(/^(?:FOUND |MAYBE |The causes )/m)
  const lines = block.matchAll(/^(?: {2}Remedy: | {6}| {2}\| +→ )(.*)$/gm)
  return [...lines].map(([, line = '']) => line)
}

function pasteCommands(_ill: Patient, [, ...commands]: readonly string[]): Asked {
  assert.notEqual(commands.length, 0)
  return void commands.forEach(paste)
}

function transferAgain(ill: Patient): undefined {
  rmSync(ill.program, { recursive: true, force: true })
  rmSync(join(ill.folder, 'bin'), { recursive: true, force: true })
  copyFileSync(program, ill.program)
  chmodSync(ill.program, 0o755)
}

function emptied(ill: Patient): undefined {
  truncateSync(ill.program, 0)
}

/** Takes the place of the program, which moves into a folder beside. */
function settingsScript(firstLine: string, name = ''): (ill: Patient) => undefined {
  return (ill) => {
    transferAgain(ill)
    const moved = join(ill.folder, 'bin', name, 'upload.cgi')
    mkdirSync(dirname(moved), { recursive: true })
    renameSync(ill.program, moved)
    const text = `${firstLine.replace('PROGRAM', moved)}directory = "${ill.uploads}"\n`
    writeFileSync(ill.program, text)
    chmodSync(ill.program, 0o755)
  }
}

/** In a terminal, with a limit and with the one that the remedy names. */
function limited(finding: string, short: string, enough: string, user?: number): Case {
  const as = user === undefined ? [] : ['setpriv', `--reuid=${user}`, '--clear-groups']
  return {
    finding,
    spoil: () => ({ prefix: [...as, 'prlimit', short] }),
    byHand: () => ({ prefix: [...as, 'prlimit', enough] }),
  }
}
