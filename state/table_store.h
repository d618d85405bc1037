// TableStore: the Store over any Table, so that RocksDB and memory differ in nothing but the table.
//
// Owns its table. Internal to state/; one thread at a time.
#pragma once

#include <memory>

#include "state/ledger.h"
#include "state/mark.h"
#include "state/store.h"
#include "state/table.h"

namespace hv::state {

// Writes the head of a new store with a lineage of its own.
Status begin_store(Table* table, Random& random);
// Damage of the head is Code::state_corrupt, and so is a table that is behind `acknowledged`. A
// store that has a `mark` moves it on.
Result<std::unique_ptr<Store>> store_over(std::unique_ptr<Table> table,
                                          const std::optional<Acknowledged>& acknowledged = {},
                                          std::unique_ptr<Mark> mark = nullptr);
Result<std::unique_ptr<StoreReader>> reader_over(
    std::unique_ptr<Table> table, const std::optional<Acknowledged>& acknowledged = {});
// Chain, records, indices, content and blocks.
VerifyReport verify_table(const Table& table, const std::optional<Acknowledged>& acknowledged = {});

}  // namespace hv::state
