#include "base/units.h"

#include <cctype>
#include <cstdio>
#include <ctime>
#include <iterator>

namespace hv {
namespace {

struct Unit {
  std::string_view word;
  int64_t factor;
};

constexpr Unit kSizeUnits[] = {
    {"PiB", kPiB},         {"TiB", kTiB},      {"GiB", kGiB},
    {"MiB", kMiB},         {"KiB", kKiB},      {"PB", 1000000000000000},
    {"TB", 1000000000000}, {"GB", 1000000000}, {"MB", 1000000},
    {"KB", 1000},          {"B", 1},
};
constexpr std::size_t kBinaryUnits = 5;

constexpr Unit kDurationUnits[] = {
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

template <std::size_t N>
std::optional<int64_t> find_unit(const Unit (&units)[N], std::string_view word) {
  for (const Unit& unit : units)
    if (unit.word == word) return unit.factor;
  return std::nullopt;
}

// DIGITS[.DIGITS] times the factor, exactly; nothing if it is no whole number or out of range.
std::optional<int64_t> scaled(std::string_view digits, int64_t factor) {
  __int128 value = 0, denominator = 1;
  bool fraction = false, any = false;
  for (char c : digits) {
    if (c == '.') {
      if (fraction) return std::nullopt;
      fraction = true;
      continue;
    }
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    any = true;
    value = value * 10 + (c - '0');
    if (fraction) denominator *= 10;
    if (value > static_cast<__int128>(INT64_MAX) || denominator > INT64_MAX) return std::nullopt;
  }
  if (!any) return std::nullopt;
  value *= factor;
  if (value % denominator != 0) return std::nullopt;
  value /= denominator;
  if (value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(value);
}

template <std::size_t N>
std::optional<int64_t> parse_quantity(const Unit (&units)[N], std::string_view text) {
  std::size_t split = text.find_first_not_of("0123456789.");
  if (split == std::string_view::npos || split == 0) return std::nullopt;
  std::string_view unit = text.substr(split);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  std::optional<int64_t> factor = find_unit(units, unit);
  if (!factor) return std::nullopt;
  return scaled(text.substr(0, split), *factor);
}

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

}  // namespace

std::string to_literal(Bytes b) {
  if (b.count == 0) return "0B";
  std::string best;
  for (const Unit& unit : kSizeUnits) {
    if (b.count % unit.factor != 0) continue;
    std::string text = std::to_string(b.count / unit.factor) + std::string(unit.word);
    const bool binary = &unit < kSizeUnits + kBinaryUnits;
    if (best.empty() || (text.size() < best.size() && !binary)) best = std::move(text);
  }
  return best;
}

std::string to_literal(Duration d) {
  if (d.count == 0) return "0s";
  for (const Unit& unit : kDurationUnits)
    if (d.count % unit.factor == 0)
      return std::to_string(d.count / unit.factor) + std::string(unit.word);
  return std::to_string(d.count) + "ms";
}

std::string to_human(Bytes b) {
  const int64_t size = b.count < 0 ? -b.count : b.count;
  for (std::size_t i = 0; i < kBinaryUnits; ++i) {
    const Unit& unit = kSizeUnits[i];
    if (size < unit.factor) continue;
    const bool whole = b.count % unit.factor == 0;
    const double value = static_cast<double>(b.count) / static_cast<double>(unit.factor);
    std::string text = format(whole ? "%.0f" : "%.1f", value);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + " " + std::string(unit.word);
  }
  return std::to_string(b.count) + " B";
}

std::string to_human(Duration d) {
  if (d.count < 9950) return format("%.1f s", static_cast<double>(d.count) / 1000);
  const int64_t whole = (d.count + 500) / 1000;
  if (whole < 60) return std::to_string(whole) + " s";
  std::string text = std::to_string(whole / 60) + " min";
  if (whole % 60 != 0) text += " " + std::to_string(whole % 60) + " s";
  return text;
}

std::string to_human(Time t) {
  const std::time_t whole = t.count / 1000;
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return buffer;
}

std::optional<Bytes> parse_bytes(std::string_view text) {
  auto count = parse_quantity(kSizeUnits, text);
  return count ? std::optional(Bytes{{*count}}) : std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text) {
  auto count = parse_quantity(kDurationUnits, text);
  return count ? std::optional(Duration{{*count}}) : std::nullopt;
}

std::optional<int64_t> size_unit(std::string_view word) {
  return find_unit(kSizeUnits, word);
}

std::optional<int64_t> duration_unit(std::string_view word) {
  return find_unit(kDurationUnits, word);
}

}  // namespace hv
