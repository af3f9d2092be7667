// File systems of their own for whole-program tests: a small tmpfs, images with ext4, xfs, btrfs,
// vfat or exfat in them, and directories seen through FUSE. Where the kernel has no vfat or exfat,
// FUSE serves it. Mounting needs root: cannotMount() gives the reason to skip where it is not
// permitted. Every mount ends with t.after or, should the test never get there, with this process;
// so does its image.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { missing } from './installed.ts'
import { atExit, directoryUntilExit, freshDirectory } from './program.ts'

/**
 * The reason to skip, also under UPLOAD_CGI_NO_SKIPS: no installation can fix it. False: it works.
 */
export function cannotMount(): string | false {
  if (probed !== undefined) return probed
  const [home, removeHome] = directoryUntilExit()
  try {
    const { status, stderr } = run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', home])
    if (status === 0) unmount(home)
    probed = status === 0 ? false : `mounting is not permitted here: ${stderr.trim()}`
    return probed
  } finally {
    removeHome()
  }
}

/** `options` as mount(8) takes them, such as size=8m. Gives where it is mounted. */
export function mountTmpfs(t: TestContext, options: string): string {
  const { path } = prepare(t)
  must('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  return path
}

export function mountExt4(t: TestContext, megabytes: number, inodes?: number): string {
  const { path, image } = prepare(t, megabytes)
  const count = inodes === undefined ? [] : ['-N', String(inodes)]
  // Without blocks reserved for root, which may be running this.
  must('mkfs.ext4', ['-q', '-m', '0', ...count, image])
  must('mount', ['-o', 'loop', image, path])
  return path
}

export function mountXfs(t: TestContext): string {
  // Below 300 MB mkfs.xfs refuses. The image has holes: it takes a few MB.
  const { path, image } = prepare(t, 320)
  must('mkfs.xfs', ['-q', image])
  must('mount', ['-o', 'loop', image, path])
  return path
}

/** Everything on it counts against one quota, if one is given. */
export function mountBtrfs(t: TestContext, megabytes: number, quota?: string): string {
  const { path, image } = prepare(t, megabytes)
  must('mkfs.btrfs', ['-q', image])
  must('mount', ['-o', 'loop', image, path])
  if (quota === undefined) return path
  must('btrfs', ['quota', 'enable', path])
  must('btrfs', ['qgroup', 'limit', quota, '0/5', path])
  return path
}

/** Gives the reason to skip where neither the kernel nor fusefat can. */
export function mountVfat(
  t: TestContext,
  megabytes: number,
  /** Of what is on it; else as the file system has it. */
  umask?: string,
): { path: string } | { skip: string } {
  const { path, image } = prepare(t, megabytes)
  // Large clusters, so that a directory needs one: of a long name that begins in one cluster and
  // ends in the next, fusefat removes a part only.
  must('mkfs.vfat', ['-s', '64', image])
  const more = umask === undefined ? '' : `,umask=${umask}`
  const byKernel = run('mount', ['-t', 'vfat', '-o', `loop${more}`, image, path])
  if (byKernel.status === 0) return { path }
  const absent = missing('fusefat')
  if (absent !== false) return { skip: `${byKernel.stderr.trim()}; ${absent}` }
  // One thread: with more, its library mixes up writers of one name.
  const byFuse = run('fusefat', ['-s', '-o', `rw+${more}`, image, path])
  if (byFuse.status === 0) return { path }
  return { skip: `${byKernel.stderr.trim()}; fusefat: ${byFuse.stderr.trim()}` }
}

/** An encrypted directory; names of more than 175 bytes do not fit. Needs encfs. */
export function mountEncfs(t: TestContext): string {
  const { path } = prepare(t)
  const encrypted = freshDirectory(t)
  const args = ['--standard', '--extpass=echo password', encrypted, path]
  must('encfs', args, 'y\n')
  return path
}

/** Gives the reason to skip where neither the kernel nor exfat-fuse can. Needs mkfs.exfat. */
export function mountExfat(t: TestContext, megabytes: number): { path: string } | { skip: string } {
  const { path, image } = prepare(t, megabytes)
  must('mkfs.exfat', [image])
  const byKernel = run('mount', ['-t', 'exfat', '-o', 'loop', image, path])
  if (byKernel.status === 0) return { path }
  const absent = missing('mount.exfat-fuse')
  if (absent !== false) return { skip: `${byKernel.stderr.trim()}; ${absent}` }
  const byFuse = run('mount', ['-t', 'exfat-fuse', '-o', 'loop', image, path])
  if (byFuse.status === 0) return { path }
  return { skip: `${byKernel.stderr.trim()}; exfat-fuse: ${byFuse.stderr.trim()}` }
}

/** An encrypted directory in which names of 255 bytes fit. Needs gocryptfs. */
export function mountGocryptfs(t: TestContext): string {
  const { path } = prepare(t)
  const encrypted = freshDirectory(t)
  const password = ['-q', '-extpass', 'echo password']
  must('gocryptfs', ['-init', '-scryptn', '10', ...password, encrypted])
  must('gocryptfs', [...password, encrypted, path])
  return path
}

/** A directory that is seen at a second place. Needs bindfs. */
export function mountBindfs(t: TestContext): string {
  const { path } = prepare(t)
  must('bindfs', [freshDirectory(t), path])
  return path
}

/** A directory as an SFTP server gives it, without a network. Needs sshfs and sftp-server. */
export function mountSshfs(t: TestContext): string {
  const { path } = prepare(t)
  const command = join(freshDirectory(t), 'ssh')
  writeFileSync(command, '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n', { mode: 0o755 })
  must('sshfs', ['-o', `ssh_command=${command}`, `nowhere:${freshDirectory(t)}`, path])
  return path
}

/** A directory that rclone serves, with a cache for what is written. Needs rclone. */
export function mountRclone(t: TestContext): string {
  const { path } = prepare(t)
  const cache = ['--vfs-cache-mode', 'writes', '--cache-dir', freshDirectory(t)]
  must('rclone', ['mount', freshDirectory(t), path, '--daemon', '--config', '/dev/null', ...cache])
  return path
}

export function remount(path: string, options: string): void {
  must('mount', ['-o', `remount,${options}`, path])
}

/** Takes all the room that is left, but for `leftBytes`. Removing the file gives it back. */
export function fill(path: string, leftBytes = 0): string {
  const file = join(path, 'filler')
  for (const size of [1 << 20, 4096, 1]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size, 'x'), { flag: 'a' })
    } catch (error) {
      // Node has no name for EDQUOT.
      const { errno } = error as NodeJS.ErrnoException
      if (errno !== -constants.errno.ENOSPC && errno !== -constants.errno.EDQUOT) throw error
    }
  }
  if (leftBytes > 0) truncateSync(file, readFileSync(file).length - leftBytes)
  return file
}

