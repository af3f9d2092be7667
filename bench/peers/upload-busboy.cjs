// Node with busboy, as its documentation has it.
const { createWriteStream } = require('node:fs')
const { basename, join } = require('node:path')

const head = 'Content-Type: text/html\r\n\r\n'
if (process.env.REQUEST_METHOD !== 'POST') {
  process.stdout.write(
    `${head}<form method="post" enctype="multipart/form-data"><input type="file" name="file"><input type="submit"></form>`,
  )
} else {
  const busboy = require('busboy')({ headers: { 'content-type': process.env.CONTENT_TYPE } })
  busboy.on('file', (_, file, { filename }) => {
    file.pipe(createWriteStream(join(process.env.UPLOAD_CGI_DIRECTORY, basename(filename))))
  })
  busboy.on('close', () => process.stdout.write(`${head}stored`))
  process.stdin.pipe(busboy)
}
