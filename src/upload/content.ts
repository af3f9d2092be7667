// The owner's rule for what is in a file: one whose name promises a picture, sound, video, PDF,
// archive or zipped office document does not begin as a program, a script or a page does. It judges
// the first bytes alone, once they are there or the file has ended, so the verdict never depends on
// how the bytes are cut. It refuses with CONTENT_REFUSED. Of names that promise nothing of the kind
// it says nothing: a `.txt` may be a script, and many a `.xls` is HTML.
//
// The kinds are those of WHATWG MIME Sniffing section 7.1 (HTML, XML, PostScript) and of their own
// specifications, which the table names.

import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'

/** How many bytes a reader of the MIME Sniffing standard looks at (its section 5). */
export const headBytes = 1445

/** What an upload in pieces knows of its file. */
type Begun = {
  readonly offset: number
  head(bytes: number): Buffer
}

/** Call write() with all bytes, and then end(). */
export class Content {
  readonly #name: string
  readonly #promised: Promised
  #head: Buffer
  #isJudged = false
  /** True once CONTENT_REFUSED was thrown: nothing of the file may be kept. */
  isRefused = false

  private constructor(name: string, promised: Promised, head: Buffer) {
    this.#name = name
    this.#promised = promised
    this.#head = head
  }

  /**
   * Undefined where nothing is to be judged. `name`: as storedName() returns it. `begun`: the
   * upload that is resumed.
   */
  static open(name: string, settings: Settings, begun?: Begun): Content | undefined {
    if (!settings.contentCheck) return undefined
    const promised = promisedOf(name)
    if (promised === undefined) return undefined
    const offset = begun?.offset ?? 0
    // The pieces before were judged as they came.
    if (offset >= headBytes) return undefined
    const head = begun === undefined || offset === 0 ? nothing : begun.head(headBytes)
    return new Content(name, promised, head)
  }

  write(bytes: Buffer): void {
    if (this.#isJudged) return
    const missing = headBytes - this.#head.length
    const isEnough = bytes.length >= missing
    // The bytes are the caller's. Most files bring enough at once, and nothing is copied.
    if (this.#head.length === 0 && isEnough) return this.#judge(bytes.subarray(0, missing))
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, missing)])
    if (isEnough) this.#judge(this.#head)
  }

  /** The file is whole. */
  end(): void {
    if (!this.#isJudged) this.#judge(this.#head)
  }

  #judge(head: Buffer): void {
    this.#isJudged = true
    this.#head = nothing
    const kind = activeKind(head, this.#promised)
    if (kind === undefined) return
    this.isRefused = true
    throw new Fault('CONTENT_REFUSED', `${this.#name}: ${kind}`)
  }
}

/** What a name promises. */
type Promised = {
  /** In lower case, with a space between two. */
  readonly extensions: string
  /** The kinds that such a file may be. */
  readonly own: readonly string[]
  /** An archive may have any file in it, and some formats keep it as it is. */
  readonly isArchive: boolean
}

function promisedOf(name: string): Promised | undefined {
  const extension = name.slice(name.lastIndexOf('.')).replace('.', ' ').toLowerCase()
  if (!/^ [a-z0-9]+$/.test(extension)) return undefined
  return allPromised().find(({ extensions }) => ` ${extensions} `.includes(`${extension} `))
}

function activeKind(head: Buffer, { own, isArchive }: Promised): string | undefined {
  const bytes = withoutMark(head)
  const text = bytes.replace(/^[\t\n\f\r ]+/, '')
  // Whatever is outside of its tags, PHP prints.
  if (!isArchive && /<\?php\s/i.test(bytes)) return 'PHP'
  const page = pageKinds().find(({ kind, start }) => start.test(text) && !own.includes(kind))
  if (page !== undefined) return page.kind
  return programKinds().find(({ starts, except = [] }) => {
    const begins = (start: string) => bytes.startsWith(start)
    return starts.some(begins) && !except.some(begins)
  })?.kind
}

/** One character a byte. Readers of text skip a byte order mark, and decode UTF-16 by it. */
function withoutMark(head: Buffer): string {
  const bytes = head.toString('latin1')
  if (bytes.startsWith('\xef\xbb\xbf')) return bytes.slice(3)
  if (bytes.startsWith('\xff\xfe')) return head.toString('utf16le', 2)
  if (!bytes.startsWith('\xfe\xff')) return bytes
  const even = head.subarray(2, head.length - (head.length % 2))
  return Buffer.from(even).swap16().toString('utf16le')
}

const nothing = Buffer.alloc(0)

