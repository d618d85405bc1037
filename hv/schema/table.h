// The generated table: what the generator writes into build/generated/hv_schema_table.cpp.
//
// Constant data, initialised by the linker; schema.cpp is its only reader.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "hv/schema/schema.h"

namespace hv::schema_table {

// Bits of Name::generations.
inline constexpr uint8_t kXm = 1, kXl = 2, k2004 = 4, kHv = 8;
inline constexpr uint8_t kEverywhere = 16;  // a key of domain files of any generation
inline constexpr uint8_t kMarks2004 = 32;   // its assignment makes a file one of 2004

// A name or alias, and the attribute it means.
struct Name {
  std::string_view name;
  uint16_t attribute = 0;
  uint8_t generations = 0;
};

struct Table {
  std::span<const Attribute> attributes;  // sorted by name
  std::span<const Name> names;            // sorted by name
};

inline constexpr std::size_t kKinds = 4;
extern const std::array<Table, kKinds> tables;  // by Kind

}  // namespace hv::schema_table
