import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

const known = ['directory', 'max_file_size', 'max_files', 'max_fields', 'durable', 'title']

test('a word that is nearly right finds the one that was meant', () => {
  const meant: Record<string, string> = {
    directroy: 'directory',
    dir: '',
    DIRECTORY: 'directory',
    maxFileSize: 'max_file_size',
    'max-file-size': 'max_file_size',
    max_filesize: 'max_file_size',
    max_file: 'max_files',
    max_field: 'max_fields',
    titel: 'title',
    upload_dir: '',
    '': '',
    x: '',
  }
  for (const [word, found] of Object.entries(meant)) assert.equal(nearest(word, known), found, word)
})

test('a very long word takes no time and finds nothing', () => {
  assert.equal(nearest('x'.repeat(1_000_000), known), '')
})
