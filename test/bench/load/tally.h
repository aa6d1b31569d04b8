// What has arrived: how many deliveries, in which order, how late.
#pragma once
#include "protocols.h"
#include <algorithm>
#include <vector>

struct Tally {
  long long delivered = 0;
  long long replayed = 0;
  long long bytesIn = 0;
  /** Reads since measuring began. */
  long long reads = 0;
  /** When measuring began; a broadcast that was sent before it is a replay. 0: not yet. */
  long long since = 0;
  std::vector<float> latenciesMs;
};

inline Tally tally;

// 160 MB of latencies: past it only the counts go on.
constexpr size_t mostLatencies = 40000000;

/** Counts one delivery of broadcast `seq`, which was sent at `sentNs` and has arrived at `nowNs`. */
inline void countDelivery(Connection &listener, long long seq, long long sentNs, long long arrivedNs) {
  if (tally.since == 0 || sentNs < tally.since) {
    tally.replayed++;
    return;
  }
  tally.delivered++;
  if (listener.lastSeq >= 0) {
    if (seq <= listener.lastSeq) listener.reordered++;
    else listener.gaps += seq - listener.lastSeq - 1;
  }
  if (seq > listener.lastSeq) listener.lastSeq = seq;
  if (tally.latenciesMs.size() < mostLatencies) tally.latenciesMs.push_back((arrivedNs - sentNs) / 1e6f);
}

/** Reads decimal digits from `at` on, and moves it behind them. */
inline long long readNumber(const char *&at, const char *end) {
  long long number = 0;
  while (at < end && *at >= '0' && *at <= '9') number = number * 10 + (*at++ - '0');
  return number;
}

/** Counts the stamps `~seq~time~` of a payload: several, or none. The rest of it is not parsed, to stay cheap. */
inline void countDeliveries(Connection &listener, const char *payload, size_t length) {
  const long long arrived = nowNs();
  const char *end = payload + length;
  const char *at = payload;
  while (at < end) {
    at = static_cast<const char *>(memchr(at, '~', end - at));
    if (!at) return;
    at++;
    const long long seq = readNumber(at, end);
    if (at >= end || *at != '~') return;
    at++;
    const long long sent = readNumber(at, end);
    if (at < end) at++;
    countDelivery(listener, seq, sent, arrived);
  }
}

/** The latency that this share of the deliveries did not pass; the latencies must be sorted. */
inline float percentile(double share) {
  if (tally.latenciesMs.empty()) return 0;
  const size_t index = static_cast<size_t>(share * tally.latenciesMs.size());
  return tally.latenciesMs[std::min(tally.latenciesMs.size() - 1, index)];
}
