#include "state/rocks_table.h"
#include "state/store.h"

namespace hv {
namespace {

constexpr state::Column kOnly{0};

class TableHostStore final : public HostStore {
 public:
  TableHostStore(std::unique_ptr<state::Table> table, bool read_only)
      : table_(std::move(table)), read_only_(read_only) {}

  Result<std::optional<std::string>> get(std::string_view key) const override {
    return table_->get(kOnly, key);
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan(
      std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> rows;
    TRY(table_->scan(kOnly, prefix, [&](std::string_view key, std::string_view value) {
      rows.emplace_back(key, value);
      return Status();
    }));
    return rows;
  }
  Status write(const std::vector<StoreWrite>& batch) override {
    HV_CHECK(!read_only_, "a write to a database that was opened to be read");
    std::vector<state::TableWrite> writes;
    writes.reserve(batch.size());
    for (const StoreWrite& write : batch) writes.push_back({kOnly, write.key, write.value});
    return table_->write(writes, /*sync=*/true);
  }
  bool read_only() const override { return read_only_; }

 private:
  std::unique_ptr<state::Table> table_;
  bool read_only_;
};

}  // namespace

Result<std::unique_ptr<HostStore>> open_host_store(const std::string& folder, bool read_only) {
  state::RocksPlace place{folder, {"default"}, "the simulated host's database"};
  const bool exists = TRY(state::rocks_exists(place));
  std::unique_ptr<state::Table> table;
  if (read_only)
    table = exists ? TRY(state::open_rocks_reader(place)) : state::make_memory_table();
  else if (exists)
    table = TRY(state::open_rocks(place));
  else
    table = TRY(state::create_rocks(place, [](state::Table*) { return Status(); }));
  return std::unique_ptr<HostStore>(std::make_unique<TableHostStore>(std::move(table), read_only));
}

std::unique_ptr<HostStore> make_memory_host_store() {
  return std::make_unique<TableHostStore>(state::make_memory_table(), /*read_only=*/false);
}

}  // namespace hv
