// `serve --open`: shows the page in the person's browser, where there is a screen.

import { spawn } from 'node:child_process'
import { print } from './terminal.ts'

/** Tries the usual programs of desktops, one after the other. Does not wait and never throws. */
export function openBrowser(url: string): void {
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env
  if (DISPLAY || WAYLAND_DISPLAY || WSL_DISTRO_NAME) tryNext(url, [...openers])
}

function tryNext(url: string, rest: string[]): void {
  const opener = rest.shift()
  if (opener === undefined) {
    print(`No program to open a browser was found. The page is at ${url}\n`)
    return
  }
  const child = spawn(opener, [url], { stdio: 'ignore', detached: true })
  child.once('error', () => tryNext(url, rest))
  child.once('spawn', () => child.unref())
}

const openers = ['xdg-open', 'wslview', 'sensible-browser', 'x-www-browser']
