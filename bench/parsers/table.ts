// Runs every parser on every body and makes the Markdown table of docs/security.md.

import { bodies, manyFields } from './bodies.ts'
import { type Verdict, verdict } from './compare.ts'
import { type Peer, peers } from './peers.ts'

export type Row = { readonly body: string; readonly verdicts: readonly Verdict[] }
export type Measured = {
  readonly head: readonly string[]
  readonly rows: readonly Row[]
  readonly chunks: readonly string[]
}

export async function measure(of: readonly Peer[] = peers): Promise<Measured> {
  const head = of.map((peer) => `${peer.name} ${peer.version()}`)
  const rows: Row[] = []
  for (const body of bodies) {
    const verdicts = await Promise.all(
      of.map(async (peer) => verdict(body, await peer.receive(body))),
    )
    rows.push({ body: body.name, verdicts })
  }
  const chunks: string[] = []
  for (const { name, receiveChunks } of of) {
    if (receiveChunks !== undefined) chunks.push(await wordsOfChunks(name, receiveChunks))
  }
  return { head, rows, chunks }
}

/** The parsers that are installed on this machine. */
export function installed(): readonly Peer[] {
  return peers.filter((peer) => {
    try {
      return peer.version() !== ''
    } catch {
      return false
    }
  })
}

export function table({ head, rows, chunks }: Measured): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const losses = head.map((_, i) => rows.filter((row) => row.verdicts[i]?.isLoss).length)
  return [
    '<!-- parsers:begin -->',
    line(['', ...head]),
    line(['---', ...head.map(() => '---')]),
    ...rows.map((row) => line([row.body, ...row.verdicts.map(cell)])),
    line(['**lost without a word**', ...losses.map((n) => `**${n} of ${rows.length}**`)]),
    '',
    ...chunks,
    '<!-- parsers:end -->',
  ].join('\n')
}

/** The table that is in the document. */
export function documented(document: string): string {
  return /<!-- parsers:begin -->[\s\S]*<!-- parsers:end -->/.exec(document)?.[0] ?? ''
}

type ReceiveChunks = NonNullable<Peer['receiveChunks']>

/** Whether it matters to the parser how the bytes arrive. */
async function wordsOfChunks(name: string, receive: ReceiveChunks): Promise<string> {
  const found = await fieldsByChunkSize(receive)
  const { cuts, others } = await splitsThatDiffer(receive)
  const tried = `a body of 3000 fields in
  chunks of ${listed(chunkSizes)} bytes, and each body above cut in two at every byte (${cuts} places)`
  if (found.every((count) => count === '3000') && others === 0) {
    return `- How the bytes arrive changes nothing for ${name}: tried were ${tried}.`
  }
  return `- How the bytes arrive matters to ${name}: tried were ${tried}; it found ${listed(found)}
  fields, and another outcome at ${others} places.`
}

/** How many of the 3000 fields the parser finds, by the size of the chunks. */
async function fieldsByChunkSize(receive: ReceiveChunks): Promise<string[]> {
  const bytes = Buffer.from(manyFields.bytes, 'latin1')
  const found: string[] = []
  for (const size of chunkSizes) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    )
    const outcome = await receive(manyFields, chunks)
    found.push(typeof outcome === 'string' ? outcome : String(outcome.length))
  }
  return found
}

/** Cuts each body in two at every byte, except the one body that is too long for that. */
async function splitsThatDiffer(receive: ReceiveChunks): Promise<{ cuts: number; others: number }> {
  let cuts = 0
  let others = 0
  for (const body of bodies.filter((body) => body.bytes.length < longestSplitBytes)) {
    const bytes = Buffer.from(body.bytes, 'latin1')
    const whole = JSON.stringify(await receive(body, [bytes]))
    const at = Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)
    const outcomes = await Promise.all(
      at.map((i) => receive(body, [bytes.subarray(0, i), bytes.subarray(i)])),
    )
    cuts += outcomes.length
    others += outcomes.filter((outcome) => JSON.stringify(outcome) !== whole).length
  }
  return { cuts, others }
}

function listed(items: readonly (string | number)[]): string {
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`
}

function cell({ words, isLoss }: Verdict): string {
  return isLoss ? `**${words}**` : words
}

const chunkSizes = [100, 4096, 65536]
const longestSplitBytes = 2000
