// WebSocket frames (RFC 6455, section 5), the client's side.
#pragma once
#include <string>

enum Opcode { Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

/** One client frame. The mask is zero: a valid mask, and it saves the generator the work of masking. */
inline std::string clientFrame(const std::string &payload, Opcode opcode) {
  std::string frame;
  const size_t length = payload.size();
  frame.reserve(length + 14);
  frame.push_back(static_cast<char>(0x80 | opcode));
  if (length < 126) {
    frame.push_back(static_cast<char>(0x80 | length));
  } else if (length < 65536) {
    frame.push_back(static_cast<char>(0x80 | 126));
    frame.push_back(static_cast<char>(length >> 8));
    frame.push_back(static_cast<char>(length & 255));
  } else {
    frame.push_back(static_cast<char>(0x80 | 127));
    for (int shift = 56; shift >= 0; shift -= 8) frame.push_back(static_cast<char>((length >> shift) & 255));
  }
  frame.append(4, '\0');
  frame += payload;
  return frame;
}

struct FrameView {
  Opcode opcode;
  const char *payload;
  size_t length;
  size_t frameLength;
};

/** Looks at the server frame that starts at `bytes`; false while it is not there whole. */
inline bool readFrame(const char *bytes, size_t available, FrameView &frame) {
  if (available < 2) return false;
  const unsigned char *head = reinterpret_cast<const unsigned char *>(bytes);
  size_t headerLength = 2;
  unsigned long long length = head[1] & 127;
  if (length == 126) {
    if (available < 4) return false;
    length = head[2] << 8 | head[3];
    headerLength = 4;
  } else if (length == 127) {
    if (available < 10) return false;
    length = 0;
    for (int i = 0; i < 8; i++) length = length << 8 | head[2 + i];
    headerLength = 10;
  }
  if (available - headerLength < length) return false;
  frame.opcode = static_cast<Opcode>(head[0] & 15);
  frame.payload = bytes + headerLength;
  frame.length = length;
  frame.frameLength = headerLength + length;
  return true;
}
