// npm run release [-- --target linux-x64] [--kind deb] [--output dist] [--quick]: builds the
// executables and makes what people download, for each machine a tar.gz, a tar.xz, a .deb and an
// .rpm, and SHA256SUMS. The same sources give the same bytes anywhere and at any time: names,
// owners and times in the archives are fixed, and so is everything in the files
// (docs/decisions/009-releases.md). Needs GNU tar, gzip, xz, dpkg-deb, rpmbuild and git. The time
// is that of the last commit, or SOURCE_DATE_EPOCH. --quick compresses less, to try.

import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { debian } from './packages/debian.ts'
import { redHat } from './packages/redhat.ts'
import { guides, type Source } from './packages/tree.ts'
import { billOfMaterials } from './sbom.ts'

const root = resolve(import.meta.dirname, '..')
const own = `${process.platform}-${process.arch}`
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: ['linux-x64', 'linux-arm64'] },
    kind: { type: 'string', multiple: true, default: ['tar', 'deb', 'rpm'] },
    output: { type: 'string', default: join(root, 'dist') },
    quick: { type: 'boolean', default: false },
  },
})

/** For programs whose output goes into the archives: no language, no options from a shell. */
const clean = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
const seconds = sourceDate()
const level = values.quick ? 'quick' : 'full'
const output = resolve(values.output)
const staging = mkdtempSync(join(tmpdir(), 'upload-cgi-release-'))
try {
  // This machine's first: it prints the texts.
  for (const target of new Set([own, ...values.target])) build(target)
  const packed = await Promise.all(values.target.flatMap((target) => packages(target)))
  writeFileSync(join(staging, 'SHA256SUMS'), sums(staging, packed))
  publish([...packed, 'SHA256SUMS'])
} finally {
  rmSync(staging, { recursive: true })
}

/**
 * Seconds since 1970 that stand for "when":
 * https://reproducible-builds.org/specs/source-date-epoch/
 */
function sourceDate(): number {
  const given = process.env['SOURCE_DATE_EPOCH']
  const text = (given || timeOfCommit()).trim()
  if (/^\d+$/.test(text)) return Number(text)
  console.error(`SOURCE_DATE_EPOCH is not a number of seconds since 1970: ${text}`)
  process.exit(64)
}

function timeOfCommit(): string {
  try {
    const changes = run('git', ['status', '--porcelain'])
    if (changes !== '') console.log(`in these archives, but in no commit:\n${changes.trimEnd()}`)
    return run('git', ['log', '-1', '--format=%ct'])
  } catch {
    console.error(
      'The archives carry the time of the commit that they are made of, and there is none here:',
    )
    console.error('say how many seconds after 1970 that was, SOURCE_DATE_EPOCH=… npm run release')
    process.exit(66)
  }
}

function build(target: string): void {
  const args = target === own ? [] : ['--target', target]
  execFileSync(process.execPath, [join(root, 'build/build.ts'), ...args], { stdio: 'inherit' })
}

/** Starts making all files for this machine; gives their names when they are there. */
function packages(target: string): Promise<string>[] {
  const kinds = values.kind
  return [
    ...(kinds.includes('tar') ? compress(pack(target)) : []),
    ...(kinds.includes('deb') ? [deb(target)] : []),
    ...(kinds.includes('rpm') ? [rpm(target)] : []),
  ]
}

async function deb(target: string): Promise<string> {
  const architecture = target.endsWith('arm64') ? 'arm64' : 'amd64'
  const file = `upload-cgi_${manifest.version}-1_${architecture}.deb`
  const folder = join(staging, `deb-${target}`)
  await ended('dpkg-deb', [...debian(folder, source(target), architecture, level), file])
  rmSync(folder, { recursive: true })
  return file
}

async function rpm(target: string): Promise<string> {
  const architecture = target.endsWith('arm64') ? 'aarch64' : 'x86_64'
  const file = `upload-cgi-${manifest.version}-1.${architecture}.rpm`
  const folder = join(staging, `rpm-${target}`)
  await ended('rpmbuild', redHat(folder, source(target), architecture, level))
  renameSync(join(folder, file), join(staging, file))
  rmSync(folder, { recursive: true })
  return file
}

function source(target: string): Source {
  return {
    root,
    version: manifest.version,
    program: join(root, builtFor(target)),
    settings: say('init'),
    pages: { upload: say('man', '8'), settings: say('man', '5') },
    seconds,
  }
}

