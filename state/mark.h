// Mark: STATE/mark, which says how far a store has been acknowledged, kept apart from RocksDB.
//
// RocksDB takes a log whose end is missing for one that was torn in a power loss, and a manifest
// likewise: a copy cut short, a lost file or one flipped length would silently bring back an older
// state. The mark is written after a transition is durable, without a sync of its own, so it is
// never ahead of what a sound disk holds and survives a killed process; a store that is behind it
// has lost what it promised. A mark that is missing or unreadable proves nothing and is ignored.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "state/ledger.h"

namespace hv::state {

struct Acknowledged {
  uint64_t batch = 0;
  std::string digest;  // of that link, 32 raw octets
};

std::optional<Acknowledged> read_mark(const std::string& folder);

// Code::state_corrupt if the store in `table` does not contain what was acknowledged.
Status check_mark(const Table& table, const Head& head, const Acknowledged& mark);

// Open for the life of a store that writes. One that cannot be written is no failure: the old one
// stays true.
class Mark {
 public:
  explicit Mark(const std::string& folder);
  ~Mark();
  Mark(const Mark&) = delete;
  void write(const Link& link);

 private:
  int file_ = -1;
};

}  // namespace hv::state
