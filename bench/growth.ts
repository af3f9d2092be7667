// Measures whether anything grows that should not: the time of a POST with the number of files that
// are already there, and the time of the parser with the size of the body and with bytes that look
// almost like a delimiter.

import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { MultipartParser } from '../src/multipart/parser.ts'
import { measure, median, quantile, ratio } from './measure.ts'
import { aim, heading, table } from './report.ts'
import { type Body, bodyFile, boundary, ours, plain, requestEnv, type Setting } from './setting.ts'

export function benchGrowth(setting: Setting): void {
  directories(setting)
  parser(setting)
}

const counts = [0, 10, 1000, 100_000]

function directories(setting: Setting): void {
  const body = bodyFile(setting, 'growth', [1000])
  // The names that the upload would get, in order; and other names.
  const same = (i: number) => (i === 1 ? '0.bin' : `0-${i}.bin`)
  for (const [kind, nameOf] of [
    ['the same name', same],
    ['other names', (i: number) => `file-${i}.bin`],
  ] as const) {
    growing(setting, body, kind, nameOf)
  }
  rmSync(body.path)
}

function growing(setting: Setting, body: Body, kind: string, nameOf: (i: number) => string): void {
  const folders = counts.map((count) => {
    const folder = join(setting.home, `with-${count}`)
    mkdirSync(folder)
    for (let i = 1; i <= count; i++) closeSync(openSync(join(folder, nameOf(i)), 'w'))
    return folder
  })
  const more = { ...plain, UPLOAD_CGI_ON_CONFLICT: 'rename' }
  const commands = folders.map((folder, i) =>
    ours(String(counts[i]), { ...more, UPLOAD_CGI_DIRECTORY: folder }),
  )
  const samples = measure({
    rounds: setting.isQuick ? 15 : 60,
    input: body.path,
    through: 'pipe',
    directory: setting.directory,
    env: requestEnv(setting, 'POST', body.bytes),
    commands,
  })
  const first = samples.get('0')
  heading(`POST of 1 KB into a directory with files of ${kind}`)
  table(
    ['files', 'median ms', 'to an empty directory'],
    [...samples].map(([name, own]) => [
      name,
      (median(own) / 1e6).toFixed(1),
      ratio(own, first).median.toFixed(2),
    ]),
  )
  aim(
    `POST into 100 000 files of ${kind} to an empty directory`,
    ratio(samples.get('100000'), first),
    1.2,
  )
  for (const folder of folders) rmSync(folder, { recursive: true })
}

/**
 * Measures the parser from memory, in chunks of the size that a pipe gives. It runs under the
 * bench's own V8, with compiled code, so only the ratios count.
 */
function parser(setting: Setting): void {
  const sizes = setting.isQuick ? [2 ** 20, 2 ** 24, 2 ** 28] : [2 ** 20, 2 ** 24, 2 ** 28, 2 ** 33]
  const kinds: [string, Buffer][] = [
    ['zeros', Buffer.alloc(65_536)],
    ['line ends', Buffer.alloc(65_536, '\r\n')],
    ['nearly delimiters', Buffer.alloc(65_536, `\r\n--${boundary.slice(0, -1)}`)],
  ]
  const rows = kinds.map(([name, chunk]) => [
    name,
    ...sizes.map((size) => nanoseconds(chunk, size).toFixed(2)),
  ])
  heading('The parser alone, nanoseconds a byte')
  table(['bytes', ...sizes.map((size) => `${size / 2 ** 20} MiB`)], rows)
}

function nanoseconds(chunk: Buffer, size: number): number {
  const times = Array.from({ length: size > 2 ** 30 ? 1 : 5 }, () => {
    let count = 0
    const parser = new MultipartParser(boundary, {
      partBegin: () => undefined,
      partData: (bytes) => {
        count += bytes.length
      },
      partEnd: () => undefined,
    })
    const startedAt = process.hrtime.bigint()
    parser.write(
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n`,
      ),
    )
    for (let left = size; left > 0; left -= chunk.length) parser.write(chunk)
    parser.write(Buffer.from(`\r\n--${boundary}--\r\n`))
    parser.end()
    if (count < size) throw new Error('the parser lost bytes')
    return Number(process.hrtime.bigint() - startedAt) / size
  })
  return quantile(times, 0.5)
}
