// Schema::Rep: the tables that a Schema looks things up in; internal to this folder.
//
// The built-in one points at the generated table. A narrowed one owns its rows and the texts that
// are not the table's; it keeps those of the schema it was made from alive.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hv/schema/schema.h"
#include "hv/schema/table.h"

namespace hv {

struct Schema::Rep {
  struct Texts {
    std::deque<std::string> strings;
    std::deque<std::vector<std::string_view>> lists;
  };

  std::array<schema_table::Table, schema_table::kKinds> tables;
  std::array<std::vector<Attribute>, schema_table::kKinds> attributes;
  std::array<std::vector<schema_table::Name>, schema_table::kKinds> names;
  std::vector<std::shared_ptr<const Texts>> texts;
};

}  // namespace hv
