// Source text: files, byte spans into them, and the places people read.
//
// A SourceMap owns every text that a command reads; spans are offsets into it and stay valid for
// its lifetime. One thread at a time.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace hv {

struct FileId {
  uint32_t value = UINT32_MAX;
  auto operator<=>(const FileId&) const = default;
  bool valid() const { return value != UINT32_MAX; }
};

// Bytes [begin, end) of one file.
struct Span {
  FileId file;
  uint32_t begin = 0;
  uint32_t end = 0;
  auto operator<=>(const Span&) const = default;
  bool valid() const { return file.valid(); }
};

// From the start of `first` to the end of `last` (one file).
inline Span join(Span first, Span last) {
  return {first.file, first.begin, last.end};
}

// Where a person finds it. Line and column count from 1, columns in code points (a malformed byte
// counts as one). A default Place (line 0) is "no place".
struct Place {
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  auto operator<=>(const Place&) const = default;
  bool valid() const { return line != 0; }
};

std::string to_string(const Place& place);  // "fleet.vm:14:9"

class SourceMap {
 public:
  // `path` is what diagnostics show. Texts of 4 GiB and more are the caller's error.
  FileId add(std::string path, std::string text);
  std::string_view path(FileId file) const;
  std::string_view text(FileId file) const;
  std::string_view text(Span span) const;
  std::size_t size() const { return files_.size(); }

  // The file of this path; invalid if none was added. Of several the last.
  FileId find(std::string_view path) const;

  Place place(FileId file, uint32_t offset) const;
  // Back again: where that line and column are. Beyond the end of a line or file, its end.
  uint32_t offset(FileId file, uint32_t line, uint32_t column) const;
  Place begin_of(Span span) const { return place(span.file, span.begin); }
  Place end_of(Span span) const { return place(span.file, span.end); }
  // The text of line `line` (from 1) without its end, and the offset where it begins.
  std::string_view line(FileId file, uint32_t line) const;
  uint32_t line_begin(FileId file, uint32_t line) const;

 private:
  struct File {
    std::string path;
    std::string text;
    mutable std::vector<uint32_t> lines;  // offsets of line starts, made on first use
  };
  const File& file(FileId id) const;
  static const std::vector<uint32_t>& lines(const File& file);
  std::deque<File> files_;  // a deque keeps the texts where they are
};

}  // namespace hv
