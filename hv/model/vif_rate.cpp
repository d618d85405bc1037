#include "hv/model/vif_rate.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>

namespace hv {
namespace {

// xl allows 32 bits of either number, and reads 010 as eight.
std::optional<uint64_t> take_number(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  if (count == 0) return std::nullopt;
  errno = 0;
  const uint64_t number =
      std::strtoull(std::string(text.substr(0, count)).c_str(), nullptr, /*base=*/0);
  if (errno != 0 || number == 0 || number > std::numeric_limits<uint32_t>::max())
    return std::nullopt;
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::optional<uint64_t> bytes_per_second(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  uint64_t rate = *number;
  if (take(text, "G"))
    rate *= 1'000'000'000;
  else if (take(text, "M"))
    rate *= 1'000'000;
  else if (take(text, "K"))
    rate *= 1000;
  if (text == "b/s") return rate / 8;
  if (text == "B/s") return rate;
  return std::nullopt;
}

std::optional<uint32_t> interval(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  uint64_t unit = 1'000'000;
  if (take(text, "m"))
    unit = 1000;
  else if (take(text, "u"))
    unit = 1;
  take(text, "s");
  if (!text.empty() || *number * unit > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return static_cast<uint32_t>(*number * unit);
}

std::string with_unit(uint64_t number, uint64_t thousand, const char* const (&units)[4]) {
  std::size_t unit = 0;
  for (; unit + 1 < 4 && number != 0 && number % thousand == 0 && units[unit + 1] != nullptr;
       ++unit)
    number /= thousand;
  return std::to_string(number) + units[unit];
}

}  // namespace

std::optional<VifRate> vif_rate(std::string_view text) {
  VifRate rate;
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) {
    const auto every = interval(text.substr(at + 1));
    if (!every) return std::nullopt;
    rate.microseconds = *every;
  }
  const auto speed = bytes_per_second(text.substr(0, at));
  uint64_t product = 0;
  if (!speed || __builtin_mul_overflow(*speed, uint64_t{rate.microseconds}, &product))
    return std::nullopt;
  rate.bytes = product / 1'000'000;
  return rate;
}

std::string to_string(const VifRate& rate) {
  // Rounded up: rounded down again by who reads it, it is as many bytes as before.
  const auto per_second = static_cast<uint64_t>(
      (static_cast<unsigned __int128>(rate.bytes) * 1'000'000 + rate.microseconds - 1) /
      std::max<uint32_t>(rate.microseconds, 1));
  constexpr const char* kBits[] = {"b/s", "Kb/s", "Mb/s", "Gb/s"};
  constexpr const char* kBytes[] = {"B/s", "KB/s", "MB/s", "GB/s"};
  constexpr const char* kTimes[] = {"us", "ms", "s", nullptr};
  std::string text = per_second % 125 == 0 ? with_unit(per_second * 8, 1000, kBits)
                                           : with_unit(per_second, 1000, kBytes);
  if (rate.microseconds != VifRate().microseconds)
    text += "@" + with_unit(rate.microseconds, 1000, kTimes);
  return text;
}

bool same_vif_setting(std::string_view key, const std::string& a, const std::string& b) {
  if (a == b) return true;
  if (key != "rate") return false;
  const auto one = vif_rate(a), other = vif_rate(b);
  return one && other && *one == *other;
}

}  // namespace hv
