// Plan: what would change, step by step, with the holds that were proved safe. Data, no behaviour.
//
// Every side effect of hv is an Operation in a Step of a Plan; apply decides nothing.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/codes.h"
#include "base/result.h"
#include "hv/model/access.h"
#include "hv/model/applied.h"
#include "hv/model/desired.h"
#include "hv/model/observation.h"
#include "hv/model/resources.h"

namespace hv {

// A closed set: what a step can do. Adding one breaks the build wherever it must be thought about
// (drivers, executor, settling, text).
enum class Op : uint8_t {
  claim_put,        // announce on the host what a domain will access
  claim_drop,       // the announcement goes, after verified release
  pool_initialise,  // take the devices of a pool into use
  vdisk_create,     // map new extents, scrubbed
  vdisk_enlarge,    // map more extents
  vdisk_expire,     // unmap; the extents become reusable
  domain_create,    // paused
  domain_verify,    // each backend's real device, and the sharing, before it runs
  domain_unpause,
  domain_pause,
  domain_shutdown,  // politely, until `timeout`, then by force
  domain_destroy,
  domain_memory,    // absolute target
  domain_vcpus,     // absolute count
  domain_schedule,  // weight, cap, pinning: absolute values in `settings`
  domain_rename,
  vbd_attach,
  vbd_detach,  // until its release is verified
  vbd_enlarge,
  vif_attach,
  vif_detach,
  record_state,  // bookkeeping only: adopt, move, forget, what needs no host
  // Kept by number: what came later stands last.
  domain_save,       // to its host's disk; what it has stays held
  domain_restore,    // from there, paused; the image is used once
  domain_unrestore,  // what was restored and never ran goes, its image is as before
  domain_migrate,    // to `peer`, while it runs: from `host` until it is gone there
};
std::string_view to_string(Op op);  // "vbd.attach"
std::optional<Op> op_from(std::string_view text);
std::span<const Op> all_ops();

// So many steps are carried out at once, unless hv.toml says otherwise of a host.
inline constexpr int kParallelPerHost = 4;
inline constexpr int kParallelTotal = 16;

// What `record_state` writes.
enum class RecordKind : uint8_t { none, adopt, move, forget, update };
std::string_view to_string(RecordKind kind);

// One operation with all its arguments, absolute, so that doing it twice is doing it once.
struct Operation {
  Op op{};
  Address address;  // the resource it is about
  HostName host;
  Uuid uuid;                         // of the domain or vdisk
  std::optional<DomainSpec> domain;  // create, record: the whole; else nothing
  std::optional<Vbd> vbd;            // attach, detach, enlarge
  std::optional<Vif> vif;
  std::optional<PoolSpec> pool;
  std::optional<VdiskSpec> vdisk;
  std::optional<NetworkSpec> network;
  std::vector<Claim> claims;                           // claim_put
  std::map<std::string, std::vector<Extent>> extents;  // by device; "" for a vdisk's own
  std::optional<Bytes> memory;
  std::optional<int64_t> vcpus;
  Attributes settings;  // schedule; attributes to record
  std::string name;     // rename
  Duration timeout = seconds(60);
  bool force = false;  // destroy without asking the guest
  RecordKind record = RecordKind::none;
  std::optional<Address> moved_from;
  uint32_t generation = 0;
  std::map<std::string, std::string> params;
  // Of a migration: where it goes to; of the claim before it: where it comes from.
  std::optional<HostName> peer;
  std::optional<HostName> home;  // a migration by hand: where its file has it
};

struct Step {
  StepId id;
  Operation operation;
  std::vector<StepId> after;  // all must have succeeded; sorted
  std::string detail;         // "xvdf phy:vg0/logs0 (w)", "512 MiB → 1 GiB"
  Duration estimate;
};

enum class Action : uint8_t { create, update, restart, replace, destroy, adopt, move, forget };
enum class How : uint8_t { live, restart, replace, bookkeeping };
enum class Downtime : uint8_t { none, restart, gone };
std::string_view to_string(Action action);
std::string_view to_string(How how);
std::string_view to_string(Downtime downtime);
std::optional<How> how_from(std::string_view text);
std::optional<Action> action_from(std::string_view text);
std::optional<Downtime> downtime_from(std::string_view text);

struct AttributeChange {
  std::string path;  // "memory", "disk[xvdf]", "vif[0]"
  Value before;      // unset: was not there
  Value after;       // unset: goes away
  How how = How::live;
};

struct Change {
  Address address;
  HostName host;
  Action action = Action::update;
  std::vector<AttributeChange> attributes;
  Downtime downtime = Downtime::none;
  bool deferred = false;  // on_restart_needed = "defer": shown, not done
  std::string why;        // "memory was changed in fleet.vm", "no longer declared", …
  Place place;
};

// Observed differs from applied: somebody else changed it.
struct DriftItem {
  Address address;
  HostName host;
  std::string path;
  Value applied;
  Value observed;
};

struct Overlap {
  StoreId store;
  Sectors start;
  Sectors count;
  bool resolved = true;
};

// What lint and the verifier found. `level` is nothing where the finding is no overlap.
struct Finding {
  Code code{};
  Severity severity = Severity::error;
  std::optional<int> level;
  int permitted = 0;
  std::string message;
  std::vector<Access> accesses;  // one or more; the first two conflict
  std::optional<Overlap> overlap;
  std::vector<std::string> ways_out;
  std::vector<std::string> notes;
};

// What the verifier proved, for the two closing lines of a plan.
struct Proof {
  bool sharing_proved = false;
  int highest_level = 0;             // of permitted sharing, in any intermediate state
  std::size_t unresolved_names = 0;  // compared by name only
  std::size_t hosts_read = 0, hosts_total = 0;
  struct Peak {
    HostName host;
    std::string resource;
    int64_t amount = 0, capacity = 0;
  };
  std::vector<Peak> peaks;
};

struct PlanSummary {
  int create = 0, update = 0, restart = 0, replace = 0, destroy = 0, adopt = 0, move = 0,
      forget = 0;
  int total() const {
    return create + update + restart + replace + destroy + adopt + move + forget;
  }
};

// What a plan was asked for beside its PATHs: applying it later asks for the same.
struct PlanScope {
  std::vector<std::string> params;  // name=value as given; a secret only as name=@FILE
  std::optional<HostName> host;
  std::vector<Address> targets, replace;
  std::vector<HostName> powered_off;
  std::string max_destroy;  // empty: the project's
  bool destroy = false, prune = false, take_over = false;
};

struct Plan {
  PlanId id;
  std::string project;  // its name
  Uuid project_id;
  Serial serial;
  Uuid lineage;
  std::string digest;  // hex SHA-256 over everything the plan is a function of
  Time made;
  std::vector<InputFile> inputs;
  std::map<std::string, std::string> params;
  std::vector<std::string> paths;  // the PATHs it was made for; none: the project's sources
  PlanScope scope;
  std::vector<Change> changes;  // the riskiest first
  std::vector<Step> steps;      // ids 1..n, in an order that respects `after`
  std::vector<DriftItem> drift;
  std::vector<Finding> findings;
  std::vector<std::string> leftovers;  // "no longer declared by web.cfg: domain.web"
  std::vector<std::string> notes;
  std::vector<Hold> holds;  // what the verifier looked at
  std::vector<Charge> charges;
  std::vector<Limit> limits;
  Proof proof;
  Observation observation;
  bool applicable = true;  // false: refused; `refusals` says why, the plan is shown all the same
  std::vector<Error> refusals;
  bool nothing_to_do() const { return steps.empty(); }
};

PlanSummary summarise(const Plan& plan);

}  // namespace hv
