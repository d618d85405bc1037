// Reports: plans, findings, status and the desired state as text and as the contract's JSON.
//
// Pure functions from model values to strings; `Style` says how they look. The JSON formats have
// schemas in schemas/*.schema.json. Saved plans are read and written here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/result.h"
#include "base/source.h"
#include "base/units.h"
#include "hv/model/desired.h"
#include "hv/model/journal.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"
#include "hv/schema/schema.h"

namespace hv {

struct Style {
  bool color = false;
};

// hv plan. What is unsafe is shown in the texts of `sources`, where they are given. `parallel` has
// how many steps a host carries out at once, where that is not kParallelPerHost.
std::string plan_text(const Plan& plan, Style style, const SourceMap* sources = nullptr,
                      const std::map<HostName, int>& parallel = {});
// How long carrying it out takes if each step takes what is expected of it and nothing fails.
Duration expected_duration(const Plan& plan, const std::map<HostName, int>& parallel);
// With `saved`, the parts that apply needs are in it too (observation, holds, steps' arguments).
std::string plan_json(const Plan& plan, bool saved);
// Is this a plan file at all (so that `apply FILE` knows a plan from a source)?
bool looks_like_plan(std::string_view text);
// An hv.plan/1 without the parts of a saved plan is an Error.
Result<Plan> read_plan(std::string_view text);

// hv show
std::string desired_json(const DesiredGraph& desired, const Schema& schema);
std::string desired_text(const DesiredGraph& desired, const Schema& schema);

// hv lint
std::string findings_text(const std::vector<Finding>& findings, Style style,
                          const SourceMap* sources = nullptr);
std::string findings_json(const std::vector<Finding>& findings);
// What lint knows of a finding beside itself.
struct FindingMark {
  std::string fingerprint;              // the same from run to run
  std::optional<std::string> accepted;  // by a baseline, for this reason
};
// `marks`: one for each finding, or none at all.
std::string findings_sarif(const std::vector<Finding>& findings,
                           const std::vector<FindingMark>& marks = {});

// hv check
std::string diagnostics_sarif(const Diagnostics& diagnostics, const SourceMap& sources);

// hv status
struct StatusRow {
  Address address;
  HostName host;
  Uuid uuid;
  PowerState state = PowerState::missing;
  Bytes memory;
  int64_t vcpus = 0;
  std::size_t disks = 0;
  bool in_step = true;
  std::vector<DriftItem> drift;
  std::vector<AttributeChange> pending;
};
struct UnmanagedRow {
  std::string name;
  Uuid uuid;
  HostName host;
  PowerState state = PowerState::running;
  Bytes memory;
  int64_t vcpus = 0;
  std::size_t disks = 0;
};
struct UnreachableRow {
  HostName host;
  std::string reason;
  Time since;
};
struct StatusReport {
  std::vector<StatusRow> domains;
  std::vector<UnmanagedRow> unmanaged;
  std::vector<UnreachableRow> unreachable;
  std::vector<HostName> simulated;
};
// hv host list
struct HostRow {
  HostName host;
  std::string driver;
  std::string hypervisor = {};  // as it calls itself; empty where it does not answer
  bool simulated = false, reachable = false;
  std::string reason;           // why it cannot be read
  std::optional<Time> read_at;  // what follows is of then; nothing: never
  Bytes memory_free, memory_total;
  int64_t cpus = 0;
  std::size_t machines = 0;
  std::optional<Epoch> epoch;
  std::optional<OperatorWord> fenced;
  std::vector<Claim> dead_claims;  // other projects', behind which nothing stands
};
std::string hosts_text(const std::vector<HostRow>& hosts);
std::string hosts_json(const std::vector<HostRow>& hosts);

std::string status_text(const StatusReport& report, Style style);
std::string status_json(const StatusReport& report);

}  // namespace hv
