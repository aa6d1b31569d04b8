// What the command line says. Read once, then only looked at.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

enum class Mode { Rtb, SocketIo, Mqtt, Raw };

struct Options {
  std::string host = "127.0.0.1";
  int port = 8080;
  /** The listeners' own, which they take in turns; none: they connect where the owner does. */
  std::vector<int> listenerPorts;
  std::string path = "/broadcasting";
  /** The listeners' own, where it differs: `*` stands for the room's uuid. */
  std::string listenerPath;
  std::string subprotocol;
  std::string can;
  Mode mode = Mode::Rtb;
  int listeners = 100;
  double rate = 100;
  int burst = 1;
  int window = 0;
  double seconds = 5;
  int payloadSize = 120;
  int stateKeys = 0;
  /** Listeners come back, and have missed so many of the state messages; less than none: they come for the first time. */
  int missed = -1;
  int slowListeners = 0;
  int joinsInFlight = 400;
  std::vector<int> serverPids;
};

/** The mode of that name; ends the program when there is none. */
inline Mode parseMode(const std::string &name) {
  if (name == "rtb") return Mode::Rtb;
  if (name == "sio") return Mode::SocketIo;
  if (name == "mqtt") return Mode::Mqtt;
  if (name == "raw") return Mode::Raw;
  fprintf(stderr, "unknown mode %s\n", name.c_str());
  exit(2);
}

/** The options of the command line; an unknown one, or one without its value, ends the program. */
inline Options parseOptions(int count, char **words) {
  Options options;
  for (int i = 1; i < count; i++) {
    const std::string name = words[i];
    auto value = [&]() -> std::string {
      if (i + 1 >= count) {
        fprintf(stderr, "%s needs a value\n", name.c_str());
        exit(2);
      }
      return words[++i];
    };
    if (name == "--port") options.port = std::stoi(value());
    else if (name == "--listener-port") options.listenerPorts.push_back(std::stoi(value()));
    else if (name == "--path") options.path = value();
    else if (name == "--listener-path") options.listenerPath = value();
    else if (name == "--proto") options.subprotocol = value();
    else if (name == "--can") options.can = value();
    else if (name == "--mode") options.mode = parseMode(value());
    else if (name == "-n") options.listeners = std::stoi(value());
    else if (name == "--rate") options.rate = std::stod(value());
    else if (name == "--seconds") options.seconds = std::stod(value());
    else if (name == "--size") options.payloadSize = std::stoi(value());
    else if (name == "--burst") options.burst = std::stoi(value());
    else if (name == "--window") options.window = std::stoi(value());
    else if (name == "--pid") options.serverPids.push_back(std::stoi(value()));
    else if (name == "--state") options.stateKeys = std::stoi(value());
    else if (name == "--missed") options.missed = std::stoi(value());
    else if (name == "--slow") options.slowListeners = std::stoi(value());
    else if (name == "--inflight") options.joinsInFlight = std::stoi(value());
    else {
      fprintf(stderr, "unknown %s\n", name.c_str());
      exit(2);
    }
  }
  return options;
}
