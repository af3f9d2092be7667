// Makes one call to the file system fail, for tests: LD_PRELOAD=shim.so TORTURE_… program.
// Only calls that touch TORTURE_DIRECTORY, by path or by descriptor, and writes to standard output
// count; each is a point, numbered from 1 and written to TORTURE_LOG as `number call path`.
//
//   TORTURE_AT       the point; 0 for none
//   TORTURE_HOW      fail   it is not made and reports TORTURE_ERRNO
//                    lie    it is made and reports TORTURE_ERRNO, as when a network loses the reply
//                    short  a write takes half of the bytes
//                    kill   SIGKILL before it
//                    wait   before it until the file TORTURE_UNTIL is there
//                    rest   it and every later one fail, but for the reply
//   TORTURE_AGE      seconds by which files seem older, when looked at by their path
//   TORTURE_SLOW     how many times slower the steady clock goes, so that no call depends on the
//                    speed of the machine: with plenty of room, the program looks for it only ten
//                    times a second
//   TORTURE_VAULT    a directory that gets a further link of each file that is about to lose a name
//   TORTURE_NO_LINKS an errno that every link(2) reports, as on a file system without hard links

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum how { PASS, FAIL, LIE, SHORT };

#define MAX_FD 1024
static char ours[MAX_FD];
static int points;

static int number(const char *name) {
  const char *text = getenv(name);
  return text ? atoi(text) : 0;
}

static int is_inside(const char *path) {
  const char *directory = getenv("TORTURE_DIRECTORY");
  if (!directory || !path) return 0;
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static int is_ours(int fd) { return fd >= 0 && fd < MAX_FD && ours[fd]; }

static void note(int fd, const char *path) {
  if (fd >= 0 && fd < MAX_FD) ours[fd] = is_inside(path);
}

static void write_log(int point, const char *call, const char *path) {
  const char *file = getenv("TORTURE_LOG");
  if (!file) return;
  char line[5000];
  int length = snprintf(line, sizeof line, "%d %s %s\n", point, call, path ? path : "");
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, length);
  syscall(SYS_close, fd);
}

