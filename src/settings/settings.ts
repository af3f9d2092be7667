// The settings as the program uses them.

import type { ExtraField } from './row.ts'

export type Settings = {
  /** Absolute; '' only when that is among the problems. */
  readonly directory: string
  /** 0 stands for no limit, here and in the other sizes. */
  readonly maxFileBytes: number
  readonly maxRequestBytes: number
  readonly maxFiles: number
  readonly maxFields: number
  readonly maxFieldBytes: number
  readonly minFreeBytes: number
  /** Lower case, without the leading dot. */
  readonly allowExtensions: readonly string[]
  readonly blockExtensions: readonly string[]
  readonly onConflict: 'rename' | 'reject' | 'overwrite'
  /** Permission bits, never an execute bit. */
  readonly fileMode: number
  readonly allowPublicDirectory: boolean
  readonly durable: boolean
  readonly checksum: 'sha256' | 'none'
  readonly chunkBytes: number
  readonly partialLifetimeSeconds: number
  readonly maxPartialUploads: number
  readonly publicUrl: string
  readonly logFile: string
  readonly requireUser: boolean
  readonly allowedOrigins: readonly string[]
  readonly title: string
  readonly message: string
  readonly stylesheet: string
  /** '' for the visitor's own. */
  readonly language: string
  readonly logo: string
  /** `#rrggbb` or ''. */
  readonly accentColor: string
  readonly extraFields: readonly ExtraField[]
  readonly parallelUploads: number
  readonly successRedirect: string
  readonly debug: boolean
}

export type LoadedSettings = Settings & {
  /** The file they came from; '' when there is none. */
  readonly file: string
  /** Where each key that is not at its default was set, by key. */
  readonly origins: ReadonlyMap<string, string>
  readonly problems: readonly SettingsProblem[]
}

export type SettingsProblem = {
  readonly key: string
  /** `/path/file line 3`, or the name of an environment variable. */
  readonly where: string
  readonly problem: string
  readonly remedy: string
}

/** For whoever has to fix it: where it is, what is wrong, what to do. */
export function problemText({ where, problem, remedy }: SettingsProblem): string {
  return `${where}: ${problem}: ${remedy}`
}
