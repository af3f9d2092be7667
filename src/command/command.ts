// The command line: what a person at a terminal can ask of upload.cgi. This file says what a
// command is, commands.ts has the table of them, and run.ts carries one out.

export type Command<Options extends OptionTypes = OptionTypes> = {
  /** The word that calls it. */
  readonly name: string
  /** As a person types it, with its options. */
  readonly usage: string
  /** Whole sentences, for --help and the man page; '' when the usage says it all. */
  readonly help: string
  /** For node:util's parseArgs. */
  readonly options: Options
  /** Of two commands with one name, the one that is meant when this option is given. */
  readonly onlyWith?: string
  /** Each of its options calls it too, whatever else is on the command line. */
  readonly isCalledByOptions?: boolean
  /** How many words may follow its name; 0 when not given. */
  readonly mostWords?: number
  /** Gives the exit status, as in sysexits(3). */
  action(call: Call<Options>): number | Promise<number>
}

/** What the person typed. */
export type Call<Options extends OptionTypes = OptionTypes> = {
  readonly values: OptionValues<Options>
  /** What follows the command's name, without options. */
  readonly words: readonly string[]
  /** The settings script through which the program was called; '' for none. */
  readonly script: string
}

export type OptionTypes = Readonly<Record<string, OptionType>>

type OptionType = {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  /** It may be given several times. */
  readonly multiple?: true
}
type OptionValues<Options extends OptionTypes> = {
  readonly [Name in keyof Options]?: OptionValue<Options[Name]> | undefined
}
type OptionValue<Type extends OptionType> = Type extends { multiple: true }
  ? string[]
  : Type['type'] extends 'string'
    ? string
    : Type['type'] extends 'boolean'
      ? boolean
      : string | boolean | (string | boolean)[]
