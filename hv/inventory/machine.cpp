#include "hv/inventory/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

extern char** environ;

namespace hv {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 26;
constexpr int kToolMilliseconds = 60'000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

Error cannot(const std::string& what) {
  return Error{Code::file_unreadable, what + ": " + std::strerror(errno), {}};
}

class LocalMachine final : public Machine {
 public:
  explicit LocalMachine(std::string root) : root_(std::move(root)) {}

  std::optional<std::string> text(const std::string& path) const override {
    Descriptor file(::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) return std::nullopt;
    std::string all;
    char buffer[65536];
    for (;;) {
      const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::nullopt;
      if (got == 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
      if (all.size() > kMostText) return std::nullopt;
    }
    while (all.ends_with('\n')) all.pop_back();
    return all;
  }

  Result<std::string> bytes_at(const std::string& path, int64_t offset,
                               std::size_t count) const override {
    Descriptor file(::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0) return cannot("`" + path + "`");
    if (offset < 0) {
      const off_t end = ::lseek(file.get(), 0, SEEK_END);
      if (end < 0) return cannot("`" + path + "`");
      offset = std::max<int64_t>(0, end + offset);
    }
    std::string bytes(count, '\0');
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got = ::pread(file.get(), bytes.data() + done, count - done,
                                  static_cast<off_t>(offset + static_cast<int64_t>(done)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return cannot("`" + path + "`");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

  std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    DIR* folder = ::opendir((root_ + path).c_str());
    if (folder == nullptr) return names;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  std::optional<std::string> link(const std::string& path) const override {
    std::string target(4096, '\0');
    const ssize_t length = ::readlink((root_ + path).c_str(), target.data(), target.size());
    if (length < 0) return std::nullopt;
    target.resize(static_cast<std::size_t>(length));
    return target;
  }

  std::optional<FileFacts> facts(const std::string& path) const override {
    struct stat found {};
    if (::lstat((root_ + path).c_str(), &found) != 0) return std::nullopt;
    FileFacts facts;
    facts.inode = static_cast<int64_t>(found.st_ino);
    facts.links = static_cast<int64_t>(found.st_nlink);
    facts.size = found.st_size;
    facts.allocated = static_cast<int64_t>(found.st_blocks) * 512;
    if (S_ISREG(found.st_mode)) facts.kind = FileFacts::Kind::file;
    if (S_ISDIR(found.st_mode)) facts.kind = FileFacts::Kind::folder;
    if (S_ISBLK(found.st_mode)) {
      facts.kind = FileFacts::Kind::block;
      facts.number =
          std::to_string(major(found.st_rdev)) + ":" + std::to_string(minor(found.st_rdev));
    }
    return facts;
  }

  Result<std::string> run(const std::vector<std::string>& words) const override {
    if (!root_.empty()) {
      std::optional<std::string> recorded = text("/.tools/" + words.front());
      if (recorded) return *recorded;
      return Error{Code::file_unreadable, "is not recorded", {}};
    }
    return run_here(words);
  }

 private:
  // Without a shell, in the C locale, with nothing on its standard input; killed if it hangs on a
  // dead disk.
  static Result<std::string> run_here(const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return cannot("a pipe");
    Descriptor out(ends[0]), in(ends[1]);
    std::vector<std::string> copies = words;
    std::vector<char*> arguments;
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::vector<std::string> settings = {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                         "LVM_SUPPRESS_FD_WARNINGS=1"};
    std::vector<char*> environment;
    for (std::string& setting : settings) environment.push_back(setting.data());
    environment.push_back(nullptr);
    std::string program;
    for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"})
      if (program.empty() && ::access((folder + words.front()).c_str(), X_OK) == 0)
        program = folder + words.front();
    if (program.empty()) return Error{Code::file_unreadable, "is not installed", {}};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, in.get(), 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    pid_t child = 0;
    const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                                     environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      errno = failed;
      return cannot("cannot be run");
    }
    in.close();
    return read_from(child, out.get());
  }

  static Result<std::string> read_from(pid_t child, int out) {
    std::string all;
    bool late = false;
    char buffer[65536];
    for (;;) {
      pollfd wait{out, POLLIN, 0};
      const int ready = ::poll(&wait, 1, kToolMilliseconds);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0 || all.size() > kMostText) {
        late = true;
        ::kill(child, SIGKILL);
        break;
      }
      const ssize_t got = ::read(out, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (late) return Error{Code::file_unreadable, "did not answer within a minute", {}};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      return Error{Code::file_unreadable,
                   WIFEXITED(status)
                       ? "failed with exit code " + std::to_string(WEXITSTATUS(status))
                       : "was killed",
                   {}};
    return all;
  }

  std::string root_;
};

}  // namespace

std::unique_ptr<Machine> this_machine(const std::string& root) {
  return std::make_unique<LocalMachine>(root);
}

}  // namespace hv
