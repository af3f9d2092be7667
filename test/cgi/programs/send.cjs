// Sends each file named on the command line in a request of its own, by one library of Node, for
// test/cgi/programs.test.ts. Debian's libraries are found by NODE_PATH. What the server answers is
// not looked at.
// Usage: send.cjs LIBRARY URL FILE...

const { createReadStream, openAsBlob, statSync } = require('node:fs')
const { basename } = require('node:path')

const [library, url, ...paths] = process.argv.slice(2)

const senders = {
  async fetch(path) {
    const form = new FormData()
    form.append('file', await openAsBlob(path), basename(path))
    await fetch(url, { method: 'POST', body: form })
  },
  async axios(path) {
    const form = streamed(path)
    const headers = form.getHeaders()
    await require('axios').post(url, form, { headers, validateStatus: () => true })
  },
  async got(path) {
    await require('got').post(url, { body: streamed(path), throwHttpErrors: false })
  },
  'tus-js-client'(path) {
    const { Upload } = require('tus-js-client')
    const endpoint = `${url}upload.cgi/tus/`
    const metadata = { filename: basename(path) }
    return new Promise((onSuccess, onError) => {
      const upload = { endpoint, metadata, uploadSize: statSync(path).size, onSuccess, onError }
      new Upload(createReadStream(path), upload).start()
    })
  },
}

/** As the documentations of axios and got have it. */
function streamed(path) {
  const form = new (require('form-data'))()
  form.append('file', createReadStream(path))
  return form
}

async function main() {
  for (const path of paths) await senders[library](path)
}

main()
