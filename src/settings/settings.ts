// What the owner of an upload page may say: the settings as the program uses them. table.ts has a
// row for each of them, and the compiler refuses a setting without a row and a row without a
// setting.

import type { Network } from '../http/network.ts'
import type { AddressDetail } from '../http/sender.ts'
import type { ExtraField, Invitation, Member, SettingsRow } from './row.ts'

export type Settings = {
  /** Absolute; '' only when that is among the problems. */
  readonly directory: string
  /** 0: no limit. */
  readonly maxFileBytes: number
  /** 0: no limit. */
  readonly maxRequestBytes: number
  readonly maxFiles: number
  readonly maxFields: number
  readonly maxFieldBytes: number
  /** What must stay free on the disk; 0: not checked. */
  readonly minFreeBytes: number
  /** In lower case, without the leading dot; empty: all. */
  readonly allowExtensions: readonly string[]
  /** In lower case, without the leading dot. */
  readonly blockExtensions: readonly string[]
  readonly contentCheck: boolean
  /** Has `{file}`; empty for none. */
  readonly scanCommand: readonly string[]
  /** As parseFolder() understands it; '' for the directory itself. */
  readonly folder: string
  /** False: the folders of a visitor's file are left out. */
  readonly keepFolders: boolean
  readonly notify: readonly Member[]
  /** Empty for the sendmail of this machine. */
  readonly mailCommand: readonly string[]
  /** '' to leave it to the mailer. */
  readonly mailFrom: string
  /** `whsec_` and base64; '' for none. */
  readonly webhookSecret: string
  readonly onConflict: 'rename' | 'reject' | 'overwrite'
  /** Permission bits of chmod(2), never an execute bit. */
  readonly fileMode: number
  readonly allowPublicDirectory: boolean
  readonly durable: boolean
  readonly checksum: 'sha256' | 'none'
  readonly chunkBytes: number
  readonly partialLifetimeSeconds: number
  readonly maxPartialUploads: number
  /** '' when stored files have no address. */
  readonly publicUrl: string
  /** Absolute; '' for no log. */
  readonly logFile: string
  readonly logAddress: AddressDetail
  readonly recordLifetimeSeconds: number
  readonly receiptFile: boolean
  readonly requireUser: boolean
  /** '' for none. */
  readonly passphrase: string
  readonly invitedOnly: boolean
  readonly invitations: readonly Invitation[]
  /** In ms since 1970; 0: the form stays open. */
  readonly openUntil: number
  /** 0: no limit. */
  readonly maxTotalBytes: number
  /** 0: no limit. */
  readonly maxTotalFiles: number
  /** A day; 0: no limit. */
  readonly maxSenderBytes: number
  /** A day; 0: no limit. */
  readonly maxSenderFiles: number
  /** In lower case, without a slash at the end: `https://a.example`. */
  readonly allowedOrigins: readonly string[]
  /** Machines whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly Network[]
  readonly title: string
  readonly message: string
  /** Absolute; '' for none. */
  readonly stylesheet: string
  /** A code of languages/files.ts; '' for what the visitor's browser asks for. */
  readonly language: string
  /** Absolute; '' for none. */
  readonly logo: string
  /** `#rrggbb` or ''. */
  readonly accentColor: string
  readonly extraFields: readonly ExtraField[]
  /** Optional: a form may bring answers alone. */
  readonly files: 'required' | 'optional'
  readonly parallelUploads: number
  /** '' for the receipt. */
  readonly successRedirect: string
  readonly debug: boolean
}

/**
 * What the table must be: for each setting a row whose kind gives a value of the setting's type.
 */
export type SettingsRows = { readonly [Name in keyof Settings]: SettingsRow<Settings[Name]> }

export type LoadedSettings = Settings & {
  /** The file they came from; '' when there is none. */
  readonly file: string
  /** Where each setting that is not at its default was set, by key. */
  readonly origins: ReadonlyMap<string, string>
  /** With any of these the program refuses all requests. */
  readonly problems: readonly SettingsProblem[]
}

export type SettingsProblem = {
  readonly key: string
  /** `/path/file line 3`, or the name of an environment variable. */
  readonly where: string
  readonly problem: string
  readonly remedy: string
}

/** One line, for the owner. */
export function problemText({ where, problem, remedy }: SettingsProblem): string {
  return `${where}: ${problem}: ${remedy}`
}
