#include <map>

#include "state/table.h"

namespace hv::state {
namespace {

class MemoryTable final : public Table {
 public:
  Result<std::optional<std::string>> get(Column column, std::string_view key) const override {
    auto found = rows_.find(Place{column, std::string(key)});
    if (found == rows_.end()) return std::optional<std::string>();
    return std::optional(found->second);
  }

  Status scan(Column column, std::string_view prefix, const Visit& visit) const override {
    for (auto row = rows_.lower_bound(Place{column, std::string(prefix)}); row != rows_.end();
         ++row) {
      if (row->first.first != column || !row->first.second.starts_with(prefix)) break;
      TRY(visit(row->first.second, row->second));
    }
    return {};
  }

  Status write(const std::vector<TableWrite>& writes, bool) override {
    for (const TableWrite& write : writes) {
      Place place{write.column, write.key};
      if (write.value)
        rows_[std::move(place)] = *write.value;
      else
        rows_.erase(place);
    }
    return {};
  }

  Status verify_blocks() const override { return {}; }

 private:
  using Place = std::pair<Column, std::string>;
  std::map<Place, std::string> rows_;
};

}  // namespace

std::unique_ptr<Table> make_memory_table() {
  return std::make_unique<MemoryTable>();
}

}  // namespace hv::state
