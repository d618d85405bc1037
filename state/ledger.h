// Ledger: the chain of digests that every transition of a store continues.
//
// Formats (column `meta`). Key "head": the lineage (16 octets), then the newest link. Key "c" and
// the link's number (8 octets, big-endian): that link. A link: batch, epoch, serial (8 octets each,
// big-endian), then four SHA-256 digests:
//   previous  of the link before; of link 1, SHA-256("hv state" and the lineage)
//   writes    over column, key and SHA-256 of the value of all that the transition wrote
//   content   the sum modulo 2^256 of SHA-256(column, key, value) over every record that is stored
//             after it: kept up to date without reading the others, and changed by any silent edit
//   digest    SHA-256 over all the above: the link's own
// So an altered, added or lost record shows in `content`, and an altered link in the next one.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "state/table.h"

namespace hv::state {

// A set of records as one number; the order of adding does not matter.
class ContentSum {
 public:
  void add(Column column, std::string_view key, std::string_view value);
  void remove(Column column, std::string_view key, std::string_view value);
  std::string octets() const;
  static ContentSum from(std::string_view octets);
  bool operator==(const ContentSum&) const = default;

 private:
  std::array<uint64_t, 4> words_{};  // the least first
};

struct Link {
  uint64_t batch = 0;
  Epoch epoch;
  Serial serial;
  std::string previous, writes;  // 32 raw octets each, like `digest`
  ContentSum content;
  std::string digest;
};

struct Head {
  Uuid lineage;
  Link link;
};

// The head of a store nothing was written to: link 0, which has no record of its own.
Head first_head(const Uuid& lineage);
// Continues the chain; `content`, `epoch` and `serial` of the new link are the caller's.
Link next_link(const Link& before, Link after, const std::vector<TableWrite>& writes);
// The two writes that make `head` the store's.
std::vector<TableWrite> head_writes(const Head& head);

// Damage is Code::state_corrupt; a head that its last link contradicts too.
Result<Head> read_head(const Table& table);

// Whether the chain that ends at `head` has a link of that number and digest.
bool has_link(const Table& table, const Head& head, uint64_t batch, const std::string& digest);

// Every link from the first, against its neighbour; what is wrong is added to `damage`.
Status walk_chain(const Table& table, const Head& head, std::vector<std::string>* damage);

}  // namespace hv::state
