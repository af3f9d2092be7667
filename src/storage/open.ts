// Opens the upload directory as a Storage: the one place that puts the parts of this room together.

import type { Settings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'
import { commit } from './commit.ts'
import { Directory } from './directory.ts'
import { translated } from './files.ts'
import type { Incoming } from './incoming.ts'
import { Pending } from './pending.ts'
import { scan } from './scan.ts'
import type { PendingFile, Storage } from './storage.ts'
import { countTotal } from './total.ts'
import { UnfinishedUploads } from './unfinished.ts'

/** `path`: a directory that usable.ts has checked. Creates nothing in it yet. */
export function openStorage(settings: Settings, path: string): Storage {
  const directory = new Directory(settings, path)
  const { incoming, notes } = directory
  return {
    notes: {
      create: (key, content) =>
        translated(() => {
          incoming.open()
          return notes.create(key, content)
        }),
      list: (prefix, atMost) => notes.list(prefix, atMost),
      remove: (key) => notes.remove(key),
    },
    secret: {
      name: (text) => incoming.find(text) ?? translated(() => opened(incoming).name(text)),
    },
    total: () => translated(() => countTotal(directory)),
    unfinished: new UnfinishedUploads(directory),
    requireSpace: (bytes) => directory.space.require(bytes, 1),
    requireFreeName: (place) => directory.requireFreeName(place),
    create: (place) => create(directory, place),
    commit(files, before, accept) {
      const whole = files.map(ours)
      scan(whole, settings)
      return commit(directory, whole, before, accept)
    },
    sweep: () => directory.sweep(directory.incoming.now()),
  }
}

function opened(incoming: Incoming): Incoming {
  incoming.open()
  return incoming
}

function create(directory: Directory, place: string): Pending {
  return translated(() => {
    const { incoming } = directory
    incoming.open()
    const pending = new Pending(directory, place, incoming.randomFile('part'))
    try {
      incoming.folder.requireOurs(pending.created)
    } catch (error) {
      pending.discard()
      throw error
    }
    attempt(() => directory.sweep(pending.created.mtimeMs, pending.path))
    return pending
  })
}

function ours(file: PendingFile): Pending {
  if (!(file instanceof Pending)) throw new Error('this file is of another storage')
  return file
}
