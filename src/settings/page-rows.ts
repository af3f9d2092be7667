// The rows of the settings' table that are about the page: its words, its look, what it asks. A part of
// settings.ts, which is the only one to import it.

import { languageFiles } from '../languages/files.ts'
import type { SettingsRow } from './row.ts'

export const pageSettings: readonly SettingsRow[] = [
  {
    key: 'title',
    name: 'title',
    kind: 'text',
    default: 'Upload files',
    help: 'heading of the form',
  },
  {
    key: 'message',
    name: 'message',
    kind: 'text',
    default: '',
    help: 'a sentence below the heading',
  },
  {
    key: 'stylesheet',
    name: 'stylesheet',
    kind: 'path',
    default: '',
    help: 'a CSS file that is inlined after the built-in style',
  },
  {
    key: 'language',
    name: 'language',
    kind: 'choice',
    default: '',
    help: "of the pages: en, de, fr, …; if empty, what the visitor's browser asks for",
    choices: ['', ...Object.keys(languageFiles)],
  },
  {
    key: 'logo',
    name: 'logo',
    kind: 'path',
    default: '',
    help: 'a PNG, JPEG, GIF, WebP or SVG of at most 100 KB, above the heading',
  },
  {
    key: 'accent_color',
    name: 'accentColor',
    kind: 'color',
    default: '',
    help: 'of buttons and links: "#0b6e4f"',
  },
  {
    key: 'extra_fields',
    name: 'extraFields',
    kind: 'fields',
    default: [],
    help: 'asked beside the files: text, email, select or checkbox',
  },
  {
    key: 'parallel_uploads',
    name: 'parallelUploads',
    kind: 'count',
    default: 2,
    help: 'files that the page sends at the same time, 1 to 6',
    most: 6,
  },
]