static enum how meet(const char *call, const char *path) {
  const char *how = getenv("TORTURE_HOW");
  int at = number("TORTURE_AT");
  int point = ++points;
  write_log(point, call, path);
  if (!how || at == 0) return PASS;
  int is_reply = strcmp(call, "reply") == 0;
  if (strcmp(how, "rest") == 0) return point >= at && !is_reply ? FAIL : PASS;
  if (point != at) return PASS;
  if (strcmp(how, "kill") == 0) {
    raise(SIGKILL);
    for (;;) pause();
  }
  if (strcmp(how, "wait") == 0) {
    while (syscall(SYS_faccessat, AT_FDCWD, getenv("TORTURE_UNTIL"), F_OK) != 0) usleep(10000);
    return PASS;
  }
  if (strcmp(how, "lie") == 0) return LIE;
  return strcmp(how, "short") == 0 ? SHORT : FAIL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/** Makes the call, or not, and reports what was asked for. */
#define MEET(call, path, action)              \
  switch (meet(call, path)) {                 \
    case FAIL:                                \
      errno = number("TORTURE_ERRNO");        \
      return -1;                              \
    case LIE:                                 \
      (void)(action);                         \
      errno = number("TORTURE_ERRNO");        \
      return -1;                              \
    default:                                  \
      return action;                          \
  }

static int opened(const char *path, int flags, int mode) {
  int fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
  note(fd, path);
  return fd;
}

static int lied(int fd) {
  if (fd >= 0) syscall(SYS_close, fd);
  if (fd >= 0 && fd < MAX_FD) ours[fd] = 0;
  return -1;
}

static int tortured_open(const char *path, int flags, int mode) {
  if (!is_inside(path)) return opened(path, flags, mode);
  switch (meet("open", path)) {
    case FAIL:
      errno = number("TORTURE_ERRNO");
      return -1;
    case LIE:
      lied(opened(path, flags, mode));
      errno = number("TORTURE_ERRNO");
      return -1;
    default:
      return opened(path, flags, mode);
  }
}

#define OPEN(name)                                    \
  int name(const char *path, int flags, ...) {        \
    va_list list;                                     \
    va_start(list, flags);                            \
    int mode = va_arg(list, int);                     \
    va_end(list);                                     \
    return tortured_open(path, flags, mode);          \
  }
OPEN(open)
OPEN(open64)

ssize_t read(int fd, void *bytes, size_t count) {
  if (!is_ours(fd)) return REAL(read)(fd, bytes, count);
  MEET("read", "", REAL(read)(fd, bytes, count))
}

ssize_t write(int fd, const void *bytes, size_t count) {
  if (!is_ours(fd) && fd != 1) return REAL(write)(fd, bytes, count);
  switch (meet(fd == 1 ? "reply" : "write", "")) {
    case FAIL:
      errno = number("TORTURE_ERRNO");
      return -1;
    case LIE:
      (void)REAL(write)(fd, bytes, count);
      errno = number("TORTURE_ERRNO");
      return -1;
    case SHORT:
      return REAL(write)(fd, bytes, count > 1 ? count / 2 : count);
    default:
      return REAL(write)(fd, bytes, count);
  }
}

// Both names, for libuv is built for large files.
static ssize_t tortured_pwrite(int fd, const void *bytes, size_t count, off64_t at) {
  if (!is_ours(fd)) return REAL(pwrite64)(fd, bytes, count, at);
  switch (meet("write", "")) {
    case FAIL:
      errno = number("TORTURE_ERRNO");
      return -1;
    case LIE:
      (void)REAL(pwrite64)(fd, bytes, count, at);
      errno = number("TORTURE_ERRNO");
      return -1;
    case SHORT:
      return REAL(pwrite64)(fd, bytes, count > 1 ? count / 2 : count, at);
    default:
      return REAL(pwrite64)(fd, bytes, count, at);
  }
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return tortured_pwrite(fd, bytes, count, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  return tortured_pwrite(fd, bytes, count, at);
}

static ssize_t tortured_pread(int fd, void *bytes, size_t count, off64_t at) {
  if (!is_ours(fd)) return REAL(pread64)(fd, bytes, count, at);
  MEET("read", "", REAL(pread64)(fd, bytes, count, at))
}
ssize_t pread(int fd, void *bytes, size_t count, off_t at) {
  return tortured_pread(fd, bytes, count, at);
}
ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
  return tortured_pread(fd, bytes, count, at);
}

static int tortured_ftruncate(int fd, off64_t size) {
  if (!is_ours(fd)) return REAL(ftruncate64)(fd, size);
  MEET("ftruncate", "", REAL(ftruncate64)(fd, size))
}
int ftruncate(int fd, off_t size) { return tortured_ftruncate(fd, size); }
int ftruncate64(int fd, off64_t size) { return tortured_ftruncate(fd, size); }

static int really_close(int fd) {
  if (fd >= 0 && fd < MAX_FD) ours[fd] = 0;
  return syscall(SYS_close, fd);
}

// A failed close(2) has closed on Linux.
int close(int fd) {
  if (!is_ours(fd)) return really_close(fd);
  switch (meet("close", "")) {
    case FAIL:
    case LIE:
      really_close(fd);
      errno = number("TORTURE_ERRNO");
      return -1;
    default:
      return really_close(fd);
  }
}

int fdatasync(int fd) {
  if (!is_ours(fd)) return REAL(fdatasync)(fd);
  MEET("fdatasync", "", REAL(fdatasync)(fd))
}

int fsync(int fd) {
  if (!is_ours(fd)) return REAL(fsync)(fd);
  MEET("fsync", "", REAL(fsync)(fd))
}

int fchmod(int fd, mode_t mode) {
  if (!is_ours(fd)) return REAL(fchmod)(fd, mode);
  MEET("fchmod", "", REAL(fchmod)(fd, mode))
}

int link(const char *from, const char *to) {
  if (!is_inside(to)) return REAL(link)(from, to);
  int none = number("TORTURE_NO_LINKS");
  if (none) {
    meet("link", to);
    errno = none;
    return -1;
  }
  MEET("link", to, REAL(link)(from, to))
}

/** So that the file can be given that name again, and no other one gets its inode. */
static void keep(const char *path) {
  static int kept;
  const char *vault = getenv("TORTURE_VAULT");
  if (!vault || !vault[0]) return;
  char name[5000];
  snprintf(name, sizeof name, "%s/%d-%d", vault, getpid(), ++kept);
  REAL(link)(path, name);
}

int rename(const char *from, const char *to) {
  if (!is_inside(to)) return REAL(rename)(from, to);
  keep(to);
  MEET("rename", to, REAL(rename)(from, to))
}

int unlink(const char *path) {
  if (!is_inside(path)) return REAL(unlink)(path);
  keep(path);
  MEET("unlink", path, REAL(unlink)(path))
}

int mkdir(const char *path, mode_t mode) {
  if (!is_inside(path)) return REAL(mkdir)(path, mode);
  MEET("mkdir", path, REAL(mkdir)(path, mode))
}

int access(const char *path, int mode) {
  if (!is_inside(path)) return REAL(access)(path, mode);
  MEET("access", path, REAL(access)(path, mode))
}

int statfs64(const char *path, struct statfs64 *out) {
  if (!is_inside(path)) return REAL(statfs64)(path, out);
  MEET("statfs", path, REAL(statfs64)(path, out))
}

int scandir64(const char *path, struct dirent64 ***list, int (*filter)(const struct dirent64 *),
              int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  if (!is_inside(path)) return REAL(scandir64)(path, list, filter, compare);
  MEET("scandir", path, REAL(scandir64)(path, list, filter, compare))
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  static long first;
  int result = syscall(SYS_clock_gettime, clock, out);
  int slow = number("TORTURE_SLOW");
  if (result != 0 || clock != CLOCK_MONOTONIC || slow == 0) return result;
  long now = out->tv_sec * 1000000000L + out->tv_nsec;
  if (first == 0) first = now;
  now = first + (now - first) / slow;
  out->tv_sec = now / 1000000000L;
  out->tv_nsec = now % 1000000000L;
  return 0;
}

// libuv makes some calls without libc's wrappers.
long syscall(long which, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, which);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  if (which == SYS_close && is_ours((int)a)) return close((int)a);
  if (which == SYS_statx && is_inside((const char *)b) && number("TORTURE_AGE")) {
    long result = real(which, a, b, c, d, e, f);
    struct statx *stats = (struct statx *)e;
    stats->stx_mtime.tv_sec -= number("TORTURE_AGE");
    stats->stx_ctime.tv_sec -= number("TORTURE_AGE");
    return result;
  }
  if (which == SYS_statx && (is_inside((const char *)b) || is_ours((int)a))) {
    MEET("statx", (const char *)b, real(which, a, b, c, d, e, f))
  }
  return real(which, a, b, c, d, e, f);
}
