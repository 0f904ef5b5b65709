/* A client of paced streams, many at once: how late their events come.

   paced PORT REQUEST_FILE STREAMS EVENTS GAP_S RAMP_S

   Every event of a stream has its time, a gap after the one before; the earliest of them sets the clock of its stream,
   and lateness is against that clock. Prints JSON, milliseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536 };
static double *came[MOST];
static int seen[MOST], over[MOST], asked[MOST];
static const char MARK[] = "data: ", END[] = "0\r\n\r\n";

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words) {
  if (count != 7) return 2;
  static char request[65536], data[65536];
  FILE *file = fopen(words[2], "rb");
  if (!file) return 2;
  size_t size = fread(request, 1, sizeof request, file);
  int streams = atoi(words[3]), events = atoi(words[4]), open = 0, ended = 0, lost = 0, yes = 1;
  double gap = atof(words[5]), ramp = atof(words[6]), began = now(), last = began;
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int poll = epoll_create1(0);
  struct epoll_event ready[512];
  struct timespec nap = {0, 200000};
  while (ended + lost < streams) {
    while (open < streams && now() - began >= ramp * open / streams) {
      int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      if (fd < 0 || (connect(fd, (void *)&there, sizeof there) && errno != EINPROGRESS)) return perror("connect"), 2;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      struct epoll_event its = {.events = EPOLLOUT, .data.fd = fd};
      epoll_ctl(poll, EPOLL_CTL_ADD, fd, &its);
      came[fd] = calloc(events + 8, sizeof(double));
      open++;
    }
    /* asleep by the clock and not until something comes: waking a client is work of the server's core, where both are
       on one machine, and a third of what a write costs */
    int found = epoll_wait(poll, ready, 512, 0);
    if (!found) clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    if (!found && open == streams && now() - last > 20) { lost = streams - ended; break; }
    for (int i = 0; i < found; i++) {
      int fd = ready[i].data.fd;
      if (!asked[fd]) {
        struct epoll_event its = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_MOD, fd, &its);
        asked[fd] = 1;
        if (send(fd, request, size, MSG_NOSIGNAL) == (ssize_t)size) continue;
      }
      ssize_t got = recv(fd, data, sizeof data, MSG_DONTWAIT);
      double at = now();
      last = at;
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) {
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
        lost += !over[fd];
        over[fd] = 1;
        continue;
      }
      /* an event is one write, and the mark stands at its beginning: it is not cut */
      for (char *p = data; (p = memmem(p, data + got - p, MARK, 6)); p += 6)
        if (seen[fd] < events) came[fd][seen[fd]++] = at;
      if (got >= 5 && !memcmp(data + got - 5, END, 5) && !over[fd]) over[fd] = 1, ended++;
    }
  }
  double took = now() - began;
  double *late = malloc(sizeof(double) * (size_t)streams * events);
  size_t all = 0;
  for (int fd = 0; fd < MOST; fd++) {
    if (!came[fd] || !seen[fd]) continue;
    double start = 1e18;
    for (int k = 0; k < seen[fd]; k++)
      if (came[fd][k] - k * gap < start) start = came[fd][k] - k * gap;
    for (int k = 0; k < seen[fd]; k++) late[all++] = 1000 * (came[fd][k] - k * gap - start);
  }
  qsort(late, all, sizeof *late, by_size);
  printf("{\"streams\": %d, \"lost\": %d, \"events\": %zu, \"seconds\": %.3f, \"p50\": %.3f, \"p99\": %.3f, \"most\": %.3f}\n",
         ended, lost, all, took, all ? late[all / 2] : 0, all ? late[all * 99 / 100] : 0, all ? late[all - 1] : 0);
}
