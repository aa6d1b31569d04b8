// The floor: the smallest server that writes the batched bytes of the prototype, with nothing between it and the
// kernel. One thread, epoll, one room, one sequence of bytes, a cursor into it for each listener, one send per listener
// per turn. It speaks just enough of the protocol for the load generator: no checks, no ping, no close handshake.
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

// The accept value that RFC 6455 (1.3) gives for its sample nonce, which is the one that the load generator sends.
static const std::string upgradeAnswer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static const std::string welcome =
    "{\"uuid\":\"6f1c9b1e-5d0a-4c52-9a57-0d2f3f7f1b10\",\"status\":{\"value\":3,\"text\":\"connected\"},"
    "\"funcKey\":\"\",\"funcParams\":[],\"stateMessage\":false}";

// As the prototype does: 250 writes, then the event loop has its turn.
static const int writesPerTurn = 250;

// What every listener has had is dropped once the sequence is this long; moving it costs, so not at every turn.
static const size_t sequenceBytes = 4 << 20;

struct Client {
  bool upgraded = false;
  bool owner = false;
  bool blocked = false;
  size_t place = SIZE_MAX;
  uint64_t cursor = 0;
  std::string in;
};

static int poller;
static std::vector<Client> clients; // by file descriptor
static std::vector<int> listeners;  // file descriptors, walked round robin
static size_t next = 0;
static std::string sequence;
static uint64_t sequenceStart = 0;

static uint64_t head() { return sequenceStart + sequence.size(); }

static void watch(int operation, int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(poller, operation, fd, &event);
}

/** An unmasked text frame of up to 64 KiB. */
static std::string serverFrame(const std::string &payload) {
  std::string frame(1, '\x81');
  if (payload.size() < 126) {
    frame.push_back(static_cast<char>(payload.size()));
  } else {
    frame.push_back(126);
    frame.push_back(static_cast<char>(payload.size() >> 8));
    frame.push_back(static_cast<char>(payload.size() & 255));
  }
  return frame + payload;
}

static void drop(int fd) {
  const size_t place = clients[fd].place;
  if (place != SIZE_MAX) {
    listeners[place] = listeners.back();
    clients[listeners[place]].place = place;
    listeners.pop_back();
  }
  close(fd);
  clients[fd] = Client();
}

/** The first message says who it is: status 1 opens the room, anything else joins it, at the head. */
static void onMessage(int fd, const std::string &payload) {
  Client &client = clients[fd];
  if (client.owner) {
    sequence += serverFrame(payload);
    return;
  }
  const std::string reply = serverFrame(welcome);
  send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  if (payload.find("\"value\":1,") != std::string::npos) {
    client.owner = true;
    return;
  }
  client.cursor = head();
  client.place = listeners.size();
  listeners.push_back(fd);
}

/** Takes the client frame at `at`, unmasks it, and moves `at` behind it; false while it is not there whole. */
static bool takeFrame(int fd, size_t &at) {
  const std::string &in = clients[fd].in;
  const unsigned char *bytes = reinterpret_cast<const unsigned char *>(in.data()) + at;
  const size_t available = in.size() - at;
  if (available < 8) return false;
  size_t header = 2;
  size_t length = bytes[1] & 127;
  if (length == 126) {
    length = bytes[2] << 8 | bytes[3];
    header = 4;
  }
  if (available < header + 4 + length) return false;
  std::string payload(in, at + header + 4, length);
  for (size_t i = 0; i < length; i++) payload[i] ^= bytes[header + (i & 3)];
  const bool text = (bytes[0] & 15) == 1;
  at += header + 4 + length;
  if (text) onMessage(fd, payload);
  return true;
}

static void onReadable(int fd) {
  static char buffer[1 << 16];
  const ssize_t count = recv(fd, buffer, sizeof buffer, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return drop(fd);
  Client &client = clients[fd];
  client.in.append(buffer, count);
  size_t at = 0;
  if (!client.upgraded) {
    const size_t end = client.in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    client.upgraded = true;
    at = end + 4;
    send(fd, upgradeAnswer.data(), upgradeAnswer.size(), MSG_NOSIGNAL);
  }
  while (takeFrame(fd, at)) continue;
  client.in.erase(0, at);
}

static void onConnection(int server) {
  for (;;) {
    const int fd = accept4(server, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (clients.size() <= static_cast<size_t>(fd)) clients.resize(fd * 2 + 1);
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
  }
}

/** Sends a listener all from its cursor on. What the kernel does not take, the cursor does not pass: nothing queues. */
static void writeTo(int fd) {
  Client &client = clients[fd];
  const char *bytes = sequence.data() + (client.cursor - sequenceStart);
  const ssize_t count = send(fd, bytes, head() - client.cursor, MSG_NOSIGNAL);
  if (count > 0) client.cursor += count;
  if (client.cursor == head()) return;
  client.blocked = true;
  watch(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT);
}

/** Drops what all listeners have had. */
static void trim() {
  if (sequence.size() < sequenceBytes) return;
  uint64_t lowest = head();
  for (int fd : listeners) {
    if (clients[fd].cursor < lowest) lowest = clients[fd].cursor;
  }
  sequence.erase(0, lowest - sequenceStart);
  sequenceStart = lowest;
}

/** One turn of writing; true when a listener may still be behind. */
static bool writeTurn() {
  int writes = 0;
  for (size_t seen = 0; seen < listeners.size() && writes < writesPerTurn; seen++) {
    if (next >= listeners.size()) next = 0;
    const int fd = listeners[next++];
    if (clients[fd].blocked || clients[fd].cursor == head()) continue;
    writeTo(fd);
    writes++;
  }
  if (writes == writesPerTurn) return true;
  trim();
  return false;
}

/** Listens at HOST and PORT; ends the program where that fails. */
static int listenAtAddress() {
  const char *host = getenv("HOST");
  const char *port = getenv("PORT");
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port ? atoi(port) : 8080);
  inet_pton(AF_INET, host ? host : "127.0.0.1", &address.sin_addr);
  if (bind(server, reinterpret_cast<sockaddr *>(&address), sizeof address) < 0 || listen(server, 511) < 0) {
    perror("listen");
    exit(1);
  }
  return server;
}

int main() {
  signal(SIGPIPE, SIG_IGN);
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  poller = epoll_create1(0);
  const int server = listenAtAddress();
  watch(EPOLL_CTL_ADD, server, EPOLLIN);
  bool behind = false;
  for (;;) {
    static epoll_event events[1024];
    const int count = epoll_wait(poller, events, 1024, behind ? 0 : -1);
    for (int i = 0; i < count; i++) {
      const int fd = events[i].data.fd;
      if (fd == server) {
        onConnection(server);
        continue;
      }
      if (events[i].events & EPOLLOUT) {
        clients[fd].blocked = false;
        watch(EPOLL_CTL_MOD, fd, EPOLLIN);
      }
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) onReadable(fd);
    }
    behind = writeTurn();
  }
}
