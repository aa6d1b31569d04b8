// What the server's own processes cost, as the kernel counts it.
#pragma once
#include <cstdio>
#include <cstring>
#include <time.h>
#include <unistd.h>
#include <vector>

/** Nanoseconds of the monotonic clock. */
inline long long nowNs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/** CPU seconds, user and system, that the processes have used so far; a process that is gone counts as nothing. */
inline double cpuSeconds(const std::vector<int> &pids) {
  double total = 0;
  for (int pid : pids) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    FILE *file = fopen(name, "r");
    if (!file) continue;
    char text[2048];
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    fclose(file);
    // The program's name may hold spaces and brackets: the fields count from its last one.
    char *afterName = strrchr(text, ')');
    if (!afterName) continue;
    unsigned long user = 0;
    unsigned long system = 0;
    sscanf(afterName + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    total += (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  return total;
}

/** Resident memory of the processes, in MiB. */
inline double residentMb(const std::vector<int> &pids) {
  double total = 0;
  for (int pid : pids) {
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/statm", pid);
    FILE *file = fopen(name, "r");
    if (!file) continue;
    long size = 0;
    long resident = 0;
    if (fscanf(file, "%ld %ld", &size, &resident) == 2) {
      total += resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024 * 1024);
    }
    fclose(file);
  }
  return total;
}
