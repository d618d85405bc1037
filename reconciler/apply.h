// Applying: one loop that carries out a plan's steps, journalled, verified, and crash-proof.
//
// No thread of its own; time and chance are passed in. Every step: intent synced → begin → result →
// read back → outcome synced. Recovery settles open intents by what is true on the hosts and is the
// same code whatever died.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hv/drivers/driver.h"
#include "hv/model/plan.h"
#include "hv/schema/project.h"
#include "hv/schema/schema.h"
#include "hv/storage/storage_map.h"
#include "state/store.h"

namespace hv {

using Drivers = std::map<HostName, Driver*>;

// The life of one step; docs/executor.md has the picture.
enum class StepState : uint8_t {
  waiting,    // a predecessor has not succeeded yet
  ready,      // may begin as soon as its host has room
  running,    // intent synced, begun on the host
  verifying,  // the host reported success; its effect is being read back
  succeeded,  // effect read back, outcome synced
  failed,     // the host refused, the effect is missing, or time ran out
  skipped,    // a predecessor failed, or we were asked to stop
};
std::string_view to_string(StepState state);

// Told about everything, in order; for progress display. May be empty.
struct StepEvent {
  const Step* step = nullptr;
  StepState state{};
  Duration elapsed;
  std::string message;
};
using Progress = std::function<void(const StepEvent&)>;

struct ApplyOptions {
  std::map<HostName, int> parallel;  // where it is not kParallelPerHost
  int parallel_total = kParallelTotal;
  Duration poll_every = milliseconds(20);
  std::function<bool()> interrupted;  // asked every round; true: start nothing new
  Progress progress;
  std::string who;  // user@host, for history
  bool take_over = false;
};

struct StepFailure {
  StepId step;
  std::string what;  // "vbd.attach domain.web0 xvdf"
  std::string why;   // the hypervisor's own words
  Code code = Code::operation_failed;
  std::string help;
};

struct ApplyReport {
  std::size_t succeeded = 0, failed = 0, skipped = 0;
  std::vector<StepFailure> failures;
  std::vector<StepId> not_done;
  bool interrupted = false;
  bool ok() const { return failed == 0 && skipped == 0; }
};

struct ApplyContext {
  Store& store;
  const Drivers& drivers;
  const Schema& schema;
  const Project& project;
  Clock& clock;
  Random& random;
  std::shared_ptr<const StorageMap> storage = {};  // the hosts' inventories, or nothing
};

// What settling one open intent came to.
struct Settled {
  OperationId id;
  std::string what;
  enum class Result : uint8_t { done, undone, redo, unknown } result{};
  std::string why;
};

// Raises the epoch, fences the hosts, waits for what still runs there, reads, and settles every
// open intent by what is true. What cannot be settled stays open: held, and named in the answer.
Result<std::vector<Settled>> recover(ApplyContext context, const ApplyOptions& options);

Result<ApplyReport> apply_plan(const Plan& plan, ApplyContext context, const ApplyOptions& options);

// One look at every host; an unreachable one is part of the answer.
Observation observe_all(const Drivers& drivers, Clock& clock);

}  // namespace hv
