// The text of tus 1.0.0 (https://tus.io/protocols/resumable-upload), rule by rule, for what is offered here: core,
// creation, creation with upload, expiration, checksum, termination. Each case through the built executable by
// itself, under `serve` and through Apache. Then what the text leaves open: limits, guards, other sites, cut bodies.

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statfsSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { runCgi } from '../host/cgi-host.ts'
import { cannotMount, mountTmpfs } from '../host/mounts.ts'
import { missing } from '../host/servers.ts'
import { startSleeper } from '../host/sleeper.ts'
import {
  byItself,
  newDirectory,
  overHttp,
  program,
  startTusApache,
  type TusReply,
  type TusServer,
  throughApache,
  throughServe,
} from '../host/tus.ts'

const pieceType = 'application/offset+octet-stream'
const content = Buffer.from('hello world, this is a file')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const sum = (algorithm: string, bytes: Buffer) =>
  `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`

const ways = [
  { name: 'by itself', start: byItself, skip: false as const },
  { name: 'under serve', start: throughServe, skip: false as const },
  { name: 'through Apache', start: throughApache, skip: missing('apache2') },
]

type Headers = Readonly<Record<string, string | undefined>>

for (const { name: way, start, skip } of ways) {
  describe(way, { skip }, () => {
    const rule = (
      name: string,
      body: (server: TusServer, t: TestContext) => Promise<void>,
      settings: Readonly<Record<string, string>> = {},
    ) => test(name, async (t) => body(await start(t, settings), t))

    // --- Core ---

    rule(
      'OPTIONS tells version, extensions, largest size and checksum algorithms',
      async (server) => {
        for (const path of ['/tus', '/tus/']) {
          const reply = await server.send({ method: 'OPTIONS', path })
          assert.equal(reply.status, 204)
          assert.equal(reply.header('Tus-Version'), '1.0.0')
          assert.equal(reply.header('Tus-Resumable'), '1.0.0')
          assert.equal(reply.header('Tus-Max-Size'), '100000000')
          assert.equal(reply.header('Tus-Checksum-Algorithm'), 'sha1,sha256')
          assert.deepEqual(reply.header('Tus-Extension')?.split(',').sort(), [
            'checksum',
            'creation',
            'creation-with-upload',
            'expiration',
            'termination',
          ])
          assert.equal(reply.header('Allow'), 'HEAD, POST, PATCH, DELETE, OPTIONS')
        }
      },
    )

    rule('OPTIONS ignores Tus-Resumable', async (server) => {
      for (const version of [undefined, '0.2.2', 'nonsense']) {
        const reply = await server.send({
          method: 'OPTIONS',
          headers: { 'Tus-Resumable': version },
        })
        assert.equal(reply.status, 204)
        assert.equal(reply.header('Tus-Version'), '1.0.0')
      }
    })

    rule(
      'Tus-Max-Size is left out where there is no limit',
      async (server) => {
        const reply = await server.send({ method: 'OPTIONS' })
        assert.equal(reply.header('Tus-Max-Size'), undefined)
      },
      { UPLOAD_CGI_MAX_FILE_SIZE: '0' },
    )

    rule('another version, or none, is refused with 412 and nothing is done', async (server) => {
      const path = await create(server, { length: 10 })
      for (const version of [undefined, '0.2.2', '1.0.1', '2.0.0']) {
        const headers = { 'Tus-Resumable': version }
        const refusals = [
          await create(server, { length: 10, headers }, 'reply'),
          await server.send({ method: 'HEAD', path, headers }),
          await patch(server, path, 0, Buffer.from('x'), headers),
          await server.send({ method: 'DELETE', path, headers }),
        ]
        for (const reply of refusals) {
          assert.equal(reply.status, 412)
          assert.equal(reply.header('Tus-Version'), '1.0.0')
          assert.equal(reply.header('Tus-Resumable'), '1.0.0')
          assert.equal(reply.header('Upload-Offset'), undefined)
        }
        assert.equal(JSON.parse(refusals[0]?.text ?? '').code, 'UNSUPPORTED_TUS')
      }
      assert.equal(await offsetOf(server, path), '0')
      assert.deepEqual(server.incoming(), ['data', 'journal'])
    })

    rule('every reply says Tus-Resumable, refusals too', async (server) => {
      const path = await create(server, { length: 3 })
      const replies = [
        await server.send({ method: 'OPTIONS' }),
        await create(server, { length: 3 }, 'reply'),
        await create(server, { length: -1 }, 'reply'),
        await server.send({ method: 'HEAD', path }),
        await server.send({ method: 'HEAD', path: '/tus/nothing' }),
        await patch(server, path, 1, Buffer.from('abc')),
        await patch(server, path, 0, Buffer.from('abc')),
        await server.send({ method: 'DELETE', path }),
        await server.send({ method: 'PUT', path }),
      ]
      for (const reply of replies) assert.equal(reply.header('Tus-Resumable'), '1.0.0', reply.text)
    })

    rule('HEAD tells offset and length, and is not to be cached', async (server) => {
      const path = await create(server, { length: content.length })
      const before = await server.send({ method: 'HEAD', path })
      assert.equal(before.status, 200)
      assert.equal(before.header('Upload-Offset'), '0')
      assert.equal(before.header('Upload-Length'), String(content.length))
      assert.equal(before.header('Cache-Control'), 'no-store')
      assert.equal(before.header('Upload-Defer-Length'), undefined)
      assert.equal(before.text, '')
      await patch(server, path, 0, content.subarray(0, 11))
      assert.equal(await offsetOf(server, path), '11')
    })

    rule('HEAD tells offset and length of an upload that is complete, too', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      await patch(server, path, 0, content)
      const reply = await server.send({ method: 'HEAD', path })
      assert.equal(reply.status, 200)
      assert.equal(reply.header('Upload-Offset'), String(content.length))
      assert.equal(reply.header('Upload-Length'), String(content.length))
      assert.equal(reply.header('Upload-Expires'), undefined)
      assert.equal(reply.header('Content-Location'), 'a.txt')
    })

    rule('what is not known is 404, without an offset', async (server) => {
      const unknown = ['/tus/0123456789abcdef0123456789abcdef', '/tus/x', '/tus/../tus/x', '/tus']
      for (const path of unknown) {
        for (const method of ['HEAD', 'DELETE']) {
          const reply = await server.send({ method, path })
          assert.equal(reply.status, 404, `${method} ${path}`)
          assert.equal(reply.header('Upload-Offset'), undefined)
        }
        const reply = await patch(server, path, 0, content)
        assert.equal(reply.status, 404)
        assert.equal(JSON.parse(reply.text).code, 'NO_SUCH_UPLOAD')
      }
      const path = await create(server, { length: 5 })
      const { status } = await server.send({ method: 'HEAD', path: `${path}/` })
      assert.equal(status, 404)
    })

    rule(
      'PATCH appends at the offset and tells the new one; the last stores the file',
      async (server) => {
        const path = await create(server, { length: content.length, name: 'a.txt' })
        const first = await patch(server, path, 0, content.subarray(0, 5))
        assert.equal(first.status, 204)
        assert.equal(first.header('Upload-Offset'), '5')
        assert.equal(first.header('Content-Location'), undefined)
        assert.deepEqual(server.stored(), {})
        const last = await patch(server, path, 5, content.subarray(5))
        assert.equal(last.status, 204)
        assert.equal(last.header('Upload-Offset'), String(content.length))
        assert.equal(last.header('Content-Location'), 'a.txt')
        assert.equal(last.text, '')
        assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
        assert.deepEqual(server.incoming(), ['journal'])
      },
    )

    rule('PATCH of another type is refused with 415 and changes nothing', async (server) => {
      const path = await create(server, { length: content.length })
      const types = [undefined, 'application/octet-stream', 'text/plain', `x${pieceType}`]
      for (const type of types) {
        const reply = await patch(server, path, 0, content, { 'Content-Type': type })
        assert.equal(reply.status, 415)
        assert.equal(JSON.parse(reply.text).code, 'NOT_A_PIECE')
      }
      assert.equal(await offsetOf(server, path), '0')
    })

    rule(
      'PATCH elsewhere than at the offset is refused with 409 and changes nothing',
      async (server) => {
        const path = await create(server, { length: content.length })
        await patch(server, path, 0, content.subarray(0, 5))
        for (const offset of [0, 4, 6, 27, 28, 9_000_000_000]) {
          const reply = await patch(server, path, offset, content.subarray(5, 6))
          assert.equal(reply.status, 409, `${offset}`)
          assert.equal(reply.header('Upload-Offset'), '5')
          assert.equal(JSON.parse(reply.text).offset, 5)
        }
        assert.equal(await offsetOf(server, path), '5')
        await patch(server, path, 5, content.subarray(5))
        assert.deepEqual(Object.values(server.stored()), [content.toString()])
      },
    )

    rule('an offset that is missing or no number is refused with 400', async (server) => {
      const path = await create(server, { length: content.length })
      for (const offset of [undefined, '-1', '', 'x', '0x0', '0.0']) {
        const reply = await patch(server, path, 0, content, { 'Upload-Offset': offset })
        assert.equal(reply.status, 400, `${offset}`)
        assert.equal(JSON.parse(reply.text).code, 'BAD_UPLOAD')
      }
      assert.equal(await offsetOf(server, path), '0')
    })

    rule(
      'X-HTTP-Method-Override is the method, whatever the request was sent with',
      async (server) => {
        const as = (method: string) => ({ 'X-HTTP-Method-Override': method })
        const path = await create(server, { length: content.length, name: 'a.txt' })
        const type = { 'Content-Type': pieceType }
        const first = await server.send({
          method: 'POST',
          path,
          headers: { ...as('PATCH'), ...type, 'Upload-Offset': '0' },
          body: content.subarray(0, 5),
        })
        assert.equal(first.status, 204)
        assert.equal(first.header('Upload-Offset'), '5')
        const head = await server.send({ method: 'POST', path, headers: as('HEAD') })
        assert.equal(head.status, 200)
        assert.equal(head.header('Upload-Offset'), '5')
        assert.equal(head.text, '')
        const getAsHead = await server.send({ method: 'GET', path, headers: as('HEAD') })
        assert.equal(getAsHead.header('Upload-Offset'), '5')
        const options = await server.send({ method: 'POST', headers: as('OPTIONS') })
        assert.equal(options.header('Tus-Version'), '1.0.0')
        const terminated = await server.send({ method: 'POST', path, headers: as('DELETE') })
        assert.equal(terminated.status, 204)
        assert.deepEqual(server.incoming(), [])
        const put = await server.send({ method: 'POST', path, headers: as('PUT') })
        assert.equal(put.status, 405)
      },
    )

    rule('other methods are refused with 405', async (server) => {
      const path = await create(server, { length: 5 })
      const refused = [
        ['GET', '/tus'],
        ['GET', path],
        ['PUT', path],
        ['POST', path],
      ] as const
      for (const [method, target] of refused) {
        const reply = await server.send({ method, path: target })
        assert.equal(reply.status, 405, `${method} ${target}`)
        assert.equal(reply.header('Allow'), 'HEAD, POST, PATCH, DELETE, OPTIONS')
      }
    })

    rule('an empty PATCH is accepted where the upload stands, also at the end', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const empty = await patch(server, path, 0, Buffer.alloc(0))
      assert.deepEqual([empty.status, empty.header('Upload-Offset')], [204, '0'])
      await patch(server, path, 0, content)
      const again = await patch(server, path, content.length, Buffer.alloc(0))
      assert.equal(again.status, 204)
      assert.equal(again.header('Upload-Offset'), String(content.length))
      assert.equal(again.header('Content-Location'), 'a.txt')
      const withoutLength = await server.send({
        method: 'PATCH',
        path,
        headers: {
          'Content-Type': pieceType,
          'Content-Length': undefined,
          'Upload-Offset': String(content.length),
        },
      })
      assert.equal(withoutLength.status, 204)
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule('a chunked PATCH without a length works', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
      const first = {
        method: 'PATCH',
        path,
        headers,
        body: content.subarray(0, 9),
        isChunked: true,
      }
      const reply = await server.send(first)
      assert.deepEqual([reply.status, reply.header('Upload-Offset')], [204, '9'])
      await server.send({
        ...first,
        headers: { ...headers, 'Upload-Offset': '9' },
        body: content.subarray(9),
      })
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule('more bytes than announced are refused with 413 and none is kept', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const more = Buffer.concat([content, Buffer.from('x')])
      const reply = await patch(server, path, 0, more)
      assert.equal(reply.status, 413)
      assert.equal(JSON.parse(reply.text).code, 'FILE_TOO_LARGE')
      const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
      const chunked = { method: 'PATCH', path, headers, body: more, isChunked: true }
      assert.equal((await server.send(chunked)).status, 413)
      assert.equal(await offsetOf(server, path), '0')
      await patch(server, path, 0, content)
      const beyond = await patch(server, path, content.length, Buffer.from('x'))
      assert.equal(beyond.status, 413)
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule('the length does not change once it is told', async (server) => {
      const path = await create(server, { length: content.length })
      const wrong = await patch(server, path, 0, content, { 'Upload-Length': '99' })
      assert.equal(wrong.status, 400)
      assert.equal(await offsetOf(server, path), '0')
      const right = await patch(server, path, 0, content, { 'Upload-Length': '27' })
      assert.equal(right.status, 204)
    })

    // --- Creation ---

    rule('POST creates an upload, whose Location is relative to what was asked', async (server) => {
      for (const path of ['/tus', '/tus/']) {
        const reply = await server.send({ method: 'POST', path, headers: { 'Upload-Length': '9' } })
        assert.equal(reply.status, 201, reply.text)
        const location = reply.header('Location') ?? ''
        assert.match(location, path === '/tus' ? /^tus\/[0-9a-f]{32}$/ : /^[0-9a-f]{32}$/)
        const { pathname } = new URL(location, `http://localhost${path}`)
        assert.equal(await offsetOf(server, pathname), '0')
      }
    })

    rule('POST without a sensible length is refused with 400', async (server) => {
      for (const length of [undefined, '', '-1', 'x', '1.5', '99999999999999999999']) {
        const reply = await server.send({ method: 'POST', headers: { 'Upload-Length': length } })
        assert.equal(reply.status, 400, length)
        assert.equal(JSON.parse(reply.text).code, 'BAD_UPLOAD')
      }
      assert.deepEqual(server.incoming(), [])
    })

    rule('a deferred length and concatenation are not offered: 400', async (server) => {
      for (const headers of [
        { 'Upload-Defer-Length': '1' },
        { 'Upload-Defer-Length': '2' },
        { 'Upload-Length': '5', 'Upload-Defer-Length': '1' },
        { 'Upload-Length': '5', 'Upload-Concat': 'partial' },
        { 'Upload-Concat': 'final;/tus/a /tus/b' },
      ] as Headers[]) {
        const reply = await server.send({ method: 'POST', headers })
        assert.equal(reply.status, 400)
      }
      assert.deepEqual(server.incoming(), [])
    })

    rule(
      'POST of more than Tus-Max-Size is refused with 413, exactly that passes',
      async (server) => {
        const over = await create(server, { length: 100_000_001 }, 'reply')
        assert.equal(over.status, 413, over.text)
        assert.equal(JSON.parse(over.text).code, 'FILE_TOO_LARGE')
        const exact = await create(server, { length: 100_000_000 }, 'reply')
        assert.equal(exact.status, 201)
      },
    )

    rule('Upload-Metadata names the file, and HEAD gives it back unchanged', async (server) => {
      const text = `filename ${base64('Größe.txt')},filetype ${base64('text/plain')},is_secret`
      const headers = { 'Upload-Metadata': text }
      const path = await create(server, { length: content.length, headers })
      for (const part of [content.subarray(0, 5), content.subarray(5)]) {
        const reply = await server.send({ method: 'HEAD', path })
        assert.equal(reply.header('Upload-Metadata'), text)
        await patch(server, path, part.length === 5 ? 0 : 5, part)
      }
      const reply = await server.send({ method: 'HEAD', path })
      assert.equal(reply.header('Upload-Metadata'), text)
      assert.equal(reply.header('Content-Location'), encodeURIComponent('Größe.txt'))
      assert.deepEqual(Object.keys(server.stored()), ['Größe.txt'])
    })

    rule('without metadata HEAD has none, and the file is called `upload`', async (server) => {
      const path = await create(server, { length: content.length })
      const reply = await server.send({ method: 'HEAD', path })
      assert.equal(reply.header('Upload-Metadata'), undefined)
      await patch(server, path, 0, content)
      assert.deepEqual(Object.keys(server.stored()), ['upload'])
    })

    rule('malformed metadata is refused with 400', async (server) => {
      const wrong = ['filename a', 'a YQ==,a YQ==', 'a YQ== YQ==', 'a,,b', 'filename YQ==, ,']
      for (const text of wrong) {
        const reply = await create(
          server,
          { length: 5, headers: { 'Upload-Metadata': text } },
          'reply',
        )
        assert.equal(reply.status, 400, text)
      }
      assert.deepEqual(server.incoming(), [])
    })

    rule('an empty file is stored at once', async (server) => {
      const reply = await create(server, { length: 0, name: 'empty.txt' }, 'reply')
      assert.equal(reply.status, 201)
      assert.equal(reply.header('Upload-Offset'), '0')
      assert.equal(reply.header('Content-Location'), 'empty.txt')
      assert.equal(reply.header('Upload-Expires'), undefined)
      assert.deepEqual(server.stored(), { 'empty.txt': '' })
    })

    // --- Creation with upload ---

    rule('POST may bring the beginning of the file', async (server) => {
      const reply = await begin(server, content.length, content.subarray(0, 5))
      assert.equal(reply.status, 201, reply.text)
      assert.equal(reply.header('Upload-Offset'), '5')
      assert.match(reply.header('Upload-Expires') ?? '', httpDate)
      const path = `/${reply.header('Location')}`
      assert.equal(await offsetOf(server, path), '5')
      await patch(server, path, 5, content.subarray(5))
      assert.deepEqual(server.stored(), { upload: content.toString() })
    })

    rule('POST may bring the whole file', async (server) => {
      const metadata = { 'Upload-Metadata': `filename ${base64('a.txt')}` }
      const reply = await begin(server, content.length, content, metadata)
      assert.equal(reply.status, 201, reply.text)
      assert.equal(reply.header('Upload-Offset'), String(content.length))
      assert.equal(reply.header('Content-Location'), 'a.txt')
      assert.equal(reply.header('Upload-Expires'), undefined)
      assert.equal(await offsetOf(server, `/${reply.header('Location')}`), String(content.length))
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule('POST with a body that is too long, or no piece, creates nothing', async (server) => {
      const tooLong = await begin(server, 5, content)
      assert.equal(tooLong.status, 413)
      const chunked = await begin(server, 5, content, {}, true)
      assert.equal(chunked.status, 413)
      const type = { 'Content-Type': 'text/plain' }
      const otherType = await begin(server, content.length, content, type)
      assert.equal(otherType.status, 415)
      assert.deepEqual(server.incoming(), [])
    })

    rule('POST may bring a chunked body', async (server) => {
      const reply = await begin(server, content.length, content.subarray(0, 5), {}, true)
      assert.deepEqual([reply.status, reply.header('Upload-Offset')], [201, '5'])
    })

    // --- Expiration ---

    rule('Upload-Expires is told at creation, after each piece and by HEAD', async (server) => {
      const created = await create(server, { length: content.length }, 'reply')
      const path = `/${created.header('Location')}`
      const replies = [
        created,
        await patch(server, path, 0, content.subarray(0, 5)),
        await server.send({ method: 'HEAD', path }),
      ]
      for (const reply of replies) {
        const expires = reply.header('Upload-Expires') ?? ''
        assert.match(expires, httpDate)
        const hours = (Date.parse(expires) - Date.now()) / 3_600_000
        assert.ok(hours > 23.9 && hours < 24.1, expires)
      }
    })

    rule('an upload that expired is 404 once it is swept', async (server) => {
      const path = await create(server, { length: content.length })
      await patch(server, path, 0, content.subarray(0, 5))
      const incoming = join(server.directory, '.incoming')
      const yesterday = new Date(Date.now() - 86_500_000)
      for (const name of readdirSync(incoming))
        utimesSync(join(incoming, name), yesterday, yesterday)
      await create(server, { length: 5 })
      const { status } = await server.send({ method: 'HEAD', path })
      assert.equal(status, 404)
      assert.equal((await patch(server, path, 5, content.subarray(5))).status, 404)
    })

    // --- Checksum ---

    rule('a piece whose checksum is right is taken, of sha1 and sha256', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      const [one, other] = [content.subarray(0, 11), content.subarray(11)]
      const first = await patch(server, path, 0, one, { 'Upload-Checksum': sum('sha1', one) })
      assert.deepEqual([first.status, first.header('Upload-Offset')], [204, '11'])
      await patch(server, path, 11, other, { 'Upload-Checksum': sum('sha256', other) })
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule('a piece whose checksum is wrong is dropped with 460', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      await patch(server, path, 0, content.subarray(0, 5))
      for (const algorithm of ['sha1', 'sha256']) {
        const wrong = { 'Upload-Checksum': sum(algorithm, Buffer.from('other')) }
        for (const bytes of [content.subarray(5, 9), content.subarray(5), Buffer.alloc(0)]) {
          const reply = await patch(server, path, 5, bytes, wrong)
          assert.equal(reply.status, 460)
          assert.equal(JSON.parse(reply.text).code, 'CHECKSUM_MISMATCH')
          assert.equal(await offsetOf(server, path), '5')
        }
      }
      await patch(server, path, 5, content.subarray(5))
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    rule(
      'an unknown or malformed checksum is refused with 400 and changes nothing',
      async (server) => {
        const path = await create(server, { length: content.length })
        const wrong = ['md5 XrY7u+Ae7tCTyyK7j1rNww==', 'sha1', 'sha1 x', 'sha256 AAAA', '']
        for (const text of wrong) {
          const reply = await patch(server, path, 0, content, { 'Upload-Checksum': text })
          assert.equal(reply.status, 400, text)
        }
        const trailer = {
          'Content-Type': pieceType,
          'Upload-Offset': '0',
          Trailer: 'Upload-Checksum',
        }
        const late = { method: 'PATCH', path, headers: trailer, body: content, isChunked: true }
        assert.equal((await server.send(late)).status, 400)
        assert.equal(await offsetOf(server, path), '0')
      },
    )

    rule('the checksum of a creation with upload is looked at, too', async (server) => {
      const wrong = { 'Upload-Checksum': sum('sha1', Buffer.from('other')) }
      assert.equal((await begin(server, content.length, content, wrong)).status, 460)
      assert.deepEqual([server.incoming(), server.stored()], [[], {}])
      const right = { 'Upload-Checksum': sum('sha1', content) }
      assert.equal((await begin(server, content.length, content, right)).status, 201)
    })

    // --- Termination ---

    rule('DELETE frees what was received, and the address is 404 afterwards', async (server) => {
      const path = await create(server, { length: content.length })
      await patch(server, path, 0, content.subarray(0, 5))
      const reply = await server.send({ method: 'DELETE', path })
      assert.equal(reply.status, 204)
      assert.equal(reply.text, '')
      assert.deepEqual(server.incoming(), [])
      for (const method of ['HEAD', 'DELETE']) {
        const { status } = await server.send({ method, path })
        assert.equal(status, 404)
      }
      assert.equal((await patch(server, path, 5, content.subarray(5))).status, 404)
    })

    rule('DELETE never takes back a file that is stored', async (server) => {
      const path = await create(server, { length: content.length, name: 'a.txt' })
      await patch(server, path, 0, content)
      const { status } = await server.send({ method: 'DELETE', path })
      assert.equal(status, 404)
      assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
    })

    // --- What the text leaves open ---

    rule(
      'the same names are refused as in forms',
      async (server) => {
        const refused = await create(server, { length: 5, name: 'x.php.txt' }, 'reply')
        assert.deepEqual(
          [refused.status, JSON.parse(refused.text).code],
          [415, 'EXTENSION_REFUSED'],
        )
        const escaping = await create(server, { length: 0, name: '../../evil.txt' }, 'reply')
        assert.equal(escaping.header('Content-Location'), 'evil.txt')
        writeFileSync(join(server.directory, 'a.txt'), 'before')
        const taken = await create(server, { length: 5, name: 'a.txt' }, 'reply')
        assert.deepEqual([taken.status, JSON.parse(taken.text).code], [409, 'NAME_TAKEN'])
        assert.deepEqual(server.incoming(), ['journal'])
      },
      { UPLOAD_CGI_ON_CONFLICT: 'reject' },
    )

    rule(
      'a body over max_request_size is refused, unread or as it comes, and the piece before stays',
      async (server) => {
        const path = await create(server, { length: content.length, name: 'a.txt' })
        const whole = await patch(server, path, 0, content)
        assert.deepEqual([whole.status, JSON.parse(whole.text).code], [413, 'REQUEST_TOO_LARGE'])
        assert.equal(await offsetOf(server, path), '0')
        const headers = { 'Content-Type': pieceType, 'Upload-Offset': '0' }
        const chunked = { method: 'PATCH', path, headers, body: content, isChunked: true }
        assert.equal((await server.send(chunked)).status, 413)
        // Some servers find out the length of a chunked body first.
        const offset = Number(await offsetOf(server, path))
        assert.ok(offset === 20 || (offset === 0 && way !== 'by itself'), `${offset}`)
        for (let at = offset; at < content.length; at += 20) {
          assert.equal((await patch(server, path, at, content.subarray(at, at + 20))).status, 204)
        }
        assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
      },
      { UPLOAD_CGI_MAX_REQUEST_SIZE: '20' },
    )

    rule(
      'unfinished uploads are counted, and room is asked for before anything is sent',
      async (server) => {
        await create(server, { length: 5 })
        const second = await create(server, { length: 5 }, 'reply')
        assert.deepEqual([second.status, JSON.parse(second.text).code], [503, 'TOO_MANY_UPLOADS'])
        const huge = await create(server, { length: 2 ** 52 }, 'reply')
        assert.ok(['TOO_MANY_UPLOADS', 'DISK_FULL'].includes(JSON.parse(huge.text).code))
      },
      { UPLOAD_CGI_MAX_PARTIAL_UPLOADS: '1', UPLOAD_CGI_MAX_FILE_SIZE: '0' },
    )

    rule(
      'the address in public_url is told when the file is stored',
      async (server) => {
        const metadata = { 'Upload-Metadata': `name ${base64('a b.txt')},type ${base64('text/x')}` }
        const reply = await begin(server, content.length, content, metadata)
        assert.equal(reply.header('Content-Location'), 'https://files.example/a%20b.txt')
      },
      { UPLOAD_CGI_PUBLIC_URL: 'https://files.example/' },
    )

    rule(
      'pages of other sites are refused, but for those allowed, which may read every header',
      async (server) => {
        const path = await create(server, { length: 5 })
        const foreign = { Origin: 'https://evil.example' }
        for (const method of ['POST', 'PATCH', 'DELETE']) {
          const reply = await server.send({ method, path, headers: foreign })
          assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'FOREIGN_ORIGIN'])
          assert.equal(reply.header('Access-Control-Allow-Origin'), undefined)
        }
        const disguised = { ...foreign, 'X-HTTP-Method-Override': 'DELETE' }
        assert.equal((await server.send({ method: 'GET', path, headers: disguised })).status, 403)
        const own = { Origin: 'https://friend.example', 'Tus-Resumable': undefined }
        const asked = await server.send({ method: 'OPTIONS', path, headers: own })
        assert.equal(asked.header('Access-Control-Allow-Origin'), 'https://friend.example')
        const methods = asked.header('Access-Control-Allow-Methods')?.split(', ') ?? []
        for (const method of ['HEAD', 'POST', 'PATCH', 'DELETE'])
          assert.ok(methods.includes(method))
        const may = asked.header('Access-Control-Allow-Headers')?.toLowerCase().split(', ') ?? []
        for (const name of ['tus-resumable', 'upload-length', 'upload-offset', 'upload-metadata']) {
          assert.ok(may.includes(name), name)
        }
        for (const name of ['upload-checksum', 'content-type', 'x-http-method-override']) {
          assert.ok(may.includes(name), name)
        }
        const created = await create(
          server,
          { length: 5, headers: { Origin: own.Origin } },
          'reply',
        )
        assert.equal(created.status, 201)
        const told =
          created.header('Access-Control-Expose-Headers')?.toLowerCase().split(', ') ?? []
        for (const name of ['location', 'upload-offset', 'upload-expires', 'content-location']) {
          assert.ok(told.includes(name), name)
        }
        const form = await server.send({ method: 'OPTIONS', path: '', headers: own })
        assert.equal(form.header('Access-Control-Allow-Methods'), 'GET, HEAD, POST, OPTIONS')
      },
      { UPLOAD_CGI_ALLOWED_ORIGINS: 'https://friend.example' },
    )

    rule(
      'who is not signed in is refused where that is required',
      async (server) => {
        const reply = await create(server, { length: 5 }, 'reply')
        assert.deepEqual([reply.status, JSON.parse(reply.text).code], [403, 'USER_REQUIRED'])
      },
      { UPLOAD_CGI_REQUIRE_USER: 'true' },
    )

    rule(
      'settings that are wrong refuse all but OPTIONS',
      async (server) => {
        for (const method of ['HEAD', 'POST', 'PATCH', 'DELETE']) {
          assert.equal((await server.send({ method })).status, 503)
        }
        assert.equal((await server.send({ method: 'OPTIONS' })).status, 204)
      },
      { UPLOAD_CGI_MAX_FILES: 'many' },
    )

    rule('an address that only begins like ours is the form', async (server) => {
      const reply = await server.send({
        method: 'GET',
        path: '/tusk',
        headers: { Accept: 'text/html' },
      })
      assert.equal(reply.status, 200)
      assert.equal(reply.header('Tus-Resumable'), undefined)
    })

    rule(
      'the log has a line for the finished upload, with its pieces and the other metadata',
      async (server) => {
        const headers = {
          'Upload-Metadata': `filename ${base64('a.txt')},note ${base64('for Ann')}`,
        }
        const path = await create(server, { length: content.length, headers })
        await patch(server, path, 0, content.subarray(0, 5))
        await patch(server, path, 5, content.subarray(5))
        const lines = readFileSync(join(server.directory, 'log'), 'utf8').trim().split('\n')
        const last = JSON.parse(lines.at(-1) ?? '')
        assert.deepEqual(
          [last.method, last.status, last.pieces, last.files[0].stored, last.fields],
          ['PATCH', 204, 2, 'a.txt', [['note', 'for Ann']]],
        )
        assert.equal(last.files[0].sha256, createHash('sha256').update(content).digest('hex'))
        assert.equal(lines.length, 3)
      },
      { UPLOAD_CGI_LOG_FILE: '{directory}/log' },
    )

    rule(
      'what is all there but not stored is stored by HEAD, never told as if it were',
      async (server) => {
        const path = await create(server, { length: content.length, name: 'a.txt' })
        await patch(server, path, 0, content.subarray(0, 5))
        const incoming = join(server.directory, '.incoming')
        const id = path.slice('/tus/'.length)
        // As a sender leaves it that was killed right before storing the file.
        writeFileSync(join(incoming, `${id}.data`), content)
        writeFileSync(join(incoming, `${id}.journal`), `[${content.length},2]\n`, { flag: 'a' })
        const head = await server.send({ method: 'HEAD', path })
        assert.equal(head.status, 200, head.text)
        assert.equal(head.header('Upload-Offset'), String(content.length))
        assert.equal(head.header('Upload-Length'), String(content.length))
        assert.equal(head.header('Content-Location'), 'a.txt')
        assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
      },
    )
  })
}

test('a sender that was silent so long that another went on leaves what that one sent', async (t) => {
  const server = await byItself(t)
  const path = await create(server, { length: content.length, name: 'a.txt' })
  const sleeper = await sleepingPatch(server, path, content.length, content.subarray(0, 9))
  assert.equal((await patch(server, path, 0, content.subarray(0, 20))).status, 204)
  assert.equal((await sleeper.wake()).status, 400)
  assert.equal((await patch(server, path, 20, content.subarray(20))).status, 204)
  assert.deepEqual(server.stored(), { 'a.txt': content.toString() })
})

test('what a sender had not written when another one stored the file is never written', async (t) => {
  const server = await byItself(t, {})
  const whole = randomBytes(100_000)
  const path = await create(server, { length: whole.length, name: 'a.bin' })
  const other = Buffer.alloc(30_000, 'another file')
  const sleeper = await sleepingPatch(server, path, whole.length, other)
  assert.equal((await patch(server, path, 0, whole)).status, 204)
  assert.equal((await sleeper.wake()).status, 400)
  assert.ok(readFileSync(join(server.directory, 'a.bin')).equals(whole))
})

// --- Cut bodies, only to be had over a real line ---

for (const module of ['cgid', 'cgi'] as const) {
  describe(`a sender whose line breaks, Apache with mod_${module}`, {
    skip: missing('apache2'),
  }, () => {
    const size = 3_000_000
    const bytes = Buffer.alloc(size, 'some bytes of a large file ')

    test('what arrived of a PATCH is kept, with a length and chunked', async (t) => {
      for (const isChunked of [false, true]) {
        const url = await startTusApache(t, newDirectory(t), {}, module)
        const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
        const path = await create(server, { length: size, name: 'a.bin' })
        await cutPatch(`${url}${path}`, bytes.subarray(0, 1_000_000), isChunked ? 0 : size)
        const offset = Number(await settledOffset(server, path))
        assert.ok(offset > 900_000 && offset <= 1_000_000, `${offset}`)
        const reply = await patch(server, path, offset, bytes.subarray(offset))
        assert.equal(reply.status, 204, reply.text)
        assert.equal(reply.header('Content-Location'), 'a.bin')
      }
    })

    test('of a PATCH with a checksum nothing is kept', async (t) => {
      const url = await startTusApache(
        t,
        newDirectory(t),
        { UPLOAD_CGI_CHUNK_SIZE: '256KB' },
        module,
      )
      const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
      const path = await create(server, { length: size })
      const headers = { 'Upload-Checksum': sum('sha1', bytes) }
      await cutPatch(`${url}${path}`, bytes.subarray(0, 1_000_000), size, headers)
      assert.equal(await settledOffset(server, path), '0')
    })

    test('of a creation with upload nothing is left', async (t) => {
      const directory = newDirectory(t)
      const url = await startTusApache(t, directory, { UPLOAD_CGI_CHUNK_SIZE: '256KB' }, module)
      const headers = { 'Upload-Length': String(size) }
      await cutPatch(`${url}/tus`, bytes.subarray(0, 1_000_000), size, headers, 'POST')
      for (let tries = 0; tries < 100; tries++) {
        if (readdirSync(join(directory, '.incoming')).length === 0) return
        await delay(50)
      }
      assert.deepEqual(readdirSync(join(directory, '.incoming')), [])
    })

    test('two senders at once: one goes on, the other gets 423', async (t) => {
      const directory = newDirectory(t)
      const url = await startTusApache(t, directory, {}, module)
      const server = { send: (asked: Parameters<typeof overHttp>[1]) => overHttp(url, asked) }
      const path = await create(server, { length: size, name: 'a.bin' })
      const first = openPatch(`${url}${path}`, size)
      first.write(bytes.subarray(0, 1_000_000))
      await delay(500)
      const second = await patch(server, path, 0, bytes)
      assert.equal(second.status, 423, second.text)
      assert.equal(JSON.parse(second.text).code, 'UPLOAD_BUSY')
      assert.equal(second.header('Retry-After'), '5')
      assert.equal((await server.send({ method: 'DELETE', path })).status, 423)
      // An offset told now would not hold.
      const head = await server.send({ method: 'HEAD', path })
      assert.deepEqual([head.status, head.header('Upload-Offset')], [423, undefined])
      const status = new Promise((resolved) =>
        first.on('response', (reply) => resolved(reply.statusCode)),
      )
      first.end(bytes.subarray(1_000_000))
      assert.equal(await status, 204)
      assert.deepEqual(readFileSync(join(directory, 'a.bin')), bytes)
    })
  })
}

const httpDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/

type Sender = Pick<TusServer, 'send'>
type Creation = { length: number; name?: string; headers?: Headers }

/** The path of the new upload. */
async function create(server: Sender, creation: Creation): Promise<string>
async function create(server: Sender, creation: Creation, want: 'reply'): Promise<TusReply>
async function create(server: Sender, { length, name, headers }: Creation, want = 'path') {
  const metadata = name === undefined ? {} : { 'Upload-Metadata': `filename ${base64(name)}` }
  const reply = await server.send({
    method: 'POST',
    headers: { 'Upload-Length': String(length), ...metadata, ...headers },
  })
  if (want === 'reply') return reply
  assert.equal(reply.status, 201, reply.text)
  return `/${reply.header('Location')}`
}

/** A creation with upload. */
function begin(
  server: Sender,
  length: number,
  body: Buffer,
  headers: Headers = {},
  isChunked = false,
): Promise<TusReply> {
  const all = { 'Upload-Length': String(length), 'Content-Type': pieceType, ...headers }
  return server.send({ method: 'POST', headers: all, body, isChunked })
}

function patch(
  server: Sender,
  path: string,
  offset: number,
  body: Buffer,
  headers: Headers = {},
): Promise<TusReply> {
  const all = { 'Content-Type': pieceType, 'Upload-Offset': String(offset), ...headers }
  return server.send({ method: 'PATCH', path, headers: all, body })
}

/** Asleep after `sent`, and then it ends, though it announced `length` bytes. */
function sleepingPatch(server: TusServer, path: string, length: number, sent: Buffer) {
  const env = {
    PATH_INFO: path,
    HTTP_TUS_RESUMABLE: '1.0.0',
    HTTP_UPLOAD_OFFSET: '0',
    CONTENT_TYPE: pieceType,
    CONTENT_LENGTH: String(length),
  }
  const { directory } = server
  const claim = join(directory, '.incoming', `${path.slice('/tus/'.length)}.claim-1`)
  return startSleeper({ program, directory, method: 'PATCH', env }, claim, sent)
}

async function offsetOf(server: Sender, path: string): Promise<string | undefined> {
  const reply = await server.send({ method: 'HEAD', path })
  assert.equal(reply.status, 200)
  return reply.header('Upload-Offset')
}

/** `length`: announced; 0 for a chunked body. */
function openPatch(url: string, length: number, headers: Headers = {}, method = 'PATCH') {
  const framing = length === 0 ? {} : { 'Content-Length': String(length) }
  const sent = request(url, {
    method,
    agent: false,
    headers: {
      'Tus-Resumable': '1.0.0',
      'Content-Type': pieceType,
      'Upload-Offset': '0',
      ...framing,
      ...headers,
    } as Record<string, string>,
  })
  // It is us who break the line.
  sent.on('error', () => undefined)
  return sent
}

async function cutPatch(
  url: string,
  bytes: Buffer,
  length: number,
  headers: Headers = {},
  method = 'PATCH',
): Promise<void> {
  const sent = openPatch(url, length, headers, method)
  await new Promise((written) => sent.write(bytes, written))
  // Until the server has passed it on.
  await delay(300)
  sent.destroy()
}

/** Once nobody appends any more. */
async function settledOffset(server: Sender, path: string): Promise<string | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    const probe = await patch(server, path, 999_999_999, Buffer.alloc(0))
    if (probe.status === 409) return probe.header('Upload-Offset')
    await delay(50)
  }
  throw new Error('busy for ever')
}

test('a PATCH of which nobody says how long it is: 411, for an empty piece would never end', async (t) => {
  const server = await byItself(t, {})
  const path = await create(server, { length: 10 })
  const { status, stderr } = await runCgi({
    program,
    directory: server.directory,
    env: {
      REQUEST_METHOD: 'PATCH',
      PATH_INFO: path.replace(/^.*(?=\/tus\/)/, ''),
      HTTP_TUS_RESUMABLE: '1.0.0',
      HTTP_UPLOAD_OFFSET: '0',
      CONTENT_TYPE: pieceType,
      CONTENT_LENGTH: undefined,
    },
  })
  assert.deepEqual([status, stderr], [411, ''])
})

test('a disk that fills up in the middle of a PATCH: what is on it counts, and it goes on from there', async (t) => {
  const reason = cannotMount()
  if (reason) return t.skip(reason)
  const directory = mountTmpfs(t, 'size=8m')
  const settings = { UPLOAD_CGI_DIRECTORY: directory, UPLOAD_CGI_MIN_FREE_SPACE: '0' }
  const server = await byItself(t, settings)
  const whole = randomBytes(6_000_000)
  const path = await create(server, { length: whole.length, name: 'whole.bin' })
  const filler = join(directory, 'filler')
  writeFileSync(filler, Buffer.alloc(4_000_000))
  const { bavail, bsize } = statfsSync(directory)
  const full = await patch(server, path, 0, whole)
  assert.deepEqual([full.status, JSON.parse(full.text).code], [507, 'DISK_FULL'])
  const offset = Number(await offsetOf(server, path))
  // All but the block that did not fit, and what the journal took.
  assert.ok(offset > bavail * bsize - 80_000, `${offset} of ${bavail * bsize}`)
  assert.ok(offset < whole.length)
  rmSync(filler)
  const rest = await patch(server, path, offset, whole.subarray(offset))
  assert.equal(rest.status, 204, rest.text)
  assert.ok(readFileSync(join(directory, 'whole.bin')).equals(whole))
  assert.deepEqual(
    readdirSync(join(directory, '.incoming')).filter((name) => /data/.test(name)),
    [],
  )
})
