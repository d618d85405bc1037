#include "hv/schema/table_reader.h"

#include <algorithm>

namespace hv {

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::string_view word : words) {
    if (!text.empty()) text += ", ";
    text += "`" + std::string(word) + "`";
  }
  return text;
}

std::string TableReader::named(std::string_view key) const {
  return "`" + std::string(key) + "` in " + where_;
}

const TomlEntry* TableReader::any(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return table_.find(key);
}

const TomlEntry* TableReader::of_type(std::string_view key, TomlType type,
                                      std::string_view wanted) {
  const TomlEntry* entry = any(key);
  if (entry == nullptr || entry->value.type == type) return entry;
  diagnostics_
      .report(codes_.wrong_type, entry->value.span, named(key) + " takes " + std::string(wanted))
      .primary_label = "this is " + std::string(to_string(entry->value.type));
  return nullptr;
}

std::optional<std::string> TableReader::string(std::string_view key) {
  const TomlEntry* entry = of_type(key, TomlType::string, "a string");
  if (entry == nullptr) return std::nullopt;
  return entry->value.text;
}

std::optional<int64_t> TableReader::integer(std::string_view key) {
  const TomlEntry* entry = of_type(key, TomlType::integer, "a whole number");
  if (entry == nullptr) return std::nullopt;
  return entry->value.integer;
}

std::optional<int64_t> TableReader::integer_between(std::string_view key, int64_t low,
                                                    int64_t high) {
  std::optional<int64_t> value = integer(key);
  if (!value || (*value >= low && *value <= high)) return value;
  diagnostics_
      .report(codes_.bad_value, span_of(key), named(key) + " cannot be " + std::to_string(*value))
      .help = "write a number from " + std::to_string(low) + " to " + std::to_string(high);
  return std::nullopt;
}

std::optional<bool> TableReader::boolean(std::string_view key) {
  const TomlEntry* entry = of_type(key, TomlType::boolean, "true or false");
  if (entry == nullptr) return std::nullopt;
  return entry->value.flag;
}

std::optional<std::vector<std::string>> TableReader::strings(std::string_view key) {
  const TomlEntry* entry = of_type(key, TomlType::array, "an array of strings");
  if (entry == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const TomlValue& item : entry->value.items) {
    if (item.type != TomlType::string) {
      diagnostics_.report(codes_.wrong_type, item.span, named(key) + " takes an array of strings")
          .primary_label = "this is " + std::string(to_string(item.type));
      return std::nullopt;
    }
    texts.push_back(item.text);
  }
  return texts;
}

std::optional<std::size_t> TableReader::one_of(std::string_view key,
                                               const std::vector<std::string_view>& words) {
  std::optional<std::string> text = string(key);
  if (!text) return std::nullopt;
  auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  Diagnostic& diagnostic = diagnostics_.report(codes_.bad_value, span_of(key),
                                               named(key) + " cannot be `" + *text + "`");
  diagnostic.help = "write one of " + listed(words);
  if (std::optional<std::string_view> near = nearest(*text, words)) {
    diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
    diagnostic.fix =
        Fix{"write `" + std::string(*near) + "`", span_of(key), "\"" + std::string(*near) + "\""};
  }
  return std::nullopt;
}

const TomlValue* TableReader::table(std::string_view key) {
  const TomlEntry* entry = of_type(key, TomlType::table, "a table");
  return entry == nullptr ? nullptr : &entry->value;
}

Span TableReader::span_of(std::string_view key) const {
  const TomlEntry* entry = table_.find(key);
  return entry == nullptr ? Span{} : entry->value.span;
}

void TableReader::finish() {
  for (const TomlEntry& entry : table_.entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    Diagnostic& diagnostic = diagnostics_.report(codes_.unknown_key, entry.key_span,
                                                 "unknown key `" + entry.key + "` in " + where_);
    if (std::optional<std::string_view> near = nearest(entry.key, known_)) {
      diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
      diagnostic.fix =
          Fix{"write `" + std::string(*near) + "`", entry.key_span, std::string(*near)};
    } else {
      diagnostic.help = "it knows " + listed(known_);
    }
  }
}

}  // namespace hv
