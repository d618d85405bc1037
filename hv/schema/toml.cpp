#include "hv/schema/toml.h"

#include <algorithm>
#include <exception>

// Failures as values: this is the border where the library's exceptions would have to stop.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
// It asserts that a key follows `[`, which a file may well lack; the code behind the assertion
// finds that itself and says so. (With NDEBUG it would take the assertion for true.)
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
// It recurses over nested values, and its destructors do: hostile depth must not eat the stack.
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

namespace hv {

std::string_view to_string(TomlType type) {
  switch (type) {
    case TomlType::string:
      return "a string";
    case TomlType::integer:
      return "a whole number";
    case TomlType::number:
      return "a number with a fraction";
    case TomlType::boolean:
      return "true or false";
    case TomlType::date:
      return "a date or time";
    case TomlType::array:
      return "an array";
    case TomlType::table:
      return "a table";
  }
  HV_CHECK(false, "a TOML type without words");
}

const TomlEntry* TomlValue::find(std::string_view key) const {
  for (const TomlEntry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

namespace {

// Far above what a person writes, far below what takes a noticeable time.
constexpr std::size_t kLargestFile = 4 * 1024 * 1024;
constexpr int kDeepestKey = 64;

// Where a key has more dots than kDeepestKey; nothing otherwise. Each dot is a table inside a
// table, which the library makes without a limit.
std::optional<uint32_t> too_deep_key(std::string_view text) {
  int dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"' || c == '\'') {
      std::string_view triple = c == '"' ? R"(""")" : "'''";
      bool multi = text.substr(i, 3) == triple;
      for (i += multi ? 3 : 1; i < text.size(); ++i) {
        if (text[i] == '\\' && c == '"') {
          ++i;
        } else if (multi ? text.substr(i, 3) == triple : text[i] == c || text[i] == '\n') {
          i += multi ? 2 : 0;
          break;
        }
      }
    } else if (c == '#') {
      while (i + 1 < text.size() && text[i + 1] != '\n') ++i;
    } else if (c == '.') {
      if (++dots > kDeepestKey) return static_cast<uint32_t>(i);
    } else if (c == '=' || c == ',' || c == '\n' || c == '[' || c == ']' || c == '{') {
      dots = 0;
    }
  }
  return std::nullopt;
}

// The library counts lines and code points from 1; we count bytes from 0.
class Places {
 public:
  Places(FileId file, const SourceMap& sources) : file_(file), sources_(sources) {}

  uint32_t offset(const toml::source_position& position) {
    if (position.line == 0) return 0;
    const Line& line = at(position.line);
    uint32_t column = position.column == 0 ? 0 : position.column - 1;
    std::size_t step = std::min<std::size_t>(column / kStep, line.steps.size() - 1);
    return walk(line.steps[step], column - static_cast<uint32_t>(step) * kStep);
  }

  Span span(const toml::source_region& region) {
    Span span{file_, offset(region.begin), offset(region.end)};
    span.end = std::max(span.begin, span.end);
    return span;
  }

 private:
  static constexpr uint32_t kStep = 128;
  // Byte offsets of every kStep-th code point, so that a long line is not walked for each value.
  struct Line {
    uint32_t number = 0;
    std::vector<uint32_t> steps;
  };

  uint32_t walk(uint32_t at, uint32_t code_points) const {
    std::string_view text = sources_.text(file_);
    for (; code_points > 0 && at < text.size(); --code_points) {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
    return std::min(at, static_cast<uint32_t>(text.size()));
  }

  const Line& at(uint32_t number) {
    if (line_.number == number) return line_;
    std::string_view text = sources_.text(file_);
    uint32_t begin = sources_.line_begin(file_, number);
    // It skips a byte-order mark without counting it.
    if (number == 1 && text.substr(0, 3) == "\xEF\xBB\xBF") begin += 3;
    uint32_t end = static_cast<uint32_t>(std::min(text.find('\n', begin), text.size()));
    line_ = {number, {begin}};
    while (line_.steps.back() < end) {
      uint32_t next = walk(line_.steps.back(), kStep);
      if (next >= end) break;
      line_.steps.push_back(next);
    }
    return line_;
  }

  FileId file_;
  const SourceMap& sources_;
  Line line_;  // the one asked for last: values come by line
};

TomlValue converted(const toml::node& node, Places& places) {
  TomlValue value;
  value.span = places.span(node.source());
  switch (node.type()) {
    case toml::node_type::string:
      value.type = TomlType::string;
      value.text = node.as_string()->get();
      break;
    case toml::node_type::integer:
      value.type = TomlType::integer;
      value.integer = node.as_integer()->get();
      value.number = static_cast<double>(value.integer);
      break;
    case toml::node_type::floating_point:
      value.type = TomlType::number;
      value.number = node.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      value.type = TomlType::boolean;
      value.flag = node.as_boolean()->get();
      break;
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
    case toml::node_type::none:
      value.type = TomlType::date;
      break;
    case toml::node_type::array:
      value.type = TomlType::array;
      for (const toml::node& item : *node.as_array()) {
        value.items.push_back(converted(item, places));
      }
      break;
    case toml::node_type::table:
      value.type = TomlType::table;
      for (const auto& [key, item] : *node.as_table()) {
        value.entries.push_back(
            {std::string(key.str()), places.span(key.source()), converted(item, places)});
      }
      // The library sorts by key; people and diagnostics go by the text.
      std::stable_sort(value.entries.begin(), value.entries.end(),
                       [](const TomlEntry& a, const TomlEntry& b) {
                         return a.key_span.begin < b.key_span.begin;
                       });
      break;
  }
  return value;
}

// The library's words fit our style but for their opening: "Error while parsing string: …".
std::string reason(std::string_view description) {
  constexpr std::string_view opening = "Error while ";
  if (description.substr(0, opening.size()) == opening) description.remove_prefix(opening.size());
  std::string words(description);
  if (!words.empty() && words.back() == '.') words.pop_back();
  return words;
}

}  // namespace

std::optional<TomlValue> parse_toml(FileId file, const SourceMap& sources, Code broken,
                                    Diagnostics& diagnostics) {
  if (sources.text(file).size() > kLargestFile) {
    diagnostics.report(broken, Span{file, 0, 0}, "this file is too large").help =
        "hv reads TOML files of up to 4 MiB";
    return std::nullopt;
  }
  if (std::optional<uint32_t> at = too_deep_key(sources.text(file))) {
    diagnostics.report(broken, Span{file, *at, *at + 1}, "this key has too many parts");
    return std::nullopt;
  }
  Places places(file, sources);
  try {
    toml::parse_result result = toml::parse(sources.text(file), sources.path(file));
    if (result) return converted(result.table(), places);
    const toml::parse_error& error = result.error();
    Span span = places.span(error.source());
    std::string_view text = sources.text(file);
    if (span.end == span.begin && span.begin < text.size() && text[span.begin] != '\n') {
      span.end = span.begin + 1;
    }
    Diagnostic& diagnostic = diagnostics.report(broken, span, "this is not TOML");
    diagnostic.primary_label = reason(error.description());
  } catch (const std::exception& error) {
    // Only memory can run out here.
    diagnostics.report(broken, Span{file, 0, 0}, "this is not TOML").primary_label = error.what();
  }
  return std::nullopt;
}

}  // namespace hv
