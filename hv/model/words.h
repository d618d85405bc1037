// Words: a closed set's values and the text each has in files, plans and records, as one table.
//
// For the .cpp files of hv/model only. The table stands in the order of the enum, so that a value
// without a word is found by the static check beside it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/check.h"

namespace hv {

// The word of `value`; `table` is indexed by the enum's number.
template <typename Enum, std::size_t N>
std::string_view word_of(const std::array<std::string_view, N>& table, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  HV_CHECK(index < N, "a value outside its enum");
  return table[index];
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<std::string_view, N>& table, std::string_view word) {
  for (std::size_t i = 0; i < N; ++i)
    if (table[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}

// True where `last` is the enum's last value and so every value has a word.
template <typename Enum, std::size_t N>
constexpr bool covers(const std::array<std::string_view, N>& table, Enum last) {
  for (std::string_view word : table)
    if (word.empty()) return false;
  return static_cast<std::size_t>(last) + 1 == N;
}

}  // namespace hv
