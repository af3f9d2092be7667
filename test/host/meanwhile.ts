// A library for LD_PRELOAD under which something happens to a folder right before the program gives
// a file its name there with link(2), once: `remove` removes the folder, `swap` puts a symlink to
// another one in its place.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { missing } from './installed.ts'
import { freshDirectory } from './program.ts'

/** The environment of the program. `to`: the target of the symlink; '' to remove the folder. */
export type Meanwhile = (folder: string, to: string) => Readonly<Record<string, string>>

export function meanwhileLibrary(t: TestContext): Meanwhile | { skip: string } {
  const reason = missing('gcc')
  if (reason) return { skip: reason }
  const home = freshDirectory(t)
  const library = join(home, 'meanwhile.so')
  writeFileSync(join(home, 'meanwhile.c'), source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, join(home, 'meanwhile.c'), '-ldl'])
  return (folder, to) => ({ LD_PRELOAD: library, MEANWHILE_FOLDER: folder, MEANWHILE_TO: to })
}

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void act(const char *path) {
  static int is_done = 0;
  char moved[4096];
  const char *folder = getenv("MEANWHILE_FOLDER"), *to = getenv("MEANWHILE_TO");
  if (is_done || folder == NULL || strncmp(path, folder, strlen(folder)) != 0) return;
  is_done = 1;
  if (to[0] == 0) {
    rmdir(folder);
    return;
  }
  snprintf(moved, sizeof moved, "%s.moved", folder);
  if (rename(folder, moved) != 0 || symlink(to, folder) != 0) abort();
}
int link(const char *from, const char *path) {
  act(path);
  return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link"))(from, path);
}
`
