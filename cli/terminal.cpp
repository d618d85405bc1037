#include "cli/terminal.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace hv::cli {
namespace {

volatile std::sig_atomic_t signals = 0;

void on_signal(int) {
  signals = signals + 1;
  if (signals >= 2) _exit(kInterrupted);
}

void write_all(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

}  // namespace

bool is_terminal(int fd) {
  return ::isatty(fd) != 0;
}

bool use_color(const Options& options, int fd) {
  if (options.color == "always") return true;
  if (options.color == "never") return false;
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* term = std::getenv("TERM");
  return is_terminal(fd) && (term == nullptr || std::string_view(term) != "dumb");
}

void print(std::string_view text) {
  write_all(stdout, text);
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
