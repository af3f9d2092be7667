// docs/architecture.md held against the import lines of src. The table of rooms is read from there,
// so that the drawing and the rule cannot differ. Imports of types count.

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')
const src = join(root, 'src')
/** Path below src, without what only tests and the compiler read. */
const sources = globSync(`${src}/**/*.ts`)
  .map((path) => ({ name: relative(src, path), text: readFileSync(path, 'utf8') }))
  .filter(({ name }) => !/\.(test|d)\.ts$/.test(name))

/** What a file imports: paths below src for our own, else the name. A text file keeps its query. */
function importsOf({ name, text }: { name: string; text: string }): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^'";]*?\bfrom '([^']+)'/gms)
  const bare = text.matchAll(/^import '([^']+)'/gm)
  const lazy = text.matchAll(/\bimport\('([^']+)'\)/g)
  return [...statements, ...bare, ...lazy].map(([, target = '']) => {
    return target.startsWith('.') ? normalize(join(dirname(name), target)) : target
  })
}

function importsOfCode(text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)(?! type)[^'";]*?from '([^']+)'/gms)
  return [...statements].map(([, target = '']) => target)
}

const graph = new Map(sources.map((file) => [file.name, importsOf(file)]))

/** Where a request or a person comes in: what runs first. */
const ways = ['form.ts', 'main.ts']

/** '' for the ways in and the vocabulary. */
const roomOf = (file: string) => (dirname(file) === '.' ? '' : dirname(file))

const drawing = readFileSync(join(root, 'docs/architecture.md'), 'utf8')

/** Room → the rooms that it may import, from the table. */
const drawn = new Map(
  drawing
    .split('\n')
    .map((line) => /^\| `src\/?([\w/-]*)` \|[^|]*\|([^|]*)\|$/.exec(line))
    .filter((match) => match !== null)
    .map(([, room = '', imports = '']) => [room, imports] as const),
)

function allowedRooms(room: string): string[] {
  const imports = drawn.get(room) ?? ''
  return imports
    .replace(/;/g, ',')
    .split(/,| and | only /)
    .map((name) => name.trim())
}

/** The circles of a graph, by Tarjan's strongly connected components. */
function circlesOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (node: string): number => {
    index.set(node, index.size)
    let lowest = index.get(node) ?? 0
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (next === node) circles.push([node])
      if (!edges.has(next)) continue
      if (!index.has(next)) lowest = Math.min(lowest, visit(next))
      else if (stack.includes(next)) lowest = Math.min(lowest, index.get(next) ?? 0)
    }
    low.set(node, lowest)
    if (lowest === index.get(node)) {
      const circle = stack.splice(stack.indexOf(node))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return lowest
  }
  for (const node of edges.keys()) if (!index.has(node)) visit(node)
  return circles
}

test('every folder is a room of the drawing, and every room a folder', () => {
  const folders = [...new Set(sources.map(({ name }) => roomOf(name)))]
  assert.deepEqual(folders.sort(), [...drawn.keys()].sort())
})

test('every import of one of our files finds it', () => {
  const files = new Set(graph.keys())
  const missing = [...graph].flatMap(([name, imports]) =>
    imports
      .filter((path) => path.endsWith('.ts') && !files.has(path))
      .map((path) => `${name} imports ${path}`),
  )
  assert.deepEqual(missing, [])
  // A pattern that finds no imports would pass all of these tests.
  assert.ok([...graph.values()].flat().length > 300)
})

test('a room imports the rooms that the drawing allows, and the vocabulary', () => {
  const wrong = [...graph].flatMap(([name, imports]) =>
    imports
      .filter((path) => path.endsWith('.ts'))
      .filter((path) => {
        const [from, to] = [roomOf(name), roomOf(path)]
        if (ways.includes(name)) return !allowedRooms('').includes(to) && to !== ''
        if (from === '') return to !== '' || ways.includes(path)
        return to === '' ? ways.includes(path) : to !== from && !allowedRooms(from).includes(to)
      })
      .map((path) => `${name} imports ${path}`),
  )
  assert.deepEqual(wrong, [])
})

test('the drawing allows no import that nobody uses', () => {
  const used = (from: string, to: string) =>
    [...graph].some(
      ([name, imports]) => roomOf(name) === from && imports.some((path) => roomOf(path) === to),
    )
  const unused = [...drawn.keys()].flatMap((room) =>
    allowedRooms(room)
      .filter((other) => drawn.has(other) && other !== '' && !used(room, other))
      .map((other) => `${room} imports nothing of ${other}`),
  )
  assert.deepEqual(unused, [])
})

test('there is no circle of files', () => {
  assert.deepEqual(circlesOf(graph), [])
})

