/* An etcd that says the right version, accepts all flags, and does not come up:
   it exits, or with -DHANGS=1 stays and serves nothing, or with -DEATS=N takes N MB
   of memory before, or with -DBRIEFLY=1 the real one runs until it has its database, out
   of its clients' reach, and is killed. With -DEVERYWHERE=0 that is so for members only (WHERE is in
   their --data-dir), and elsewhere, as in a trial restore, it is the real one, REAL. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef EATS
#define EATS 0
#endif
#ifndef BRIEFLY
#define BRIEFLY 0
#endif
#ifndef WHERE
#define WHERE "/members/"
#endif

/* Half a second on its data, once the database is there; ten seconds at most. */
static void run_briefly(char **argv, const char *data_dir) {
  char db[4096];
  for (int i = 1; argv[i]; i++) {
    if (strncmp(argv[i], "--listen-client-urls=", 21) == 0) argv[i] = "--listen-client-urls=http://127.0.0.1:0";
  }
  snprintf(db, sizeof db, "%s/member/snap/db", data_dir);
  pid_t child = fork();
  if (child == 0) {
    execv(REAL, argv);
    _exit(127);
  }
  for (int i = 0; i < 1000 && access(db, F_OK) != 0; i++) usleep(10000);
  usleep(500000);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
  int is_real = !EVERYWHERE;
  const char *data_dir = "";
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--data-dir=", 11) == 0) {
      data_dir = argv[i] + 11;
      if (strstr(argv[i], WHERE)) is_real = 0;
    }
  }
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0) is_real = 1;
  }
  if (is_real) {
    execv(REAL, argv);
    perror(REAL);
    return 1;
  }
  if (BRIEFLY) run_briefly(argv, data_dir);
  fprintf(stderr, "2026-01-01 00:00:00.000000 C | etcdmain: this disk does not please me\n");
  for (int i = 0; i < EATS; i++) {
    char *part = malloc(1 << 20);
    if (part == NULL) abort();
    memset(part, 1, 1 << 20);
  }
  while (HANGS) pause();
  return 1;
}
