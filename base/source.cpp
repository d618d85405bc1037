#include "base/source.h"

#include <algorithm>

#include "base/check.h"

namespace hv {

std::string to_string(const Place& place) {
  return place.file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

FileId SourceMap::add(std::string path, std::string text) {
  HV_CHECK(text.size() < UINT32_MAX, "a source text of 4 GiB or more");
  files_.push_back(File{std::move(path), std::move(text), {}});
  return FileId{static_cast<uint32_t>(files_.size() - 1)};
}

const SourceMap::File& SourceMap::file(FileId id) const {
  HV_CHECK(id.value < files_.size(), "a span into no file");
  return files_[id.value];
}

std::string_view SourceMap::path(FileId id) const {
  return file(id).path;
}

std::string_view SourceMap::text(FileId id) const {
  return file(id).text;
}

std::string_view SourceMap::text(Span span) const {
  return text(span.file).substr(span.begin, span.end - span.begin);
}

const std::vector<uint32_t>& SourceMap::lines(const File& file) {
  if (file.lines.empty()) {
    file.lines.push_back(0);
    const std::string& text = file.text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      // "\r\n" is one line end, a lone "\r" another, as in Python.
      if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')))
        file.lines.push_back(static_cast<uint32_t>(i + 1));
    }
  }
  return file.lines;
}

Place SourceMap::place(FileId id, uint32_t offset) const {
  const File& source = file(id);
  const auto& starts = lines(source);
  offset = std::min(offset, static_cast<uint32_t>(source.text.size()));
  auto after = std::upper_bound(starts.begin(), starts.end(), offset);
  const auto line = static_cast<uint32_t>(after - starts.begin());
  uint32_t column = 1;
  uint32_t at = starts[line - 1];
  if (at == 0 && source.text.starts_with("\xef\xbb\xbf")) at = std::min<uint32_t>(3, offset);
  for (; at < offset; ++at)
    if ((static_cast<unsigned char>(source.text[at]) & 0xc0) != 0x80) ++column;
  return Place{source.path, line, column};
}

FileId SourceMap::find(std::string_view path) const {
  for (std::size_t i = files_.size(); i > 0; --i)
    if (files_[i - 1].path == path) return FileId{static_cast<uint32_t>(i - 1)};
  return {};
}

uint32_t SourceMap::offset(FileId id, uint32_t line, uint32_t column) const {
  const File& source = file(id);
  const auto& starts = lines(source);
  if (line > starts.size()) return static_cast<uint32_t>(source.text.size());
  uint32_t at = starts[std::max<uint32_t>(line, 1) - 1];
  const auto end = static_cast<uint32_t>(at + this->line(id, std::max<uint32_t>(line, 1)).size());
  if (at == 0 && source.text.starts_with("\xef\xbb\xbf")) at = 3;
  const auto inside = [&] { return (static_cast<unsigned char>(source.text[at]) & 0xc0) == 0x80; };
  for (; column > 1 && at < end; --column) do
      ++at;
    while (at < end && inside());
  return at;
}

uint32_t SourceMap::line_begin(FileId id, uint32_t line) const {
  const auto& starts = lines(file(id));
  HV_CHECK(line >= 1 && line <= starts.size(), "a line the file does not have");
  return starts[line - 1];
}

std::string_view SourceMap::line(FileId id, uint32_t line) const {
  std::string_view rest = text(id).substr(line_begin(id, line));
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace hv
