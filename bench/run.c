// run N INPUT pipe|file DIRECTORY clear|keep COMMAND … -- COMMAND … : starts the commands in turn, N
// times round, as a web server starts a CGI program: with the environment as it is, INPUT as standard
// input (through a pipe that another process fills, or as the file itself), /dev/null as output.
// Prints a line for each run: which command, nanoseconds of wall time, microseconds of processor time,
// kilobytes of peak memory, exit status. Removes the files in DIRECTORY between runs, and at the end
// unless they are kept. measure.ts compiles it, because starting from an interpreter costs as much as
// what is measured.

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void clear(const char *directory) {
  DIR *all = opendir(directory);
  if (!all) return;
  for (struct dirent *one; (one = readdir(all));) {
    if (one->d_type == DT_REG && one->d_name[0] != '.') unlinkat(dirfd(all), one->d_name, 0);
  }
  closedir(all);
}

static pid_t feed(const char *input, int out, int other) {
  pid_t pid = fork();
  if (pid) return pid;
  close(other);
  signal(SIGPIPE, SIG_DFL);
  static char bytes[1 << 17];
  int in = open(input, O_RDONLY);
  for (ssize_t count; (count = read(in, bytes, sizeof bytes)) > 0;) {
    for (ssize_t at = 0; at < count;) {
      ssize_t written = write(out, bytes + at, count - at);
      if (written < 0) _exit(1);
      at += written;
    }
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 7) return 64;
  int rounds = atoi(argv[1]), isPipe = !strcmp(argv[3], "pipe");
  char **commands[64] = {argv + 6};
  int count = 1;
  for (int i = 6; i < argc; i++) {
    if (strcmp(argv[i], "--")) continue;
    argv[i] = NULL;
    commands[count++] = argv + i + 1;
  }
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < count; i++) {
      int ends[2] = {-1, -1};
      pid_t feeder = 0;
      clear(argv[4]);
      long long start = now();
      if (isPipe) {
        if (pipe2(ends, O_CLOEXEC)) return 71;
        feeder = feed(argv[2], ends[1], ends[0]);
        close(ends[1]);
      } else {
        ends[0] = open(argv[2], O_RDONLY | O_CLOEXEC);
      }
      pid_t pid = fork();
      if (pid == 0) {
        dup2(ends[0], 0);
        dup2(open("/dev/null", O_WRONLY), 1);
        execvp(commands[i][0], commands[i]);
        _exit(127);
      }
      close(ends[0]);
      int status;
      struct rusage used;
      wait4(pid, &status, 0, &used);
      long long end = now();
      if (feeder) waitpid(feeder, NULL, 0);
      long long cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec +
                      used.ru_stime.tv_usec;
      printf("%d %lld %lld %ld %d\n", i, end - start, cpu, used.ru_maxrss,
             WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
      fflush(stdout);
    }
  }
  if (strcmp(argv[5], "keep")) clear(argv[4]);
  return 0;
}
