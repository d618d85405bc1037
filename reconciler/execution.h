// Execution: the one loop that carries out steps; apply hands it a plan, recovery its withdrawals.
//
// docs/executor.md has the picture. One thread; the store, the drivers, time and chance are the
// caller's and outlive it. Whatever happens in it, the journal says what may have been done.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "hv/drivers/effect.h"
#include "hv/model/journal.h"
#include "reconciler/apply.h"
#include "reconciler/sharing_look.h"

namespace hv {

// What is carried out, and for whom. Steps and holds outlive the execution.
struct Work {
  PlanId plan;
  std::span<const Step> steps;
  std::span<const Hold> holds;
  std::set<StepId> already_done;          // succeeded in an earlier run of the same plan
  std::map<StepId, std::string> unknown;  // begun in an earlier run; how it ended cannot be told
  std::map<StepId, int> tries;            // of earlier runs
  Observation before;                     // the last look
  std::optional<PlanRecord> record;       // written with the first intent
  std::set<HostName> powered_off;         // on an operator's word: silent, they hold nothing
};

class Execution {
 public:
  Execution(ApplyContext context, const ApplyOptions& options, Caller caller, Applied applied,
            Work work);

  // Returns once every step is in a final state.
  ApplyReport run();

  const Applied& applied() const { return applied_; }
  bool begun() const { return begun_; }  // an intent was written

 private:
  // One step on its way.
  struct Run {
    const Step* step = nullptr;
    bool planned = true;  // false: a withdrawal, not the plan's own
    StepState state = StepState::waiting;
    std::vector<std::size_t> after;
    int tries = 0;
    OperationId id;
    bool intent_open = false;
    std::optional<Time> began;  // the first try
    Time deadline;              // of this try, whatever happens
    Time look_deadline;         // for its effect to be seen after a success
    Time not_before;            // of the next try
    Time look_at;               // when its effect is next read back
    Duration look_every;
    OperationResult answer;  // the host's, once it no longer runs
    Error why{Code::operation_failed, "", ""};
  };
  // How a step of this round ended.
  struct Ending {
    std::size_t run = 0;
    OutcomeKind kind = OutcomeKind::succeeded;
    bool again = false;  // another try follows
  };
  // What reading back said: an error is final, or may yet come right.
  struct Seen {
    Status status;
    bool final = false;
  };

  void promote();
  std::vector<std::size_t> choose();
  void start(const std::vector<std::size_t>& chosen);
  Intent intent_of(const Run& run) const;
  void begin(Run& run, std::size_t index);
  Status hand_over(const Run& run);
  void answered(Run& run, OperationResult answer);
  void ask();
  void look_and_judge();
  void judge(std::size_t index);
  bool needs_every_host(Op op) const;
  Seen seen(const Run& run);
  Seen seen_claims_put(const Operation& operation);
  Seen seen_verified(const Operation& operation);
  Seen seen_effect(const Operation& operation);
  void end_well(std::size_t index);
  void end_badly(std::size_t index, Error why, bool ended, bool retryable);
  void record_endings();
  Transition transition_of(const Ending& ending, const Applied& so_far) const;
  void withdraw(const Run& failed);
  std::size_t add_withdrawal(const Step& because, Operation operation,
                             std::optional<std::size_t> after);
  void set_state(Run& run, StepState state, const std::string& message = "");
  void check_not_stuck() const;
  ApplyReport report() const;
  const HostObservation& observe(const HostName& host);
  const HostObservation& last_look(const HostName& host) const;
  LookInput look_input();
  void pass_over_if_off(const HostName& host);
  const LiveAccesses& live();
  Driver* driver_of(const HostName& host) const;
  Caller caller_now() const;

  ApplyContext context_;
  const ApplyOptions& options_;
  Caller caller_;
  Applied applied_;
  Work work_;
  std::deque<Step> withdrawals_;  // their addresses stay
  std::deque<Run> runs_;
  std::vector<Ending> endings_;
  std::map<Uuid, Address> ours_;
  Observation look_;                     // what was last seen of each host
  std::set<HostName> seen_round_;        // observed in this round
  Permits permits_;                      // of work_.holds
  std::optional<StorageContext> names_;  // of applied_, for a round
  std::optional<LiveAccesses> live_;     // made from look_, at most once a round
  bool progressed_ = false;
  bool stopping_ = false;  // nothing of the plan's own begins any more
  bool interrupted_ = false;
  bool begun_ = false;
};

bool is_final(StepState state);
// "vbd.attach domain.web0 xvdf".
std::string describe(const Operation& operation);
// What reading back says of an operation: read_effect(), claims by device, and a machine that is
// going down has no effect but its end.
Effect effect_seen(const Operation& operation, const HostObservation& host);
// The devices whose claims an operation puts or drops; none: all of the machine's.
std::vector<std::string> claimed_devices(const Operation& operation);

}  // namespace hv
