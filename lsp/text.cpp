#include "lsp/text.h"

#include <algorithm>

namespace hv::lsp {
namespace {

// Bytes of the character at `at`; a byte that is no UTF-8 stands for itself.
uint32_t length_at(std::string_view text, uint32_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const uint32_t length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
  if (at + length > text.size()) return 1;
  for (uint32_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 1;
  return length;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view to_string(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8:
      return "utf-8";
    case Encoding::utf16:
      return "utf-16";
    case Encoding::utf32:
      return "utf-32";
  }
  return "";
}

std::optional<Encoding> encoding_from(std::string_view word) {
  for (const Encoding each : {Encoding::utf8, Encoding::utf16, Encoding::utf32})
    if (word == to_string(each)) return each;
  return std::nullopt;
}

TextLines::TextLines(std::string_view text, Encoding encoding)
    : text_(text), encoding_(encoding), begins_{0} {
  for (uint32_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (text[i] == '\n' || text[i] == '\r') begins_.push_back(i + 1);
  }
}

uint32_t TextLines::units(uint32_t length) const {
  switch (encoding_) {
    case Encoding::utf8:
      return length;
    case Encoding::utf16:
      return length == 4 ? 2 : 1;
    case Encoding::utf32:
      return 1;
  }
  return 1;
}

uint32_t TextLines::offset(Position position) const {
  if (position.line >= begins_.size()) return static_cast<uint32_t>(text_.size());
  uint32_t at = begins_[position.line];
  uint32_t column = 0;
  while (at < text_.size() && text_[at] != '\n' && text_[at] != '\r') {
    const uint32_t length = length_at(text_, at);
    column += units(length);
    if (column > position.character) break;
    at += length;
  }
  return at;
}

Position TextLines::position(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), offset);
  const auto line = static_cast<uint32_t>(after - begins_.begin()) - 1;
  uint32_t column = 0;
  for (uint32_t at = begins_[line]; at < offset;) {
    const uint32_t length = length_at(text_, at);
    if (at + length > offset) break;  // within a character: its start
    column += units(length);
    at += length;
  }
  return {line, column};
}

std::optional<std::string> path_of_uri(std::string_view uri) {
  if (!uri.starts_with("file://")) return std::nullopt;
  uri.remove_prefix(7);
  const std::size_t slash = uri.find('/');  // a host may stand before it
  if (slash == uri.npos) return std::nullopt;
  uri.remove_prefix(slash);
  std::string path;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size() && digit(uri[i + 1]) >= 0 && digit(uri[i + 2]) >= 0) {
      const char c = static_cast<char>(digit(uri[i + 1]) * 16 + digit(uri[i + 2]));
      if (c == '\0') return std::nullopt;
      path += c;
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string uri_of_path(std::string_view path) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '/' || c == '-' || c == '_' || c == '.' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain)
      uri += c;
    else
      uri += std::string("%") + kHex[byte >> 4] + kHex[byte & 15];
  }
  return uri;
}

}  // namespace hv::lsp
