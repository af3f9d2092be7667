// `upload.cgi check` in a place of its own, and what it finds there.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { directoryUntilExit, program } from './program.ts'
import { paste } from './remedy.ts'
import { isRoot } from './user.ts'

export type Finding = { level: string; code: string; message: string; remedy: string }

export type Checked = { status: number | null; ok: boolean; findings: Finding[] }

export type Run = {
  settings?: string
  user?: string
  before?: string
  file?: string
  program?: string
  /** A settings script that is run instead. */
  script?: string
  /** No settings file is named. */
  isBare?: boolean
}

/** A directory for uploads with settings, which tests make wrong. */
export class Place {
  readonly home: string
  directory: string
  readonly #t: TestContext

  constructor(t: TestContext) {
    this.#t = t
    const [home, remove] = directoryUntilExit()
    this.home = home
    this.directory = join(home, 'uploads')
    chmodSync(home, 0o755)
    mkdirSync(this.directory)
    t.after(() => {
      const mounts = spawnSync('sh', ['-c', `grep -o ' ${home}[^ ]*' /proc/mounts`])
      for (const point of mounts.stdout.toString().split('\n').filter(Boolean).toReversed()) {
        spawnSync('umount', [point.trim()])
      }
      remove()
    })
  }

  /** `settings`: more lines. `before`: shell text in front. `user`: root itself unless given. */
  check({ settings = '', user = 'root', before = '', file = '.htupload.toml', ...rest }: Run = {}) {
    const path = join(this.home, file)
    mkdirSync(resolve(path, '..'), { recursive: true })
    const isNew = statSync(path, { throwIfNoEntry: false }) === undefined
    if (rest.isBare !== true && (isNew || settings !== '')) {
      writeFileSync(path, `directory = "${this.directory}"\n${settings}`)
    }
    const as = isRoot() ? ['--user', user] : []
    const script = rest.script === undefined ? [] : [rest.script]
    const args = [rest.program ?? program, ...script, 'check', '--json', ...as]
    const text = `${before}\nexec "$0" "$@"`
    const isNamed = script.length === 0 && rest.isBare !== true
    const { status, stdout, stderr } = spawnSync('sh', ['-c', text, ...args], {
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        ...(isNamed ? { UPLOAD_CGI_CONFIG: path } : {}),
      },
      encoding: 'utf8',
    })
    assert.match(stdout, /^\{.*\}\n$/, stdout + stderr)
    return { status, ...JSON.parse(stdout) } as Checked
  }

  onEnd(action: () => void): void {
    this.#t.after(action)
  }

  mount(path: string, ...options: string[]): void {
    mkdirSync(path, { recursive: true })
    const args = ['-t', 'tmpfs', '-o', options.join(','), 'none', path]
    const { status, stderr } = spawnSync('mount', args)
    assert.equal(status, 0, String(stderr))
  }
}

export function codes({ findings }: Checked): string[] {
  return findings.filter(({ level }) => level !== 'ok').map(({ code }) => code)
}

export function found(checked: Checked, code: string): Finding {
  const finding = checked.findings.find((one) => one.code === code)
  assert.ok(finding, `no ${code} in ${JSON.stringify(checked.findings, null, 1)}`)
  assert.equal(
    checked.ok,
    checked.findings.every(({ level }) => level !== 'error'),
  )
  assert.equal(checked.status, checked.ok ? 0 : 78)
  if (finding.level !== 'ok') assert.notEqual(finding.remedy, '', code)
  return finding
}

/** It is found, its remedy is carried out as it is written, and it is found no more. */
export function assertFixed(
  place: Place,
  code: string,
  level: 'warning' | 'error',
  run: Run = {},
): Finding {
  const finding = found(place.check(run), code)
  assert.equal(finding.level, level)
  paste(finding.remedy)
  const again = place.check({ ...run, settings: '' })
  assert.ok(!codes(again).includes(code), `${code} is still found after: ${finding.remedy}`)
  return finding
}
