// One thing that `upload.cgi check` looked at: its state, and what to do about it. Also shown on
// the page with `debug = true`. Codes are public: scripts look for them.

export type Finding = {
  /** `warning`: it works, but not as one would wish. `error`: uploads fail, or are not safe. */
  readonly level: 'ok' | 'warning' | 'error'
  readonly code: string
  /** One sentence. */
  readonly message: string
  /** What to do, a command where there is one; '' for a finding that is fine. */
  readonly remedy: string
}

/** What `check` can find wrong. A test has a set-up for each, and follows its remedy. */
export type CheckProblem =
  | 'ACL_MASKED'
  | 'ACL_NOT_INHERITED'
  | 'CHUNK_TOO_LARGE'
  | 'CLOCK_APART'
  | 'DIRECTORY_IN_CGI_BIN'
  | 'DIRECTORY_MISSING'
  | 'DIRECTORY_OF_PROGRAM'
  | 'DIRECTORY_OPEN'
  | 'DIRECTORY_PUBLIC'
  | 'DIRECTORY_READ_ONLY'
  | 'DIRECTORY_RIGHTS'
  | 'DIRECTORY_UNREACHABLE'
  | 'DIRECTORY_UNUSABLE'
  | 'DIRECTORY_VOLATILE'
  | 'DISK_FULL'
  | 'FIELDS_TOO_FEW'
  | 'FOLDER_FIELD_NOT_ASKED'
  | 'GROUP_NOT_INHERITED'
  | 'INCOMING_ELSEWHERE'
  | 'INCOMING_FOREIGN'
  | 'INCOMING_OPEN'
  | 'INCOMING_WRONG'
  | 'INODES_SHORT'
  | 'INVITATION_ENDED'
  | 'LIMIT_ADDRESS_SPACE'
  | 'LIMIT_CPU'
  | 'LIMIT_DATA'
  | 'LIMIT_FILES'
  | 'LIMIT_FILE_SIZE'
  | 'LIMIT_MEMORY'
  | 'LIMIT_PROCESSES'
  | 'LOGO_UNUSABLE'
  | 'LOG_PUBLIC'
  | 'LOG_UNUSABLE'
  | 'MAILER_MISSING'
  | 'MOUNT_LOSES_FILES'
  | 'MOUNT_SYNC'
  | 'NOT_CHECKED'
  | 'NOTIFY_MISSING'
  | 'NO_INODES'
  | 'OUTBOX_LOST'
  | 'OUTBOX_WAITS'
  | 'OWN_FILE_INSIDE'
  | 'PROGRAM_WRITABLE'
  | 'PUBLIC_KINDS'
  | 'REDIRECT_UNENCRYPTED'
  | 'SCANNER_FAILS'
  | 'SCRIPT_NOT_EXECUTABLE'
  | 'SECRETS_READABLE'
  | 'SELINUX_DIRECTORY'
  | 'SELINUX_PROGRAM'
  | 'SETTINGS_MISSING'
  | 'SETTINGS_PUBLIC'
  | 'SETTINGS_WRITABLE'
  | 'SETTINGS_WRONG'
  | 'SPACE_SHORT'
  | 'STYLESHEET_UNUSABLE'
  | 'SYNC_REFUSED'
  | 'UMASK_WRONG'
  | 'UNFINISHED_MANY'
  | 'WEBHOOK_UNSIGNED'

/** The same of `check --url`. */
export type UrlProblem =
  | 'BODY_LIMIT'
  | 'BODY_REFUSED'
  | 'BODY_TOO_LARGE'
  | 'CONTENT_REFUSED'
  | 'ERRORS_REPLACED'
  | 'FCGID_LIMIT'
  | 'FOLDER_LISTED'
  | 'FOLDER_SHOWN'
  | 'FORBIDDEN'
  | 'HOST_CHANGED'
  | 'NAME_REFUSED'
  | 'NOT_FOUND'
  | 'NOT_RUN'
  | 'ODD_NAMES_REFUSED'
  | 'ORIGIN_REFUSED'
  | 'OTHER_ANSWER'
  | 'PASSWORD_NEEDED'
  | 'PAUSE_CUT'
  | 'POLICY_CHANGED'
  | 'POST_REFUSED'
  | 'PROGRAM_FAILED'
  | 'PROXY_UNKNOWN'
  | 'REDIRECTED'
  | 'REDIRECT_BROKEN'
  | 'REDIRECT_LEADS_ON'
  | 'REQUESTS_LIMITED'
  | 'SERVER_BUSY'
  | 'SERVER_TIMEOUT'
  | 'SETTINGS_SHOWN'
  | 'SMALL_REFUSED'
  | 'TUS_ADDRESS'
  | 'TUS_REFUSED'
  | 'URL_REFUSED'
  | 'URL_UNREACHABLE'

export function fine(code: string, message: string): Finding {
  return { level: 'ok', code, message, remedy: '' }
}

export function warning(code: CheckProblem | UrlProblem, message: string, remedy: string): Finding {
  return { level: 'warning', code, message, remedy }
}

export function failure(code: CheckProblem | UrlProblem, message: string, remedy: string): Finding {
  return { level: 'error', code, message, remedy }
}

/** One line, and a second one with the remedy. */
export function findingText({ level, code, message, remedy }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', error: 'ERROR  ' }[level]
  return `${mark} ${message} [${code}]\n${remedy === '' ? '' : `        → ${remedy}\n`}`
}

/** A word that a shell takes as it is. */
export function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** The four digits of chmod. */
export function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0')
}