/** Extensions of kinds whose first bytes are known, none of which is text. */
const allPromised = (): readonly Promised[] => [
  { extensions: 'svg', own: ['SVG', 'XML', 'a comment of HTML or XML'], isArchive: false },
  {
    extensions:
      'jpg jpeg jpe jfif pjpeg pjp png apng gif webp avif heic heif jxl jp2 bmp dib tif tiff ' +
      'ico cur psd mp2 mp3 mp4 m4a m4b m4p m4v aac amr awb 3gp 3g2 3ga 3gpp oga ogg ogv ogx opus ' +
      'flac wav wave wma aif aiff mid midi weba mov qt webm mka mkv avi mpg mpeg mpe m2ts wmv ' +
      'asf flv pdf',
    own: [],
    isArchive: false,
  },
  {
    extensions:
      'zip zipx 7z rar tar gz tgz bz2 tbz tbz2 xz txz zst tzst lz lzma lz4 br cab arj lha lzh ' +
      'docx docm dotx dotm xlsx xlsm xlsb xltx xltm pptx pptm potx potm ppsx ppsm ' +
      'odt ods odp odg odf odb odm epub',
    own: [],
    isArchive: true,
  },
]

/** Text, before which white space may come. `kind`: as its sender is told. */
type PageKind = { readonly kind: string; readonly start: RegExp }

const pageKinds = (): readonly PageKind[] => [
  // MIME Sniffing section 7.1: a name of HTML, then a space or `>`. Browsers end a name at `/`, a
  // line end or a tab too (HTML section 13.2.5.8).
  {
    kind: 'HTML',
    start: /^<(!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title)[\s>/]/i,
  },
  { kind: 'HTML', start: /^<(b|body|br|p)[\s>/]/i },
  // HTML sections 4.7 to 4.12 and 13.2.6: with what else a page may begin and act.
  {
    kind: 'HTML',
    start:
      /^<(base|button|details|embed|form|img|input|link|math|meta|object|template|video)[\s>/]/i,
  },
  { kind: 'a comment of HTML or XML', start: /^<!--/ },
  // SVG 2 section 5.1, also without its XML declaration, or with its document type.
  { kind: 'SVG', start: /^<(!doctype\s+)?([\w-]+:)?svg[\s>/]/i },
  // XML 1.0 section 2.8: declaration and document type.
  { kind: 'XML', start: /^<(\?xml|!doctype\s)/i },
  // The PHP language reference, "PHP tags"; the pages of ASP and JSP.
  { kind: 'PHP', start: /^<\?(php\b|=|\s)/i },
  { kind: 'a page that a server executes', start: /^<%/ },
]

/** What the very first bytes tell, one character a byte. */
type ProgramKind = {
  readonly kind: string
  readonly starts: readonly string[]
  readonly except?: readonly string[]
}

const programKinds = (): readonly ProgramKind[] => [
  // execve(2). The exceptions are speech: RFC 4867 section 5, RFC 3625 section 6, and WeChat's.
  { kind: 'a script', starts: ['#!'], except: ['#!AMR', '#!EVRC', '#!SMV', '#!SILK'] },
  // MIME Sniffing section 7.1; PostScript is a language that reads and writes files.
  { kind: 'PostScript', starts: ['%!PS'] },
  // Microsoft's PE format: the MS-DOS stub. Also what DOS starts.
  { kind: 'a program for Windows', starts: ['MZ'] },
  // System V ABI, chapter 4.
  { kind: 'a program for Unix', starts: ['\x7fELF'] },
  // Apple's loader.h and fat.h: 32 and 64 bits, both orders; also the Java class file (JVMS 4.1).
  {
    kind: 'a program for macOS or Java',
    starts: [
      '\xfe\xed\xfa\xce',
      '\xfe\xed\xfa\xcf',
      '\xce\xfa\xed\xfe',
      '\xcf\xfa\xed\xfe',
      '\xca\xfe\xba\xbe',
      '\xca\xfe\xba\xbf',
      '\xbe\xba\xfe\xca',
    ],
  },
  // The Dalvik executable format; WebAssembly core 5.5.16; the SWF file format, chapter 2.
  { kind: 'a program for Android', starts: ['dex\n0'] },
  { kind: 'WebAssembly', starts: ['\0asm'] },
  { kind: 'Flash', starts: ['FWS', 'CWS', 'ZWS'] },
  // MS-SHLLINK section 2.1: size and class of the header.
  { kind: 'a shortcut of Windows', starts: ['L\0\0\0\x01\x14\x02\0'] },
]
