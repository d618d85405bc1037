#include "lang/characters.h"

#include <algorithm>
#include <array>

namespace hv::lang {

namespace {

constexpr std::array<std::string_view, 9> kDoubleQuotes{"“", "”", "„",  "‟", "«",
                                                        "»", "″", "〝", "〞"};
constexpr std::array<std::string_view, 6> kSingleQuotes{"‘", "’", "‚", "‛", "′", "‹"};

struct Magic {
  std::string_view bytes;
  std::string_view words;
};
constexpr std::array<Magic, 14> kMagic{{
    {"\x7f"
     "ELF",
     "an ELF program"},
    {"\x1f\x8b", "gzip data"},
    {"QFI\xfb", "a qcow2 disk image"},
    {"\xfd"
     "7zXZ",
     "xz data"},
    {"\x28\xb5\x2f\xfd", "zstd data"},
    {"BZh9", "bzip2 data"},
    {"PK\x03\x04", "a zip archive"},
    {"KDMV", "a VMDK disk image"},
    {"conectix", "a VHD disk image"},
    {"vhdxfile", "a VHDX disk image"},
    {"\x89PNG", "a picture"},
    {"%PDF-", "a PDF document"},
    {"hsqs", "a squashfs image"},
    {"SQLite format 3", "an SQLite database"},
}};

constexpr std::size_t kSample = 64 * 1024;

}  // namespace

// How many bytes the UTF-8 character at the beginning of `text` has; 0: it is none.
unsigned utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;  // longer than need be
    if (first == 0xed && byte(1) > 0x9f) return 0;  // a surrogate
    return 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

TypographicQuote typographic_quote(std::string_view text) {
  for (std::string_view quote : kDoubleQuotes)
    if (text.starts_with(quote)) return {quote.size(), '"'};
  for (std::string_view quote : kSingleQuotes)
    if (text.starts_with(quote)) return {quote.size(), '\''};
  return {};
}

std::string_view no_text(std::string_view text) {
  for (const Magic& magic : kMagic)
    if (text.starts_with(magic.bytes)) return magic.words;
  // One or two strange bytes are a slip; many are another kind of file. Comments of old files are
  // often in another encoding, so foreign bytes outside them must prevail.
  const std::string_view sample = text.substr(0, kSample);
  const auto odd = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return static_cast<unsigned>(byte >= 0x7f || (byte < 0x20 && byte != '\n' && byte != '\t'));
  };
  unsigned any = 0;
  for (const char c : sample) any += odd(c);  // without a branch: nearly all files are plain
  if (any < 4) return "";
  std::size_t control = 0, foreign = 0, seen = 0;
  bool comment = false;
  for (std::size_t i = 0; i < sample.size();) {
    const auto byte = static_cast<unsigned char>(sample[i]);
    if (is_line_end(sample[i])) comment = false;
    if (sample[i] == '#') comment = true;
    if ((byte < 0x20 && !is_blank(sample[i]) && !is_line_end(sample[i])) || byte == 0x7f) ++control;
    const unsigned length = byte < 0x80 ? 1 : utf8_length(sample.substr(i));
    if (!comment) {
      ++seen;
      foreign += length == 0 ? 1 : 0;
    }
    i += std::max(1u, length);
  }
  const bool binary = control >= 4 && control * 100 >= sample.size() * 2;
  const bool another = foreign >= 20 && foreign * 100 >= seen * 40;
  return binary || another ? "not text, or in an encoding that hv does not read" : "";
}

}  // namespace hv::lang
