// A library for LD_PRELOAD under which calls fail as on file systems that lack them: LACKS_LINK,
// LACKS_FCHMOD and LACKS_FSYNC hold the errno of each.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { missing } from './installed.ts'
import { freshDirectory } from './program.ts'

type Errno = keyof typeof constants.errno

/** The environment of the program for these errors, or the reason to skip. */
export type Lacking = (calls: Partial<Record<'link' | 'fchmod' | 'fsync', Errno>>) => {
  LD_PRELOAD: string
}

export function lackingLibrary(t: TestContext): Lacking | { skip: string } {
  const reason = missing('gcc')
  if (reason) return { skip: reason }
  const home = freshDirectory(t)
  const library = join(home, 'lacking.so')
  writeFileSync(join(home, 'lacking.c'), source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, join(home, 'lacking.c'), '-ldl'])
  return (calls) => ({
    LD_PRELOAD: library,
    ...Object.fromEntries(
      Object.entries(calls).map(([call, name]) => [
        `LACKS_${call.toUpperCase()}`,
        String(constants.errno[name]),
      ]),
    ),
  })
}

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
static int lacks(const char *name) {
  const char *text = getenv(name);
  if (text == NULL) return 0;
  errno = atoi(text);
  return 1;
}
#define REAL(name) ((int (*)())dlsym(RTLD_NEXT, name))
int link(const char *from, const char *to) {
  return lacks("LACKS_LINK") ? -1 : REAL("link")(from, to);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
  return lacks("LACKS_LINK") ? -1 : REAL("linkat")(a, from, b, to, flags);
}
int fchmod(int fd, mode_t mode) { return lacks("LACKS_FCHMOD") ? -1 : REAL("fchmod")(fd, mode); }
int fsync(int fd) { return lacks("LACKS_FSYNC") ? -1 : REAL("fsync")(fd); }
int fdatasync(int fd) { return lacks("LACKS_FSYNC") ? -1 : REAL("fdatasync")(fd); }
`
