// npm run release [-- --target linux-x64] [--output dist]: the archives that people download, one for each machine as
// tar.gz and as tar.xz, and SHA256SUMS. The same sources give the same bytes, wherever and whenever: names, owners
// and times in the archives are fixed, and so is everything in the files. Needs GNU tar, gzip, xz and git.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { billOfMaterials } from './sbom.ts'

const root = resolve(import.meta.dirname, '..')
const own = `${process.platform}-${process.arch}`
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: ['linux-x64', 'linux-arm64'] },
    output: { type: 'string', default: join(root, 'dist') },
  },
})

const seconds = sourceDate()
const output = resolve(values.output)
const staging = mkdtempSync(join(tmpdir(), 'upload-cgi-release-'))
try {
  rmSync(output, { recursive: true, force: true })
  mkdirSync(output, { recursive: true })
  // This machine's first: it prints the texts.
  for (const target of new Set([own, ...values.target])) build(target)
  for (const target of values.target) pack(target)
  writeFileSync(join(output, 'SHA256SUMS'), sums(output))
  for (const name of readdirSync(output)) {
    console.log(`${join(output, name)}: ${(statSync(join(output, name)).size / 1e6).toFixed(1)} MB`)
  }
} finally {
  rmSync(staging, { recursive: true })
}

/** Seconds since 1970 that stand for "when": https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDate(): number {
  const text = process.env['SOURCE_DATE_EPOCH'] || run('git', ['log', '-1', '--format=%ct'])
  if (/^\d+\s*$/.test(text)) return Number(text)
  throw new Error(`SOURCE_DATE_EPOCH is not a number of seconds: ${text}`)
}

function build(target: string): void {
  const args = target === own ? [] : ['--target', target]
  execFileSync(process.execPath, [join(root, 'build/build.ts'), ...args], { stdio: 'inherit' })
}

function pack(target: string): void {
  const name = `upload.cgi-${manifest.version}-${target}`
  const folder = join(staging, name)
  mkdirSync(folder)
  for (const [file, content] of Object.entries(contents(target))) {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    if ('from' in content) copyFileSync(join(root, content.from), path)
    else writeFileSync(path, content.text)
    chmodSync(path, content.mode ?? 0o644)
  }
  writeFileSync(join(folder, 'SHA256SUMS'), sums(folder), { mode: 0o644 })
  chmodSync(folder, 0o755)
  chmodSync(join(folder, 'docs'), 0o755)
  const tar = join(staging, `${name}.tar`)
  const fixed = ['--sort=name', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner']
  run('tar', [...fixed, `--mtime=@${seconds}`, '-C', staging, '-cf', tar, name])
  const limit = { maxBuffer: 2 ** 30 }
  writeFileSync(join(output, `${name}.tar.gz`), execFileSync('gzip', ['-9nc', tar], limit))
  writeFileSync(join(output, `${name}.tar.xz`), execFileSync('xz', ['-6cT1', tar], limit))
  rmSync(tar)
  rmSync(folder, { recursive: true })
}

type Content = ({ readonly from: string } | { readonly text: string }) & { readonly mode?: number }

function contents(target: string): Readonly<Record<string, Content>> {
  const built = target === own ? 'build/upload.cgi' : `build/upload-${target}.cgi`
  const say = (...args: string[]) => run(join(root, 'build/upload.cgi'), args)
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
    ...Object.fromEntries(
      ['install', 'servers', 'limits', 'resume', 'security'].map((name) => [
        `docs/${name}.md`,
        { from: `docs/${name}.md` },
      ]),
    ),
    'CHANGELOG.md': { from: 'CHANGELOG.md' },
    LICENSE: { from: 'LICENSE' },
    'licenses.txt': { from: 'build/licenses.txt' },
    'sbom.cdx.json': { text: billOfMaterials(root, target, seconds) },
  }
}

/** As sha256sum prints it, and checks it with -c. */
function sums(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name !== 'SHA256SUMS' && statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => {
      const hash = createHash('sha256').update(readFileSync(join(folder, name)))
      return `${hash.digest('hex')}  ${name}\n`
    })
    .join('')
}

function run(program: string, args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] }
  return execFileSync(program, args, { cwd: root, env, encoding: 'utf8' })
}
