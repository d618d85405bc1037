// String literals: from the text between the quotes to the value, and back.
//
// Pure functions. The value is UTF-8; bytes of the source that are no UTF-8 are kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/source.h"
#include "lang/syntax.h"

namespace hv::lang {

// A literal's parts: prefix, quotes, body.
struct LiteralText {
  std::string_view body;
  uint32_t body_begin = 0;  // in the source
  bool raw = false;
  bool bytes = false;
  bool unicode = false;
};
// `text` is a whole literal as the token reader found it, at `begin` in the source.
LiteralText split_literal(std::string_view text, uint32_t begin);

// Collects literals that stand side by side.
struct StringValue {
  std::string value;
  std::string python2_value;
  std::vector<StringPiece> pieces;
};
// Appends the body's value; `formatted`: {{ and }} are one brace each. A wrong escape is reported
// and kept as it stands.
void append_literal(const LiteralText& literal, bool formatted, FileId file, StringValue& value,
                    Diagnostics& diagnostics);

// A literal in double quotes whose value is `value`; control characters are escaped, other bytes
// kept.
std::string string_literal(std::string_view value);

}  // namespace hv::lang
