#include "cli/progress.h"

#include <unistd.h>

#include "cli/terminal.h"

namespace hv::cli {
namespace {

std::string name_of(const Step& step) {
  std::string text =
      std::string(to_string(step.operation.op)) + " " + to_string(step.operation.address);
  if (step.operation.vbd) text += " " + step.operation.vbd->device;
  return text;
}

std::string fitted(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

// A bar that wraps could not be drawn over.
std::string cut(const std::string& line, std::size_t columns) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(line[at]) & 0xc0) != 0x80;
    if (begins && ++width > columns) return line.substr(0, at);
  }
  return line;
}

}  // namespace

ProgressLines::ProgressLines(const Plan& plan, const Options& options)
    : total_(plan.steps.size()),
      bar_(is_terminal(STDERR_FILENO)),
      color_(use_color(options, STDERR_FILENO)),
      quiet_(options.quiet) {}

void ProgressLines::clear_bar() {
  if (drawn_) print_error("\r\x1b[2K");
  drawn_ = false;
}

void ProgressLines::draw_bar() {
  if (!bar_ || quiet_) return;
  constexpr std::size_t kWidth = 32;
  const std::size_t full = total_ == 0 ? kWidth : ended_ * kWidth / total_;
  std::string line = "[" + std::string(full, '=') + (full < kWidth ? ">" : "") +
                     std::string(full < kWidth ? kWidth - full - 1 : 0, ' ') + "] " +
                     std::to_string(ended_) + " of " + std::to_string(total_);
  if (!running_.empty()) line += " · " + name_of(*running_.begin()->second);
  if (running_.size() > 1) line += " and " + std::to_string(running_.size() - 1) + " more";
  line += " · Ctrl-C finishes what runs and stops";
  print_error("\r\x1b[2K" + cut(line, terminal_columns(STDERR_FILENO) - 1));
  drawn_ = true;
}

void ProgressLines::operator()(const StepEvent& event) {
  if (event.step == nullptr) return;
  switch (event.state) {
    case StepState::waiting:
    case StepState::ready:
      return;
    case StepState::running:
      running_[event.step->id] = event.step;
      break;
    case StepState::verifying:
      break;
    case StepState::succeeded:
    case StepState::failed:
    case StepState::skipped: {
      running_.erase(event.step->id);
      ++ended_;
      if (quiet_ && event.state == StepState::succeeded) return;
      clear_bar();
      const bool good = event.state == StepState::succeeded;
      const char* mark = good ? "✓" : event.state == StepState::failed ? "✗" : "·";
      std::string line = std::string("  ") + mark + " " + fitted(name_of(*event.step), 44) + " ";
      if (event.state == StepState::skipped)
        line += "not started";
      else
        line += to_human(event.elapsed);
      if (!event.message.empty() && !good) line += "   " + event.message;
      if (color_) line = (good ? "\x1b[32m" : "\x1b[31m") + line + "\x1b[0m";
      print_error(line + "\n");
      break;
    }
  }
  draw_bar();
}

void ProgressLines::finish() {
  clear_bar();
}

}  // namespace hv::cli
