#include "hv/drivers/xl/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

extern char** environ;

namespace hv {
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  void reset(int number) {
    close();
    number_ = number;
  }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int get() const { return number_; }

 private:
  int number_ = -1;
};

Error failed(const std::string& program, int number) {
  return {Code::host_unreachable, "cannot run `" + program + "`: " + std::strerror(number), ""};
}

// The three pipes to a child. Input goes through a socket, which can be told not to raise SIGPIPE.
struct Pipes {
  Descriptor input, output, errors;
  Descriptor child_input, child_output, child_errors;
  bool open() {
    std::array<int, 2> ends;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
    input.reset(ends[0]);
    child_input.reset(ends[1]);
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    output.reset(ends[0]);
    child_output.reset(ends[1]);
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    errors.reset(ends[0]);
    child_errors.reset(ends[1]);
    return true;
  }
};

// Reads what is there; false at the end.
bool drain(int from, std::string& into) {
  std::array<char, 16384> buffer;
  const ssize_t got = read(from, buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ProcessEnd> run_process(const std::vector<std::string>& arguments, const std::string& input,
                               Duration within) {
  const std::string& program = arguments.at(0);
  Pipes pipes;
  if (!pipes.open()) return failed(program, errno);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipes.child_input.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, pipes.child_output.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, pipes.child_errors.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int spawned = posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (spawned != 0) return failed(program, spawned);
  pipes.child_input.close();
  pipes.child_output.close();
  pipes.child_errors.close();

  ProcessEnd end;
  std::size_t sent = 0;
  if (input.empty()) pipes.input.close();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(within.count);
  // Until both outputs have ended: a child that goes on in the background has closed them.
  while (pipes.output.get() >= 0 || pipes.errors.get() >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      end.timed_out = true;
      kill(-child, SIGKILL);
      break;
    }
    std::array<pollfd, 3> watched = {{{pipes.output.get(), POLLIN, 0},
                                      {pipes.errors.get(), POLLIN, 0},
                                      {pipes.input.get(), POLLOUT, 0}}};
    if (poll(watched.data(), watched.size(), static_cast<int>(left.count())) < 0) continue;
    if (watched[0].revents != 0 && !drain(watched[0].fd, end.output)) pipes.output.close();
    if (watched[1].revents != 0 && !drain(watched[1].fd, end.errors)) pipes.errors.close();
    if (watched[2].revents != 0) {
      const ssize_t wrote = send(watched[2].fd, input.data() + sent, input.size() - sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
      if (wrote > 0) sent += static_cast<std::size_t>(wrote);
      const bool broken = wrote < 0 && errno != EAGAIN && errno != EINTR;
      if (broken || sent == input.size()) pipes.input.close();
    }
  }
  end.code = wait_for(child);
  return end;
}

}  // namespace hv
