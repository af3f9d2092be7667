// `serve --open`: shows the page in the person's browser, where there is a screen. Called by run.ts.

import { spawn } from 'node:child_process'

/** Tries the programs that desktops have for it, one after the other; never waits, never fails. */
export function openBrowser(url: string): void {
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env
  if (DISPLAY || WAYLAND_DISPLAY || WSL_DISTRO_NAME) tryNext(url, [...openers])
}

function tryNext(url: string, rest: string[]): void {
  const opener = rest.shift()
  if (opener === undefined) {
    process.stdout.write(`No program to open a browser was found. The page is at ${url}\n`)
    return
  }
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
  child.once('error', () => tryNext(url, rest))
  child.once('spawn', () => child.unref())
}

const openers = ['xdg-open', 'wslview', 'sensible-browser', 'x-www-browser']
