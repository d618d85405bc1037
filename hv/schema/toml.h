// TomlValue: a TOML text as plain values with the place of each, so that one file knows the
// library.
//
// Pure; any thread. Tables keep the order of the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/source.h"

namespace hv {

enum class TomlType : uint8_t { string, integer, number, boolean, date, array, table };
std::string_view to_string(TomlType type);  // "a string", "a whole number", …: for people

struct TomlEntry;

struct TomlValue {
  TomlType type = TomlType::table;
  std::string text;     // string
  int64_t integer = 0;  // integer
  double number = 0;    // number, integer
  bool flag = false;    // boolean
  std::vector<TomlValue> items;
  std::vector<TomlEntry> entries;
  Span span;

  const TomlEntry* find(std::string_view key) const;
};

struct TomlEntry {
  std::string key;
  Span key_span;
  TomlValue value;
};

// The table of a whole file. What is no TOML is one diagnostic of code `broken`, and nothing.
std::optional<TomlValue> parse_toml(FileId file, const SourceMap& sources, Code broken,
                                    Diagnostics& diagnostics);

}  // namespace hv
