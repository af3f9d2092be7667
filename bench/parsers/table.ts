// Runs every parser on every body and makes the Markdown table. Called by main.ts and by the test that holds
// docs/security.md to it.

import { bodies, manyFields } from './bodies.ts'
import { type Verdict, verdict } from './compare.ts'
import { type Peer, peers, receiveByBusboy, receiveByFastify } from './peers.ts'

export type Row = { readonly body: string; readonly verdicts: readonly Verdict[] }
export type Measured = {
  readonly head: readonly string[]
  readonly rows: readonly Row[]
  readonly chunks: readonly string[]
}

/** Peers that are not installed are left out, if `of` does not name them. */
export async function measure(of: readonly Peer[] = peers): Promise<Measured> {
  const head = of.map((peer) => `${peer.name} ${peer.version()}`)
  const rows: Row[] = []
  for (const body of bodies) {
    const verdicts = await Promise.all(
      of.map(async (peer) => verdict(body, await peer.receive(body))),
    )
    rows.push({ body: body.name, verdicts })
  }
  return { head, rows, chunks: await fieldsByChunkSize([100, 4096, 65536]) }
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

/** The table as it stands in the document. */
export function documented(document: string): string {
  return /<!-- parsers:begin -->[\s\S]*<!-- parsers:end -->/.exec(document)?.[0] ?? ''
}

/** How many of 3000 fields each of the two that are pushed chunks finds, by the size of the chunks. */
async function fieldsByChunkSize(sizes: readonly number[]): Promise<string[]> {
  const bytes = Buffer.from(manyFields.bytes, 'latin1')
  const lines: string[] = []
  for (const [name, receive] of [
    ['busboy', receiveByBusboy],
    ['@fastify/busboy', receiveByFastify],
  ] as const) {
    const found: string[] = []
    for (const size of sizes) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      )
      const outcome = await receive(manyFields, chunks)
      found.push(`${typeof outcome === 'string' ? outcome : outcome.length} in chunks of ${size}`)
    }
    lines.push(`- Of 3000 fields ${name} finds ${found.join(', ')} bytes.`)
  }
  return lines
}

function cell({ words, isLoss }: Verdict): string {
  return isLoss ? `**${words}**` : words
}
