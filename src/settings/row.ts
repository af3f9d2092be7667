// One row of the table of settings: its key, the kind of its value, its default and its meaning.

/** A help for typing: an answer is kept as it came. */
export type FieldType = 'text' | 'email' | 'textarea' | 'number' | 'date' | 'select' | 'checkbox'

/** A field that the form asks for, beside the files. */
export type ExtraField = {
  readonly name: string
  readonly label: string
  readonly type: FieldType
  readonly required: boolean
  /** What a select offers; empty for every other type. */
  readonly options: readonly string[]
}

/** Lets a visitor in whose address has the token. */
export type Invitation = {
  /** Each is there once. */
  readonly name: string
  readonly token: string
  /** '' for the folder of everybody. */
  readonly folder: string
  /** In ms since 1970; 0: it does not end. */
  readonly endsAt: number
  /** The sum of all that comes by it; 0: no limit. */
  readonly maxBytes: number
  /** The sum of all that comes by it; 0: no limit. */
  readonly maxFiles: number
}

/** Who is told what came: a mail address, an address on the web, or the path of a program. */
export type Member = { readonly kind: 'mail' | 'webhook' | 'program'; readonly text: string }

export type SettingsRow<Value = unknown> = {
  /** As in the settings file. The environment variable is UPLOAD_CGI_ and this in capitals. */
  readonly key: string
  readonly kind: Kind<Value>
  /** As the owner would write it in the settings file. */
  readonly default: WrittenDefault
  /** Shown in the documentation instead of a default that is too long for it. */
  readonly defaultText?: string
  /** Takes the place of `default` while the setting with this key is true. */
  readonly defaultWhile?: { readonly key: string; readonly default: WrittenDefault }
  /** One line, for --help, the man page, the sample file and the README. */
  readonly help: string
  /** The owner must set it: there is no default. */
  readonly isRequired?: boolean
  /** Nothing prints it but `config --secrets`. */
  readonly isSecret?: boolean
  /**
   * It is read from the settings file alone, since the environment is seen by more people and set
   * by more programs than the file.
   */
  readonly isOfFile?: boolean
}

export type WrittenDefault = string | number | boolean | readonly string[]

/**
 * What is common to all settings of one kind. The instances are in value.ts and extra-fields.ts.
 */
export type Kind<Value> = {
  /**
   * What the owner wrote → the value. `base` is the directory of the settings file, to which
   * relative paths belong; '' when there is no file.
   */
  parse(written: unknown, row: Named, base: string): Parsed<Value>
  /** The text of an environment variable → what a settings file would have there. */
  fromText(text: string): unknown
  /** The value → how the settings file has it. */
  show(value: Value): string
  /** The value while what the owner wrote is wrong. */
  readonly fallback: Value
  /** Written as [[tables]], which TOML wants at the end of the file. */
  readonly isTables?: boolean
}

export type Parsed<Value> =
  | { readonly value: Value }
  | { readonly problem: string; readonly remedy: string }

type Named = Pick<SettingsRow, 'key' | 'isRequired'>
