// Messages framed by `Content-Length`, over file descriptors.
//
// One thread. Reading never blocks but in wait().
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

namespace hv::lsp {

class Channel {
 public:
  Channel(int input, int output) : input_(input), output_(output) {}

  struct Incoming {
    std::string body;
    bool malformed = false;  // a header that is none, or a body too large to be kept
  };
  // Blocks until a message is there or the input ends; false at the end.
  bool wait();
  // The next message that is there already, if any. Reads no further while many wait, so that what
  // is sent faster than it is answered stays in the pipe.
  std::optional<Incoming> next();
  bool send(const std::string& body);

 private:
  bool read_some(bool block);
  void cut();

  int input_, output_;
  std::string buffer_;
  std::size_t skip_ = 0;  // bytes of a body that is too large
  std::deque<Incoming> messages_;
  bool lost_ = false;  // between a header that is none and the next message
  bool ended_ = false;
};

}  // namespace hv::lsp
