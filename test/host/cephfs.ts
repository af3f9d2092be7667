// A real CephFS (cephfs.sh says of what it is made) and the machines that share it: each is a
// client of its own, with caches and capabilities of its own. It ends with its owner or, should
// that never get there, with this process.

import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { missing } from './installed.ts'
import { cannotMount } from './mounts.ts'
import { atExit, directoryUntilExit, type Owner } from './program.ts'

export type CephOptions = {
  /** Where the OSD keeps its objects; only `bluestore` outlives the OSD. In memory unless given. */
  readonly store?: 'memstore' | 'bluestore'
  readonly storeBytes?: number
}

/** The reason to skip: what cannot be installed, as cannotMount() has it, or is not. */
export function cannotCeph(): string | false {
  return cannotMount() || missing('ceph-mon', 'ceph-osd', 'ceph-mds', 'ceph-fuse', 'ceph')
}

export class CephFs {
  readonly #home: string
  readonly #env: Readonly<Record<string, string>>
  #machines = 0

  constructor(owner: Owner, { store = 'memstore', storeBytes }: CephOptions = {}) {
    const [home, removeHome] = directoryUntilExit()
    this.#home = home
    const size = storeBytes === undefined ? {} : { STORE_BYTES: String(storeBytes) }
    this.#env = { STORE: store, ...size }
    const end = () => this.#run('end')
    const forget = atExit(end)
    owner.after(() => {
      forget()
      end()
      removeHome()
    })
    this.#must('start')
  }

  /** One more machine: where it has mounted the file system. `env`: of its client. */
  mount(env: Readonly<Record<string, string>> = {}): string {
    this.#machines++
    const path = join(this.#home, `machine-${this.#machines}`)
    mkdirSync(path)
    this.#must('mount', path, ...Object.entries(env).map(([name, value]) => `${name}=${value}`))
    return path
  }

  unmount(machine: string): void {
    this.#must('umount', machine)
  }

  /** SIGKILL, without a word to anybody. `who`: `osd.0`, `mds.a`, or a machine's client. */
  kill(who: string): void {
    this.#must('kill', who)
  }

  /** It neither works nor ends until go(): as behind a cable that was pulled. */
  stop(who: string): void {
    this.#must('stop', who)
  }

  go(who: string): void {
    this.#must('go', who)
  }

  /** Starts a daemon again. */
  up(daemon: 'osd.0' | 'mds.a'): void {
    this.#must('up', daemon)
  }

  /** What ceph(8) prints. */
  ceph(...words: string[]): string {
    return this.#must('ceph', ...words)
  }

  #must(command: string, ...words: string[]): string {
    const { status, stdout, stderr } = this.#run(command, ...words)
    if (status !== 0) throw new Error(`cephfs.sh ${command} ${words.join(' ')}: ${stderr}`)
    return stdout
  }

  #run(command: string, ...words: string[]) {
    const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`
    return spawnSync(script, [command, this.#home, ...words], {
      env: { PATH, ...this.#env },
      encoding: 'utf8',
    })
  }
}

const script = join(import.meta.dirname, 'cephfs.sh')
