/* The floor of paced streams: a bare loop that writes a fixed event to each client, gap after gap, and nothing else.

   bare PORT EVENTS GAP_S HEAD_FILE EVENT_FILE

   One thread, one send() for each event, every client on a schedule of its own that does not drift. It reads no request:
   whatever comes first is taken for one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 65536 };
static double due[MOST];
static int sent[MOST], ring[MOST], from, waiting;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static size_t load(const char *path, char *into, size_t most) {
  FILE *file = fopen(path, "rb");
  size_t size = file ? fread(into, 1, most, file) : 0;
  if (!size) exit(2);
  fclose(file);
  return size;
}

int main(int count, char **words) {
  if (count != 6) return 2;
  static char head[65536], event[65536], rest[65536];
  int events = atoi(words[2]), yes = 1;
  double gap = atof(words[3]);
  size_t head_size = load(words[4], head, sizeof head), event_size = load(words[5], event, sizeof event);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (void *)&here, sizeof here) || listen(listener, 1024)) return 2;
  struct epoll_event ready[256], watch = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &watch);
  for (;;) {
    double wait = waiting ? due[ring[from]] - now() : 1;
    struct timespec t = {wait > 0 ? (time_t)wait : 0, wait > 0 ? (long)((wait - (time_t)wait) * 1e9) : 0};
    int found = epoll_pwait2(poll, ready, 256, &t, NULL);
    for (int i = 0; i < found; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        for (int client; (client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
          setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
          struct epoll_event its = {.events = EPOLLIN, .data.fd = client};
          epoll_ctl(poll, EPOLL_CTL_ADD, client, &its);
          sent[client] = -1;
        }
      } else if (recv(fd, rest, sizeof rest, 0) <= 0) {
        sent[fd] = events; /* gone */
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, NULL);
        shutdown(fd, SHUT_RDWR);
      } else if (sent[fd] < 0) {
        send(fd, head, head_size, MSG_NOSIGNAL);
        sent[fd] = 0;
        due[fd] = now() + gap;
        ring[(from + waiting++) % MOST] = fd;
      }
    }
    /* all have the same gap, so who was served first is the next to be due */
    for (int turn = 0; waiting && turn < 512 && due[ring[from]] <= now(); turn++) {
      int fd = ring[from];
      from = (from + 1) % MOST, waiting--;
      if (sent[fd] >= events) continue;
      send(fd, event, event_size, MSG_NOSIGNAL | MSG_DONTWAIT);
      due[fd] += gap;
      if (++sent[fd] < events) ring[(from + waiting++) % MOST] = fd;
      else send(fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
    }
  }
}
