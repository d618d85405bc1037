// Frames between a simulated host and those who ask it. Private to hv/drivers/sim.
//
// A frame is its length (4 octets, big-endian) and as many octets: a line of words that ends with
// a line feed, then bytes of the model's codec. A question's first word says what is asked; an
// answer's is `ok`, or `error` and a code, with message and help as the bytes, a NUL between them.
// The first question of a connection is `hello hv.sim/1`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "hv/drivers/driver.h"

namespace hv::sim {

inline constexpr std::string_view kProtocol = "hv.sim/1";
inline constexpr std::size_t kLargestFrame = std::size_t{64} << 20;

struct Frame {
  std::string words, bytes;
};

std::string framed(const Frame& frame);
// The first whole frame of `input`, which it is taken from; nothing while more is to come. A length
// beyond the largest is Code::operation_failed.
Result<std::optional<Frame>> take_frame(std::string& input);

Frame error_frame(const Error& error);
// Of an answer: its bytes, or the error that it is.
Result<Frame> answer_of(Frame frame);

std::string caller_words(const Caller& caller);
// The four words of a caller, taken off the front of `words`.
std::optional<Caller> take_caller(std::string_view& words);
// Up to the next space.
std::string_view take_word(std::string_view& words);

// Both throw nothing and wait for nothing beyond `limit_ms`.
Status send_all(int socket, std::string_view octets, int limit_ms);
// Of a socket's path; too long a one is an error.
Result<int> connect_to(const std::string& path);

}  // namespace hv::sim
