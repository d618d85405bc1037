// Planner: the making of one plan, in the order its functions stand here. Private to reconciler/.
//
// Drafts of steps refer to each other by index until they are numbered. One thread; all inputs
// outlive it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hv/storage/storage.h"
#include "reconciler/diff.h"
#include "reconciler/plan.h"

namespace hv {

using Draft = std::size_t;  // index of a step that has no number yet
using MaybeDraft = std::optional<Draft>;

inline constexpr Duration kClaimTime = milliseconds(50), kNoteTime = milliseconds(10),
                          kQuick = milliseconds(200);

// What becomes of a machine's record when it stops.
enum class Afterwards : uint8_t {
  gone,   // no record is left
  off,    // declared halted
  again,  // the same plan makes it again
};

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
    MaybeDraft acquire, release;
    MaybeDraft gate;       // the first step of the acquisition: its claim
    MaybeDraft after;      // what must be done before the next one begins: claim gone
    MaybeDraft announced;  // from here on its host knows what it permits
  };
  struct DraftCharge {
    Charge charge;
    MaybeDraft acquire, release;
  };
  // A machine as some host has it.
  struct Seen {
    HostName host;
    const ObservedDomain* domain = nullptr;
  };
  // A machine that this plan brings to a host, out of its image or from another host: all else of
  // it begins there.
  struct Arrival {
    HostName host;
    Draft claimed = 0, there = 0, last = 0;
  };
  // One domain whose machine stays up.
  struct Live {
    const DomainSpec& desired;
    const AppliedDomain& applied;
    const ObservedDomain& observed;
    const DomainDiff& diff;
    std::set<Draft> first;  // before any of its steps
  };

  // scope (plan_scope.cpp)
  Status check_sources() const;
  Status check_scope() const;
  void close_targets();
  void make_moves();
  template <typename Map, typename Fill>
  bool move_record(Map& map, const Moved& move, Fill fill);
  bool in_scope(const Address& address) const;
  bool was_declared_here(const std::string& root) const;
  bool is_declared(const Address& address) const;
  bool removes(const Address& address, const std::string& root, std::string* why);
  bool may_take_over(const Address& address, const std::string& before, const std::string& now);
  void note_parameters();
  void check_budget();
  void spend(std::string what);

  // storage (plan_storage.cpp)
  void plan_pools();
  void plan_pool(const PoolSpec& pool);
  void plan_networks();
  void plan_vdisks();
  void plan_vdisks_of(const PoolSpec& pool, const std::vector<const VdiskSpec*>& vdisks);
  bool refuse_vdisk(const VdiskSpec& vdisk, const AppliedVdisk& applied);
  void make_vdisk(const VdiskSpec& vdisk, const PoolSpec& pool, const std::vector<Extent>& extents);
  void keep_vdisk(const VdiskSpec& vdisk, const AppliedVdisk& applied, const PoolSpec& pool,
                  const std::vector<Extent>& extents);
  Uuid pool_uuid(const Address& pool) const;
  std::optional<Uuid> vdisk_uuid(const std::string& name) const;
  Draft vdisk_step(Op op, const VdiskSpec& vdisk, const PoolSpec& pool, const Uuid& uuid,
                   const std::vector<Extent>& extents, bool keep_data);
  void scrub(const VdiskSpec& vdisk, const PoolSpec& pool, std::vector<Extent> extents, Draft step);
  bool comes_back(const VdiskSpec& vdisk, const AppliedVdisk& applied) const;
  bool pool_is_there(const Address& pool) const;
  void hold_labels(const PoolSpec& pool, MaybeDraft initialised, MaybeDraft forgotten);
  void expire_vdisks();
  void forget_pools_and_networks();
  void finish_expiry();

  // domains (plan_domains.cpp)
  void plan_domains();
  void plan_domain(const DomainSpec& desired);
  bool can_be_read(const DomainSpec& desired, const AppliedDomain* applied);
  bool is_one_machine(const Address& address, const Uuid& uuid, const HostName& home);
  bool make_whole(DomainSpec desired);
  void make_new(DomainSpec desired);
  void update(const DomainSpec& desired, const AppliedDomain& applied,
              const ObservedDomain* observed);
  void leave_taken_name(const DomainSpec& desired, const AppliedDomain& applied, DomainDiff& diff);
  void change_machine(const DomainSpec& desired, const AppliedDomain& applied,
                      const ObservedDomain* observed, DomainDiff diff);
  bool is_kept_crashed(const AppliedDomain& applied, const ObservedDomain& observed) const;
  void leave_crashed(const DomainSpec& desired, const AppliedDomain& applied,
                     const DomainDiff& diff);
  void without_machine(const DomainSpec& desired, const AppliedDomain& applied,
                       const DomainDiff& diff);
  void create(const DomainSpec& spec, const Uuid& uuid, uint32_t generation, Change change,
              std::set<Draft> after);
  void halt(const DomainSpec& desired, const AppliedDomain& applied, const ObservedDomain& observed,
            const DomainDiff& diff);
  void restart(const DomainSpec& desired, const AppliedDomain& applied,
               const ObservedDomain& observed, const DomainDiff& diff, const std::string& why);
  void replace(const AppliedDomain& applied, const ObservedDomain* observed,
               const DomainDiff& diff);
  void destroy(const AppliedDomain& applied, const std::string& why);

  // one operation by hand (plan_power.cpp)
  Status check_power() const;
  void plan_power();
  void power(const DomainSpec& declared, PowerAsk ask);
  void power_off(const DomainSpec& declared, const AppliedDomain& applied, PowerAsk ask);
  void power_saved(const DomainSpec& declared, const AppliedDomain& applied,
                   const ObservedDomain& observed, PowerAsk ask);
  void power_up(const DomainSpec& declared, const AppliedDomain& applied,
                const ObservedDomain& observed, PowerAsk ask);
  void power_crashed(const DomainSpec& declared, const AppliedDomain& applied,
                     const ObservedDomain& observed, PowerAsk ask);
  void stop_by_hand(const AppliedDomain& applied, const ObservedDomain& observed);
  void restart_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                       const ObservedDomain& observed, PowerAsk ask);
  void start_again(const DomainSpec& declared, const AppliedDomain& applied);
  void set_paused(const DomainSpec& declared, const AppliedDomain& applied,
                  const ObservedDomain& observed, PowerAsk ask);
  void no_power(const Address& address, PowerAsk ask, const std::string& why,
                const std::string& help = {});

  // a copy that a migration left (plan_left.cpp)
  const ObservedDomain* left_copy(const AppliedDomain& applied, HostName& where) const;
  void power_left(const AppliedDomain& applied, const ObservedDomain& copy, const HostName& where,
                  PowerAsk ask);
  bool tell_left(const Address& address, const Uuid& uuid);

  // saved machines (plan_saved.cpp)
  Draft save(const DomainSpec& spec, const Uuid& uuid, std::set<Draft> after);
  void charge_until(std::size_t first_charge, Draft saved);
  void restore(const DomainSpec& declared, const AppliedDomain& applied,
               const ObservedDomain& observed, PowerState becomes);
  void defer_until_restored(const DomainSpec& desired, const DomainDiff& diff);
  void keep_saved(const DomainSpec& desired, const AppliedDomain& applied, const DomainDiff& diff);
  void update_saved(const DomainSpec& desired, const AppliedDomain& applied,
                    const ObservedDomain& observed, DomainDiff diff);
  void nothing_to_save(const DomainSpec& desired, const AppliedDomain* applied);
  void save_by_hand(const AppliedDomain& applied);
  const DraftStep* start_of(const Uuid& uuid, const HostName& where) const;
  void check_save_files();
  void restore_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                       const ObservedDomain& observed);

  // from host to host (plan_migrate.cpp)
  std::optional<Error> why_not_migrate(const DomainSpec& desired, const AppliedDomain& applied,
                                       const ObservedDomain* observed, const DomainSpec& there);
  DomainSpec as_it_goes(const DomainSpec& desired, const AppliedDomain& applied,
                        const ObservedDomain& observed, const HostName& to) const;
  bool is_one_store(const Access& here, const Access& there) const;
  Arrival migrate(const DomainSpec& there, const AppliedDomain& applied,
                  const ObservedDomain& observed, const std::optional<HostName>& home);
  bool migrate_as_declared(const DomainSpec& desired, const AppliedDomain& applied,
                           const ObservedDomain* observed, DomainDiff diff);
  bool comes_back(const DomainSpec& desired, const AppliedDomain& applied,
                  const ObservedDomain* observed);
  bool is_away(const AppliedDomain& applied) const;
  const Arrival* arrival(const Address& address, const HostName& where) const;
  void migrate_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                       const ObservedDomain& observed);

  void forget(const AppliedDomain& applied, Change change);
  bool adopt(const DomainSpec& desired);
  DomainSpec as_found(const DomainSpec& desired, const ObservedDomain& found) const;
  uint32_t next_generation(const Address& address) const;
  Uuid uuid_for(const DomainSpec& spec, uint32_t generation) const;
  Change change_of(const DomainSpec& spec, Action action, std::string why = {}) const;

  // steps (plan_steps.cpp)
  Draft stop(const AppliedDomain& applied, const ObservedDomain& observed, Afterwards afterwards,
             const DomainSpec& becomes);
  Draft start(const DomainSpec& spec, const Uuid& uuid, uint32_t generation, std::set<Draft> after);
  void live_steps(const DomainSpec& desired, const AppliedDomain& applied,
                  const ObservedDomain& observed, const DomainDiff& diff);
  void live_settings(const Live& live);
  void set_schedule(const Live& live, Operation& operation) const;
  MaybeDraft live_power(Live& live);  // the answer: where it is saved
  void live_vbd(const Live& live, const VbdChange& change,
                const std::map<std::string, std::vector<Access>>& now);
  MaybeDraft live_claims(const Live& live);
  bool live_vbds(const Live& live);
  bool live_growth(const Live& live, const Access& access);
  void live_vifs(const Live& live);
  void live_record(const Live& live, Draft first_draft);
  Draft record(const DomainSpec& spec, const Uuid& uuid, uint32_t generation,
               std::set<Draft> after);
  Operation operation_for(Op op, const DomainSpec& spec, const Uuid& uuid) const;
  bool has_claims(const HostName& host, const Uuid& uuid) const;
  std::set<Draft> after_move(const Address& address) const;

  // holds (plan_holds.cpp)
  std::vector<Access> accesses_of_spec(const DomainSpec& spec, AccessOrigin origin) const;
  std::vector<Access> all_accesses_of_spec(const DomainSpec& spec, AccessOrigin origin) const;
  void add_behind(const DomainSpec& spec, std::vector<Access>& accesses) const;
  std::vector<Access> accesses_of_vbd(const DomainSpec& spec, const Vbd& vbd,
                                      AccessOrigin origin) const;
  std::vector<Access> current_accesses(const AppliedDomain& applied, const HostName& host,
                                       const ObservedDomain* observed) const;
  DraftHold* hold(Access access, MaybeDraft acquire, MaybeDraft release, MaybeDraft gate,
                  MaybeDraft after);
  void charge(const HostName& host, const Address& address, int64_t amount, MaybeDraft acquire,
              MaybeDraft release);
  std::map<std::string, std::vector<Extent>> extents_of(const DomainSpec& spec) const;
  Access as_told(Access access, const AppliedDomain& domain) const;
  std::vector<Address> sharers_of(const std::vector<uint32_t>& grants, const Address& self) const;
  bool is_told(const Claim& claim, const HostName& where) const;
  std::vector<Claim> claims_of(const DomainSpec& spec, const Uuid& uuid,
                               const std::set<std::string>* devices) const;
  void keep(const AppliedDomain& applied);
  void hold_everything_else();
  void hold_strays(const AppliedDomain& applied);
  void hold_hosts();
  void hold_claims(const HostObservation& observation);
  void hold_own_latent(const HostObservation& observation);
  const Address* owner_of(const LatentAccess& latent, const HostName& host) const;
  bool latent_is_planned(const LatentAccess& latent, const Address& ours) const;
  void hold_intents();

  // order (plan_order.cpp)
  void order_conflicts();
  void order_pair(const DraftHold& old, const DraftHold& fresh);
  void order_memory();
  std::vector<std::size_t> places() const;
  void order_names();
  bool number_steps();  // false: a cycle, refused
  void sort_changes();

  // what the hosts would refuse (plan_facts.cpp)
  void check_host_facts();
  void check_create(const DraftStep& step, const HostObservation& where);
  void check_bridge(const DraftStep& step, const Vif& vif, const HostObservation& where);
  void check_device(const DraftStep& step, const std::string& device, const HostObservation& where);
  void check_disk(const DraftStep& step, const Vbd& vbd, const HostObservation& where);
  void check_vcpus(const DraftStep& step, const Value& vcpus, const HostObservation& where);
  void lacks(const DraftStep& step, const std::string& what, const std::string& help);
  void check_capabilities();
  void check_words(const Operation& operation);
  void note_unchecked(const Step& step);

  // proof (plan_proof.cpp)
  void prove();
  void check_declared_sharing();

  // for all of them (plan.cpp)
  void refuse(Code code, std::string message, std::string help = {});
  void alarm(const Address& address, const std::vector<Seen>& live, const std::string& message);
  void defer(Change change, const std::optional<HostName>& unread);
  bool reachable(const HostName& host) const;
  bool powered_off(const HostName& host) const;
  const HostObservation* host(const HostName& name) const;
  const ObservedDomain* machine(const HostName& host, const Uuid& uuid) const;
  int64_t cpus_of(const HostName& host) const;  // 0: it could not be read
  std::vector<Seen> live_machines(const Uuid& uuid) const;
  Draft add(Operation operation, std::string detail, Duration estimate, std::set<Draft> after = {});
  void edge(Draft before, Draft after);

  const PlanRequest& in_;
  Plan plan_;
  Applied applied_;  // with the plan's moves made
  StorageContext context_;
  std::vector<DraftStep> drafts_;
  std::vector<DraftHold> holds_;
  std::vector<DraftCharge> charges_;
  std::map<Address, const Resource*> declared_;
  std::map<Uuid, std::vector<Seen>> machines_;
  std::map<std::pair<HostName, Uuid>, std::vector<const Claim*>> claims_;
  std::map<std::pair<HostName, std::string>, std::vector<const ObservedDomain*>> named_;
  std::set<Address> targets_;             // with the storage they stand on; empty: all
  std::map<Address, Uuid> vdisk_uuids_;   // of those that this plan makes
  std::map<Address, Draft> vdisk_ready_;  // created, mapped or enlarged by this plan
  std::map<Address, Draft> pool_ready_;
  std::map<Address, Draft> moved_;
  std::map<Address, Draft> vdisk_expire_;
  std::map<Address, Arrival> arrivals_;
  std::map<Uuid, Draft> stopped_;      // machines that this plan stops
  std::map<Uuid, Draft> renamed_;      // and those it gives another name
  std::set<Uuid> started_;             // those it makes
  std::set<Address> planned_domains_;  // those whose holds are made
  std::set<Address> destroyed_;
  std::set<HostName> told_unread_;
  std::vector<std::string> spent_;  // of the deletion budget, in words
  std::map<Uuid, Address> ours_;
};

}  // namespace hv
