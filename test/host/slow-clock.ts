// A clock that runs on with every read of standard input: a library for LD_PRELOAD, so that a
// minute of waiting takes no time.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The environment under which each read waits 20 seconds and gives at most `bytes` bytes. */
export function slowReads(directory: string, bytes: number): Record<string, string> {
  const library = join(directory, 'slow-reads.so')
  writeFileSync(`${library}.c`, source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, `${library}.c`, '-ldl'])
  return { LD_PRELOAD: library, SLOW_READS_BYTES: String(bytes) }
}

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static long waited;
ssize_t read(int fd, void *to, size_t count) {
  ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
  if (fd != 0) return real(fd, to, count);
  size_t most = atol(getenv("SLOW_READS_BYTES"));
  waited += 20;
  return real(fd, to, count < most ? count : most);
}
int clock_gettime(clockid_t clock, struct timespec *time) {
  int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (clock == CLOCK_MONOTONIC) time->tv_sec += waited;
  return result;
}`
