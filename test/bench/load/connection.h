// One client's socket: the bytes in and out of it, and what was counted on it.
#pragma once
#include <cerrno>
#include <string>
#include <sys/epoll.h>
#include <sys/socket.h>

/** The owner is connection 0, the listeners are the others. */
struct Connection {
  int fd = -1;
  int id = 0;
  bool upgraded = false;
  bool joined = false;
  bool owner = false;
  bool dead = false;
  bool slow = false;
  std::string in;
  std::string out;
  size_t sent = 0;
  long long lastSeq = -1;
  long long gaps = 0;
  long long reordered = 0;
};

inline int poller = -1;

/** Waits for what the connection needs now: to write only while bytes wait, to read unless it plays a slow reader. */
inline void watch(Connection &connection) {
  epoll_event event;
  event.events = 0;
  if (!connection.slow) event.events |= EPOLLIN;
  if (connection.out.size() > connection.sent) event.events |= EPOLLOUT;
  event.data.u32 = connection.id;
  epoll_ctl(poller, EPOLL_CTL_MOD, connection.fd, &event);
}

/** Writes what waits, as far as the kernel takes it. */
inline void flush(Connection &connection) {
  const bool waited = connection.out.size() > connection.sent;
  while (connection.out.size() > connection.sent) {
    const char *rest = connection.out.data() + connection.sent;
    const ssize_t count = send(connection.fd, rest, connection.out.size() - connection.sent, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EAGAIN) break;
      connection.dead = true;
      return;
    }
    connection.sent += count;
  }
  if (connection.sent < connection.out.size()) {
    watch(connection);
    return;
  }
  connection.out.clear();
  connection.sent = 0;
  if (waited) watch(connection);
}

/** Queues the bytes and writes at once what can be written. */
inline void sendBytes(Connection &connection, const std::string &bytes) {
  connection.out += bytes;
  flush(connection);
}
