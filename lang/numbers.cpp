#include "lang/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace hv::lang {

namespace {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

Number wrong(TokenKind kind, Code code, std::string message, std::string help,
             std::string replacement = {}) {
  Number number;
  number.kind = kind;
  number.mistake = NumberMistake{code, std::move(message), std::move(help), std::move(replacement)};
  return number;
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text.substr(0, 40)) + (text.size() > 40 ? "…`" : "`");
}

Number malformed(std::string_view token, std::string help, std::string replacement = {}) {
  return wrong(TokenKind::integer, Code::malformed_number, quoted(token) + " is not a number",
               std::move(help), std::move(replacement));
}

// Underscores stand singly between digits (and after a radix prefix).
bool underscores_fit(std::string_view digits, bool after_prefix) {
  bool before = after_prefix;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      before = true;
      continue;
    }
    if (!before || i + 1 == digits.size() || digits[i + 1] == '_') return false;
    before = false;
  }
  return true;
}

void set_integer(Number& number, std::string_view digits) {
  number.kind = TokenKind::integer;
  number.digits = digits;
  uint64_t value = 0;
  bool fits = true;
  for (char c : digits) {
    if (c == '_') {
      number.underscored = true;
      continue;
    }
    fits = fits && !__builtin_mul_overflow(value, uint64_t{number.radix}, &value) &&
           !__builtin_add_overflow(value, static_cast<uint64_t>(digit_value(c)), &value);
  }
  if (fits) number.integer = value;
}

Number read_radix(std::string_view token, uint8_t radix, std::string_view name) {
  std::string_view digits = token.substr(2);
  Number number;
  number.radix = radix;
  if (!digits.empty() && (digits.back() == 'L' || digits.back() == 'l')) {
    number.long_suffix = true;
    digits.remove_suffix(1);
  }
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] == '_' || digit_value(digits[i]) < radix) continue;
    const std::string_view rest = digits.substr(i);
    if (i > 0 && (meant_unit(rest) || size_unit(rest) || duration_unit(rest))) {
      uint64_t value = 0;
      std::from_chars(digits.data(), digits.data() + i, value, radix);
      const std::string_view unit = meant_unit(rest).value_or(rest);
      return wrong(TokenKind::size, Code::unit_on_radix,
                   quoted(token) + " has a unit on a " + std::string(name) + " number",
                   "a unit stands on a decimal number", std::to_string(value) + std::string(unit));
    }
    return malformed(
        token, "`" + std::string(1, digits[i]) + "` is not a " + std::string(name) + " digit");
  }
  if (digits.empty() || digits.find_first_not_of('_') == std::string_view::npos)
    return malformed(token, "digits must follow `" + std::string(token.substr(0, 2)) + "`");
  if (!underscores_fit(digits, true))
    return malformed(token, "`_` stands singly, between two digits");
  set_integer(number, digits);
  return number;
}

struct Decimal {
  std::string_view whole;     // digits before the point
  std::string_view fraction;  // after it
  std::string_view exponent;  // with its sign
  bool point = false;
  bool has_exponent = false;
  std::string_view rest;  // what follows the number
};

Decimal split_decimal(std::string_view token) {
  Decimal d;
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < token.size() && (is_digit(token[i]) || token[i] == '_')) ++i;
    return token.substr(begin, i - begin);
  };
  d.whole = digits();
  if (i < token.size() && token[i] == '.') {
    d.point = true;
    ++i;
    d.fraction = digits();
  }
  if (i < token.size() && (token[i] == 'e' || token[i] == 'E')) {
    std::size_t j = i + 1;
    if (j < token.size() && (token[j] == '+' || token[j] == '-')) ++j;
    if (j < token.size() && is_digit(token[j])) {
      d.has_exponent = true;
      const std::size_t begin = i + 1;
      i = j;
      digits();
      d.exponent = token.substr(begin, i - begin);
    }
  }
  d.rest = token.substr(i);
  return d;
}

