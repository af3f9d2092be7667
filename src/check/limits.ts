// The limits of this process, compared with what the program needs. At a terminal they are the
// limits of the shell; only a request, with `debug = true`, sees those of the web server.
// docs/limits.md measures what each resource is needed for, and how little is enough.

import { readFileSync } from 'node:fs'
import { type CheckProblem, type Finding, failure, fine, modeText, warning } from '../finding.ts'
import { formatSize } from '../quantity.ts'
import type { LoadedSettings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'

export function limitFindings(settings: LoadedSettings, isRequest: boolean): Finding[] {
  const whose = isRequest ? 'of this request' : 'of this shell; the web server may have others'
  const limits = readLimits()
  const findings: Finding[] = []
  for (const { name, code, least, text, remedy } of needs) {
    const soft = limits.get(name)
    if (soft === undefined || soft >= least) continue
    findings.push(warning(code, `${text(soft)} (limit ${whose})`, remedy))
  }
  findings.push(...fileSize(limits.get('Max file size'), settings))
  if (findings.length === 0) findings.push(fine('LIMITS', `no limit is too low (${whose})`))
  return [...findings, ...maskFindings(), ...cgroupFindings()]
}

function fileSize(limit: number | undefined, { maxFileBytes }: LoadedSettings): Finding[] {
  if (limit === undefined || limit === Infinity) return []
  if (maxFileBytes > 0 && limit >= maxFileBytes) return []
  const most = maxFileBytes === 0 ? 'no limit' : formatSize(maxFileBytes)
  const message =
    `files may have ${formatSize(limit)} here (RLIMIT_FSIZE), less than max_file_size ` +
    `(${most})`
  const setting = `max_file_size = "${Math.floor(limit / 1e6)}MB"`
  const remedy = `${setting}   # visitors see this limit before they send`
  return [warning('LIMIT_FILE_SIZE', message, remedy)]
}

function maskFindings(): Finding[] {
  const mask = process.umask()
  if ((mask & 0o700) === 0) return [fine('UMASK', `umask: ${modeText(mask)}`)]
  const message = `the umask ${modeText(mask)} takes the owner's own rights from new directories`
  return [failure('UMASK_WRONG', message, 'umask 022, where the web server is started')]
}

/** The memory limit of the control group, as containers and CloudLinux set it. */
function cgroupFindings(): Finding[] {
  const most = Number(attempt(() => readFileSync('/sys/fs/cgroup/memory.max', 'utf8').trim()))
  if (!(most > 0) || most >= memoryNeeded) return []
  const message = `the control group allows ${formatSize(most)} of memory`
  return [warning('LIMIT_MEMORY', message, `allow ${formatSize(memoryNeeded)} or more`)]
}

/** The soft limits, by their names in /proc/self/limits. */
function readLimits(): ReadonlyMap<string, number> {
  const text = attempt(() => readFileSync('/proc/self/limits', 'utf8')) ?? ''
  const lines = text.split('\n').map((line) => /^(Max [a-z ]+?) {2,}(\S+)/.exec(line))
  return new Map(
    lines.flatMap((match) => {
      if (match === null) return []
      const [, name = '', soft = ''] = match
      return [[name, soft === 'unlimited' ? Infinity : Number(soft)] as const]
    }),
  )
}

/** The memory, in bytes, of one process while it receives a body. */
const memoryNeeded = 100e6

type Need = {
  /** In /proc/self/limits. */
  readonly name: string
  readonly code: CheckProblem
  readonly least: number
  readonly text: (soft: number) => string
  readonly remedy: string
}

const needs: readonly Need[] = [
  {
    name: 'Max address space',
    code: 'LIMIT_ADDRESS_SPACE',
    least: 650e6,
    text: (soft: number) =>
      `${formatSize(soft)} of address space; the program needs 650 MB to start`,
    remedy: 'RLimitMEM max, in the server configuration or .htaccess',
  },
  {
    name: 'Max data size',
    code: 'LIMIT_DATA',
    least: 40e6,
    text: (soft: number) => `${formatSize(soft)} of data; the program needs 40 MB`,
    remedy: 'ulimit -d unlimited, where the web server is started',
  },
  {
    name: 'Max open files',
    code: 'LIMIT_FILES',
    least: 32,
    text: (soft: number) => `${soft} open files; the program needs up to 32`,
    remedy: 'ulimit -n 1024, where the web server is started',
  },
  {
    name: 'Max processes',
    code: 'LIMIT_PROCESSES',
    least: 20,
    text: (soft: number) => `${soft} processes and threads for this user; each request takes 3`,
    remedy: 'RLimitNPROC 100, in the server configuration; on CloudLinux ask for more NPROC',
  },
  {
    name: 'Max cpu time',
    code: 'LIMIT_CPU',
    least: 60,
    text: (soft: number) => `${soft} s of processor time; large uploads may be killed`,
    remedy: 'RLimitCPU max, in the server configuration or .htaccess',
  },
]
