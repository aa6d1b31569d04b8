// The dialects that a server may speak: how one opens and joins a room in it, and how one broadcasts.
#pragma once
#include "connection.h"
#include "options.h"
#include "process.h"
#include "websocket.h"
#include <cstring>

inline Options options;
inline std::string roomUuid;
/** Of the owner's position. */
inline std::string roomEpoch;
inline int joinedCount = 0;

/** Sends one text message. */
inline void sendText(Connection &connection, const std::string &payload) {
  sendBytes(connection, clientFrame(payload, Text));
}

/** Sends one binary message. */
inline void sendBinary(Connection &connection, const std::string &payload) {
  sendBytes(connection, clientFrame(payload, Binary));
}

/** A string as MQTT 3.1.1 writes it: two bytes of length, then the bytes (section 1.5.3). */
inline std::string mqttString(const std::string &text) {
  std::string bytes;
  bytes.push_back(static_cast<char>(text.size() >> 8));
  bytes.push_back(static_cast<char>(text.size() & 255));
  return bytes + text;
}

/** An MQTT 3.1.1 packet, with its remaining length in seven-bit groups (section 2.2.3). */
inline std::string mqttPacket(int header, const std::string &body) {
  std::string packet;
  packet.push_back(static_cast<char>(header));
  size_t rest = body.size();
  do {
    int digit = rest % 128;
    rest /= 128;
    if (rest) digit |= 128;
    packet.push_back(static_cast<char>(digit));
  } while (rest);
  return packet + body;
}

/** A message of the room protocol, with all of its five fields. */
inline std::string roomMessage(const std::string &uuid, int status, const char *statusText, const std::string &funcKey,
                               const std::string &parameter, bool stateMessage) {
  std::string json = "{\"uuid\":\"" + uuid + "\",\"status\":{\"value\":" + std::to_string(status) + ",\"text\":\"";
  json += statusText;
  json += "\"},\"funcKey\":\"" + funcKey + "\",\"funcParams\":[";
  if (!parameter.empty()) json += "\"" + parameter + "\"";
  json += "],\"stateMessage\":";
  json += stateMessage ? "true}" : "false}";
  return json;
}

/** The connection is in the room, and counts from here on. */
inline void markJoined(Connection &connection) {
  connection.joined = true;
  joinedCount++;
}

/** With what the listener can, and where it stood, where it is to say so. */
inline std::string joining(std::string message) {
  message.pop_back();
  if (!options.can.empty()) message += ",\"can\":[\"" + options.can + "\"]";
  if (options.missed >= 0) {
    const std::string seq = std::to_string(options.stateKeys - options.missed);
    message += ",\"since\":{\"epoch\":\"" + roomEpoch + "\",\"seq\":" + seq + "}";
  }
  return message + "}";
}

/** The text of the first field of that name in a message; empty where there is none. */
inline std::string textOf(const std::string &payload, const std::string &field) {
  const std::string opening = "\"" + field + "\":\"";
  const size_t found = payload.find(opening);
  if (found == std::string::npos) return "";
  const size_t start = found + opening.size();
  return payload.substr(start, payload.find('"', start) - start);
}

/** The port that it connects to. */
inline int portOf(const Connection &connection) {
  if (connection.owner || options.listenerPorts.empty()) return options.port;
  return options.listenerPorts[connection.id % options.listenerPorts.size()];
}

/** The path that it asks for. */
inline std::string pathOf(const Connection &connection) {
  if (connection.owner || options.listenerPath.empty()) return options.path;
  std::string path = options.listenerPath;
  const size_t star = path.find('*');
  return star == std::string::npos ? path : path.replace(star, 1, roomUuid);
}

/** The first words after the upgrade. Socket.IO's server speaks first, so there is nothing to say there. */
inline void greet(Connection &connection) {
  if (options.mode == Mode::Rtb) {
    if (connection.owner) sendText(connection, roomMessage("", 1, "new connection", "", "", false));
    else sendText(connection, joining(roomMessage(roomUuid, 2, "join connection", "", "", false)));
  } else if (options.mode == Mode::Mqtt) {
    std::string connect = mqttString("MQTT");
    connect.append("\x04\x02\x00\x00", 4);
    connect += mqttString("c" + std::to_string(getpid()) + "_" + std::to_string(connection.id));
    sendBinary(connection, mqttPacket(0x10, connect));
  } else if (options.mode == Mode::Raw) {
    markJoined(connection);
  }
}

/** The owner sends one broadcast: its number and the time between tildes, filled up to the payload's size. */
inline void broadcast(Connection &owner, long long seq, const std::string &key, bool stateMessage) {
  char stamp[64];
  snprintf(stamp, sizeof stamp, "~%lld~%lld~", seq, nowNs());
  std::string payload = stamp;
  if (static_cast<int>(payload.size()) < options.payloadSize) payload.append(options.payloadSize - payload.size(), 'x');
  if (options.mode == Mode::Rtb) {
    sendText(owner, roomMessage(roomUuid, 3, "connected", key, payload, stateMessage));
  } else if (options.mode == Mode::SocketIo) {
    sendText(owner, "42[\"cast\",\"" + payload + "\"]");
  } else if (options.mode == Mode::Mqtt) {
    // PUBLISH, with or without the retain flag.
    sendBinary(owner, mqttPacket(stateMessage ? 0x31 : 0x30, mqttString("room/1") + payload));
  } else {
    sendText(owner, payload);
  }
}

/** The joining of the room protocol. A state message may be in the same payload as the welcome, or come before it. */
inline bool joinRoom(Connection &connection, const std::string &payload) {
  if (connection.owner) {
    const std::string uuid = textOf(payload, "uuid");
    if (uuid.empty()) return false;
    roomUuid = uuid;
    roomEpoch = textOf(payload, "epoch");
    markJoined(connection);
    return false;
  }
  if (payload.find("\"value\":3") != std::string::npos) markJoined(connection);
  return payload.find('~') != std::string::npos;
}

/** The joining of Socket.IO 4: Engine.IO's open, then our connect, then the server's connect. */
inline void joinSocketIo(Connection &connection, const char *payload, size_t length) {
  if (length && payload[0] == '0') sendText(connection, "40");
  else if (length > 1 && payload[0] == '4' && payload[1] == '0') markJoined(connection);
  else if (length && payload[0] == '2') sendText(connection, "3");
}

/** The joining of MQTT: CONNACK, then for a listener SUBSCRIBE and SUBACK; true when broadcasts may follow. */
inline bool joinMqtt(Connection &connection, const char *payload, size_t length) {
  if (length == 0) return false;
  const int type = static_cast<unsigned char>(payload[0]) >> 4;
  if (type == 2) {
    if (connection.owner) {
      markJoined(connection);
      return false;
    }
    std::string subscribe("\x00\x01", 2);
    subscribe += mqttString("room/1");
    subscribe.push_back(0);
    sendBinary(connection, mqttPacket(0x82, subscribe));
    return false;
  }
  if (type == 9) {
    markJoined(connection);
    return length != 5;
  }
  return true;
}

/** Takes one payload of a connection that is not in yet; true when it may hold broadcasts as well. */
inline bool join(Connection &connection, const char *payload, size_t length) {
  if (options.mode == Mode::Rtb) return joinRoom(connection, std::string(payload, length));
  if (options.mode == Mode::Mqtt) return joinMqtt(connection, payload, length);
  joinSocketIo(connection, payload, length);
  return false;
}
