// The settings: their shape, and the one table from which the loader, --help, the commented sample file
// and the README's table are made. settings-load.ts reads files and the environment by it,
// settings-value.ts one value. A new setting is a row here and a field of Settings.

import { pageSettings } from './page-rows.ts'
import type { SettingsRow } from './row.ts'

/** What web servers execute or obey. */
export const executedByServers: readonly string[] = (
  'php php3 php4 php5 php6 php7 php8 phps phpt phtml pht phar cgi fcgi ' +
  'shtml shtm stm asp aspx ashx asmx ascx asa cer cdx ' +
  'jsp jspx jspf jsw jsv war cfm cfml cfc htaccess htpasswd user.ini php.ini web.config'
).split(' ')

/** What a browser would run in the site's name. */
export const executedByBrowsers: readonly string[] =
  'html htm xhtml xht shtml svg svgz xml xsl xslt js mjs mhtml mht swf wasm'.split(' ')

export const settingsTable: readonly SettingsRow[] = [
  {
    key: 'directory',
    name: 'directory',
    kind: 'path',
    default: '',
    help: 'where files go: a whole path, or relative to the settings file',
    isRequired: true,
  },
  {
    key: 'max_file_size',
    name: 'maxFileBytes',
    kind: 'size',
    default: '100MB',
    help: 'largest file; 0 = no limit',
  },
  {
    key: 'max_request_size',
    name: 'maxRequestBytes',
    kind: 'size',
    default: '1GB',
    help: 'largest upload as a whole; 0 = no limit',
  },
  {
    key: 'max_files',
    name: 'maxFiles',
    kind: 'count',
    default: 20,
    help: 'most files in one upload',
  },
  {
    key: 'max_fields',
    name: 'maxFields',
    kind: 'count',
    default: 100,
    help: 'most text fields in one upload',
  },
  {
    key: 'max_field_size',
    name: 'maxFieldBytes',
    kind: 'size',
    default: '64KB',
    help: 'longest text field',
    least: 1,
  },
  {
    key: 'min_free_space',
    name: 'minFreeBytes',
    kind: 'size',
    default: '64MB',
    help: 'left free on the disk after the upload; 0 = do not check',
  },
  {
    key: 'allow_extensions',
    name: 'allowExtensions',
    kind: 'extensions',
    default: [],
    help: 'if not empty, only these: ["jpg", "pdf"]',
  },
  {
    key: 'block_extensions',
    name: 'blockExtensions',
    kind: 'extensions',
    default: executedByServers,
    help: 'refused wherever they stand in a name',
  },
  {
    key: 'on_conflict',
    name: 'onConflict',
    kind: 'choice',
    default: 'rename',
    help: 'when the name is taken: rename, reject or overwrite',
    choices: ['rename', 'reject', 'overwrite'],
  },
  {
    key: 'file_mode',
    name: 'fileMode',
    kind: 'mode',
    default: '0640',
    help: 'permissions of stored files; never an execute bit',
  },
  {
    key: 'allow_public_directory',
    name: 'allowPublicDirectory',
    kind: 'boolean',
    default: false,
    help: 'accept a directory that the web server serves to everyone',
  },
  {
    key: 'durable',
    name: 'durable',
    kind: 'boolean',
    default: true,
    help: 'wait until files are safe on disk before reporting success',
  },
  {
    key: 'checksum',
    name: 'checksum',
    kind: 'choice',
    default: 'sha256',
    help: 'reported with each file; none saves the time',
    choices: ['sha256', 'none'],
  },
  {
    key: 'chunk_size',
    name: 'chunkBytes',
    kind: 'size',
    default: '8MB',
    help: 'larger files are sent in pieces of this size, and go on after a lost connection',
    least: 65536,
  },
  {
    key: 'partial_lifetime',
    name: 'partialLifetimeSeconds',
    kind: 'duration',
    default: '1d',
    help: 'how long an unfinished upload can be resumed before it is swept',
  },
  {
    key: 'max_partial_uploads',
    name: 'maxPartialUploads',
    kind: 'count',
    default: 100,
    help: 'most uploads that may be unfinished at a time',
  },
  {
    key: 'public_url',
    name: 'publicUrl',
    kind: 'address',
    default: '',
    help: 'if set, the address under which stored files are reported',
  },
  {
    key: 'log_file',
    name: 'logFile',
    kind: 'path',
    default: '',
    help: 'if set, one JSON line a request is appended there',
  },
  {
    key: 'require_user',
    name: 'requireUser',
    kind: 'boolean',
    default: false,
    help: 'only users whom the web server authenticated may upload',
  },
  {
    key: 'allowed_origins',
    name: 'allowedOrigins',
    kind: 'origins',
    default: [],
    help: 'other sites whose pages may post here',
  },
  ...pageSettings,
  {
    key: 'success_redirect',
    name: 'successRedirect',
    kind: 'address',
    default: '',
    help: 'page to go to after a form upload, instead of the receipt',
  },
  {
    key: 'debug',
    name: 'debug',
    kind: 'boolean',
    default: false,
    help: 'the pages show causes, checks and environment; for finding a fault only',
  },
]
