#include "state/lock.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <vector>

namespace hv {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInfoMax = 4096;
const Duration kPoll = milliseconds(100);

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File(const File&) = delete;
  ~File() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

// An open-file-description lock: the kernel drops it with the last descriptor, and O_CLOEXEC keeps
// the descriptor from the commands hv starts. (A classic fcntl lock would be lost when any other
// part of the process opened and closed the file.)
class KernelLock final : public StateLock {
 public:
  KernelLock(File file, std::string folder) : file_(std::move(file)), folder_(std::move(folder)) {}
  ~KernelLock() override {
    // Who held it is of no interest any more. Before the close, which frees the lock.
    [[maybe_unused]] const int ignored = ftruncate(file_.number(), 0);
  }
  const std::string& folder() const { return folder_; }

 private:
  File file_;
  std::string folder_;
};

struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

Error cannot(const std::string& doing, const std::string& path) {
  const int number = errno;
  const std::string message = "cannot " + doing + " `" + path + "`: " + std::strerror(number);
  if (number == ENOSPC || number == EDQUOT)
    return {Code::state_no_space, message,
            "free some space on the disk that holds the state, and run the command again"};
  return {Code::state_unreadable, message,
          number == EROFS
              ? "the folder of the state must be writable: set `state` in hv.toml to one "
                "that is"
              : "check who owns the folder of the state, and run hv as that user"};
}

std::string first_line_of(const char* path) {
  const File file(open(path, O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t size = file.number() < 0 ? 0 : read(file.number(), text, sizeof text);
  std::string line(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return line.substr(0, line.find('\n'));
}

// "hv apply": the program and the first plain word. Not more, since parameters may be secrets.
std::string command_of_this_process() {
  const File file(open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC));
  char text[kInfoMax];
  const ssize_t size = file.number() < 0 ? 0 : read(file.number(), text, sizeof text);
  std::vector<std::string> words;
  for (std::string_view rest(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
       !rest.empty();) {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (words.empty()) return "hv";
  std::string command = fs::path(words.front()).filename().string();
  for (std::size_t i = 1; i < words.size(); ++i) {
    const bool plain =
        std::all_of(words[i].begin(), words[i].end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (plain) return command + " " + words[i];
  }
  return command;
}

std::string user_of_this_process() {
  struct passwd entry;
  struct passwd* found = nullptr;
  char text[kInfoMax];
  if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(geteuid());
}

LockHolder this_process(Clock& clock) {
  LockHolder holder;
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  holder.host = host;
  holder.boot_id = first_line_of("/proc/sys/kernel/random/boot_id");
  holder.user = user_of_this_process();
  holder.command = command_of_this_process();
  holder.pid = getpid();
  holder.since = clock.now();
  return holder;
}

std::string read_info(int file) {
  std::string text(kInfoMax, '\0');
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

Result<File> open_lock_file(const std::string& folder) {
  std::error_code failure;
  const fs::path parent = fs::path(folder).parent_path();
  if (!parent.empty()) fs::create_directories(parent, failure);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return cannot("make", folder);

  struct statfs filesystem;
  if (statfs(folder.c_str(), &filesystem) != 0) return cannot("look at", folder);
  TRY(state::check_filesystem(folder, static_cast<unsigned long>(filesystem.f_type)));
  const std::string path = folder + "/lock";
  File file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.number() < 0) return cannot("open", path);
  return file;
}

}  // namespace

namespace state {

std::optional<std::string_view> remote_filesystem(unsigned long magic) {
  switch (magic & 0xffffffff) {
    case 0x6969:
      return "NFS";
    case 0x517b:
    case 0xff534d42:
    case 0xfe534d42:
      return "CIFS (a Windows share)";
    case 0x01021997:
      return "9p";
    case 0x65735546:
      return "FUSE";
    default:
      return std::nullopt;
  }
}

Status check_filesystem(const std::string& folder, unsigned long magic) {
  const std::optional<std::string_view> name = remote_filesystem(magic);
  if (!name) return {};
  return Error{Code::state_not_local,
               "the state in `" + folder + "` would lie on " + std::string(*name),
               "set `state` in hv.toml to a folder on a local disk: two commands could not be kept "
               "apart there"};
}

bool is_lock_of(const StateLock& lock, const std::string& folder) {
  auto* held = dynamic_cast<const KernelLock*>(&lock);
  return held != nullptr && held->folder() == folder;
}

std::string holder_text(const LockHolder& holder) {
  return "host " + holder.host + "\nboot " + holder.boot_id + "\npid " +
         std::to_string(holder.pid) + "\nsince " + std::to_string(holder.since.count) + "\nuser " +
         holder.user + "\ncommand " + holder.command + "\n";
}

LockHolder holder_in(std::string_view text) {
  LockHolder holder;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, blank), value = line.substr(blank + 1);
    if (key == "host") holder.host = value;
    if (key == "boot") holder.boot_id = value;
    if (key == "user") holder.user = value;
    if (key == "command") holder.command = value;
    if (key == "pid") std::from_chars(value.data(), value.data() + value.size(), holder.pid);
    if (key == "since")
      std::from_chars(value.data(), value.data() + value.size(), holder.since.count);
  }
  return holder;
}

std::string describe(const LockHolder& holder) {
  if (holder.pid == 0) return "another command";
  std::string text = "`" + holder.command + "` (process " + std::to_string(holder.pid);
  if (!holder.user.empty()) text += " of " + holder.user;
  if (!holder.host.empty()) text += " on " + holder.host;
  return text + ", since " + to_human(holder.since) + ")";
}

}  // namespace state

Result<std::unique_ptr<StateLock>> lock_state(const std::string& folder, Duration timeout,
                                              Clock& clock) {
  File file = TRY(open_lock_file(folder));
  const Time deadline = clock.now() + timeout;
  struct flock range = whole_file();
  while (fcntl(file.number(), F_OFD_SETLK, &range) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) return cannot("lock", folder);
    const Time now = clock.now();
    if (now >= deadline)
      return Error{Code::state_locked,
                   state::describe(state::holder_in(read_info(file.number()))) +
                       " holds the state in `" + folder + "`",
                   "wait for it to end, or give `--lock-timeout 30s` to wait here"};
    clock.sleep(std::min(kPoll, since(now, deadline)));
  }
  const std::string info = state::holder_text(this_process(clock));
  // Information only: a disk too full for it takes nothing from the lock.
  [[maybe_unused]] bool told =
      ftruncate(file.number(), 0) == 0 && pwrite(file.number(), info.data(), info.size(), 0) > 0;
  return std::unique_ptr<StateLock>(std::make_unique<KernelLock>(std::move(file), folder));
}

std::optional<LockHolder> lock_holder(const std::string& folder) {
  const File file(open((folder + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct flock range = whole_file();
  if (file.number() < 0 || fcntl(file.number(), F_OFD_GETLK, &range) != 0 ||
      range.l_type == F_UNLCK)
    return std::nullopt;
  return state::holder_in(read_info(file.number()));
}

}  // namespace hv
