// npm run ready: installs the packages that package-lock.json names, by `npm ci`, unless they are
// installed already. Every other script begins with it. Node 20 must be able to run this file,
// because the Node that runs the rest is one of those packages.
'use strict'
const { spawnSync } = require('node:child_process')
const { existsSync, readFileSync, symlinkSync } = require('node:fs')
const { resolve } = require('node:path')

const root = resolve(__dirname, '..')
const kinds = ['dependencies', 'devDependencies', 'optionalDependencies']

if (!isInstalled()) install()
linkNode()

/** Compares contents, not times: a checkout or a copy changes times. Takes a few milliseconds. */
function isInstalled() {
  const locked = packagesOf('package-lock.json')
  const installed = packagesOf('node_modules/.package-lock.json')
  const manifest = read('package.json')
  if (locked === undefined || installed === undefined) return false
  const isLocked = kinds.every((kind) => isSame(manifest[kind], locked[''][kind]))
  const isComplete = Object.entries(locked).every(([path, { optional }]) => {
    const isOfOtherMachine = optional === true && path !== ownNode()
    return path === '' || path in installed || isOfOtherMachine
  })
  const isRight = Object.entries(installed).every(
    ([path, { integrity }]) => integrity === locked[path]?.integrity,
  )
  return isLocked && isComplete && isRight
}

/**
 * npm would warn that some packages want a newer Node than the one that runs npm. They get it:
 * they run on the Node that is installed with them. So only errors are shown.
 */
function install() {
  console.log('installing the packages of package-lock.json (npm ci)')
  const { error, status } = spawnSync('npm', ['ci', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (error !== undefined) console.error(`npm does not run: ${error.message}`)
  process.exitCode = status ?? 69
}

/**
 * npm puts node_modules/.bin first in PATH, where the scripts find the Node of this machine's
 * package. npm 10, which comes with Node 20, leaves that link out: the lock file has two packages
 * that would make it, one for each processor.
 */
function linkNode() {
  const link = resolve(root, 'node_modules/.bin/node')
  const isThere = existsSync(resolve(root, ownNode(), 'bin/node'))
  if (isThere && !existsSync(link)) symlinkSync(`../../${ownNode()}/bin/node`, link)
}

function ownNode() {
  return `node_modules/node-${process.platform}-${process.arch}`
}

function packagesOf(file) {
  return read(file)?.packages
}

/** Undefined where there is no such file, or no whole one. */
function read(file) {
  try {
    return JSON.parse(readFileSync(resolve(root, file), 'utf8'))
  } catch {
    return undefined
  }
}

function isSame(one = {}, other = {}) {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].every((name) => one[name] === other[name])
}
