#include "tests/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace hv::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    HV_CHECK(pipe2(ends, O_CLOEXEC) == 0, "no pipe");
    read = ends[0];
    write = ends[1];
  }
};

// The terminal's two ends: ours, and the one the child has.
std::pair<int, int> open_terminal(unsigned short columns) {
  const int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  HV_CHECK(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0, "no terminal");
  char name[64];
  HV_CHECK(ptsname_r(ours, name, sizeof name) == 0, "a terminal without a name");
  const int theirs = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  HV_CHECK(theirs >= 0, "no terminal");
  const winsize size{40, columns, 0, 0};
  HV_CHECK(ioctl(ours, TIOCSWINSZ, &size) == 0, "a terminal without a size");
  return {ours, theirs};
}

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> all = {
      {"HOME", command.folder}, {"LANG", "C.UTF-8"}, {"PATH", "/usr/bin:/bin"}, {"USER", "tester"}};
  for (const auto& [name, value] : command.environment) all[name] = value;
  // What a sanitizer is told reaches the program under test.
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = getenv(name)) all[name] = value;
  std::vector<std::string> lines;
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

// Everything the child does between fork and exec: calls that are safe there, nothing else.
[[noreturn]] void become(const char* folder, char** words, char** environment, const int streams[3],
                         bool terminal) {
  if (chdir(folder) != 0) _exit(126);
  if (terminal && (setsid() < 0 || ioctl(streams[0], TIOCSCTTY, 0) != 0)) _exit(126);
  for (int fd = 0; fd < 3; ++fd)
    if (streams[fd] >= 0)
      dup2(streams[fd], fd);
    else
      close(fd);
  signal(SIGPIPE, SIG_DFL);
  execve(words[0], words, environment);
  _exit(127);
}

void drain(int& fd, std::string& into) {
  char buffer[65536];
  const ssize_t count = read(fd, buffer, sizeof buffer);
  if (count > 0) {
    into.append(buffer, static_cast<std::size_t>(count));
  } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
    close(fd);  // a terminal whose other end is gone answers EIO
    fd = -1;
  }
}

}  // namespace

Process::Process(const Command& command) : to_write_(command.input) {
  ::signal(SIGPIPE, SIG_IGN);  // a child may end before it has read all its input
  std::vector<std::string> words = command.words;
  words.insert(words.begin(), hv_program());
  std::vector<std::string> environment = environment_of(command);
  const std::vector<char*> argv = pointers(words), envp = pointers(environment);
  int streams[3] = {-1, -1, -1};
  if (command.terminal_columns) {
    const auto [ours, theirs] = open_terminal(*command.terminal_columns);
    terminal_ = true;
    out_ = ours;
    in_ = dup(ours);
    for (int& stream : streams) stream = dup(theirs);
    close(theirs);
  } else {
    if (command.input_from == Command::Input::pipe) {
      const Pipe input;
      in_ = input.write;
      streams[0] = input.read;
    } else if (command.input_from == Command::Input::folder) {
      streams[0] = open("/", O_RDONLY | O_CLOEXEC);
    }
    if (command.output == Command::Stream::full_disk) {
      streams[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
    } else if (command.output != Command::Stream::closed) {
      const Pipe output;
      streams[1] = output.write;
      out_ = output.read;
    }
    const Pipe errors;
    streams[2] = errors.write;
    err_ = errors.read;
    if (command.output == Command::Stream::broken_pipe) {
      close(out_);
      out_ = -1;
    }
  }
  begun_ = Clock::now();
  deadline_ = begun_ + command.timeout;
  pid_ = fork();
  HV_CHECK(pid_ >= 0, "no process");
  if (pid_ == 0)
    become(command.folder.c_str(), const_cast<char**>(argv.data()), const_cast<char**>(envp.data()),
           streams, terminal_);
  for (const int stream : streams)
    if (stream >= 0) close(stream);
  if (in_ >= 0) fcntl(in_, F_SETFL, fcntl(in_, F_GETFL) | O_NONBLOCK);
  if (to_write_.empty() && !terminal_) close_input();
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {in_, out_, err_})
    if (fd >= 0) close(fd);
}

