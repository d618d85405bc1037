// RocksDB as a Table: opened, made, read beside a writer. rocks_table.cpp alone sees RocksDB.
//
// Fault model. A process that dies keeps what write() took; power loss keeps what was synced. A
// torn end of the log is normal and dropped; any other damage is Code::state_corrupt, never a
// guess.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "state/table.h"

namespace rocksdb {
class Env;
}

namespace hv::state {

struct RocksPlace {
  std::string folder;
  std::vector<std::string> columns;  // by Column::index
  std::string what = "the state";    // for messages
  rocksdb::Env* env = nullptr;       // of a test that breaks the disk
};

// Whether there is a database, whole or damaged: a folder that is not empty.
Result<bool> rocks_exists(const RocksPlace& place);

// Makes the folder (mode 0700) with what `fill` writes; it appears whole or not at all.
Result<std::unique_ptr<Table>> create_rocks(const RocksPlace& place,
                                            const std::function<Status(Table*)>& fill);
// To write. Flushed when destroyed.
Result<std::unique_ptr<Table>> open_rocks(const RocksPlace& place);
// One moment, beside a writer that may be busy.
Result<std::unique_ptr<Table>> open_rocks_reader(const RocksPlace& place);

}  // namespace hv::state
