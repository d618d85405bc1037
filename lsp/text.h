// Places as the protocol counts them — lines from 0, columns in units of the encoding that client
// and server agreed on — and file URIs.
//
// Pure; any thread. A TextLines refers to the text it was made of.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hv::lsp {

struct Position {
  uint32_t line = 0;
  uint32_t character = 0;
  auto operator<=>(const Position&) const = default;
};
struct Range {
  Position start, end;
  auto operator<=>(const Range&) const = default;
};

// What a column counts. A byte that is no UTF-8 counts as one, as the replacement character does.
enum class Encoding : uint8_t { utf8, utf16, utf32 };
std::string_view to_string(Encoding encoding);  // "utf-16"
std::optional<Encoding> encoding_from(std::string_view word);

class TextLines {
 public:
  explicit TextLines(std::string_view text, Encoding encoding = Encoding::utf16);
  // A place behind the end of a line or of the text is that end.
  uint32_t offset(Position position) const;
  Position position(uint32_t offset) const;
  Range range(uint32_t begin, uint32_t end) const { return {position(begin), position(end)}; }

 private:
  uint32_t units(uint32_t length) const;  // of a character of so many bytes

  std::string_view text_;
  Encoding encoding_;
  std::vector<uint32_t> begins_;
};

// "/a b.vm" of "file:///a%20b.vm"; nothing for other schemes.
std::optional<std::string> path_of_uri(std::string_view uri);
std::string uri_of_path(std::string_view path);

}  // namespace hv::lsp
