/* A wall clock that jumps, for LD_PRELOAD: what the file that JUMPS names holds,
   in seconds, is added to CLOCK_REALTIME, and to no other clock. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  int status = (int)syscall(SYS_clock_gettime, clock, now);
  const char *path = getenv("JUMPS");
  if (status == 0 && clock == CLOCK_REALTIME && path != NULL) {
    FILE *file = fopen(path, "re");
    long seconds = 0;
    if (file != NULL) {
      if (fscanf(file, "%ld", &seconds) == 1) now->tv_sec += seconds;
      fclose(file);
    }
  }
  return status;
}
