// A small world for tests: one or more simulated hosts, a memory store, one logical clock, and a
// crash wherever it is wanted.
//
// Single-threaded. Everything that survives hv's death (the hosts' databases, the store's synced
// transitions) is kept apart from what does not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hv/drivers/sim/sim.h"
#include "hv/model/desired.h"
#include "hv/model/stores.h"
#include "reconciler/apply.h"
#include "reconciler/plan.h"
#include "state/store.h"

namespace hv::testing {

// Thrown where hv dies; only these tests throw, and only these tests catch.
struct Crash {};

// Counts the moments before and after each call to the store and the hosts; dies at one of them.
class Moments {
 public:
  void arm(int at) { at_ = at, count_ = 0; }
  void disarm() { at_ = 0, count_ = 0; }
  int count() const { return count_; }
  void pass();
  std::function<void()> look;  // at every moment: the invariants

 private:
  int at_ = 0;
  int count_ = 0;
};

// Passes everything on to a store in memory, and remembers what was synced.
class CrashingStore final : public Store {
 public:
  CrashingStore(Moments& moments, uint64_t seed);
  StoreHead head() const override { return store_->head(); }
  Result<Applied> applied() const override { return store_->applied(); }
  Result<std::vector<JournalEntry>> open_intents() const override { return store_->open_intents(); }
  Result<std::vector<JournalEntry>> journal(const PlanId& plan) const override {
    return store_->journal(plan);
  }
  Result<std::vector<PlanRecord>> history() const override { return store_->history(); }
  Result<std::optional<PlanRecord>> plan_record(const PlanId& plan) const override {
    return store_->plan_record(plan);
  }
  Result<std::vector<OperatorWord>> words() const override { return store_->words(); }
  Result<std::optional<Observation>> last_observation() const override {
    return store_->last_observation();
  }
  Status commit(const Transition& transition) override;

  // The power goes: what was not synced, and nothing synced came after, is forgotten.
  void lose_power();
  bool unsynced() const { return !log_.empty() && !log_.back().sync; }
  // The next commits fail, as on a full disk.
  void fill_disk(bool full) {
    refuse(full ? std::optional(Error{Code::state_no_space, "no space left on device", ""})
                : std::nullopt);
  }
  void refuse(std::optional<Error> why) { refusal_ = std::move(why); }

 private:
  Moments& moments_;
  uint64_t seed_;
  std::optional<Error> refusal_;
  std::unique_ptr<Store> store_;
  std::vector<Transition> log_;
};

class CrashingDriver final : public Driver {
 public:
  CrashingDriver(Moments& moments, Driver& driver) : moments_(moments), driver_(driver) {}
  const Capabilities& capabilities() const override { return driver_.capabilities(); }
  Status check(const Operation& operation) const override { return driver_.check(operation); }
  HostObservation observe() override;
  Status enter(const Caller& caller, bool take_over) override;
  Status begin(const OperationId& id, const Caller& caller, const Operation& operation) override;
  OperationResult result(const OperationId& id) override;
  void poll() override;
  Status put_claims(const Caller& caller, const std::vector<Claim>& claims) override;
  Status drop_claims(const Caller& caller, const Uuid& uuid,
                     const std::optional<std::string>& device) override;

 private:
  Moments& moments_;
  Driver& driver_;
};

class World {
 public:
  explicit World(uint64_t seed, std::vector<std::string> hosts = {"lab"}, int speed_percent = 100);
  ~World();

  SimDriver& sim(const std::string& host = "lab") { return *sims_.at(HostName{host}); }
  Store& store() { return *store_; }
  CrashingStore& crashing_store() { return *store_; }
  ApplyContext context();

  void declare(std::vector<Resource> resources);
  Result<Plan> plan(Scope scope = {});
  Result<ApplyReport> apply(const Plan& plan);
  Result<std::vector<Settled>> recover();
  // recover, plan, apply: what every changing command does. The error or failures as one text.
  std::string change();
  // hv and its drivers die; hosts and store stay. The operations of the hosts go on.
  void die();
  void advance(Duration duration);

  // Everything that must hold at every moment, from the hosts' own tables; the first that does not.
  std::string broken_invariant();
  // Hosts against what is declared, without the planner's help; the first difference.
  std::string difference();

  LogicalClock clock;
  SeededRandom random;
  Moments moments;
  Project project;
  ApplyOptions options;
  std::shared_ptr<const StorageMap> storage;  // the hosts' inventories, or nothing
  DesiredGraph desired;
  std::function<void(PlanRequest&)> ask;  // the last word on what a plan is asked for
  std::vector<DomainSpec> alien;          // other people's: never touched

 private:
  std::map<HostName, std::unique_ptr<HostStore>> databases_;
  std::map<HostName, std::unique_ptr<SimDriver>> sims_;
  std::map<HostName, std::unique_ptr<CrashingDriver>> wrapped_;
  std::unique_ptr<CrashingStore> store_;
  Drivers drivers_;
  int speed_percent_;
};

// "web0", 256 MiB, its disks as "DEVICE SOURCE MODE" ("xvda vg/web0 w").
DomainSpec machine(const std::string& name, Bytes memory, const std::vector<std::string>& disks,
                   const std::string& host = "lab");

}  // namespace hv::testing
