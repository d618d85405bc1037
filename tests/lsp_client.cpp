#include "tests/lsp_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "base/check.h"
#include "tests/process.h"

extern char** environ;

namespace hv::testing {

namespace {
using Clock = std::chrono::steady_clock;
}

Client::Client(const std::string& folder) {
  ::signal(SIGPIPE, SIG_IGN);  // a server may end before it has read all
  int to[2], from[2];
  HV_CHECK(::pipe2(to, O_CLOEXEC) == 0 && ::pipe2(from, O_CLOEXEC) == 0, "no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  posix_spawn_file_actions_adddup2(&actions, to[0], 0);
  posix_spawn_file_actions_adddup2(&actions, from[1], 1);
  std::string program = hv_program(), word = "lsp";
  char* words[] = {program.data(), word.data(), nullptr};
  const int refused = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  HV_CHECK(refused == 0, "hv does not start");
  ::close(to[0]);
  ::close(from[1]);
  in_ = to[1];
  out_ = from[0];
}

Client::~Client() {
  close_input();
  if (out_ >= 0) ::close(out_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Client::close_input() {
  if (in_ >= 0) ::close(in_);
  in_ = -1;
}

void Client::send(const std::string& body) {
  send_raw("Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

void Client::send_raw(const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(in_, bytes.data() + done, bytes.size() - done);
    if (n <= 0) return;  // it has ended: receive() tells
    done += static_cast<std::size_t>(n);
  }
}

std::optional<std::string> Client::receive(std::chrono::milliseconds within) {
  const auto until = Clock::now() + within;
  for (;;) {
    static constexpr std::string_view kHeader = "Content-Length: ";
    const std::size_t end = buffer_.find("\r\n\r\n");
    std::size_t length = 0;
    if (end != std::string::npos) {
      HV_CHECK(buffer_.starts_with(kHeader), "the server sent what is no header");
      std::from_chars(buffer_.data() + kHeader.size(), buffer_.data() + end, length);
      if (buffer_.size() - end - 4 >= length) {
        std::string body = buffer_.substr(end + 4, length);
        buffer_.erase(0, end + 4 + length);
        return body;
      }
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{out_, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return std::nullopt;
    char bytes[1 << 16];
    const ssize_t n = ::read(out_, bytes, sizeof bytes);
    if (n <= 0) return std::nullopt;
    buffer_.append(bytes, static_cast<std::size_t>(n));
  }
}

int Client::wait(std::chrono::milliseconds within) {
  const auto until = Clock::now() + within;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > until) return -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace hv::testing
