#include "hv/drivers/sim/sim_frames.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace hv::sim {
namespace {

template <typename Number>
bool number_from(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::string framed(const Frame& frame) {
  const auto size = static_cast<uint32_t>(frame.words.size() + 1 + frame.bytes.size());
  std::string octets;
  for (int shift = 24; shift >= 0; shift -= 8)
    octets += static_cast<char>(static_cast<uint8_t>(size >> shift));
  return octets + frame.words + "\n" + frame.bytes;
}

Result<std::optional<Frame>> take_frame(std::string& input) {
  if (input.size() < 4) return std::optional<Frame>();
  std::size_t size = 0;
  for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(input[i]);
  if (size > kLargestFrame)
    return Error{Code::operation_failed, "a frame of " + std::to_string(size) + " octets", {}};
  if (input.size() < 4 + size) return std::optional<Frame>();
  const std::string whole = input.substr(4, size);
  input.erase(0, 4 + size);
  const std::size_t end = whole.find('\n');
  if (end == std::string::npos) return Error{Code::operation_failed, "a frame without a line", {}};
  return std::optional<Frame>({whole.substr(0, end), whole.substr(end + 1)});
}

Frame error_frame(const Error& error) {
  return {"error " + std::string(info(error.code).id), error.message + '\0' + error.help};
}

Result<Frame> answer_of(Frame frame) {
  std::string_view words = frame.words;
  const std::string_view kind = take_word(words);
  if (kind == "ok") {
    frame.words = std::string(words);
    return frame;
  }
  const std::size_t end = frame.bytes.find('\0');
  const std::optional<Code> code = code_from_id(words);
  if (kind != "error" || !code || end == std::string::npos)
    return Error{Code::host_unreachable, "it answers in no way that is known", {}};
  return Error{*code, frame.bytes.substr(0, end), frame.bytes.substr(end + 1)};
}

std::string caller_words(const Caller& caller) {
  return to_string(caller.project) + " " + to_string(caller.lineage) + " " +
         std::to_string(caller.epoch.value) + " " + std::to_string(caller.serial.value);
}

std::optional<Caller> take_caller(std::string_view& words) {
  Caller caller;
  const auto project = parse_uuid(take_word(words)), lineage = parse_uuid(take_word(words));
  const std::string_view epoch = take_word(words), serial = take_word(words);
  if (!project || !lineage || !number_from(epoch, caller.epoch.value) ||
      !number_from(serial, caller.serial.value))
    return std::nullopt;
  caller.project = *project;
  caller.lineage = *lineage;
  return caller;
}

std::string_view take_word(std::string_view& words) {
  const std::size_t end = std::min(words.find(' '), words.size());
  const std::string_view word = words.substr(0, end);
  words.remove_prefix(std::min(end + 1, words.size()));
  return word;
}

Status send_all(int socket, std::string_view octets, int limit_ms) {
  while (!octets.empty()) {
    pollfd ready{socket, POLLOUT, 0};
    const int polled = ::poll(&ready, 1, limit_ms);
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return Error{Code::host_unreachable, "it takes no question", {}};
    const ssize_t sent = ::send(socket, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent < 0) return Error{Code::host_unreachable, std::strerror(errno), {}};
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<int> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{Code::host_unreachable, "a socket cannot have the path `" + path + "`",
                 "a path of a socket has at most " + std::to_string(sizeof address.sun_path - 1) +
                     " octets"};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return Error{Code::host_unreachable, std::strerror(errno), {}};
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    ::close(socket);
    return Error{
        Code::host_unreachable, "nobody answers at `" + path + "`: " + std::strerror(why), {}};
  }
  return socket;
}

}  // namespace hv::sim
