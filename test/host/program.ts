// What nearly every whole-program test needs: where the built executable is, a directory of its own
// that is removed afterwards, a settings file, and one answer to the question whether a test may be
// skipped: because this machine cannot run it, or because the executable has an unchanged Node.

import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'

/** A test, or `{ after }` of node:test for what a whole file shares. */
export type Owner = { after(remove: () => void): void }

/** The repository. */
export const root = resolve(import.meta.dirname, '../..')

/** The built executable; the environment variable UPLOAD_CGI_PROGRAM names another one. */
export const program = resolve(process.env['UPLOAD_CGI_PROGRAM'] || join(root, 'build/upload.cgi'))

/** Whether its Node is unchanged: the build with --plain-node, which the end of its name tells. */
export const isPlain = basename(program).endsWith('-plain.cgi')

/**
 * Whether helpers of tests speak FastCGI where they else start the program for each request. Tests
 * of test/fastcgi ask for it, and so does UPLOAD_CGI_THROUGH=fastcgi of the long run.
 */
export function isThroughFastCgi(): boolean {
  return process.env['UPLOAD_CGI_THROUGH'] === 'fastcgi'
}

/** A new directory, which its owner removes when it ends. */
export function freshDirectory(owner: Owner, parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'upload-cgi-test-'))
  owner.after(() => removeTree(directory))
  return directory
}

/**
 * Removes a directory in which a program may still write while it ends: hooks run in the order in
 * which they were asked for, so a test's first directory goes before its server does, and a hook
 * that throws would keep all the others from running.
 */
export function removeTree(directory: string): void {
  rmSync(directory, { recursive: true, force: true, maxRetries: 50, retryDelay: 20 })
}

/**
 * A new directory without an owner, such as the home of a server: removed when the function beside
 * it is called, or when this process exits.
 */
export function directoryUntilExit(parent = tmpdir()): [directory: string, remove: () => void] {
  const directory = mkdtempSync(join(parent, 'upload-cgi-test-'))
  const remove = () => removeTree(directory)
  const forget = atExit(remove)
  return [
    directory,
    () => {
      forget()
      remove()
    },
  ]
}

/** Does it when this process exits, what was asked for last first. Gives how to call it off. */
export function atExit(action: () => void): () => void {
  if (!isHooked) {
    isHooked = true
    process.once('exit', () => {
      for (const each of [...actions].reverse()) each()
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => process.exit(1))
    }
  }
  actions.add(action)
  return () => actions.delete(action)
}

/** The parent of a directory for `bytes`: in memory where that has room for them, else on disk. */
export function inMemory(bytes = 0): string {
  const memory = '/dev/shm'
  let free = 0
  try {
    const { bavail, bsize } = statfsSync(memory)
    free = bavail * bsize
  } catch {}
  return free > bytes ? memory : tmpdir()
}

/** Writes the settings file of a program in `directory`, and gives its path. */
export function writeSettings(directory: string, text: string, name = '.htupload.toml'): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

/** Gives the reason back, or throws it with UPLOAD_CGI_NO_SKIPS=1, where every test must run. */
export function skipped(reason: string): string {
  if (process.env['UPLOAD_CGI_NO_SKIPS']) throw new Error(reason)
  return reason
}

/**
 * The reason to skip a test of what only our changes of Node give (speed, size, no hang without
 * threads), or false where they are made. It does not call skipped(): an unchanged Node is meant to
 * lack them, so UPLOAD_CGI_NO_SKIPS=1 allows this skip.
 */
export function patchedOnly(lack: string): string | false {
  return isPlain ? `by design: an unchanged Node ${lack} (docs/decisions/002-pkg-sea.md)` : false
}

const actions = new Set<() => void>()
let isHooked = false
