// TableReader: one TOML table read key by key; what nobody asked for is an unknown key.
//
// Lives for the reading of one table; reports into the sink it was given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/units.h"
#include "hv/schema/toml.h"

namespace hv {

// The codes of the file that is read: hv.toml has its own, so have schema files.
struct ReaderCodes {
  Code unknown_key;
  Code wrong_type;
  Code bad_value;
};

class TableReader {
 public:
  // `where` is what messages call the table: "[project]".
  TableReader(const TomlValue& table, std::string where, ReaderCodes codes,
              Diagnostics& diagnostics)
      : table_(table), where_(std::move(where)), codes_(codes), diagnostics_(diagnostics) {}

  // Each of these makes its key a known one. A value of another type is reported and is nothing.
  const TomlEntry* any(std::string_view key);
  const TomlEntry* of_type(std::string_view key, TomlType type, std::string_view wanted);
  std::optional<std::string> string(std::string_view key);
  std::optional<int64_t> integer(std::string_view key);
  std::optional<int64_t> integer_between(std::string_view key, int64_t low, int64_t high);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::vector<std::string>> strings(std::string_view key);
  std::optional<std::size_t> one_of(std::string_view key,
                                    const std::vector<std::string_view>& words);
  const TomlValue* table(std::string_view key);

  Span span_of(std::string_view key) const;  // of the value
  // Reports what is left, with the nearest known key as a fix.
  void finish();

 private:
  std::string named(std::string_view key) const;

  const TomlValue& table_;
  std::string where_;
  ReaderCodes codes_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> known_;
};

// "`sdx` is none of `error`, `warn`": the words in code, with commas.
std::string listed(const std::vector<std::string_view>& words);

}  // namespace hv
