// Which first bytes are refused under which names, however they are cut.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../fault.ts'
import type { Settings } from '../settings/settings.ts'
import { Content, headBytes } from './content.ts'

const settings = { contentCheck: true } as Settings

/** The detail of CONTENT_REFUSED; '' when the file passes. */
function verdict(name: string, bytes: Buffer | string, piece = Infinity): string {
  const body = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  const content = Content.open(name, settings)
  try {
    for (let at = 0; at < body.length; at += piece) content?.write(body.subarray(at, at + piece))
    content?.end()
    return ''
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'CONTENT_REFUSED')
    assert.equal(content?.isRefused, true)
    return error.detail
  }
}

const active: readonly (readonly [bytes: string, kind: string])[] = [
  ['<!DOCTYPE html><p>', 'HTML'],
  ['\n\t <HTML>', 'HTML'],
  ['<script src=x>', 'HTML'],
  ['\xef\xbb\xbf<script>', 'HTML'],
  ['\xff\xfe<\0h\0t\0m\0l\0>\0', 'HTML'],
  ['\xfe\xff\0<\0h\0t\0m\0l\0>', 'HTML'],
  ['<svg/onload=alert(1)>', 'SVG'],
  ['<!-- x --><script>', 'a comment of HTML or XML'],
  ['<?xml version="1.0"?><svg>', 'XML'],
  ['<!DOCTYPE svg PUBLIC "-">', 'SVG'],
  ['<!DOCTYPE x [<!ENTITY y "z">]>', 'XML'],
  ['<?php phpinfo();', 'PHP'],
  ['<?= 1 ?>', 'PHP'],
  ['GIF89a\x01\0\x01\0<?PHP system($_GET[0]);', 'PHP'],
  ['<%@ page import="x" %>', 'a page that a server executes'],
  ['#!/bin/sh\n', 'a script'],
  ['#! perl', 'a script'],
  ['%!PS-Adobe-3.0', 'PostScript'],
  ['MZ\x90\0\x03', 'a program for Windows'],
  ['\x7fELF\x02\x01', 'a program for Unix'],
  ['\xcf\xfa\xed\xfe\x07\0\0\x01', 'a program for macOS or Java'],
  ['\xca\xfe\xba\xbe\0\0\0\x41', 'a program for macOS or Java'],
  ['dex\n035\0', 'a program for Android'],
  ['\0asm\x01\0\0\0', 'WebAssembly'],
  ['CWS\x0a', 'Flash'],
  ['L\0\0\0\x01\x14\x02\0', 'a shortcut of Windows'],
]

test('a picture that is active content is refused, however it is cut and whatever follows', () => {
  for (const [bytes, kind] of active) {
    for (const rest of ['', 'x'.repeat(5000)]) {
      for (const piece of [1, 3, 1000, headBytes, Infinity]) {
        assert.equal(verdict('a.jpg', bytes + rest, piece), `a.jpg: ${kind}`, `${bytes} ${piece}`)
      }
    }
  }
})

test('the same under every extension that promises another kind, in any case', () => {
  const promised = 'PNG gif tif mp3 wav mp4 m4a mov webm pdf zip 7z gz tgz docx xlsm pptx ods epub'
  for (const extension of promised.split(' ')) {
    assert.equal(verdict(`a.b.${extension}`, 'MZ\x90'), `a.b.${extension}: a program for Windows`)
  }
})

test('text, old office documents and names that promise nothing may be anything', () => {
  for (const name of ['a.txt', 'a.csv', 'a.xls', 'a.doc', 'README', 'a.exe', 'a.html', 'jpg']) {
    for (const [bytes] of active) assert.equal(verdict(name, bytes), '', name)
  }
})

test('an SVG may be SVG, with a declaration and comments, and nothing else', () => {
  for (const bytes of [
    '<svg>',
    '<?xml version="1.0"?><svg>',
    '<!-- x --><svg>',
    '<!DOCTYPE svg>',
  ]) {
    assert.equal(verdict('a.svg', bytes), '', bytes)
  }
  assert.equal(verdict('a.svg', '<html>'), 'a.svg: HTML')
  assert.equal(verdict('a.svg', '<svg><?php x'), 'a.svg: PHP')
})

test('what looks alike passes: speech, an archive of sources, metadata, an empty file', () => {
  assert.equal(verdict('a.amr', '#!AMR\n'), '')
  assert.equal(verdict('a.amr', '#!AMR-WB\n'), '')
  assert.equal(verdict('a.amr', '#!/bin/sh\n'), 'a.amr: a script')
  assert.equal(verdict('a.tar', `index.php${'\0'.repeat(503)}<?php echo 1;`), '')
  assert.equal(verdict('a.jpg', '\xff\xd8\xff\xe1<?xpacket begin="" id="W5M0"?>'), '')
  assert.equal(verdict('a.png', '\x89PNG\r\n\x1a\n<html>'), '')
  assert.equal(verdict('a.png', ''), '')
  assert.equal(verdict('a.png', '<article>'), '')
})

test('white space hides a page as long as a browser looks, and no longer', () => {
  const within = ' '.repeat(headBytes - 6)
  for (const piece of [1, 700, Infinity]) {
    assert.equal(verdict('a.jpg', `${within}<html>`, piece), 'a.jpg: HTML')
    assert.equal(verdict('a.jpg', `${within} <html>`, piece), '')
  }
})

test('content_check = false lets everything pass', () => {
  assert.equal(Content.open('a.jpg', { ...settings, contentCheck: false }), undefined)
})
