// The quotas that CephFS has for the upload directory: extended attributes of it, or of a folder
// above it, which getfattr(1) reads. It only reports; where that program is missing, it says what
// to type. What is over a quota gets EDQUOT, which visitors see as DISK_FULL.

import { dirname } from 'node:path'
import { type Finding, fine, quoted } from '../finding.ts'
import { formatSize } from '../quantity.ts'
import type { Mount } from './mounts.ts'

/** `directory`: on this mount. Nothing for any other file system. */
export function quotaFindings(directory: string, { type, point }: Mount): Finding[] {
  if (type !== 'ceph' && type !== 'fuse.ceph-fuse') return []
  const found: string[] = []
  for (let path = directory; ; path = dirname(path)) {
    for (const { name, used, text } of kinds) {
      const most = attribute(path, name)
      if (most === undefined) {
        const command = `getfattr -n ${name} ${quoted(directory)}`
        const message = `whether CephFS has a quota, this command tells (Debian: attr): ${command}`
        return [fine('QUOTA', message)]
      }
      if (most === 0) continue
      found.push(`${text(attribute(path, used) ?? 0)} of ${text(most)} are used in ${path}`)
    }
    if (path === point || path === '/') break
  }
  if (found.length === 0) return [fine('QUOTA', 'CephFS has no quota for the directory')]
  return found.map((text) => fine('QUOTA', `a quota of CephFS: ${text}`))
}

const kinds = [
  { name: 'ceph.quota.max_bytes', used: 'ceph.dir.rbytes', text: formatSize },
  {
    name: 'ceph.quota.max_files',
    used: 'ceph.dir.rentries',
    text: (count: number) => `${count} files and folders`,
  },
]

/** 0 where it is not set, undefined where getfattr(1) is missing. */
function attribute(path: string, name: string): number | undefined {
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const args = ['--only-values', '-n', name, '--', path]
  const { error, stdout } = spawnSync('getfattr', args, { encoding: 'utf8', timeout: 5000 })
  return error === undefined ? Number(stdout) : undefined
}
