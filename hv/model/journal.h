// Journal records: what hv was about to do (intent), and what came of it (outcome).
#pragma once

#include <string>
#include <vector>

#include "hv/model/plan.h"

namespace hv {

// Written and synced before the operation begins.
struct Intent {
  OperationId id;
  PlanId plan;
  StepId step;
  Epoch epoch;
  Time begun;
  Operation operation;
  std::vector<Access> accesses;  // what it may start: held until settled
  std::string boot_id;           // of the host, before
  DomId domid;                   // of the domain, before (0: none)
};

enum class OutcomeKind : uint8_t { succeeded, failed, abandoned };
std::string_view to_string(OutcomeKind kind);

struct Outcome {
  OperationId id;
  OutcomeKind kind = OutcomeKind::succeeded;
  std::string message;  // the host's own words
  Time ended;
};

// One run of apply, for `hv history`.
struct PlanRecord {
  PlanId id;
  std::string digest;
  Time begun;
  std::optional<Time> ended;
  std::string who;  // user@host
  PlanSummary summary;
  std::size_t steps_done = 0, steps_failed = 0, steps_left = 0;
};

}  // namespace hv
