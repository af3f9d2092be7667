// The one table of settings. The loader, --help, the man page, the sample file and the README's
// table are made from it or held against it. A new setting is a field of Settings and a row here,
// or in sender-rows.ts when it is about who may send and how much, in told-rows.ts when it names
// programs or people, or in page-rows.ts when it is about the page.

import { folder } from './folder.ts'
import { pageRows } from './page-rows.ts'
import type { SettingsRow } from './row.ts'
import { senderRows } from './sender-rows.ts'
import type { LoadedSettings, SettingsRows } from './settings.ts'
import { toldRows } from './told-rows.ts'
import {
  address,
  boolean,
  count,
  duration,
  extensions,
  mode,
  oneOf,
  path,
  size,
  sizeFrom,
} from './value.ts'

/**
 * What web servers execute or obey. `var` and `asis` bring their own headers (Apache's type-map and
 * send-as-is), and from `pl` to `inc` it is what handlers run that many administrators add.
 */
export const executedByServers: readonly string[] = (
  'php php3 php4 php5 php6 php7 php8 phps phpt phtml pht phar cgi fcgi ' +
  'shtml shtm stm asp aspx ashx asmx ascx asa cer cdx ' +
  'jsp jspx jspf jsw jsv war cfm cfml cfc htaccess htpasswd user.ini php.ini web.config ' +
  'var asis pl py rb lua phtm php9 inc'
).split(' ')

/** What Windows obeys as soon as somebody opens the folder on a share. */
export const obeyedByWindows: readonly string[] = 'lnk url scf desktop.ini autorun.inf'.split(' ')

/** What a browser would run with the rights of the site's own pages. */
export const executedByBrowsers: readonly string[] =
  'html htm xhtml xht shtml svg svgz xml xsl xslt js mjs mhtml mht swf wasm'.split(' ')

/**
 * What neither a server nor a browser runs: pictures without svg, sound, video, PDF, office
 * documents, archives, text. Only what the servers' own tables of types know, since a browser
 * guesses the type of all else from the content.
 */
export const inert: readonly string[] = (
  'jpg jpeg png gif webp avif heic heif bmp tif tiff ' +
  'mp3 m4a aac ogg oga opus flac wav mp4 m4v mov webm mkv avi mpg mpeg ogv ' +
  'pdf doc docx xls xlsx ppt pptx odt ods odp odg rtf zip tar gz tgz bz2 xz 7z rar txt csv'
).split(' ')

const blocked = [...executedByServers, ...obeyedByWindows]

const settingsRows: SettingsRows = {
  directory: {
    key: 'directory',
    kind: path,
    default: '',
    help: 'where files go: a whole path, or relative to the settings file',
    isRequired: true,
  },
  maxFileBytes: {
    key: 'max_file_size',
    kind: size,
    default: '100MB',
    help: 'largest file; 0 = no limit',
  },
  maxRequestBytes: {
    key: 'max_request_size',
    kind: size,
    default: '1GB',
    help: 'largest request; files sent in pieces may be larger; 0 = no limit',
  },
  maxFiles: {
    key: 'max_files',
    kind: count,
    default: 100,
    help: 'most files in one request; the page takes no more at a time',
  },
  maxFields: {
    key: 'max_fields',
    kind: count,
    default: 100,
    help: 'most text fields in one upload',
  },
  maxFieldBytes: {
    key: 'max_field_size',
    kind: sizeFrom(1),
    default: '64KB',
    help: 'longest text field',
  },
  minFreeBytes: {
    key: 'min_free_space',
    kind: size,
    default: '64MB',
    help: 'left free on the disk, with 1000 inodes or a twentieth; 0 = do not check',
  },
  allowExtensions: {
    key: 'allow_extensions',
    kind: extensions,
    default: [],
    // In the site's own name a browser runs whatever has no type, or an unknown one.
    defaultWhile: { key: 'allow_public_directory', default: inert },
    help: 'if not empty, only these: ["jpg", "pdf"]',
  },
  blockExtensions: {
    key: 'block_extensions',
    kind: extensions,
    default: blocked,
    defaultText: 'what servers execute and Windows obeys',
    // Whatever is in a public directory is opened in browsers too.
    defaultWhile: {
      key: 'allow_public_directory',
      default: [...blocked, ...executedByBrowsers],
    },
    help: 'refused anywhere in a name, not only at its end',
  },
  contentCheck: {
    key: 'content_check',
    kind: boolean,
    default: true,
    help: 'refuse a picture, video, archive or the like that is a program or a page inside',
  },
  folder: {
    key: 'folder',
    kind: folder,
    default: '',
    help: 'where files go below the directory: "{date}/{sender}", "{field:project}"',
  },
  keepFolders: {
    key: 'keep_folders',
    kind: boolean,
    default: true,
    help: 'a folder that a visitor sends keeps its structure; false = its files alone',
  },
  onConflict: {
    key: 'on_conflict',
    kind: oneOf('rename', 'reject', 'overwrite'),
    default: 'rename',
    help: 'when the name is taken: rename, reject or overwrite',
  },
  fileMode: {
    key: 'file_mode',
    kind: mode,
    default: '0640',
    help: 'permissions of stored files; never an execute bit',
  },
  allowPublicDirectory: {
    key: 'allow_public_directory',
    kind: boolean,
    default: false,
    help: 'accept a directory that the web server serves to everyone',
  },
  durable: {
    key: 'durable',
    kind: boolean,
    default: true,
    help: 'wait until files are safe on disk before reporting success',
  },
  checksum: {
    key: 'checksum',
    kind: oneOf('sha256', 'none'),
    default: 'sha256',
    help: 'reported with each file; none saves the time',
  },
  chunkBytes: {
    key: 'chunk_size',
    kind: sizeFrom(65_536),
    default: '8MB',
    help: 'larger files are sent in pieces of this size, and resume after a lost connection',
  },
  partialLifetimeSeconds: {
    key: 'partial_lifetime',
    kind: duration,
    default: '1d',
    help: 'how long an unfinished upload can be resumed before it is removed',
  },
  maxPartialUploads: {
    key: 'max_partial_uploads',
    kind: count,
    default: 100,
    help: 'most uploads that may be unfinished at a time; a sender has a quarter of them',
  },
  publicUrl: {
    key: 'public_url',
    kind: address,
    default: '',
    help: 'if set, the address under which stored files are reported',
  },
  logFile: {
    key: 'log_file',
    kind: path,
    default: '',
    help: 'if set, one JSON line per request is appended there',
  },
  logAddress: {
    key: 'log_address',
    kind: oneOf('full', 'network', 'none'),
    default: 'full',
    help: 'how much of an address is logged; network = IPv4 /24, IPv6 /48',
  },
  ...toldRows,
  ...senderRows,
  ...pageRows,
}

/** The rows in their order; `name` is that of Settings. */
export const settingsTable: readonly (SettingsRow & { readonly name: string })[] = Object.entries(
  settingsRows,
).map(([name, row]) => ({ name, ...row }))

/** The keys of the secrets that are set. */
export function secretKeys(settings: LoadedSettings): readonly string[] {
  const values: Readonly<Record<string, unknown>> = settings
  // A secret is text or a list.
  const isSet = (name: string) => Object(values[name]).length > 0
  return settingsTable.filter(({ name, isSecret }) => isSecret && isSet(name)).map(({ key }) => key)
}
