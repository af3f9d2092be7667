// The clock of a machine that is off: a library for LD_PRELOAD that moves the time of day and, with
// it, the deadlines that are given in it. Everything else keeps its pace, unlike with faketime, in
// which a client of CephFS forgets to renew its session.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The environment in which the time of day is `seconds` off. `directory`: for the library. */
export function shiftedClock(directory: string, seconds: number): Record<string, string> {
  const library = join(directory, 'shifted-clock.so')
  writeFileSync(`${library}.c`, source)
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, `${library}.c`, '-ldl'])
  return { LD_PRELOAD: library, CLOCK_SHIFT: String(seconds) }
}

const source = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long shift(void) {
  static long seconds, known;
  if (!known) {
    const char *text = getenv("CLOCK_SHIFT");
    seconds = text == NULL ? 0 : atol(text);
    known = 1;
  }
  return seconds;
}
#define REAL(name) dlsym(RTLD_NEXT, name)
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
__attribute__((constructor)) static void find(void) {
  real_clock_gettime = REAL("clock_gettime");
  real_timedwait = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  shift();
}
int clock_gettime(clockid_t clock, struct timespec *time) {
  if (real_clock_gettime == NULL) find();
  int result = real_clock_gettime(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += shift();
  return result;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to != NULL) *to = now.tv_sec;
  return now.tv_sec;
}
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until) {
  struct timespec moved = *until;
  struct timespec now;
  real_clock_gettime(CLOCK_REALTIME, &now);
  // Only a deadline in the time of day is near it.
  if (labs(moved.tv_sec - shift() - now.tv_sec) < 1000000) moved.tv_sec -= shift();
  return real_timedwait(condition, mutex, &moved);
}
`
