// fanload: one owner broadcasts to N listeners over WebSocket; counts every delivery, its order and its latency, and
// the server's own CPU time per delivery. One thread and epoll, so that it stays cheap beside the server.
//
// The result is one line of JSON on stdout. On stderr `broadcasting` and `drained` mark the phases, so that whoever
// runs it can measure between them. SIGTERM ends the sending and the draining early: the result is then of what was
// seen until that.
#include "network.h"
#include <csignal>
#include <sys/resource.h>

static volatile sig_atomic_t stopped = 0;

static void stop(int) { stopped = 1; }

struct Joining {
  double seconds = 0;
  double cpuSeconds = 0;
};

struct Broadcasting {
  double seconds = 0;
  double cpuSeconds = 0;
  long long sent = 0;
  long long expected = 0;
};

/** As many open files as we may have: all that are allowed, or a million where we are allowed to say so. */
static void raiseFileLimit() {
  rlimit limit = {1000000, 1000000};
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/** Opens the room; ends the program when that takes over 5 s. */
static void joinOwner() {
  Connection &owner = connections[0];
  owner.owner = true;
  dial(owner);
  const long long start = nowNs();
  while (!owner.joined) {
    poll(100);
    if (stopped || owner.dead || nowNs() - start > 5000000000LL) {
      fprintf(stderr, "owner could not join\n");
      exit(1);
    }
  }
}

/** Stores the state messages that each join will replay. */
static void storeState() {
  if (options.stateKeys == 0) return;
  for (int key = 0; key < options.stateKeys; key++) {
    broadcast(connections[0], 0, "key" + std::to_string(key), true);
    if (key % 100 == 99) poll(0);
  }
  pollFor(1000);
}

/** Waits until no replay has come for half a second. */
static void awaitReplay() {
  long long last = -1;
  while (tally.replayed != last) {
    last = tally.replayed;
    pollFor(500);
  }
}

/** Lets all listeners join, some at a time; ends the program when that takes over 120 s. */
static Joining joinListeners() {
  const long long start = nowNs();
  const double cpuBefore = cpuSeconds(options.serverPids);
  for (int id = 1; id <= options.listeners; id++) {
    dial(connections[id]);
    if (id % 64 == 0) poll(0);
    if (id - joinedCount <= options.joinsInFlight) continue;
    const long long waitStart = nowNs();
    while (id - joinedCount > options.joinsInFlight * 4 / 5 && nowNs() - waitStart < 2000000000LL && !stopped) poll(1);
  }
  while (joinedCount < options.listeners + 1) {
    poll(100);
    if (stopped || nowNs() - start > 120000000000LL) {
      fprintf(stderr, "only %d of %d joined\n", joinedCount - 1, options.listeners);
      exit(1);
    }
  }
  if (options.stateKeys) awaitReplay();
  Joining joining;
  // awaitReplay only ends half a second after the last replay.
  joining.seconds = (nowNs() - start) / 1e9 - (options.stateKeys ? 0.5 : 0);
  joining.cpuSeconds = cpuSeconds(options.serverPids) - cpuBefore;
  return joining;
}

/** Keeps `--window` broadcasts under way until `end`; returns how many were sent. */
static long long sendInWindow(long long end, long long perBroadcast) {
  long long sent = 0;
  while (nowNs() < end && !stopped) {
    while (sent - (perBroadcast ? tally.delivered / perBroadcast : 0) < options.window) {
      broadcast(connections[0], sent++, "k", false);
    }
    poll(1);
  }
  return sent;
}

/** Sends `--burst` broadcasts at a time, at `--rate`, until `end`; returns how many were sent. */
static long long sendAtRate(long long start, long long end) {
  long long sent = 0;
  const double interval = 1e9 * options.burst / options.rate;
  double next = start;
  while (nowNs() < end && !stopped) {
    const long long now = nowNs();
    if (now >= static_cast<long long>(next)) {
      for (int i = 0; i < options.burst; i++) broadcast(connections[0], sent++, "k", false);
      next += interval;
    } else {
      const long long wait = (static_cast<long long>(next) - now) / 1000000;
      poll(wait > 5 ? 5 : static_cast<int>(wait));
    }
    poll(0);
  }
  return sent;
}

/** Waits for what is still under way; returns when the last delivery came. Two seconds without one are the end. */
static long long drain(long long expected) {
  long long lastDelivered = -1;
  long long lastAt = nowNs();
  while (tally.delivered < expected && !stopped) {
    if (tally.delivered != lastDelivered) {
      lastDelivered = tally.delivered;
      lastAt = nowNs();
    }
    if (nowNs() - lastAt > 2000000000LL) break;
    poll(5);
  }
  return tally.delivered < expected ? lastAt : nowNs();
}

/** Broadcasts for `--seconds` and waits for the deliveries. */
static Broadcasting broadcastToAll() {
  for (int id = 1; id <= options.slowListeners; id++) {
    connections[id].slow = true;
    watch(connections[id]);
  }
  const long long perBroadcast = options.listeners - options.slowListeners;
  fprintf(stderr, "broadcasting\n");
  const double cpuBefore = cpuSeconds(options.serverPids);
  const long long start = nowNs();
  const long long end = start + static_cast<long long>(options.seconds * 1e9);
  tally.since = start;
  Broadcasting result;
  result.sent = options.window > 0 ? sendInWindow(end, perBroadcast) : sendAtRate(start, end);
  result.expected = result.sent * perBroadcast;
  result.seconds = (drain(result.expected) - start) / 1e9;
  result.cpuSeconds = cpuSeconds(options.serverPids) - cpuBefore;
  fprintf(stderr, "drained\n");
  return result;
}

/** Prints the result as one line of JSON. */
static void report(const Joining &joining, const Broadcasting &broadcasting, double rssBefore, double rssJoined) {
  long long gaps = 0;
  long long reordered = 0;
  int dead = 0;
  for (int id = 1; id <= options.listeners; id++) {
    gaps += connections[id].gaps;
    reordered += connections[id].reordered;
    dead += connections[id].dead;
  }
  std::sort(tally.latenciesMs.begin(), tally.latenciesMs.end());
  const int n = options.listeners;
  printf("{\"listeners\":%d,\"sent\":%lld,\"expected\":%lld,\"delivered\":%lld,\"lost\":%lld,", n, broadcasting.sent,
         broadcasting.expected, tally.delivered, broadcasting.expected - tally.delivered);
  printf("\"gaps\":%lld,\"reordered\":%lld,\"dead\":%d,", gaps, reordered, dead);
  printf("\"seconds\":%.2f,\"deliveries_per_s\":%.0f,", broadcasting.seconds, tally.delivered / broadcasting.seconds);
  printf("\"cpu_s\":%.2f,\"cpu_us_per_delivery\":%.3f,\"bytes_in\":%lld,", broadcasting.cpuSeconds,
         tally.delivered ? broadcasting.cpuSeconds * 1e6 / tally.delivered : 0, tally.bytesIn);
  printf("\"deliveries_per_read\":%.2f,", tally.reads ? static_cast<double>(tally.delivered) / tally.reads : 0);
  printf("\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,", percentile(0.5), percentile(0.99), percentile(1));
  printf("\"joins_per_s\":%.0f,\"join_cpu_us\":%.0f,", n / joining.seconds, joining.cpuSeconds * 1e6 / n);
  printf("\"replayed\":%lld,", tally.replayed);
  printf("\"rss0_mb\":%.0f,\"rss_mb\":%.0f,\"kb_per_conn\":%.1f,\"rss_end_mb\":%.0f}\n", rssBefore, rssJoined,
         (rssJoined - rssBefore) * 1024 / n, residentMb(options.serverPids));
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, stop);
  raiseFileLimit();
  options = parseOptions(count, words);
  poller = epoll_create1(0);
  connections.resize(options.listeners + 1);
  for (int id = 0; id <= options.listeners; id++) connections[id].id = id;
  const double rssBefore = residentMb(options.serverPids);
  joinOwner();
  storeState();
  const Joining joining = joinListeners();
  // Let the server's own cleaning up settle before its memory is read.
  pollFor(300);
  const double rssJoined = residentMb(options.serverPids);
  const Broadcasting broadcasting = broadcastToAll();
  report(joining, broadcasting, rssBefore, rssJoined);
  return 0;
}
