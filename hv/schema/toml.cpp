#include "hv/schema/toml.h"

#include <algorithm>
#include <exception>

// Failures as values: this is the border where the library's exceptions would have to stop.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
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

// The library counts lines and code points from 1; we count bytes from 0.
class Places {
 public:
  Places(FileId file, const SourceMap& sources) : file_(file), sources_(sources) {}

  uint32_t offset(const toml::source_position& position) const {
    std::string_view text = sources_.text(file_);
    if (position.line == 0) return 0;
    uint32_t at = sources_.line_begin(file_, position.line);
    // It skips a byte-order mark without counting it.
    if (position.line == 1 && text.substr(0, 3) == "\xEF\xBB\xBF") at += 3;
    for (uint32_t column = 1; column < position.column && at < text.size(); ++column) {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
    return std::min(at, static_cast<uint32_t>(text.size()));
  }

  Span span(const toml::source_region& region) const {
    Span span{file_, offset(region.begin), offset(region.end)};
    span.end = std::max(span.begin, span.end);
    return span;
  }

 private:
  FileId file_;
  const SourceMap& sources_;
};

TomlValue converted(const toml::node& node, const Places& places) {
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
