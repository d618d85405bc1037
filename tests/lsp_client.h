// A client of the Language Server Protocol: `hv lsp` as a process of its own, spoken to through its
// pipes as an editor does.
//
// Tests only. A Client belongs to one thread; its server does not outlive it. JSON goes in and out
// as text.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

namespace hv::testing {

class Client {
 public:
  // `hv lsp` started in `folder`.
  explicit Client(const std::string& folder);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& body);  // framed
  void send_raw(const std::string& bytes);
  void close_input();
  // The next message; nothing where the server ended, or said none within the time.
  std::optional<std::string> receive(std::chrono::milliseconds within = std::chrono::seconds(30));
  // Its exit code; -1 where it did not exit by itself within the time.
  int wait(std::chrono::milliseconds within = std::chrono::seconds(30));

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string buffer_;
};

}  // namespace hv::testing
