// Characters of a source text: their classes, UTF-8, and the quotes of word processors.
//
// Private to lang/. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hv::lang {

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c);
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}
constexpr bool is_line_end(char c) {
  return c == '\n' || c == '\r';
}
constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// How many bytes the UTF-8 character at the beginning of `text` has; 0: it is none.
unsigned utf8_length(std::string_view text);

// The typographic quote at the beginning of `text`: how long it is, and what it should be.
struct TypographicQuote {
  std::size_t length = 0;
  char plain = 0;
};
TypographicQuote typographic_quote(std::string_view text);

// What evidently is no text, in words: "an ELF program", "gzip data"; empty for all that may be
// a configuration, be it broken.
std::string_view no_text(std::string_view text);

}  // namespace hv::lang
