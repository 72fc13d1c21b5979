/* An etcd that says the right version, accepts all flags, and does not come up:
   it exits, or with -DHANGS=1 stays and serves nothing, or with -DEATS=N takes N MB
   of memory before. With -DEVERYWHERE=0 that is so for members only (WHERE is in
   their --data-dir), and elsewhere, as in a trial restore, it is the real one, REAL. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef EATS
#define EATS 0
#endif
#ifndef WHERE
#define WHERE "/members/"
#endif

int main(int argc, char **argv) {
  int is_real = !EVERYWHERE;
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--data-dir=", 11) == 0 && strstr(argv[i], WHERE)) is_real = 0;
  }
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0) is_real = 1;
  }
  if (is_real) {
    execv(REAL, argv);
    perror(REAL);
    return 1;
  }
  fprintf(stderr, "2026-01-01 00:00:00.000000 C | etcdmain: this disk does not please me\n");
  for (int i = 0; i < EATS; i++) {
    char *part = malloc(1 << 20);
    if (part == NULL) abort();
    memset(part, 1, 1 << 20);
  }
  while (HANGS) pause();
  return 1;
}
