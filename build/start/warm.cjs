// node <the flags of the executable> warm.cjs NAME BUNDLE CACHE: runs requests through the bundle
// NAME, whose file is BUNDLE, in this process, against a directory of its own, and writes V8's code
// cache with all that was compiled: for src/form.cjs requests for the form, for src/main.cjs all
// others. Reads and writes of the descriptors 0 to 2 are answered here, so this process's own input
// and output take no part. Fails where a reply has another status than it should.
'use strict'
const fs = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Script } = require('node:vm')

const [, , name, bundle, cache] = process.argv
const prefix = 'upload.cgi/'
const root = join(__dirname, '..')
const source = fs.readFileSync(bundle, 'latin1')
const script = new Script(source, { filename: name })
const home = fs.mkdtempSync(join(tmpdir(), 'upload-cgi-'))
const directory = join(home, 'uploads')
fs.mkdirSync(directory)

const boundary = 'XboundaryX'
const part = (head, text) =>
  `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${text}\r\n`
const file = (name) => part(`name="file"; filename="${name}"\r\nContent-Type: text/plain`, 'hello')
const id = '0'.repeat(32)
const piece = (offset) =>
  part('name="_upload"', id) +
  part('name="_offset"', offset) +
  part('name="_size"', 10) +
  file('b.txt')
const post = (body) => ({ REQUEST_METHOD: 'POST', body: `${body}--${boundary}--\r\n` })
const html = { HTTP_ACCEPT: 'text/html,*/*;q=0.8', HTTP_ACCEPT_LANGUAGE: 'en-GB,en;q=0.9' }
const json = { HTTP_ACCEPT: 'application/json' }

// As owners have it: reading it takes the parser of TOML.
const settings = join(home, 'settings.toml')
fs.writeFileSync(
  settings,
  `directory = "${directory}"
title = "Files"
max_file_size = "2GB"
allow_extensions = ["jpg", "txt"]
max_files = 20
durable = true
`,
  { mode: 0o600 },
)

const gets = [
  [200, { REQUEST_METHOD: 'GET', UPLOAD_CGI_CONFIG: settings, ...html }],
  [200, { REQUEST_METHOD: 'GET' }],
]
const others = [
  [201, { ...post(part('name="note"', 'x') + file('a.txt')), ...html }],
  [201, { ...post(file('a.txt') + file('c.txt')), UPLOAD_CGI_CONFIG: settings, ...json }],
  [201, post(file('a.txt'))],
  [202, { ...post(piece(0)), ...json }],
  [200, { REQUEST_METHOD: 'GET', QUERY_STRING: `upload=${id}`, ...json }],
  [201, { ...post(piece(5)), ...json }],
  [400, { ...post('x'), ...json }],
  [415, { ...post(file('a.php')), ...html }],
]

try {
  for (const [status, request] of name === 'src/form.cjs' ? gets : others) {
    const reply = answer(request)
    if (!reply.startsWith(`Status: ${status} `)) throw new Error(`not ${status} but: ${reply}`)
  }
  fs.writeFileSync(cache, script.createCachedData())
} finally {
  fs.rmSync(home, { recursive: true })
}
// A timer or a handler that a request left must not keep this process.
process.exit(0)

function answer({ body = '', ...variables }) {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, {
    GATEWAY_INTERFACE: 'CGI/1.1',
    UPLOAD_CGI_DIRECTORY: directory,
    UPLOAD_CGI_MIN_FREE_SPACE: '1',
    CONTENT_LENGTH: String(body.length),
    CONTENT_TYPE: `multipart/form-data; boundary=${boundary}`,
    ...variables,
  })
  const { readSync, writeSync } = fs
  let input = Buffer.from(body)
  let output = ''
  fs.readSync = (fd, buffer, ...rest) => {
    if (fd !== 0) return readSync(fd, buffer, ...rest)
    const count = input.copy(buffer)
    input = input.subarray(count)
    return count
  }
  fs.writeSync = (fd, bytes, at = 0, ...rest) => {
    if (fd > 2) return writeSync(fd, bytes, at, ...rest)
    if (fd === 1) output += bytes.toString('latin1', at)
    return bytes.length - at
  }
  const { exit } = process
  process.exit = () => undefined
  try {
    const module = { exports: {} }
    script.runInThisContext()(module.exports, requireOwn, module)
  } finally {
    Object.assign(fs, { readSync, writeSync })
    process.exit = exit
  }
  return output
}

/** As loader.cjs does it, from the files that bundle.ts wrote. The cache has this bundle alone. */
function requireOwn(wanted) {
  if (!wanted.startsWith(prefix)) return require(wanted)
  if (wanted.endsWith('.cjs')) throw new Error(`a request loads ${wanted}, which is not cached`)
  return fs.readFileSync(join(root, 'assets', wanted.slice(prefix.length)), 'utf8')
}
