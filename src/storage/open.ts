// Opens the upload directory as a Storage: the one place that puts the parts of this room together.

import type { Settings } from '../settings/settings.ts'
import { attempt } from '../system-error.ts'
import { commit } from './commit.ts'
import { Directory } from './directory.ts'
import { NotedEntries } from './entries.ts'
import { lookedUp, translated } from './files.ts'
import { Pending } from './pending.ts'
import { placeOf, Recording } from './recording.ts'
import { holds, isUnchanged, removeUnchanged } from './removal.ts'
import { scan } from './scan.ts'
import type { Draft, PendingFile, Storage } from './storage.ts'
import { countTotal } from './total.ts'
import { UnfinishedUploads } from './unfinished.ts'
import { shortened } from './verdict.ts'
import { pathOf } from './way.ts'

/** `path`: a directory that usable.ts has checked. Creates nothing in it yet. */
export function openStorage(settings: Settings, path: string): Storage {
  const directory = new Directory(settings, path)
  return {
    total: () => translated(() => countTotal(directory)),
    machine: () => translated(() => directory.incoming.folder.machine),
    unfinished: new UnfinishedUploads(directory),
    requireSpace: (bytes) => directory.space.require(bytes, 1),
    requireFreeName: (place) => directory.requireFreeName(place),
    hasFolder: (place) => translated(() => lookedUp(pathOf(path, place))?.isDirectory() === true),
    create: (place) => create(directory, place),
    commit: (files, draft, accept) => committed(directory, files.map(ours), draft, accept),
    holds: (place, bytes) => translated(() => holds(path, place, bytes)),
    isUnchanged: (file) => translated(() => isUnchanged(path, file)),
    remove: (file) => translated(() => removeUnchanged(path, file)),
    sweep: () => directory.sweep(directory.incoming.now()),
    notes: notesOf(directory),
    entries: new NotedEntries(directory),
  }
}

function create(directory: Directory, place: string): Pending {
  return translated(() => {
    const { incoming } = directory
    const pending = incoming.opened(
      () => new Pending(directory, place, incoming.randomFile('part')),
    )
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

function committed<Result>(
  directory: Directory,
  files: readonly Pending[],
  draft: Draft | undefined,
  accept: (stored: readonly string[]) => Result,
): Result {
  // Only a file opens the hidden folder.
  if (files.length === 0) translated(() => directory.incoming.open())
  // Without a draft it is what this program wrote itself.
  if (draft !== undefined) scan(files, directory.settings)
  const recording = draft && new Recording(directory, shortened(draft), placeOf(draft))
  return commit(directory, files, recording, accept)
}

function notesOf({ notes, incoming, settings }: Directory): Storage['notes'] {
  return {
    nameOf(id) {
      return translated(() => incoming.opened(() => incoming.name(id)))
    },
    findName: (id) => translated(() => incoming.find(id)),
    hasNewFolder: () => notes.hasNewFolder,
    create: (key, content) => translated(() => incoming.opened(() => notes.create(key, content))),
    sync(...keys) {
      if (settings.durable) translated(() => notes.sync(...keys))
    },
    read: (key) => translated(() => notes.read(key)),
    isThere: (key) => translated(() => notes.isThere(key)),
    list: (prefix, atMost) => translated(() => notes.list(prefix, atMost)),
    remove: (key) => translated(() => notes.remove(key)),
  }
}

function ours(file: PendingFile): Pending {
  if (!(file instanceof Pending)) throw new Error('this file is of another storage')
  return file
}
