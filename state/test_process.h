// For the tests of state/: the actor as a child process, read line by line, killed by its own id.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "base/check.h"

namespace hv::testing {

class Actor {
 public:
  explicit Actor(std::vector<std::string> words) {
    int input[2], output[2];
    HV_CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0, "no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    words.insert(words.begin(), HV_ACTOR);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    HV_CHECK(posix_spawn(&pid_, HV_ACTOR, &actions, nullptr, arguments.data(), environ) == 0,
             "the actor does not start");
    posix_spawn_file_actions_destroy(&actions);
    close(input[0]);
    close(output[1]);
    input_ = input[1];
    output_ = fdopen(output[0], "r");
  }
  ~Actor() {
    kill();
    fclose(output_);
  }
  Actor(const Actor&) = delete;

  pid_t pid() const { return pid_; }
  // Nothing at the end of its output.
  std::optional<std::string> line() {
    std::string text;
    for (int c = fgetc(output_); c != EOF; c = fgetc(output_)) {
      if (c == '\n') return text;
      text += static_cast<char>(c);
    }
    return std::nullopt;
  }
  void kill() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    wait();
  }
  // Ends its input and waits for it to leave by itself.
  void finish() {
    close(input_);
    input_ = -1;
    wait();
  }

 private:
  void wait() {
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    pid_ = -1;
    if (input_ >= 0) close(input_);
    input_ = -1;
  }
  pid_t pid_ = -1;
  int input_ = -1;
  FILE* output_ = nullptr;
};

}  // namespace hv::testing
