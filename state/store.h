// Store: hv's own state — what was applied, the journal, history — in RocksDB, or in memory for
// tests.
//
// One writer at a time, enforced by the kernel's lock on STATE/lock; readers work beside it and see
// one consistent moment. Every change is one Transition: atomic, numbered, chained by digest to the
// one before, synced where a promise depends on it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hv/model/applied.h"
#include "hv/model/journal.h"
#include "hv/model/observation.h"
#include "hv/model/stores.h"

namespace hv {

struct StoreHead {
  Uuid lineage;        // made with the store; another one means another store
  Epoch epoch;         // raised by every changing command before it acts
  Serial serial;       // counts transitions that changed what is applied
  uint64_t batch = 0;  // counts all transitions
  std::string digest;  // of the last transition, chained; hex
};

// An operation that was begun; settled once it has an outcome.
struct JournalEntry {
  Intent intent;
  std::optional<Outcome> outcome;
};

// One atomic change. Empty members change nothing; `erase` comes before the puts, so that one
// transition can replace a resource.
struct Transition {
  std::vector<AppliedDomain> put_domains;
  std::vector<AppliedPool> put_pools;
  std::vector<AppliedVdisk> put_vdisks;
  std::vector<NetworkSpec> put_networks;
  std::vector<Address> erase;                             // of any kind
  std::vector<std::pair<Address, uint32_t>> generations;  // next_generation
  std::vector<Intent> intents;
  std::vector<Outcome> outcomes;
  std::optional<PlanRecord> plan;  // begun, or ended (same id: replaced)
  std::vector<OperatorWord> words;
  std::optional<Epoch> epoch;
  std::optional<Observation> observed;  // history, and what --refresh=false reads
  bool sync = true;
};

class StoreReader {
 public:
  virtual ~StoreReader() = default;
  virtual StoreHead head() const = 0;
  virtual Result<Applied> applied() const = 0;
  virtual Result<std::vector<JournalEntry>> open_intents() const = 0;  // without an outcome
  virtual Result<std::vector<JournalEntry>> journal(const PlanId& plan) const = 0;
  virtual Result<std::vector<PlanRecord>> history() const = 0;  // newest first
  virtual Result<std::optional<PlanRecord>> plan_record(const PlanId& plan) const = 0;
  virtual Result<std::vector<OperatorWord>> words() const = 0;  // in the order they were said
  virtual Result<std::optional<Observation>> last_observation() const = 0;
};

class Store : public StoreReader {
 public:
  // Bumps batch, and serial if what is applied changed; durable on return if `sync`. Once the disk
  // refused a transition every later one is refused too, until the store is opened again.
  virtual Status commit(const Transition& transition) = 0;
};

// What `hv state verify` says.
struct VerifyReport {
  StoreHead head;
  uint64_t transitions = 0;
  uint64_t records = 0;
  std::vector<std::string> damage;  // empty: sound
};

struct LockHolder {
  std::string host, boot_id, user, command;
  int64_t pid = 0;
  Time since;
};

// Held from before the database opens until destroyed; the kernel frees it with the process.
class StateLock {
 public:
  virtual ~StateLock() = default;
};
// Waits up to `timeout`. Code::state_locked names the holder.
Result<std::unique_ptr<StateLock>> lock_state(const std::string& folder, Duration timeout,
                                              Clock& clock);
// Who holds it now, as far as they told. Nothing where nobody does.
std::optional<LockHolder> lock_holder(const std::string& folder);

// Makes the folder (mode 0700) and the store if there is none. The lock must be held.
Result<std::unique_ptr<Store>> open_store(const std::string& folder, const StateLock& lock,
                                          Random& random, Clock& clock);
// Read-only, beside a running writer. Nothing (not an error) where there is no store yet.
Result<std::unique_ptr<StoreReader>> open_store_reader(const std::string& folder);
// Walks the whole digest chain and every record and block checksum; read-only.
Result<VerifyReport> verify_store(const std::string& folder);

std::unique_ptr<Store> make_memory_store(Random& random);

// The simulated host's own database, in `folder`. A read-only one never writes and sees the moment
// it was opened; where the folder does not exist yet it is empty.
Result<std::unique_ptr<HostStore>> open_host_store(const std::string& folder, bool read_only);
std::unique_ptr<HostStore> make_memory_host_store();

}  // namespace hv
