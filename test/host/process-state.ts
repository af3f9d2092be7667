// What a process holds, as /proc has it.

import { readdirSync, readFileSync } from 'node:fs'

/** Bytes of memory. */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
}

export function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Whether it has begun to wait for the signal, which would kill it before. */
export function catchesSigterm(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
  return ((BigInt(`0x${caught}`) >> 14n) & 1n) === 1n
}

/** None when it has ended. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