function prepare(t: TestContext, megabytes = 0): { path: string; image: string } {
  const [home, removeHome] = directoryUntilExit()
  const path = join(home, 'mounted')
  const forget = atExit(() => unmount(path))
  t.after(() => {
    forget()
    unmount(path)
    removeHome()
  })
  const image = join(home, 'image')
  mkdirSync(path)
  writeFileSync(image, '')
  truncateSync(image, megabytes * 1024 * 1024)
  return { path, image }
}

function unmount(path: string): void {
  const isMounted = () => readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)
  // A process that still uses it keeps a lazily unmounted file system alive, but not its name.
  if (isMounted()) run('umount', [path])
  if (isMounted()) run('umount', ['-l', path])
}

function must(tool: string, args: readonly string[], input = ''): void {
  const { status, stderr, error } = run(tool, args, input)
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${error ?? stderr}`)
}

/** What FUSE leaves running keeps its standard error open: a pipe would never end. */
function run(tool: string, args: readonly string[], input = '') {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`
  const [home, remove] = directoryUntilExit()
  const file = join(home, 'stderr')
  const fd = openSync(file, 'w')
  try {
    const stdio: ['pipe', 'ignore', number] = ['pipe', 'ignore', fd]
    const { status, error } = spawnSync(tool, args, { env: { PATH }, input, stdio })
    return { status, error, stderr: readFileSync(file, 'utf8') }
  } finally {
    closeSync(fd)
    remove()
  }
}

let probed: string | false | undefined
