// One row of the table of settings, and the kinds of value that there are.

/** A field that the form asks for, beside the files. */
export type ExtraField = {
  readonly name: string
  readonly label: string
  readonly type: 'text' | 'email' | 'select' | 'checkbox'
  readonly required: boolean
  /** Of a select. */
  readonly options: readonly string[]
}

export type SettingsRow = {
  /** As in the file; the environment variable is UPLOAD_CGI_ and this in capitals. */
  readonly key: string
  /** As in Settings. */
  readonly name: string
  readonly kind:
    | 'address'
    | 'boolean'
    | 'choice'
    | 'color'
    | 'count'
    | 'duration'
    | 'extensions'
    | 'fields'
    | 'mode'
    | 'origins'
    | 'path'
    | 'size'
    | 'text'
  /** As one would write it in the file. */
  readonly default: string | number | boolean | readonly string[]
  /** One line, for --help, the sample file and the README. */
  readonly help: string
  readonly choices?: readonly string[]
  /** The smallest size or count allowed, in bytes. */
  readonly least?: number
  /** The largest count allowed. */
  readonly most?: number
  readonly isRequired?: boolean
}
