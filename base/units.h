// Units: byte counts, sectors and durations as types, so that none is taken for another.
//
// All are plain values. Arithmetic that could wrap goes through the checked functions; the plain
// operators are for values already bounded (HV_CHECK on overflow).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/check.h"

namespace hv {

namespace unit_detail {
inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t sum;
  HV_CHECK(!__builtin_add_overflow(a, b, &sum), "a quantity left its range");
  return sum;
}
inline int64_t checked_sub(int64_t a, int64_t b) {
  int64_t difference;
  HV_CHECK(!__builtin_sub_overflow(a, b, &difference), "a quantity left its range");
  return difference;
}
inline int64_t checked_mul(int64_t a, int64_t b) {
  int64_t product;
  HV_CHECK(!__builtin_mul_overflow(a, b, &product), "a quantity left its range");
  return product;
}
}  // namespace unit_detail

// What every unit can do; Self is the unit's own type (CRTP), so that units do not mix.
template <typename Self>
struct Quantity {
  int64_t count = 0;

  friend Self operator+(Self a, Self b) {
    return Self{{unit_detail::checked_add(a.count, b.count)}};
  }
  friend Self operator-(Self a, Self b) {
    return Self{{unit_detail::checked_sub(a.count, b.count)}};
  }
  friend Self operator*(Self a, int64_t k) { return Self{{unit_detail::checked_mul(a.count, k)}}; }
  friend Self& operator+=(Self& a, Self b) { return a = a + b; }
  friend Self& operator-=(Self& a, Self b) { return a = a - b; }
  friend auto operator<=>(const Self& a, const Self& b) { return a.count <=> b.count; }
  friend bool operator==(const Self& a, const Self& b) { return a.count == b.count; }
};

struct Bytes : Quantity<Bytes> {};        // 8-bit bytes
struct Sectors : Quantity<Sectors> {};    // 512-byte sectors, as Xen and the block layer count them
struct Duration : Quantity<Duration> {};  // milliseconds
struct Time : Quantity<Time> {};          // milliseconds since 1970-01-01T00:00:00Z

inline constexpr int64_t kSectorBytes = 512;
inline constexpr int64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB,
                         kPiB = 1024 * kTiB;

constexpr Bytes bytes(int64_t n) {
  return Bytes{{n}};
}
constexpr Bytes kib(int64_t n) {
  return Bytes{{n * kKiB}};
}
constexpr Bytes mib(int64_t n) {
  return Bytes{{n * kMiB}};
}
constexpr Bytes gib(int64_t n) {
  return Bytes{{n * kGiB}};
}
constexpr Sectors sectors(int64_t n) {
  return Sectors{{n}};
}
constexpr Duration milliseconds(int64_t n) {
  return Duration{{n}};
}
constexpr Duration seconds(int64_t n) {
  return Duration{{n * 1000}};
}

inline Bytes to_bytes(Sectors s) {
  return Bytes{{unit_detail::checked_mul(s.count, kSectorBytes)}};
}
// The sectors that hold `b` bytes, the last one perhaps in part.
constexpr Sectors sectors_holding(Bytes b) {
  return Sectors{{b.count / kSectorBytes + (b.count % kSectorBytes != 0 ? 1 : 0)}};
}

inline Time operator+(Time t, Duration d) {
  return Time{{unit_detail::checked_add(t.count, d.count)}};
}
inline Duration since(Time earlier, Time later) {
  return Duration{{unit_detail::checked_sub(later.count, earlier.count)}};
}

// "512MiB", "1GiB", "1536MiB", "1000B": the shortest exact literal of the language, binary units
// preferred (0 is "0B").
std::string to_literal(Bytes b);
// "90s", "15m", "1500ms": likewise.
std::string to_literal(Duration d);
// For people: "512 MiB", "31.2 GiB", "0 B"; at most one decimal, rounded to nearest.
std::string to_human(Bytes b);
// For people: "0.6 s", "12 s", "3 min 20 s".
std::string to_human(Duration d);
// "2026-11-03 14:02:09 UTC".
std::string to_human(Time t);

// Reads "64GiB", "1.5 GiB", "512MB", "4096B" (units as in the language; blanks before the unit are
// taken). Nothing when the text is no size or the result no whole number of bytes.
std::optional<Bytes> parse_bytes(std::string_view text);
// Reads "30s", "500ms", "2m", "1h", "1d", "1w".
std::optional<Duration> parse_duration(std::string_view text);

// How many bytes (or milliseconds) one of the unit is, for the unit words of the language:
// KiB MiB GiB TiB PiB KB MB GB TB PB B / ms s m h d w. Case matters.
std::optional<int64_t> size_unit(std::string_view word);
std::optional<int64_t> duration_unit(std::string_view word);

}  // namespace hv
