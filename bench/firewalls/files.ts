// 200 real files of many kinds, out of Debian's packages: downloaded, not installed, and chosen by
// rule, so that the same packages give the same files.

import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export type RealFile = {
  readonly kind: string
  readonly path: string
  /** Such as "roundcube-core_1.6.5_all.deb: usr/share/roundcube/SQL/mysql.initial.sql". */
  readonly source: string
}

/** Downloads into `home`, and gives the files there, each with its own name in a folder alone. */
export function realFiles(home: string): RealFile[] {
  const debs = join(home, 'debs')
  mkdirSync(debs, { recursive: true })
  execFileSync('apt-get', ['download', '-q', ...packages], { cwd: debs, stdio: 'pipe' })
  const all: Source[] = []
  for (const deb of readdirSync(debs).sort()) {
    const place = join(home, 'unpacked', deb)
    mkdirSync(place, { recursive: true })
    execFileSync('dpkg-deb', ['-x', join(debs, deb), place])
    all.push({ path: join(debs, deb), source: deb })
    for (const path of globSync('**', { cwd: place }).sort()) {
      all.push({ path: join(place, path), source: `${deb}: ${path}` })
    }
  }
  const files = all.filter(({ path }) => isPlain(path))
  const taken = new Set<string>()
  const chosen = kinds.flatMap(({ kind, pattern, count }) => {
    const found = files.filter(({ path, source }) => pattern.test(source) && !taken.has(path))
    for (const { path } of spread(found, count)) taken.add(path)
    return found.filter(({ path }) => taken.has(path)).map((file) => ({ ...file, kind }))
  })
  return [...chosen, ...patches(home, files)].map((file, i) => {
    const folder = join(home, 'files', String(i).padStart(3, '0'))
    mkdirSync(folder, { recursive: true })
    const path = join(folder, basename(file.path))
    copyFileSync(file.path, path)
    return { ...file, path }
  })
}

type Source = Omit<RealFile, 'kind'>

function isPlain(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isFile() === true && found.size > 0 && found.size <= mostBytes
}

/** So many of them, as far apart as they can be. */
function spread<T>(all: readonly T[], count: number): T[] {
  if (all.length < count) throw new Error(`only ${all.length} files where ${count} are wanted`)
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)] as T)
}

/** No package has enough of them: they are made of neighbours, as `diff -u` makes them. */
function patches(home: string, files: readonly Source[]): RealFile[] {
  const texts = files.filter(({ source }) => /roundcube.*mysql.*\.sql$|ssl_\w+\.pem$/.test(source))
  const made = join(home, 'patches')
  mkdirSync(made, { recursive: true })
  return spread(texts.slice(1), patchCount).map(({ path, source }, i) => {
    const before = texts[texts.findIndex((file) => file.path === path) - 1]?.path ?? ''
    const labels = ['--label', `a/${basename(before)}`, '--label', `b/${basename(path)}`]
    const { stdout } = spawnSync('diff', ['-u', ...labels, before, path])
    const patch = join(made, `${String(i).padStart(4, '0')}-${basename(path)}.patch`)
    writeFileSync(patch, stdout)
    return { kind: 'patches', path: patch, source: `diff -u of ${source} and its neighbour` }
  })
}

/** 112 MB with the largest libraries and archives. */
const packages = [
  'alsa-utils',
  'bzip2-doc',
  'cups-filters',
  'fonts-dejavu-core',
  'forensics-samples-files',
  'gdal-data',
  'icinga2-ido-mysql',
  'libaom3',
  'libavcodec59',
  'libgtk-3-0',
  'libmozjs-102-0',
  'libperl5.36',
  'libpython3.11-testsuite',
  'librsvg2-2',
  'libtiff-doc',
  'libx265-199',
  'phpmyadmin',
  'python-matplotlib-data',
  'python3-docx',
  'r-cran-officer',
  'r-cran-readxl',
  'roundcube-core',
  'sound-theme-freedesktop',
]

const mostBytes = 20e6
const patchCount = 12

/** Binary kinds first. */
const kinds: readonly {
  readonly kind: string
  readonly pattern: RegExp
  readonly count: number
}[] = [
  { kind: 'photographs', pattern: /forensics.*\.jpe?g$/i, count: 9 },
  {
    kind: 'other pictures',
    pattern: /(forensics|imghdrdata|officer\/help|gdal).*\.(png|gif|tiff|webp|bmp|xcf|ppm)$/,
    count: 20,
  },
  {
    kind: 'sound and films',
    pattern: /\.(mp3|ogg|oga|wav|mp4|avi|mpeg|au|aiff)$/,
    count: 23,
  },
  { kind: 'office documents', pattern: /\.(docx|pptx|xlsx?|odt)$/, count: 20 },
  { kind: 'PDF', pattern: /\.pdf$/, count: 14 },
  { kind: 'packages (.deb)', pattern: /^[^:]*\.deb$/, count: 22 },
  { kind: 'other archives', pattern: /\.(zip|tar|tgz|gz|bz2)$/, count: 12 },
  { kind: 'fonts', pattern: /\.(ttf|afm)$/, count: 8 },
  {
    kind: 'programs',
    pattern:
      /lib(aom|avcodec|gdk|gtk|perl|rsvg|x265)[^/]*\.so\.[\d.]+$|\/(Collate|Normalize|re|\w\w)\.so$/,
    count: 14,
  },
  { kind: 'mails', pattern: /test_email\/data\/.*\.txt$/, count: 12 },
  { kind: 'keys (PEM)', pattern: /test\/[^/]*\.pem$/, count: 10 },
  { kind: 'SQL', pattern: /\.sql$/, count: 12 },
  { kind: 'scripts and texts', pattern: /\.(sh|py|js|css|html?|svg|csv)$/, count: 12 },
]