// whole.fraction × unit, where that is a whole number that fits.
std::optional<int64_t> exact_product(const Decimal& d, int64_t unit) {
  __int128 value = 0;
  constexpr __int128 kLimit = static_cast<__int128>(1) << 100;
  for (char c : d.whole) {
    if (c == '_') continue;
    value = value * 10 + (c - '0');
    if (value > kLimit / 10) return std::nullopt;
  }
  value *= unit;
  if (value > std::numeric_limits<int64_t>::max()) return std::nullopt;
  // The fraction's trailing zeros say nothing; 18 digits are more than any unit can use.
  std::string fraction;
  for (char c : d.fraction)
    if (c != '_') fraction += c;
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  if (fraction.size() > 18) return std::nullopt;
  __int128 numerator = 0, denominator = 1;
  for (char c : fraction) {
    numerator = numerator * 10 + (c - '0');
    denominator *= 10;
  }
  if (numerator * unit % denominator != 0) return std::nullopt;
  value += numerator * unit / denominator;
  if (value > std::numeric_limits<int64_t>::max()) return std::nullopt;
  return static_cast<int64_t>(value);
}

Number read_quantity(std::string_view token, const Decimal& d) {
  const std::string_view unit = d.rest;
  const auto bytes_a_unit = size_unit(unit);
  const auto kind = bytes_a_unit ? TokenKind::size : TokenKind::duration;
  const auto product = exact_product(d, bytes_a_unit ? *bytes_a_unit : *duration_unit(unit));
  if (d.has_exponent)
    return wrong(kind, Code::malformed_number, quoted(token) + " has an exponent and a unit",
                 "write the digits out");
  if (!product)
    return wrong(kind, Code::inexact_quantity,
                 quoted(token) + (bytes_a_unit ? " is not a whole number of bytes"
                                               : " is not a whole number of milliseconds"),
                 "use a smaller unit, or a number that is below 2^63 of them");
  Number number;
  number.kind = kind;
  if (bytes_a_unit)
    number.size = bytes(*product);
  else
    number.duration = milliseconds(*product);
  return number;
}

Number read_with_rest(std::string_view token, const Decimal& d) {
  const std::string_view head = token.substr(0, token.size() - d.rest.size());
  if (size_unit(d.rest) || duration_unit(d.rest)) return read_quantity(token, d);
  if (d.rest == "j" || d.rest == "J")
    return malformed(token, "imaginary numbers are not part of the language");
  if (const auto unit = meant_unit(d.rest))
    return wrong(size_unit(*unit) ? TokenKind::size : TokenKind::duration, Code::unknown_unit,
                 quoted(d.rest) + " is not a unit",
                 "units are KiB MiB GiB TiB PiB, KB MB GB TB PB, B, and ms s m h d w",
                 std::string(head) + std::string(*unit));
  if (d.rest.front() == '.') {
    const bool address = token.find_first_not_of("0123456789.") == std::string_view::npos;
    if (address)
      return malformed(token, "an address is a text and stands in quotes",
                       "\"" + std::string(token) + "\"");
    return malformed(token, "a number has one decimal point");
  }
  if (std::all_of(d.rest.begin(), d.rest.end(), is_letter))
    return wrong(TokenKind::integer, Code::unknown_unit, quoted(d.rest) + " is not a unit",
                 "units are KiB MiB GiB TiB PiB, KB MB GB TB PB, B, and ms s m h d w; a name "
                 "does not begin with a digit, and a text stands in quotes");
  return malformed(token, "a name does not begin with a digit; a text stands in quotes",
                   "\"" + std::string(token) + "\"");
}

Number read_float(std::string_view token, const Decimal& d) {
  Number number;
  number.kind = TokenKind::floating;
  std::string plain;
  for (char c : token)
    if (c != '_') plain += c;
  if (plain.front() == '.') plain.insert(plain.begin(), '0');
  const auto [end, error] =
      std::from_chars(plain.data(), plain.data() + plain.size(), number.floating);
  // Too great for a double is Python's inf, too small its 0.
  if (error == std::errc::result_out_of_range)
    number.floating = !d.exponent.empty() && d.exponent.front() == '-'
                          ? 0.0
                          : std::numeric_limits<double>::infinity();
  return number;
}

// 0755 of Python 2; 00 is 0 everywhere; 08 is a mistake.
Number read_leading_zero(std::string_view token, std::string_view digits, bool long_suffix) {
  Number number;
  number.long_suffix = long_suffix;
  if (digits.find_first_not_of("0_") == std::string_view::npos) {
    set_integer(number, digits);
    number.legacy_octal = digits.size() > 1 && digits.find('_') == std::string_view::npos;
    return number;
  }
  if (digits.find_first_of("89") != std::string_view::npos) {
    const std::string decimal(digits.substr(digits.find_first_not_of("0_")));
    return wrong(TokenKind::integer, Code::leading_zero,
                 quoted(token) + " begins with 0 as an octal number does, but has the digit " +
                     digits[digits.find_first_of("89")],
                 "a decimal number has no leading zero; a text stands in quotes", decimal);
  }
  number.radix = 8;
  number.legacy_octal = true;
  set_integer(number, digits);
  return number;
}

}  // namespace

