// What the formatter sees of a text: its logical lines, and between their tokens the comments and
// empty lines that the parser skips.
//
// Values own their text, but for views into the source, which must outlive them. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/source.h"
#include "lang/tokens.h"

namespace hv::lang {

// A comment on a line of its own, or no text: the empty lines before what follows.
struct Aside {
  std::string_view text;  // "# so", without trailing blanks
  uint32_t column = 0;    // tabs to the next multiple of 8
  unsigned blanks = 0;    // empty lines before it
  uint32_t begin = 0;
};

// A token as it is written again; an f-string is one.
struct Atom {
  TokenKind kind{};
  bool formatted = false;     // an f-string
  bool space_before = false;  // of any kind, in the source
  bool newline_before = false;
  bool backslash_before = false;
  bool type = false;           // part of a type: brackets there take no comma at the end
  unsigned blanks_before = 0;  // empty lines, of the token or of the comments before it
  uint32_t begin = 0, end = 0;
  std::string text;
  std::vector<Aside> before;  // comments on lines of their own
  std::string_view after;     // the comment behind it on its line
};

struct LogicalLine {
  unsigned depth = 0;   // blocks around it
  uint32_t column = 0;  // where it begins
  uint32_t begin = 0, end = 0;
  std::vector<Aside> above;  // comments between the last line and this one
  unsigned blanks = 0;       // empty lines directly above
  std::vector<Atom> atoms;
  std::string_view comment;  // behind it
  bool awkward = false;      // holds what cannot be laid out anew; it is copied
};

struct Lines {
  std::vector<LogicalLine> lines;
  std::vector<Aside> at_end;  // comments after the last line
};

// The text must have no syntax errors.
Lines logical_lines(FileId file, std::string_view text);

// "\r\n" to "\n", which the language reads alike in every place.
std::string plain_line_ends(std::string_view text);
// Of the characters before `at` on its line.
uint32_t column_of(std::string_view text, uint32_t at);

}  // namespace hv::lang
