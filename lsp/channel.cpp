#include "lsp/channel.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

namespace hv::lsp {
namespace {

constexpr std::size_t kLargestBody = std::size_t{64} << 20;
constexpr std::size_t kLargestHeader = 8192;
constexpr std::size_t kMostWaiting = 256;
constexpr std::string_view kLength = "content-length:";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// The length that the header lines give.
std::optional<std::size_t> content_length(std::string_view header) {
  std::optional<std::size_t> length;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find('\n'), header.size() - 1) + 1;
    std::string_view line = header.substr(0, end);
    header.remove_prefix(end);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return std::nullopt;
    if (lower(line.substr(0, colon + 1)) != kLength) continue;
    line.remove_prefix(colon + 1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
    std::size_t value = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (error != std::errc() || stop != line.data() + line.size()) return std::nullopt;
    length = value;
  }
  return length;
}

}  // namespace

bool Channel::read_some(bool block) {
  if (ended_) return false;
  pollfd ready{input_, POLLIN, 0};
  const int count = ::poll(&ready, 1, block ? -1 : 0);
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  char bytes[1 << 16];
  const ssize_t n = ::read(input_, bytes, sizeof bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) {
    ended_ = true;
    return false;
  }
  buffer_.append(bytes, static_cast<std::size_t>(n));
  cut();
  return true;
}

// Whole messages out of what was read. Where a header makes no sense, the next one that may be one
// is looked for, and the loss is told once.
void Channel::cut() {
  std::size_t at = 0;  // all before it is dealt with
  for (;;) {
    if (skip_ > 0) {
      const std::size_t gone = std::min(skip_, buffer_.size() - at);
      at += gone;
      skip_ -= gone;
      if (skip_ > 0) break;
    }
    const std::string_view rest = std::string_view(buffer_).substr(at);
    const std::string_view head = rest.substr(0, kLargestHeader);
    std::size_t end = head.find("\r\n\r\n");
    std::size_t gap = 4;
    if (const std::size_t bare = head.find("\n\n"); bare < end) {
      end = bare;
      gap = 2;
    }
    const bool whole = end != head.npos;
    if (!whole && rest.size() < kLargestHeader) break;
    const std::optional<std::size_t> length =
        whole ? content_length(rest.substr(0, end)) : std::nullopt;
    if (!length) {
      if (!lost_) messages_.push_back({{}, true});
      lost_ = true;
      const std::size_t again = lower(head.substr(0, end)).find(kLength, 1);
      // Its last bytes may be the beginning of one.
      at += again != head.npos ? again : whole ? end + gap : head.size() - kLength.size();
      continue;
    }
    if (*length > kLargestBody) {
      messages_.push_back({{}, true});
      at += end + gap;
      skip_ = *length;
      continue;
    }
    if (rest.size() - end - gap < *length) break;
    messages_.push_back({buffer_.substr(at + end + gap, *length), false});
    at += end + gap + *length;
    lost_ = false;
  }
  buffer_.erase(0, at);
}

bool Channel::wait() {
  while (messages_.empty() && !ended_) read_some(true);
  return !messages_.empty();
}

std::optional<Channel::Incoming> Channel::next() {
  while (messages_.size() < kMostWaiting && read_some(false)) {
  }
  if (messages_.empty()) return std::nullopt;
  Incoming message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

bool Channel::send(const std::string& body) {
  const std::string all = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t done = 0; done < all.size();) {
    const ssize_t n = ::write(output_, all.data() + done, all.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      pollfd ready{output_, POLLOUT, 0};
      ::poll(&ready, 1, -1);
      continue;
    }
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace hv::lsp
