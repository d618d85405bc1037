// Table: ordered keys and bytes in numbered columns, the little that state needs of a database.
//
// Two of them: RocksDB (rocks_table.h) and memory. Internal to state/; one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv::state {

struct Column {
  uint8_t index = 0;
  auto operator<=>(const Column&) const = default;
};

struct TableWrite {
  Column column;
  std::string key;
  std::optional<std::string> value;  // nothing: erase
};

class Table {
 public:
  using Visit = std::function<Status(std::string_view key, std::string_view value)>;

  virtual ~Table() = default;
  virtual Result<std::optional<std::string>> get(Column column, std::string_view key) const = 0;
  // Keys that start with `prefix`, in byte order, until `visit` fails.
  virtual Status scan(Column column, std::string_view prefix, const Visit& visit) const = 0;
  // All or nothing. Durable against power loss if `sync`, else against the death of the process.
  virtual Status write(const std::vector<TableWrite>& writes, bool sync) = 0;
  // Reads every block as it lies on the disk and compares its check sum.
  virtual Status verify_blocks() const = 0;
};

std::unique_ptr<Table> make_memory_table();

}  // namespace hv::state
