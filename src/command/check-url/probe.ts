// What `check --url` tries, step by step. Each step sends pieces of uploads that it never finishes,
// and tells what became of them.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Finding, failure, fine, warning } from '../../finding.ts'
import { formatSize } from '../../quantity.ts'
import { hyphens, linesFinding } from './lines.ts'
import { multipartForm } from './multipart.ts'
import { errorsReplaced, foreignAnswer, isForm } from './stranger.ts'
import { tusFinding } from './tus.ts'
import { type Answer, described, ownWords, type Sent, type Visitor } from './visitor.ts'

export type Tell = (finding: Finding) => void

type Piece = {
  readonly id: string
  readonly body: readonly (Buffer | (() => Promise<void>))[]
  readonly bytes: number
  /** In the headers of the part; without it the field `_filename` has the name. */
  readonly filename?: string
}

export class Probe {
  readonly #visitor: Visitor
  readonly #name: string
  readonly #ids: string[] = []

  constructor(visitor: Visitor, name: string) {
    this.#visitor = visitor
    this.#name = name
  }

  async findsProgram(tell: Tell): Promise<boolean> {
    const answer = await this.#visitor.send({ method: 'GET', more: `?upload=${this.#id()}` })
    const code = ownWords(answer)?.['code']
    if (code === 'NO_SUCH_UPLOAD') {
      tell(fine('URL', 'the server runs the program'))
      if (answer.headers['x-upload-sender'] === 'unknown') tell(unknownProxy)
      return true
    }
    if (code !== undefined) {
      const message = `the program answers, but refuses: ${code}`
      tell(failure('URL_REFUSED', message, remedyOf(code)))
    } else if (answer.status === 404 && isForm(await this.#visitor.send({ method: 'GET' }))) {
      tell(errorsReplaced)
      return true
    } else tell(foreignAnswer(answer))
    return false
  }

  /** What the server answers to a harmless request, if it lets none to the program any more. */
  async ordinaryRefusal(): Promise<Answer | undefined> {
    const answer = await this.#visitor.send({ method: 'GET', more: `?upload=${this.#id()}` })
    const isRefused = [403, 429, 503].includes(answer.status) && ownWords(answer) === undefined
    return isRefused ? answer : undefined
  }

  async sendsSmall(tell: Tell): Promise<void> {
    const answer = await this.#post(this.#piece(1000))
    const code = ownWords(answer)?.['code']
    if (answer.status === 202) {
      return tell(fine('SMALL', 'a small file passes'))
    }
    if (code === 'EXTENSION_REFUSED') {
      const message = `the settings refuse the name ${this.#name}`
      const remedy = `give a name that they allow: --name ${await this.#allowedName()}`
      tell(failure('NAME_REFUSED', message, remedy))
    } else if (code !== undefined) {
      const message = `the program refuses a small file: ${code}`
      tell(failure('SMALL_REFUSED', message, remedyOf(code)))
    } else {
      const message = `a POST with a small file does not reach the program (${described(answer)})`
      tell(failure('POST_REFUSED', message, firewall))
    }
  }

  /** By the form, which names the extensions that are allowed, if not all are. */
  async #allowedName(): Promise<string> {
    const { text } = await this.#visitor.send({ method: 'GET', headers: { Accept: 'text/html' } })
    const [, extension = 'txt'] = /<input[^>]* accept="\.([^",]+)/.exec(text) ?? []
    return `check.${extension}`
  }

  /**
   * Over plain http no browser sends Sec-Fetch-Site, so the program compares Origin with Host,
   * which a proxy may have changed.
   */
  async believesItsPage({ origin, protocol }: URL, tell: Tell): Promise<void> {
    const answer = await this.#post(this.#piece(1000), { Origin: origin })
    if (answer.status === 202) {
      return tell(fine('ORIGIN', `a page of ${origin} passes for the own one`))
    }
    const words = ownWords(answer)
    if (words?.['code'] !== 'FOREIGN_ORIGIN') {
      const message = `a POST with the header Origin is refused (${described(answer)})`
      return tell(warning('ORIGIN_REFUSED', message, firewall))
    }
    const [sites = ''] = /\(.*\)/.exec(String(words['detail'])) ?? []
    const message = `the program takes its own page for one of another site ${sites}`
    const remedy =
      'let the proxy keep Host (Apache: ProxyPreserveHost On; nginx: proxy_set_header Host ' +
      `$http_host), or set allowed_origins = ["${origin}"]`
    // Over https only browsers that send no Sec-Fetch-Site are refused, and those are old.
    const finding = protocol === 'https:' ? warning : failure
    tell(finding('HOST_CHANGED', message, remedy))
  }

  async sendsLarge(tell: Tell): Promise<void> {
    let before = largeBytes
    for (const bytes of [largeBytes, 10e6, 5e6, 2e6, 1e6, 512_000, 256_000]) {
      const answer = await this.#post(this.#piece(bytes))
      const code = ownWords(answer)?.['code']
      if (answer.status !== 202 && code === undefined) {
        if (answer.status === 500 && (await this.#meetsFcgid())) return tell(fcgidLimit)
        if (bytes === largeBytes) tell(limitFinding(answer, bytes))
        before = bytes
        continue
      }
      const whose = code === undefined ? '' : `; the program's own settings refuse them: ${code}`
      if (bytes === largeBytes) tell(fine('LARGE', `bodies of ${formatSize(bytes)} pass${whose}`))
      else {
        const message = `bodies of ${formatSize(bytes)} pass, of ${formatSize(before)} no longer`
        const remedy =
          `with chunk_size = "${bytes / 1000}KB" the page need not search for this limit; ` +
          'for other senders raise it'
        tell(warning('BODY_LIMIT', message, remedy))
      }
      return
    }
    const message = `not even bodies of ${formatSize(before)} reach the program`
    tell(failure('BODY_REFUSED', message, 'raise the limit of the server or the firewall'))
  }

  /** mod_fcgid answers 500 to what is over 131,072 bytes, if it is not told otherwise. */
  async #meetsFcgid(): Promise<boolean> {
    const [below, above] = [
      await this.#post(this.#piece(130_000)),
      await this.#post(this.#piece(132_000)),
    ]
    return below.status === 202 && above.status === 500 && ownWords(above) === undefined
  }

  /** The page sends a name in a field of its own; other senders have it in the part's headers. */
  async sendsOddName(tell: Tell): Promise<void> {
    const [stem, extension] = [`l'été %22a%22; b`, /\.[^.]*$/.exec(this.#name)?.[0] ?? '']
    const answer = await this.#post({ ...this.#piece(1000), filename: `${stem}${extension}` })
    if (answer.status === 202 || ownWords(answer) !== undefined) {
      return tell(fine('ODD_NAMES', 'file names with quotes and semicolons pass'))
    }
    const why = described(answer)
    const message = `file names with quotes or semicolons are refused on the way (${why})`
    const remedy =
      'the page is not affected; other senders can put the name into a field _filename before ' +
      'the file'
    tell(warning('ODD_NAMES_REFUSED', message, remedy))
  }

  async sendsLines(tell: Tell): Promise<void> {
    const body = [Buffer.from(hyphens)]
    tell(linesFinding(await this.#post({ ...this.#piece(0), body, bytes: hyphens.length })))
  }

  /** Does the server keep a body until it is whole? Does it wait for a sender that pauses? */
  async stopsInTheMiddle(seconds: number, tell: Tell): Promise<void> {
    const bytes = 400_000
    const piece = this.#piece(bytes)
    let isHeld = true
    const pause = async () => {
      const until = Date.now() + seconds * 1000
      // Another sender of the same upload gets a 423 once the program receives the first one.
      for (let tries = 0; tries < 5 && isHeld && Date.now() < until; tries++) {
        await delay(300)
        const other = await this.#post({ ...piece, body: [Buffer.alloc(1)], bytes })
        if (other.status === 423) isHeld = false
        else if (other.status !== 202 && ownWords(other) === undefined) break
      }
      await delay(Math.max(0, until - Date.now()))
    }
    const half = Buffer.alloc(bytes / 2)
    const answer = await this.#post({ ...piece, body: [half, pause, half] })
    const isOwn = answer.status === 202 || ownWords(answer) !== undefined
    if (isOwn || !isHeld) {
      const message = isHeld
        ? 'the server keeps a body until it is whole, and only then starts the program'
        : 'the server passes a body on while it arrives'
      tell(fine(isHeld ? 'BODY_HELD' : 'BODY_PASSED_ON', message))
    }
    if (isOwn) return tell(fine('PAUSE', `a sender may stop for ${seconds} s`))
    const message = `a sender that stops for ${seconds} s is cut off (${described(answer)})`
    const remedy =
      'the page resumes by itself; for others: RequestReadTimeout and Timeout in Apache, ' +
      'client_body_timeout in nginx'
    tell(warning('PAUSE_CUT', message, remedy))
  }

  /** Cancels whatever was begun. A server that cannot be reached has nothing of it. */
  async cancelAll(): Promise<void> {
    for (const id of this.#ids) {
      const { type, start } = multipartForm([
        ['_upload', id],
        ['_cancel', '1'],
      ])
      await this.#visitor.send({ method: 'POST', headers: { 'Content-Type': type }, body: [start] })
    }
  }

  async speaksTus(tell: Tell): Promise<void> {
    const { finding, id } = await tusFinding(this.#visitor, this.#name, this.#id())
    if (id !== undefined) this.#ids.push(id)
    tell(finding)
  }

  #post({ id, body, bytes, filename }: Piece, headers: Sent['headers'] = {}): Promise<Answer> {
    const name = filename ?? encodeURIComponent(this.#name)
    const fields: [string, string][] = [
      ['_upload', id],
      ['_offset', '0'],
      // The last byte is never sent, so the file is never stored.
      ['_size', String(bytes + 1)],
      ...(filename === undefined ? [['_filename', name] as [string, string]] : []),
    ]
    const { type, start, end } = multipartForm(fields, filename ?? 'file')
    return this.#visitor.send({
      method: 'POST',
      headers: { 'Content-Type': type, ...headers },
      body: [start, ...body, end],
    })
  }

  #piece(bytes: number): Piece {
    const id = this.#id()
    this.#ids.push(id)
    const chunk = Buffer.alloc(Math.min(bytes, 250_000), 'upload.cgi check\n')
    const body: Buffer[] = []
    for (let left = bytes; left > 0; left -= chunk.length) body.push(chunk.subarray(0, left))
    return { id, body, bytes }
  }

  #id(): string {
    return randomBytes(16).toString('hex')
  }
}

function limitFinding(answer: Answer, bytes: number): Finding {
  const message = `a body of ${formatSize(bytes)} does not reach the program (${described(answer)})`
  const remedy =
    'the page sends smaller pieces by itself; for others raise LimitRequestBody (Apache), ' +
    'client_max_body_size (nginx), SecRequestBodyLimit (ModSecurity) or FcgidMaxRequestLen ' +
    '(mod_fcgid)'
  return warning('BODY_TOO_LARGE', message, remedy)
}

const fcgidLimit = failure(
  'FCGID_LIMIT',
  'bodies of 130 KB pass, of 132 KB no longer (500): this is the limit of mod_fcgid',
  'FcgidMaxRequestLen 1073741824 in the configuration of the server or virtual host, not in ' +
    '.htaccess; where you cannot change that: chunk_size = "100KB" in the settings, so that the ' +
    'page sends pieces that pass',
)

const unknownProxy = warning(
  'PROXY_UNKNOWN',
  'a proxy that trusted_proxies does not name hides the addresses of visitors: all of them ' +
    'count as one sender',
  'trusted_proxies = ["ADDRESS OF THE PROXY"] in the settings; the error log of the server has ' +
    'the address',
)

const largeBytes = 20e6
const firewall =
  'look into the error log of the server for a firewall (ModSecurity names the rule) or a rule ' +
  'about methods'

/** What to do about a refusal in the program's own words. */
function remedyOf(code: unknown): string {
  if (code === 'USER_REQUIRED') {
    return 'name a user that the server knows: --url https://USER:PASSWORD@…'
  }
  if (code === 'PASSPHRASE_REQUIRED' || code === 'INVITATION_INVALID') {
    return 'take passphrase and invited_only out of the settings while you check'
  }
  return 'see the error log of the server, or run there: upload.cgi check'
}
