// Follows what `upload.cgi check` says: a setting is written into the settings file, a command is
// run in sh, a limit is set before the program starts.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Run } from './check.ts'

/** `settings`: the path of the file. Gives the run of `check` after that. */
export function follow(remedy: string, settings: string, run: Run = {}): Run {
  if (/^[a-z_]+ = /.test(remedy)) writeSetting(settings, remedy)
  else if (/^(ulimit|umask) /.test(remedy)) {
    // In the place of what set the limit.
    const [command = ''] = remedy.split(', ')
    return { ...run, before: command }
  } else paste(remedy)
  return run
}

/** As a person pastes it into a shell; gives what it prints. */
export function paste(command: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  })
  assert.equal(status, 0, `${command}\n${stdout}${stderr}`)
  return stdout
}

/** The line takes the place of the one that sets the same key. */
export function writeSetting(path: string, line: string): void {
  const [key = ''] = line.split(' ')
  // At the top it is in no table.
  const others = withoutSetting(path, key)
  const [first = '', ...rest] = others.split('\n')
  const text = first.startsWith('#!') ? [first, line, ...rest] : [line, first, ...rest]
  writeFileSync(path, text.join('\n'))
}

export function removeSetting(path: string, key: string): void {
  writeFileSync(path, withoutSetting(path, key))
}

function withoutSetting(path: string, key: string): string {
  return readFileSync(path, 'utf8').replace(new RegExp(`^${key} = .*\n`, 'm'), '')
}
