// Names that cannot be computed from what a client knows: an id is hashed with a secret of the
// upload directory (HMAC-SHA256, RFC 2104). The secret is a note in the folder `.upload-cgi/key/`,
// under a random name. The first process that renames such a folder into its place decides; all
// others read what it wrote.

import { readdirSync } from 'node:fs'
import { Fault } from '../fault.ts'
import { keyedHash } from '../hash.ts'
import { randomId } from '../random-id.ts'
import { errorCode } from '../system-error.ts'
import { syncDirectory } from './files.ts'
import type { Folder } from './folder.ts'
import { placeFolder, readNote } from './notes.ts'

export class Secret {
  readonly #folder: Folder
  #secret: Buffer | undefined

  constructor(folder: Folder) {
    this.#folder = folder
  }

  /** 32 hex digits; undefined while there is no secret, for then nothing has such a name. */
  find(text: string): string | undefined {
    this.#secret ??= this.#read()
    return this.#secret && keyed(this.#secret, text)
  }

  /** As find(), but makes the secret first. The folder is open. */
  name(text: string): string {
    const found = this.find(text)
    if (found !== undefined) return found
    this.#make()
    this.#secret = this.#read()
    if (this.#secret === undefined) throw lostFault(this.#folder.path)
    return keyed(this.#secret, text)
  }

  /** A damaged secret counts as absent, and the next suffix is taken. */
  #read(): Buffer | undefined {
    for (let number = 1; number <= maxSecrets; number++) {
      const path = this.#path(number)
      const name = nameIn(path)
      if (name === undefined) return undefined
      const secret = readNote(`${path}/${name}`)
      if (secret !== undefined) return secret
    }
    return undefined
  }

  #make(): void {
    const content = Buffer.from(`${randomId()}${randomId()}`)
    for (let number = 1; number <= maxSecrets; number++) {
      const path = this.#path(number)
      try {
        // It must outlive a power cut: without it no unfinished upload is found again.
        placeFolder(this.#folder, path, `.ht${randomId()}`, content, true)
        syncDirectory(this.#folder.path)
        return
      } catch (error) {
        if (!['EEXIST', 'ENOTEMPTY'].includes(errorCode(error))) throw error
        if (this.#read() !== undefined) return
      }
    }
  }

  #path(number: number): string {
    return `${this.#folder.path}/key${number === 1 ? '' : `-${number}`}`
  }
}

function keyed(secret: Buffer, text: string): string {
  return keyedHash(secret, text).slice(0, 32)
}

/** The name of the one file in it. */
function nameIn(path: string): string | undefined {
  try {
    return readdirSync(path)[0]
  } catch (error) {
    // Any other error is no proof that there is none. A second secret would hide the uploads of
    // the first.
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function lostFault(folder: string): Fault {
  const reason = `the file system lost what was just written: a directory in ${folder} is empty`
  return new Fault('DIRECTORY_UNUSABLE', '', new Error(`${reason} after it was renamed`))
}

const maxSecrets = 9
