// What the executable runs first: it takes the bundle of requests out of the executable and calls
// it, with the functions that such a request needs compiled already (warm.cjs made a cache for GET
// and one for the others by running them: reading what is not needed takes time). Node's own cache of a single executable has only what is compiled when a file is loaded;
// compiling the rest took half of the time of a GET. V8 checks that the cache is of this version,
// these flags and this text, and compiles anew if not. An executable that was built for another
// processor has an empty cache.
// Other bundles and texts are assets too, taken out when the code first asks for them by name.
'use strict'
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

const prefix = 'upload.cgi/'
const loaded = new Map()

load('upload.cjs')

function load(name) {
  const source = Buffer.from(getRawAsset(name)).latin1Slice()
  const cachedData = name === 'upload.cjs' ? cache() : undefined
  const script = new Script(source, { filename: name, cachedData })
  if (script.cachedDataRejected && cachedData.length > 0) {
    const { writeSync } = require('node:fs')
    writeSync(
      2,
      'upload.cgi: the compiled code inside does not fit; it works, but starts more slowly\n',
    )
  }
  const module = { exports: {} }
  loaded.set(name, module)
  script.runInThisContext()(module.exports, requireOwn, module)
  return module.exports
}

/** build/package.ts tells in the last byte where it begins. */
function cache() {
  const { REQUEST_METHOD } = process.env
  const isGet = REQUEST_METHOD === 'GET' || REQUEST_METHOD === 'HEAD'
  const slot = Buffer.from(getRawAsset(isGet ? 'get.cache' : 'post.cache'))
  const start = slot[slot.length - 1]
  return slot.subarray(start, start + slot.length - 8)
}

/** build/bundle.ts makes these names. A bundle runs once, as a module of Node does. */
function requireOwn(name) {
  if (!name.startsWith(prefix)) return require(name)
  const asset = name.slice(prefix.length)
  if (!asset.endsWith('.cjs')) return Buffer.from(getRawAsset(asset)).utf8Slice()
  return loaded.has(asset) ? loaded.get(asset).exports : load(asset)
}
