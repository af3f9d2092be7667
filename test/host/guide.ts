// docs/servers.md as the tests read it: its sections, the files and commands it shows, its tables.
// What a test loads into a server is taken from here, so that the guide and the tests cannot
// differ.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

export type Block = {
  /** The path that the paragraph right above names last, if that ends with a colon; or ''. */
  readonly path: string
  /** As the fence says: apache, nginx, toml, sh … */
  readonly language: string
  readonly text: string
}

/** A row by the table's headings. */
export type Row = Readonly<Record<string, string>>

export class Section {
  readonly text: string
  readonly blocks: readonly Block[]

  constructor(text: string) {
    this.text = text
    this.blocks = blocksOf(text.split('\n'))
  }

  /** The only block of that file, or of that language when it names no file. */
  block(pathOrLanguage: string): string {
    const found = this.blocks.filter(
      ({ path, language }) =>
        path === pathOrLanguage || (path === '' && language === pathOrLanguage),
    )
    assert.equal(found.length, 1, `the guide shows ${pathOrLanguage} ${found.length} times here`)
    return found[0]?.text ?? ''
  }

  /** All its shell commands. */
  script(): string {
    const blocks = this.blocks.filter(({ path, language }) => language === 'sh' && path === '')
    return blocks.map(({ text }) => text).join('')
  }

  /** Its only table, by the text of the first column, without the marks of code. */
  table(): ReadonlyMap<string, Row> {
    const lines = this.text.split('\n').filter((line) => line.startsWith('|'))
    const [headings = [], , ...rows] = lines.map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    return new Map(
      rows.map((cells) => [
        cells[0]?.replaceAll('`', '') ?? '',
        Object.fromEntries(headings.map((heading, i) => [heading, cells[i] ?? ''])),
      ]),
    )
  }
}

/** The section of that heading, without the sections below it. */
export function section(heading: string): Section {
  const found = sections.filter((lines) => lines[0]?.replace(/^#+ /, '') === heading)
  assert.equal(found.length, 1, `docs/servers.md has ${found.length} headings "${heading}"`)
  return new Section(found[0]?.join('\n') ?? '')
}

/** What the guide says that a client sees of this server. */
export function promisesOf(server: string, heading = 'What people see'): Row {
  const row = section(heading).table().get(server)
  assert.ok(row !== undefined, `the table of docs/servers.md has no row "${server}"`)
  return row
}

function blocksOf(lines: readonly string[]): Block[] {
  const blocks: Block[] = []
  let paragraph = ''
  let block: string[] | undefined
  let language = ''
  for (const line of lines) {
    if (block === undefined && line.startsWith('```')) {
      block = []
      language = line.slice(3).trim()
    } else if (block !== undefined && line === '```') {
      const path = /`([^`]*\/[^`]*)`[^`]*:$/.exec(paragraph.trimEnd())?.[1] ?? ''
      blocks.push({ path, language, text: block.map((text) => `${text}\n`).join('') })
      block = undefined
      paragraph = ''
    } else if (block !== undefined) {
      block.push(line)
    } else if (line !== '') {
      paragraph = paragraph.endsWith('\n') ? line : `${paragraph} ${line}`.trim()
    } else if (paragraph !== '') {
      // A block follows right here, or the next paragraph.
      paragraph = `${paragraph.trimEnd()}\n`
    }
  }
  return blocks
}

/** Split at headings; a comment in a block may look like one. */
function split(lines: readonly string[]): string[][] {
  const parts: string[][] = [[]]
  let isBlock = false
  for (const line of lines) {
    if (line.startsWith('```')) isBlock = !isBlock
    if (!isBlock && /^#+ /.test(line)) parts.push([])
    parts.at(-1)?.push(line)
  }
  return parts
}

const guide = readFileSync(new URL('../../docs/servers.md', import.meta.url), 'utf8')
const sections = split(guide.split('\n'))
