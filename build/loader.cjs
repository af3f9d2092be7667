// What the executable runs first: takes the bundle out of it, with the functions that requests need already
// compiled (warm.cjs made that cache, by running them), and calls it. Node's own cache of a single executable has
// only what is compiled when a file is loaded; compiling the rest took half of the time of a GET.
// V8 checks that the cache is of this version, these flags and this text, and else compiles anew. An executable
// that was built for another processor has an empty one.
'use strict'
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

const assetPrefix = 'upload.cgi/asset/'

/** `name`: of a bundle: `upload` for requests, `command` for the command line. */
function load(name) {
  const source = Buffer.from(getRawAsset(`${name}.cjs`)).latin1Slice()
  const cachedData = name === 'upload' ? cache() : undefined
  const script = new Script(source, { filename: `${name}.cjs`, cachedData })
  if (script.cachedDataRejected && cachedData.length > 0) {
    const { writeSync } = require('node:fs')
    writeSync(
      2,
      'upload.cgi: the compiled code inside does not fit; it works, but starts more slowly\n',
    )
  }
  const module = { exports: {} }
  script.runInThisContext()(module.exports, requireOwn, module)
  return module.exports
}

/** package.ts says where it begins. */
function cache() {
  const slot = Buffer.from(getRawAsset('upload.cache'))
  const start = slot[slot.length - 1]
  return slot.subarray(start, start + slot.length - 8)
}

function requireOwn(name) {
  if (name === 'upload.cgi/command') return load('command')
  if (!name.startsWith(assetPrefix)) return require(name)
  return Buffer.from(getRawAsset(name.slice(assetPrefix.length))).utf8Slice()
}

load('upload')
