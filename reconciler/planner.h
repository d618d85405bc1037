// Planner: the making of one plan, in the order its functions stand here. Private to reconciler/.
//
// Drafts of steps refer to each other by index until they are numbered. One thread; all inputs
// outlive it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hv/storage/storage.h"
#include "reconciler/diff.h"
#include "reconciler/plan.h"

namespace hv {

using Draft = std::size_t;  // index of a step that has no number yet

class Planner {
 public:
  explicit Planner(const PlanRequest& request);
  Result<Plan> run();

 private:
  struct DraftStep {
    Operation operation;
    std::set<Draft> after;
    std::string detail;
    Duration estimate;
  };
  // An access with the steps that begin and end it.
  struct DraftHold {
    Access access;
    std::optional<Draft> acquire, release;
    std::optional<Draft> gate;   // the first step of the acquisition: its claim
    std::optional<Draft> after;  // what must be done before the next one begins: claim gone
  };
  struct DraftCharge {
    Charge charge;
    std::optional<Draft> acquire, release;
  };

  // scope (plan.cpp)
  bool in_scope(const Address& address) const;
  bool was_declared_here(const std::string& root) const;
  static bool is_outside(const std::string& root);
  void refuse(Code code, std::string message, std::string help = {});
  void forget_moves();
  bool reachable(const HostName& host) const;
  const HostObservation* host(const HostName& name) const;

  // storage (plan_storage.cpp)
  void plan_pools();
  void plan_vdisks();
  void plan_networks();
  void expire_vdisks();
  void finish_expiry();
  void check_host_facts();

  // domains (plan_domains.cpp)
  void plan_domains();
  void plan_domain(const DomainSpec& desired);
  void create(const DomainSpec& spec, const Uuid& uuid, uint32_t generation, Change change,
              std::optional<Draft> first);
  void update(const DomainSpec& desired, const AppliedDomain& applied,
              const ObservedDomain* observed);
  void live_steps(const DomainSpec& desired, const AppliedDomain& applied,
                  const ObservedDomain& observed, const DomainDiff& diff);
  void restart(const DomainSpec& desired, const AppliedDomain& applied,
               const ObservedDomain& observed, const DomainDiff& diff);
  void replace(const DomainSpec& desired, const AppliedDomain& applied,
               const ObservedDomain* observed, const DomainDiff& diff);
  void destroy(const AppliedDomain& applied, const std::string& why);
  bool adopt(const DomainSpec& desired);
  Draft stop(const AppliedDomain& applied, const ObservedDomain& observed, bool keeps_record,
             const DomainSpec* becomes);
  void start(const DomainSpec& spec, const Uuid& uuid, uint32_t generation,
             std::optional<Draft> after);
  void keep(const AppliedDomain& applied, const ObservedDomain* observed);
  std::optional<HostName> live_elsewhere(const Uuid& uuid, const HostName& home) const;
  uint32_t next_generation(const Address& address) const;
  Uuid uuid_for(const DomainSpec& spec, uint32_t generation) const;
  std::map<std::string, std::string> params() const;

  // holds (plan_proof.cpp)
  std::vector<Access> accesses_of_spec(const DomainSpec& spec, AccessOrigin origin) const;
  Access access_of(const DomainSpec& spec, const Vbd& vbd, AccessOrigin origin) const;
  std::vector<Access> current_accesses(const AppliedDomain& applied,
                                       const ObservedDomain* observed) const;
  void hold(Access access, std::optional<Draft> acquire, std::optional<Draft> release,
            std::optional<Draft> gate, std::optional<Draft> after);
  void charge(const HostName& host, const Address& address, int64_t amount,
              std::optional<Draft> acquire, std::optional<Draft> release);
  std::map<std::string, std::vector<Extent>> extents_of(const DomainSpec& spec) const;
  std::vector<Claim> claims_of(const DomainSpec& spec, const Uuid& uuid,
                               const std::set<std::string>* devices) const;
  void hold_everything_else();
  void order_conflicts();
  void order_memory();
  bool number_steps();  // false: a cycle, refused
  void check_declared_sharing();
  void check_budget();
  void check_capabilities();
  void prove();
  void sort_changes();

  Draft add(Operation operation, std::string detail, Duration estimate, std::set<Draft> after = {});
  void edge(Draft before, Draft after);

  const PlanRequest& in_;
  Plan plan_;
  Applied applied_;  // with the plan's moves made
  StorageContext context_;
  std::vector<DraftStep> drafts_;
  std::vector<DraftHold> holds_;
  std::vector<DraftCharge> charges_;
  std::map<Address, Draft> vdisk_ready_;  // created or enlarged by this plan
  std::map<Address, Draft> pool_ready_;
  std::map<Address, Draft> moved_;
  std::map<Address, std::vector<Draft>> vdisk_users_end_;  // releases of a vdisk's accesses
  std::map<Address, Draft> vdisk_expire_;
  std::set<Address> planned_domains_;  // those whose holds are made
  std::set<Address> destroyed_;
  std::set<Address> deferred_;
  std::size_t budget_used_ = 0;
  std::vector<std::string> budget_what_;
  std::map<Uuid, Address> ours_;
};

}  // namespace hv
