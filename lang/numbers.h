// Numbers as the language writes them: Python's of both ages, sizes and durations.
//
// Pure functions over the text of one number token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/codes.h"
#include "base/units.h"
#include "lang/tokens.h"

namespace hv::lang {

struct NumberMistake {
  Code code;
  std::string message;
  std::string help;
  std::string replacement;  // what to write instead; empty: not known
};

struct Number {
  TokenKind kind = TokenKind::integer;  // integer, floating, size, duration
  std::optional<uint64_t> integer;      // nothing: it does not fit
  std::string_view digits;              // of an integer; holds underscores where `underscored`
  bool underscored = false;
  uint8_t radix = 10;
  bool legacy_octal = false;
  bool long_suffix = false;
  double floating = 0;
  Bytes size;
  Duration duration;
  std::optional<NumberMistake> mistake;  // then `kind` is the best guess, values are zero
};

// The length of the number token that `text` begins with (a digit, or a dot and a digit): the
// longest run of letters, digits, `_` and `.`, where a `.` before another `.` ends it and an
// exponent's sign may stand.
std::size_t number_length(std::string_view text);

Number read_number(std::string_view token);

// Where `word` is a unit written with the wrong case or a longer name ("gb", "MB", "min", "M"):
// the unit meant.
std::optional<std::string_view> meant_unit(std::string_view word);

}  // namespace hv::lang
