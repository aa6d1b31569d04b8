// Dialing, reading and the epoll loop.
#pragma once
#include "tally.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

inline std::vector<Connection> connections;

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

// One address has some 28,000 local ports: past this many connections the next loopback address is taken.
constexpr int connectionsPerAddress = 20000;

/** Takes one whole frame. */
inline void onFrame(Connection &connection, const FrameView &frame) {
  if (frame.opcode == Close) {
    connection.dead = true;
    return;
  }
  if (frame.opcode == Ping) {
    sendBytes(connection, clientFrame(std::string(frame.payload, frame.length), Pong));
    return;
  }
  if (frame.opcode == Pong) return;
  if (!connection.joined && !join(connection, frame.payload, frame.length)) return;
  // Engine.IO 4 pings in its own words.
  if (options.mode == Mode::SocketIo && frame.length == 1 && frame.payload[0] == '2') {
    sendText(connection, "3");
    return;
  }
  countDeliveries(connection, frame.payload, frame.length);
}

/** The length of the HTTP answer at the start of the bytes, 0 while it is not whole; a refusal ends the program. */
inline size_t readUpgrade(const char *bytes, size_t length) {
  const std::string text(bytes, length);
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return 0;
  if (text.compare(9, 3, "101") != 0) {
    fprintf(stderr, "handshake refused: %s\n", text.substr(0, end).c_str());
    exit(1);
  }
  return end + 4;
}

/** Takes all whole frames of the bytes, after the upgrade if that is still due; returns how many bytes were used up. */
inline size_t consume(Connection &connection, const char *bytes, size_t length) {
  size_t used = 0;
  if (!connection.upgraded) {
    used = readUpgrade(bytes, length);
    if (used == 0) return 0;
    connection.upgraded = true;
    greet(connection);
  }
  FrameView frame;
  while (!connection.dead && readFrame(bytes + used, length - used, frame)) {
    onFrame(connection, frame);
    used += frame.frameLength;
  }
  return used;
}

/** Reads what is there, at most four times a turn, so that no connection starves the others. */
inline void onReadable(Connection &connection) {
  static char buffer[1 << 18];
  for (int reads = 0; reads < 4; reads++) {
    const ssize_t count = recv(connection.fd, buffer, sizeof buffer, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      connection.dead = true;
      return;
    }
    tally.bytesIn += count;
    if (tally.since) tally.reads++;
    if (connection.in.empty()) {
      // Straight from the shared buffer: only the part of a frame that is not whole yet is copied.
      const size_t used = consume(connection, buffer, count);
      if (used < static_cast<size_t>(count)) connection.in.assign(buffer + used, count - used);
    } else {
      connection.in.append(buffer, count);
      connection.in.erase(0, consume(connection, connection.in.data(), connection.in.size()));
    }
    if (connection.dead || count < static_cast<ssize_t>(sizeof buffer)) return;
  }
}

/** Ends the program with the reason that the kernel gives. */
[[noreturn]] inline void die(const char *what) {
  perror(what);
  exit(1);
}

/** Starts a connection and queues its upgrade request; never waits. */
inline void dial(Connection &connection) {
  connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection.fd < 0) die("socket");
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connection.id >= connectionsPerAddress) {
    // The port is left to connect(): bind() would look for one that is free towards every address.
    setsockopt(connection.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source = {};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + connection.id / connectionsPerAddress);
    bind(connection.fd, reinterpret_cast<sockaddr *>(&source), sizeof source);
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(portOf(connection));
  inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
  fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  const int connected = connect(connection.fd, reinterpret_cast<sockaddr *>(&address), sizeof address);
  if (connected < 0 && errno != EINPROGRESS) die("connect");
  epoll_event event;
  event.events = EPOLLIN;
  event.data.u32 = connection.id;
  epoll_ctl(poller, EPOLL_CTL_ADD, connection.fd, &event);
  std::string request = "GET " + pathOf(connection) + " HTTP/1.1\r\n";
  request += "Host: " + options.host + ":" + std::to_string(portOf(connection));
  request += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  if (!options.subprotocol.empty()) request += "Sec-WebSocket-Protocol: " + options.subprotocol + "\r\n";
  request += "\r\n";
  sendBytes(connection, request);
}

/** One turn of the loop: waits up to `timeoutMs` for something to happen, and handles what did. */
inline void poll(int timeoutMs) {
  static epoll_event events[4096];
  const int count = epoll_wait(poller, events, 4096, timeoutMs);
  for (int i = 0; i < count; i++) {
    Connection &connection = connections[events[i].data.u32];
    if (connection.dead) continue;
    if (events[i].events & EPOLLOUT) flush(connection);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) onReadable(connection);
    if (!connection.dead) continue;
    epoll_ctl(poller, EPOLL_CTL_DEL, connection.fd, nullptr);
    close(connection.fd);
  }
}

/** Turns of the loop for that long. */
inline void pollFor(long long milliseconds) {
  const long long end = nowNs() + milliseconds * 1000000;
  while (nowNs() < end) poll(50);
}
