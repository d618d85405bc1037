// Journal records: what hv was about to do (intent), and what came of it (outcome).
#pragma once

#include <map>
#include <optional>
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

// What an operator said, and hv took their word for.
enum class WordKind : uint8_t {
  fenced,     // this host is off: what it held may be given to others
  unfenced,   // it was taken back
  answered,   // the host was read again, which ends it as well
  unclaimed,  // the claims of that project on this host are dead
};
std::string_view to_string(WordKind kind);

struct OperatorWord {
  WordKind kind = WordKind::fenced;
  HostName host;
  std::string who;  // user@host
  std::string why;
  Time at;
  std::optional<Uuid> project;  // of a claim
};
// The hosts that are off on somebody's word: for each the last thing said of it, where that is
// that it is fenced. `words` in the order in which they were said.
std::map<HostName, OperatorWord> fenced_hosts(const std::vector<OperatorWord>& words);

}  // namespace hv
