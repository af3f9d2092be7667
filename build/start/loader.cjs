// What the executable runs first: it takes a bundle out of the executable, that of src/form.ts for
// a GET or HEAD and that of src/main.ts for all else, and calls it. These two come with the
// functions that a request needs compiled already (warm.cjs made these caches by running requests).
// Node's own cache of a single executable has only what is compiled when a file is loaded;
// compiling the rest took half of the time of a GET. V8 checks that a cache is of this version,
// these flags and this text, and compiles anew if not. An executable that was built for another
// processor has empty caches.
// Other bundles and texts are assets too, taken out when the code first asks for them by name.
'use strict'
const { getRawAsset } = require('node:sea')
const { Script } = require('node:vm')

const prefix = 'upload.cgi/'
const [form, main] = ['src/form.cjs', 'src/main.cjs']
const loaded = new Map()

load(/^(GET|HEAD)$/.test(process.env.REQUEST_METHOD ?? '') ? form : main)

function load(name) {
  const source = Buffer.from(getRawAsset(name)).latin1Slice()
  const cachedData = name === form || name === main ? cacheOf(name) : undefined
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
function cacheOf(name) {
  const slot = Buffer.from(getRawAsset(name.replace(/cjs$/, 'cache')))
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
