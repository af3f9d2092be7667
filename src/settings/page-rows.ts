// The rows of the table of settings that are about the page: its words, its look, what it asks for.

import { languageFiles } from '../languages/files.ts'
import { extraFields } from './extra-fields.ts'
import type { SettingsRows } from './settings.ts'
import { boolean, color, countUpTo, oneOf, path, redirect, text } from './value.ts'

export const pageRows = {
  title: {
    key: 'title',
    kind: text,
    default: 'Upload files',
    help: 'heading of the form',
  },
  message: {
    key: 'message',
    kind: text,
    default: '',
    help: 'a sentence below the heading; web and mail addresses in it become links',
  },
  stylesheet: {
    key: 'stylesheet',
    kind: path,
    default: '',
    help: 'a CSS file that is inlined after the built-in style',
  },
  language: {
    key: 'language',
    kind: oneOf('', ...Object.keys(languageFiles)),
    default: '',
    help: "language of the pages: en, de, fr, …; if empty, what the visitor's browser asks for",
  },
  logo: {
    key: 'logo',
    kind: path,
    default: '',
    help: 'a PNG, JPEG, GIF, WebP or SVG of at most 100 KB, above the heading',
  },
  accentColor: {
    key: 'accent_color',
    kind: color,
    default: '',
    help: 'color of buttons and links: "#0b6e4f"',
  },
  extraFields: {
    key: 'extra_fields',
    kind: extraFields,
    default: [],
    help: 'what the form asks for: text, email, textarea, number, date, select or checkbox',
  },
  files: {
    key: 'files',
    kind: oneOf('required', 'optional'),
    default: 'required',
    help: 'required, or optional: then the answers alone can be sent, without a file',
  },
  parallelUploads: {
    key: 'parallel_uploads',
    kind: countUpTo(6),
    default: 2,
    help: 'files that the page sends at the same time, 1 to 6',
  },
  successRedirect: {
    key: 'success_redirect',
    kind: redirect,
    default: '',
    help: 'page to go to after an upload; {receipt} in it becomes the receipt number',
  },
  debug: {
    key: 'debug',
    kind: boolean,
    default: false,
    help: 'the pages show causes, checks and environment; for finding a fault only',
  },
} satisfies Partial<SettingsRows>