/** Gives the name of the folder, which is now a tar file. */
function pack(target: string): string {
  const name = `upload.cgi-${manifest.version}-${target}`
  const folder = join(staging, name)
  mkdirSync(join(folder, 'docs/decisions'), { recursive: true })
  for (const [file, content] of Object.entries(contents(target))) {
    const path = join(folder, file)
    if ('from' in content) copyFileSync(join(root, content.from), path)
    else writeFileSync(path, content.text)
    chmodSync(path, content.mode ?? 0o644)
  }
  const inside = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  writeFileSync(join(folder, 'SHA256SUMS'), sums(folder, inside))
  chmodSync(join(folder, 'SHA256SUMS'), 0o644)
  for (const part of ['', 'docs', 'docs/decisions']) chmodSync(join(folder, part), 0o755)
  const fixed = ['--sort=name', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner']
  run('tar', [...fixed, `--mtime=@${seconds}`, '-C', staging, '-cf', `${folder}.tar`, name])
  rmSync(folder, { recursive: true })
  return name
}

/** With threads, xz would make other bytes; both tell no time and no name. */
function compress(name: string): Promise<string>[] {
  const tar = join(staging, `${name}.tar`)
  return [
    into(`${name}.tar.gz`, 'gzip', [values.quick ? '-1nc' : '-9nc', tar]),
    into(`${name}.tar.xz`, 'xz', [values.quick ? '-0cT1' : '-6cT1', tar]),
  ]
}

async function into(file: string, program: string, args: readonly string[]): Promise<string> {
  const fd = openSync(join(staging, file), 'w')
  await ended(program, args, fd)
  closeSync(fd)
  return file
}

/** Runs a program in the staging folder; what it prints goes to the file, or nowhere. */
async function ended(
  program: string,
  args: readonly string[],
  fd: number | 'ignore' = 'ignore',
): Promise<void> {
  const env = { ...clean, SOURCE_DATE_EPOCH: String(seconds) }
  const child = spawn(program, args, { cwd: staging, env, stdio: ['ignore', fd, 'inherit'] })
  const status = await new Promise((closed, failed) =>
    child.on('close', closed).on('error', failed),
  )
  if (status !== 0) throw new Error(`${program} ended with ${status}`)
}

/** Only what a release makes is replaced: the directory may be anybody's. */
function publish(files: readonly string[]): void {
  mkdirSync(output, { recursive: true })
  for (const old of readdirSync(output)) {
    if (/^upload[.-]cgi[-_].*\.(?:tar\.[gx]z|deb|rpm)$/.test(old)) rmSync(join(output, old))
  }
  for (const file of files) {
    copyFileSync(join(staging, file), join(output, file))
    console.log(`${join(output, file)}: ${(statSync(join(output, file)).size / 1e6).toFixed(1)} MB`)
  }
}

type Content = ({ readonly from: string } | { readonly text: string }) & { readonly mode?: number }

function contents(target: string): Readonly<Record<string, Content>> {
  const built = builtFor(target)
  return {
    'upload.cgi': { from: built, mode: 0o755 },
    'upload.cgi.map': { from: `${built}.map` },
    'install.sh': { from: 'install.sh', mode: 0o755 },
    'doctor.cgi': { from: 'doctor.cgi', mode: 0o755 },
    'upload.sh': { from: 'upload.sh', mode: 0o755 },
    'apache-example.conf': { from: 'apache-example.conf' },
    'upload-cgi.toml.example': { text: say('init') },
    'upload.cgi.8': { text: say('man', '8') },
    'upload-cgi.toml.5': { text: say('man', '5') },
    'README.md': { from: 'README.md' },
    'CONTRIBUTING.md': { from: 'CONTRIBUTING.md' },
    ...Object.fromEntries(guides(root).map((path) => [path, { from: path }])),
    'CHANGELOG.md': { from: 'CHANGELOG.md' },
    LICENSE: { from: 'LICENSE' },
    'licenses.txt': { from: 'build/licenses.txt' },
    'sbom.cdx.json': { text: billOfMaterials(root, target, seconds) },
  }
}

function builtFor(target: string): string {
  return target === own ? 'build/upload.cgi' : `build/upload-${target}.cgi`
}

function say(...args: readonly string[]): string {
  return run(join(root, 'build/upload.cgi'), args)
}

/** As sha256sum prints it, and checks it with -c. */
function sums(folder: string, names: readonly string[]): string {
  return names
    .filter((name) => statSync(join(folder, name)).isFile())
    .toSorted()
    .map((name) => {
      const hash = createHash('sha256').update(readFileSync(join(folder, name)))
      return `${hash.digest('hex')}  ${name}\n`
    })
    .join('')
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { cwd: root, env: clean, encoding: 'utf8' })
}