std::size_t number_length(std::string_view text) {
  const bool radix = text.size() > 1 && text[0] == '0' && is_letter(text[1]);
  std::size_t i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '.') {
      if (i + 1 < text.size() && text[i + 1] == '.') break;
    } else if (!is_digit(c) && !is_letter(c) && c != '_') {
      const bool sign = (c == '+' || c == '-') && i > 0 && !radix &&
                        (text[i - 1] == 'e' || text[i - 1] == 'E') && i + 1 < text.size() &&
                        is_digit(text[i + 1]);
      // `e` is an exponent's only where digits and dots stand before it.
      if (!sign || text.substr(0, i - 1).find_first_not_of("0123456789._") != text.npos) break;
    }
    ++i;
  }
  return i;
}

std::optional<std::string_view> meant_unit(std::string_view word) {
  struct Slip {
    std::string_view written;  // lower case
    std::string_view unit;
  };
  static constexpr std::array<Slip, 39> kSlips{{
      {"k", "KiB"},   {"m", "MiB"},    {"g", "GiB"},     {"t", "TiB"},     {"p", "PiB"},
      {"ki", "KiB"},  {"mi", "MiB"},   {"gi", "GiB"},    {"ti", "TiB"},    {"pi", "PiB"},
      {"kib", "KiB"}, {"mib", "MiB"},  {"gib", "GiB"},   {"tib", "TiB"},   {"pib", "PiB"},
      {"kb", "KB"},   {"mb", "MB"},    {"gb", "GB"},     {"tb", "TB"},     {"pb", "PB"},
      {"b", "B"},     {"byte", "B"},   {"bytes", "B"},   {"msec", "ms"},   {"millis", "ms"},
      {"sec", "s"},   {"secs", "s"},   {"second", "s"},  {"seconds", "s"}, {"min", "m"},
      {"mins", "m"},  {"minute", "m"}, {"minutes", "m"}, {"hour", "h"},    {"hours", "h"},
      {"hr", "h"},    {"day", "d"},    {"days", "d"},    {"week", "w"},
  }};
  if (size_unit(word) || duration_unit(word)) return std::nullopt;
  std::string lower(word.substr(0, 10));
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (word.size() <= 10)
    for (const Slip& slip : kSlips)
      if (slip.written == lower) return slip.unit;
  static constexpr std::array<std::string_view, 5> kTimes{"s", "h", "d", "w", "ms"};
  if (const auto* found = std::find(kTimes.begin(), kTimes.end(), lower); found != kTimes.end())
    return *found;
  if (lower == "weeks") return "w";
  return std::nullopt;
}

Number read_number(std::string_view token) {
  if (token.size() > 1 && token[0] == '0') {
    switch (token[1]) {
      case 'x':
      case 'X':
        return read_radix(token, 16, "hexadecimal");
      case 'o':
      case 'O':
        return read_radix(token, 8, "octal");
      case 'b':
        if (token.size() == 2) break;
        [[fallthrough]];
      case 'B':
        if (token.size() == 2) break;  // 0B: no bytes
        return read_radix(token, 2, "binary");
    }
  }
  Decimal d = split_decimal(token);
  if (!underscores_fit(d.whole, false) || !underscores_fit(d.fraction, false))
    return malformed(token, "`_` stands singly, between two digits");
  const bool plain = !d.point && !d.has_exponent;
  if (plain && (d.rest == "L" || d.rest == "l")) {
    if (d.whole.size() > 1 && d.whole.front() == '0')
      return read_leading_zero(token, d.whole, true);
    Number number;
    number.long_suffix = true;
    set_integer(number, d.whole);
    return number;
  }
  if (!d.rest.empty()) return read_with_rest(token, d);
  if (!plain) return read_float(token, d);
  if (d.whole.size() > 1 && d.whole.front() == '0') return read_leading_zero(token, d.whole, false);
  Number number;
  set_integer(number, d.whole);
  return number;
}

}  // namespace hv::lang
