// The Node that goes into the executable: bin/node of the pinned package of its processor. Refuses
// bytes that are not in the tarball of which package-lock.json tells the sha512. npm checks a
// tarball when it installs it and keeps no tarball, so the build compares the sha256 of bin/node
// with the table below, which takes a tenth of a second and no network. A test holds the table
// against the tarballs themselves.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeError } from './elf.ts'
import type { Target } from './target.ts'

/**
 * `sha512`: of the tarball, base64 as in the `integrity` of package-lock.json; `sha256`: of
 * package/bin/node in it, hexadecimal. For a new Node, test/build/lock.test.ts prints new rows.
 */
export const originals: Readonly<Record<Target, { sha512: string; sha256: string }>> = {
  'linux-x64': {
    sha512:
      '3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    sha256: '7fde7b8afa198da66257f42ee2001d874c7355631e6d1579a5fb5ef1f246df4c',
  },
  'linux-arm64': {
    sha512:
      'FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    sha256: '0f8949d1028f6d61506b2d5bc57e7e6fe893d7b1997509b7847294fc9c616584',
  },
}

/** All bytes of that Node, checked. npm installs only this machine's; another one is fetched. */
export function originalNode(root: string, target: Target): Buffer {
  const { integrity } = lockedPackage(root, target)
  if (integrity !== `sha512-${originals[target].sha512}`) {
    throw new NodeError(
      `package-lock.json names another node-${target} than build/node/original.ts: ` +
        'npm test test/build/lock.test.ts tells the sums that belong there.',
    )
  }
  const installed = join(root, `node_modules/node-${target}/bin/node`)
  const isInstalled = existsSync(installed)
  const bytes = isInstalled ? readFileSync(installed) : nodeOfTarball(fetchTarball(root, target))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 === originals[target].sha256) return bytes
  throw new NodeError(
    `${isInstalled ? installed : `bin/node of node-${target}`} is not the Node that ` +
      `package-lock.json vouches for, so nothing is built.\n  expected sha256 ` +
      `${originals[target].sha256}\n  found           ${sha256}\n` +
      'Remove node_modules and run npm ci.',
  )
}

/** The tarball's bytes, checked; from npm's cache where it has them, else from the registry. */
export function fetchTarball(root: string, target: Target): Buffer {
  const { version, integrity } = lockedPackage(root, target)
  const name = `node-${target}@${version}`
  const folder = mkdtempSync(join(tmpdir(), 'upload-cgi-'))
  try {
    const args = ['pack', '--silent', '--prefer-offline', '--pack-destination', folder, name]
    const env = { ...process.env, NODE_OPTIONS: '' }
    const file = execFileSync('npm', args, { cwd: root, env, encoding: 'utf8' }).trim()
    const tarball = readFileSync(join(folder, file))
    requireIntegrity(tarball, integrity, name)
    return tarball
  } catch (error) {
    if (error instanceof NodeError) throw error
    throw new NodeError(`npm pack does not give ${name}: ${error}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** `integrity`: as package-lock.json has it (https://www.w3.org/TR/SRI/), of sha512 alone. */
export function requireIntegrity(tarball: Buffer, integrity: string, name: string): void {
  const found = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
  if (found === integrity) return
  throw new NodeError(
    `The tarball of ${name} is not the one that package-lock.json vouches for, so nothing is ` +
      `built.\n  expected ${integrity}\n  found    ${found}`,
  )
}

export function nodeOfTarball(tarball: Buffer): Buffer {
  const maxBuffer = 512 * 1024 * 1024
  return execFileSync('tar', ['-xzO', 'package/bin/node'], { input: tarball, maxBuffer })
}

function lockedPackage(root: string, target: Target): { version: string; integrity: string } {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const locked = packages[`node_modules/node-${target}`]
  if (typeof locked?.integrity === 'string') return locked
  throw new NodeError(`package-lock.json does not tell the integrity of node-${target}.`)
}
