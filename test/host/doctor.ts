// Patients for doctor.cgi: a directory with a copy of it and what ails the program beside it, and a
// way to ask it as a web server or a person would. What is wrong with a program is made in a copy
// of the built executable, byte by byte.

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { program as executable, freshDirectory, root, writeSettings } from './program.ts'

const source = join(root, 'doctor.cgi')

/** `uploads`: the directory for uploads, which lies elsewhere. */
export type Patient = { folder: string; doctor: string; program: string; uploads: string }

export type Question = {
  /** As a CGI program of that method, with the headers of an answer. */
  method?: 'GET' | 'HEAD' | 'POST'
  /** The shell that reads it; the first line decides unless given. */
  shell?: readonly string[]
  /** In front of it all, such as prlimit with its options. */
  prefix?: readonly string[]
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
}

export type Answer = {
  text: string
  stderr: string
  status: number | null
  /** Such as FOUND 3 WRONG_MACHINE, in the order of the page. */
  findings: string[]
}

/** `from`: what is put there as upload.cgi; nothing for ''. */
export function patient(t: TestContext, from = executable, parent = tmpdir()): Patient {
  const folder = freshDirectory(t, parent)
  chmodSync(folder, 0o755)
  const doctor = join(folder, 'doctor.cgi')
  const program = join(folder, 'upload.cgi')
  copyFileSync(source, doctor)
  chmodSync(doctor, 0o755)
  if (from !== '') {
    copyFileSync(from, program, constants.COPYFILE_FICLONE)
    chmodSync(program, 0o755)
  }
  const uploads = freshDirectory(t)
  chmodSync(uploads, 0o777)
  return { folder, doctor, program, uploads }
}

/** Settings that name the directory for uploads, which everybody can use. */
export function configure({ folder, uploads }: Patient): void {
  writeSettings(folder, `directory = "${uploads}"\n`)
}

/** A PATH of nothing but these applets of busybox, and `more` as scripts. */
export function tools(
  t: TestContext,
  names: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const { folder } = patient(t, '')
  for (const name of names.split(' ')) symlinkSync('/bin/busybox', join(folder, name))
  for (const [name, text] of Object.entries(more)) {
    writeFileSync(join(folder, name), text)
    chmodSync(join(folder, name), 0o755)
  }
  return folder
}
/** All that it needs to try a program. */
export const most = 'sh cat env id uname ls grep date stat od dd sleep sed tr head'

/** Writes over the only place that has `old`. */
export function patch(file: string, old: string, replacement: string): void {
  const bytes = readFileSync(file)
  const place = bytes.indexOf(old, 0, 'latin1')
  if (place < 0) throw new Error(`there is no ${old} in ${file}`)
  overwrite(file, place, Buffer.from(replacement, 'latin1'))
}

export function overwrite(file: string, place: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, place)
  } finally {
    closeSync(fd)
  }
}

/** Rejects when there is no end within a minute and a half: it has time limits of its own. */
export function ask({ doctor }: Patient, question: Question = {}): Promise<Answer> {
  const { method, shell = [], prefix = [], args = [], env } = question
  const [command = '', ...more] = [...prefix, ...shell, doctor, ...args]
  const cgi: Record<string, string> = method
    ? { GATEWAY_INTERFACE: 'CGI/1.1', REQUEST_METHOD: method, SCRIPT_FILENAME: doctor }
    : {}
  const child = spawn(command, more, {
    cwd: tmpdir(),
    env: { PATH: '/usr/bin:/bin', ...cgi, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return answerOf(child)
}

function answerOf(child: ChildProcess): Promise<Answer> {
  const output: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  return new Promise((resolved, rejected) => {
    const told = () => ({
      text: Buffer.concat(output).toString(),
      stderr: String(Buffer.concat(errors)),
    })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      rejected(new Error(`no end; seen so far:\n${told().text}${told().stderr}`))
    }, 90_000)
    child.once('error', rejected)
    child.once('close', (status) => {
      clearTimeout(timer)
      resolved({ ...told(), status, findings: findingsIn(told().text) })
    })
  })
}

export function findingsIn(text: string): string[] {
  const lines = text.matchAll(/^(FOUND|MAYBE) {1,3}(\d+) ([A-Z_]+)$/gm)
  return [...lines].map(([, level, number, code]) => `${level} ${number} ${code}`)
}