void Process::close_input() {
  if (in_ >= 0) close(in_);
  in_ = -1;
}

void Process::signal(int number) const {
  HV_CHECK(pid_ > 0, "a signal to a process that has ended");
  ::kill(pid_, number);
}

void Process::type(const std::string& text) {
  to_write_ += text;
}

bool Process::pump(Clock::time_point until) {
  pollfd all[3] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}, {-1, POLLOUT, 0}};
  if (in_ >= 0 && written_ < to_write_.size()) all[2].fd = in_;
  if (out_ < 0 && err_ < 0 && all[2].fd < 0) return false;
  const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now()).count();
  if (poll(all, 3, static_cast<int>(std::max<long>(0, left) + 1)) <= 0) return true;
  if (all[0].revents != 0) drain(out_, finished_.out);
  if (all[1].revents != 0) drain(err_, finished_.err);
  if (all[2].revents != 0) {
    // A child that does not read its input closes it: no SIGPIPE for us, the rest is dropped.
    const ssize_t count = ::write(in_, to_write_.data() + written_, to_write_.size() - written_);
    if (count > 0) written_ += static_cast<std::size_t>(count);
    const bool gone = count < 0 && errno != EAGAIN && errno != EINTR;
    if ((gone || written_ == to_write_.size()) && !terminal_) close_input();
  }
  return true;
}

std::size_t times_in(const std::string& whole, const std::string& part) {
  std::size_t times = 0;
  for (std::size_t at = whole.find(part); at != std::string::npos;
       at = whole.find(part, at + part.size()))
    ++times;
  return times;
}

bool Process::says_times(const std::string& text, std::size_t times, Milliseconds within) {
  const Clock::time_point until = std::min(deadline_, Clock::now() + within);
  const auto said = [&] {
    return times_in(finished_.out, text) + times_in(finished_.err, text) >= times;
  };
  while (!said() && Clock::now() < until)
    if (!pump(until)) break;
  return said();
}

Finished Process::wait() {
  while (pump(deadline_) && Clock::now() < deadline_) {
  }
  if (Clock::now() >= deadline_) {
    finished_.timed_out = true;
    ::kill(pid_, SIGKILL);
  }
  int status = 0;
  rusage usage{};
  HV_CHECK(wait4(pid_, &status, 0, &usage) == pid_, "a process that is not ours");
  pid_ = -1;
  finished_.took = std::chrono::duration_cast<Milliseconds>(Clock::now() - begun_);
  finished_.peak_kib = usage.ru_maxrss;
  if (WIFEXITED(status)) finished_.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) finished_.signal = WTERMSIG(status);
  return std::move(finished_);
}

Finished run(const Command& command) {
  return Process(command).wait();
}

Folder::Folder() {
  // In memory where there is such a place: these tests sync thousands of times.
  const bool memory = access("/dev/shm", W_OK | X_OK) == 0;
  const std::filesystem::path parent =
      memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
  std::string pattern = (parent / "hv-cli-XXXXXX").string();
  HV_CHECK(mkdtemp(pattern.data()) != nullptr, "no folder for the test");
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Folder::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = path_ + "/" + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  HV_CHECK(out.good(), "a file of the test cannot be written");
}

std::string Folder::read(const std::string& name) const {
  return file_text(path_ + "/" + name);
}

bool Folder::has(const std::string& name) const {
  return std::filesystem::exists(path_ + "/" + name);
}

void Folder::remove(const std::string& name) const {
  std::filesystem::remove_all(path_ + "/" + name);
}

void Folder::copy_from(const std::string& folder) const {
  std::filesystem::copy(
      folder, path_,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
}

Command Folder::command(std::vector<std::string> words, std::string input) const {
  Command command;
  command.words = std::move(words);
  command.folder = path_;
  command.input = std::move(input);
  return command;
}

Finished Folder::hv(std::vector<std::string> words, std::string input) const {
  return run(command(std::move(words), std::move(input)));
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string hv_program() {
  return HV_PROGRAM;
}

std::string example(const std::string& name) {
  return std::string(HV_SOURCE_DIR) + "/examples/" + name;
}

}  // namespace hv::testing