test('there is no circle of rooms, and no room imports its parent', () => {
  const rooms = new Map<string, string[]>()
  for (const [name, imports] of graph) {
    const room = ways.includes(name) ? name : roomOf(name)
    const targets = imports.filter((path) => path.endsWith('.ts')).map(roomOf)
    rooms.set(room, [...(rooms.get(room) ?? []), ...targets.filter((target) => target !== room)])
  }
  assert.deepEqual(circlesOf(rooms), [])
  const toParent = [...rooms].filter(([room, targets]) =>
    targets.some((target) => target !== '' && room.startsWith(`${target}/`)),
  )
  assert.deepEqual(toParent, [])
})

test('upload, tus, submission and page share only seam and rules of other rooms', () => {
  const shared: Readonly<Record<string, RegExp>> = {
    upload: /^storage\/(storage|filename)\.ts$/,
    tus: /^storage\/(storage|filename)\.ts$/,
    submission: /^storage\/storage\.ts$/,
    'pages/client': /^(upload\/rules|storage\/filename)\.ts$/,
  }
  for (const [room, allowed] of Object.entries(shared)) {
    const reached = [...graph]
      .filter(([name]) => roomOf(name) === room)
      .flatMap(([, imports]) => imports)
      .filter((path) => /^(storage|upload)\//.test(path) && roomOf(path) !== room)
      .filter((path) => room !== 'tus' || path.startsWith('storage/'))
    assert.ok(reached.length > 0, room)
    assert.deepEqual(
      reached.filter((path) => !allowed.test(path)),
      [],
      room,
    )
  }
})

test('node:fs is used where the drawing says', () => {
  const rooms = [
    'storage',
    'settings',
    'program',
    'driver',
    'check',
    'command',
    'command/check-url',
    'command/trial-server',
  ]
  const files = ['main.ts', 'log.ts', 'random-id.ts', 'pages/theme.ts']
  const users = sources
    .filter(({ text }) => importsOfCode(text).includes('node:fs'))
    .map(({ name }) => name)
  assert.ok(users.length > 10)
  assert.deepEqual(
    users.filter((name) => !rooms.includes(roomOf(name)) && !files.includes(name)),
    [],
  )
})

test('the path of a request loads node:fs and node:path and no other builtin', () => {
  const builtins = sources
    .filter(({ name }) => !name.startsWith('command/'))
    .flatMap(({ text }) => importsOfCode(text))
    .filter((name) => name.startsWith('node:'))
  assert.deepEqual([...new Set(builtins)].sort(), ['node:fs', 'node:path'])
})

test('nothing asks for `performance`, for which Node would load ten modules', () => {
  const users = sources
    .filter(({ name, text }) => roomOf(name) !== 'pages/client' && /\bperformance\.now/.test(text))
    .map(({ name }) => name)
  assert.deepEqual(users, [])
})

test('commands and the check room are loaded lazily, and text files by two files alone', () => {
  const importersOf = (isMeant: (path: string) => boolean) =>
    [...graph].filter(([, imports]) => imports.some(isMeant)).map(([name]) => name)
  const outside = (room: string) =>
    importersOf((path) => path.startsWith(`${room}/`)).filter(
      (name) => !name.startsWith('command/') && roomOf(name) !== room,
    )
  assert.deepEqual([outside('command'), outside('check')], [['main.ts'], ['main.ts']])
  const main = sources.find(({ name }) => name === 'main.ts')?.text ?? ''
  assert.doesNotMatch(importsOfCode(main).join(' '), /\/(command|check)\//)
  assert.deepEqual(importersOf((path) => /\?\w+$/.test(path)).sort(), [
    'languages/files.ts',
    'pages/files.ts',
  ])
})

test('only what the drawing names is flat, no file is long, and lines are short', () => {
  const [, named = ''] = /the vocabulary, the files(.*?)\.\s+Imports of types/s.exec(drawing) ?? []
  const vocabulary = [...named.matchAll(/`([\w-]+)(?:\.ts)?`/g)].map(([, name]) => `${name}.ts`)
  const flat = globSync('*.ts', { cwd: src }).filter((path) => !path.endsWith('.d.ts'))
  assert.deepEqual(flat.sort(), vocabulary.sort())
  const all = globSync(`${src}/**/*.{ts,css}`).map((path) => ({
    name: relative(src, path),
    lines: readFileSync(path, 'utf8').split('\n'),
  }))
  const long = all.filter(({ lines }) => lines.length - 1 > 300).map(({ name }) => name)
  assert.deepEqual(long, [])
  const wide = all.flatMap(({ name, lines }) =>
    lines.flatMap((line, i) => ([...line].length > 100 ? [`${name}:${i + 1}`] : [])),
  )
  assert.deepEqual(wide, [])
})
