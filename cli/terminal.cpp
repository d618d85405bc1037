#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/units.h"

namespace hv::cli {
namespace {

volatile std::sig_atomic_t signals = 0;

void on_signal(int) {
  signals = signals + 1;
  if (signals >= 2) _exit(kInterrupted);
}

int output_error = 0;  // the first errno of standard output

bool write_all(std::FILE* stream, std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stream) == text.size() &&
         std::fflush(stream) == 0;
}

}  // namespace

bool is_terminal(int fd) {
  return ::isatty(fd) != 0;
}

std::size_t terminal_columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
}

bool use_color(const Options& options, int fd) {
  if (options.color == "always") return true;
  if (options.color == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return is_terminal(fd) && (term == nullptr || std::string_view(term) != "dumb");
}

void prepare_streams() {
  // A file that hv opens must not become its standard output. Opened the wrong way round, so that
  // using the stream still fails.
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) == -1) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  // Nobody reading what an apply says is no reason to die in the middle of it.
  std::signal(SIGPIPE, SIG_IGN);
}

int exit_code(int code) {
  if (output_error == 0) return code;
  // A reader that has left (`hv show | head`) has seen what it wanted.
  if (output_error != EPIPE)
    print_error(std::string("hv: cannot write to standard output: ") + std::strerror(output_error) +
                "\n");
  return code == kDone || code == kChanges ? kFailed : code;
}

void print(std::string_view text) {
  if (output_error != 0) return;
  errno = 0;
  if (!write_all(stdout, text)) output_error = errno == 0 ? EIO : errno;
}

Result<std::string> read_standard_input(std::size_t most) {
  std::string text;
  std::string buffer(1 << 16, '\0');
  while (text.size() <= most) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return Error{Code::file_unreadable,
                   std::string("cannot read standard input: ") + std::strerror(errno),
                   "`-` as PATH is standard input; name a file, or pipe one in"};
    if (n == 0) break;
    text.append(buffer, 0, static_cast<std::size_t>(n));
  }
  if (text.size() > most)
    return Error{Code::file_too_large,
                 "standard input has more than " + to_human(bytes(static_cast<int64_t>(most))),
                 "is this a disk image?"};
  return text;
}

void print_error(std::string_view text) {
  write_all(stderr, text);
}

bool confirm(const std::string& question) {
  print_error(question + " [y/N] ");
  char answer[16] = {};
  if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
  const std::string_view text(answer);
  return text == "y\n" || text == "yes\n" || text == "Y\n";
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return signals != 0;
}

}  // namespace hv::cli
