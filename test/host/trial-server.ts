// The trial server in a process of its own, so that tests can look at its output and its memory,
// with small shell scripts as the CGI programs; and clients for it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freshDirectory, root } from './program.ts'

/** Where the scripts are. */
export const place = freshDirectory({ after })

const server = join(root, 'src/command/trial-server/trial-server.ts')

export async function launch(program: string, ask = {}) {
  const env = { PATH: process.env.PATH, UPLOAD_CGI_DIRECTORY: '/srv/uploads', SECRET: 'x' }
  const usual = {
    ...{ port: 0, host: '127.0.0.1', names: ['example.test', 'a'] },
    ...{ program, env, directory: '/srv/uploads', notes: [] },
  }
  const source = `import { startServer } from ${JSON.stringify(server)}
    const running = await startServer(${JSON.stringify({ ...usual, ...ask })})
    process.stdin.on('end', () => running.close()).resume()`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source])
  const [stdout, stderr]: [string[], string[]] = [[], []]
  child.stdout.on('data', (text) => stdout.push(String(text)))
  child.stderr.on('data', (text) => stderr.push(String(text)))
  const exit = once(child, 'exit')
  await eventually(() => stdout.join('').endsWith('production.\n'))
  const url = /http:\S+/.exec(stdout.join(''))?.[0] ?? ''
  return {
    url,
    port: Number(new URL(url).port),
    stdout: () => stdout.join(''),
    stderr: () => stderr.join(''),
    peakResidentBytes: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]) * 1024
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await exit
    },
  }
}

export function script(name: string, commands: string): string {
  writeFileSync(join(place, name), `#!/bin/sh\n${commands}\n`, { mode: 0o755 })
  return join(place, name)
}

export async function send(url: string, method = 'GET', body = Buffer.alloc(0), headers = {}) {
  const outgoing = request(url, { method, headers })
  outgoing.on('error', () => undefined).end(body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const received = await buffer(incoming)
  const { statusCode: status, headers: fields } = incoming
  return { status, headers: fields, body: received, text: received.toString() }
}

export async function raw(port: number, message: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(message)
  return (await buffer(socket)).toString()
}

export function variables(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.replace(/^\w+=/, '')]))
}

export async function eventually<T>(look: () => T): Promise<T> {
  for (let attempt = 0; attempt < 6000; attempt += 1) {
    try {
      const seen = look()
      if (seen) return seen
    } catch {}
    await sleep(10)
  }
  throw new Error(`not within a minute: ${look}`)
}
