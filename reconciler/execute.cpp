// The loop itself; readback.cpp judges what the hosts show.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "reconciler/effects.h"
#include "reconciler/execution.h"
#include "reconciler/plan.h"

namespace hv {
namespace {

// A host that answered "not now" before any effect is asked so often in all.
constexpr int kTries = 5;
constexpr Duration kFirstPause = milliseconds(200);
// The host's own time-out comes first, so that its words are heard; ours is for a host that hangs.
constexpr Duration kGrace = seconds(30);

bool acts_on_host(Op op) {
  switch (op) {
    case Op::claim_put:
    case Op::claim_drop:
    case Op::domain_verify:
    case Op::record_state:
      return false;
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
    case Op::domain_create:
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_save:
    case Op::domain_restore:
    case Op::domain_migrate:
    case Op::domain_unrestore:
    case Op::domain_shutdown:
    case Op::domain_destroy:
    case Op::domain_memory:
    case Op::domain_vcpus:
    case Op::domain_schedule:
    case Op::domain_rename:
    case Op::vbd_attach:
    case Op::vbd_detach:
    case Op::vbd_enlarge:
    case Op::vif_attach:
    case Op::vif_detach:
      return true;
  }
  return true;
}

}  // namespace

std::string_view to_string(StepState state) {
  switch (state) {
    case StepState::waiting:
      return "waiting";
    case StepState::ready:
      return "ready";
    case StepState::running:
      return "running";
    case StepState::verifying:
      return "verifying";
    case StepState::succeeded:
      return "succeeded";
    case StepState::failed:
      return "failed";
    case StepState::skipped:
      return "skipped";
  }
  return "";
}

bool is_final(StepState state) {
  return state == StepState::succeeded || state == StepState::failed || state == StepState::skipped;
}

std::string describe(const Operation& operation) {
  std::string text = std::string(to_string(operation.op)) + " " + to_string(operation.address);
  if (operation.vbd) text += " " + operation.vbd->device;
  return text;
}

Execution::Execution(ApplyContext context, const ApplyOptions& options, Caller caller,
                     Applied applied, Work work)
    : context_(context),
      options_(options),
      caller_(caller),
      applied_(std::move(applied)),
      work_(std::move(work)),
      look_(work_.before),
      permits_(work_.holds) {
  std::map<StepId, std::size_t> index;
  for (const Step& step : work_.steps) index.emplace(step.id, index.size());
  HV_CHECK(index.size() == work_.steps.size(), "two steps have one id");
  for (const auto& [address, domain] : applied_.domains) ours_[domain.uuid] = address;
  for (const auto& [address, pool] : applied_.pools) ours_[pool.uuid] = address;
  for (const HostName& host : work_.powered_off) pass_over_if_off(host);
  for (const Step& step : work_.steps) {
    Run run;
    run.step = &step;
    for (StepId before : step.after) {
      HV_CHECK(index.contains(before), "a step comes after one that is not in the plan");
      run.after.push_back(index.at(before));
    }
    if (work_.already_done.contains(step.id)) run.state = StepState::succeeded;
    if (auto unknown = work_.unknown.find(step.id); unknown != work_.unknown.end()) {
      run.state = StepState::failed;
      run.why = {Code::operation_unknown, unknown->second, ""};
    }
    const Kind kind = step.operation.address.kind;
    if ((kind == Kind::domain || kind == Kind::pool) && !step.operation.uuid.is_nil())
      ours_[step.operation.uuid] = step.operation.address;
    runs_.push_back(std::move(run));
  }
}

ApplyReport Execution::run() {
  for (;;) {
    progressed_ = false;
    seen_round_.clear();
    live_.reset();
    names_.reset();  // after live_, which refers to it
    if (!interrupted_ && options_.interrupted && options_.interrupted()) {
      interrupted_ = stopping_ = true;
    }
    promote();
    start(choose());
    ask();
    look_and_judge();
    record_endings();
    if (std::all_of(runs_.begin(), runs_.end(), [](const Run& r) { return is_final(r.state); }))
      return report();
    check_not_stuck();
    if (!progressed_) context_.clock.sleep(options_.poll_every);
  }
}

void Execution::promote() {
  // Skipping one may skip the next: repeat until nothing moves. Plans list steps in an order that
  // respects `after`, so one pass is the rule.
  bool moved = true;
  while (moved) {
    moved = false;
    for (Run& run : runs_) {
      if (run.state == StepState::ready && stopping_ && run.planned) {
        moved = true;
        // A step that was tried and refused has failed; one that never began is left out.
        set_state(run, run.tries > 0 ? StepState::failed : StepState::skipped, run.why.message);
        continue;
      }
      if (run.state != StepState::waiting) continue;
      bool all = true, broken = false;
      for (std::size_t before : run.after) {
        StepState state = runs_[before].state;
        all = all && state == StepState::succeeded;
        broken = broken || state == StepState::failed || state == StepState::skipped;
      }
      if (broken || (stopping_ && run.planned)) {
        set_state(run, StepState::skipped);
        moved = true;
      } else if (all) {
        set_state(run, StepState::ready);
        moved = true;
      }
    }
  }
}

std::vector<std::size_t> Execution::choose() {
  std::map<HostName, int> busy;
  int total = 0;
  for (const Run& run : runs_) {
    if (run.state != StepState::running && run.state != StepState::verifying) continue;
    ++busy[run.step->operation.host];
    ++total;
  }
  std::vector<std::size_t> chosen;
  const Time now = context_.clock.now();
  for (std::size_t i = 0; i < runs_.size() && total < std::max(1, options_.parallel_total); ++i) {
    const Run& run = runs_[i];
    if (run.state != StepState::ready || now < run.not_before) continue;
    const HostName& host = run.step->operation.host;
    auto limit = options_.parallel.find(host);
    int most = limit == options_.parallel.end() ? kParallelPerHost : std::max(1, limit->second);
    if (busy[host] >= most) continue;
    ++busy[host];
    ++total;
    chosen.push_back(i);
  }
  return chosen;
}

Intent Execution::intent_of(const Run& run) const {
  const Operation& operation = run.step->operation;
  Intent intent;
  intent.id = run.id;
  intent.plan = work_.plan;
  intent.step = run.step->id;
  intent.epoch = caller_.epoch;
  intent.begun = context_.clock.now();
  intent.operation = operation;
  if (run.planned)
    for (const Hold& hold : work_.holds)
      if (hold.acquire == run.step->id) intent.accesses.push_back(hold.access);
  const HostObservation& host = last_look(operation.host);
  intent.boot_id = host.boot_id;
  if (const ObservedDomain* domain = find_domain(host, operation.uuid))
    intent.domid = domain->domid;
  return intent;
}

void Execution::start(const std::vector<std::size_t>& chosen) {
  if (chosen.empty()) return;
  progressed_ = true;
  Transition transition;
  transition.sync = true;
  Applied reserved = {};
  reserved.next_generation = applied_.next_generation;
  for (std::size_t i : chosen) {
    Run& run = runs_[i];
    int attempt = ++work_.tries[run.step->id];
    ++run.tries;
    run.id = OperationId{work_.plan.text + "-" + std::to_string(run.step->id.value) + "-" +
                         std::to_string(attempt)};
    Transition part = reservation_of(run.step->operation, reserved);
    fold(part, reserved);
    part.intents.push_back(intent_of(run));
    merge(std::move(part), transition);
  }
  if (!begun_) transition.plan = work_.record;
  Status written = context_.store.commit(transition);
  if (!written.ok()) {
    // Nothing has begun, and nothing else will: what cannot be announced is not done.
    stopping_ = true;
    for (std::size_t i : chosen) {
      runs_[i].why = Error(written.error()).within("not begun: its intent could not be written");
      set_state(runs_[i], StepState::failed, runs_[i].why.message);
    }
    return;
  }
  begun_ = true;
  applied_.next_generation = std::move(reserved.next_generation);
  for (std::size_t i : chosen) {
    runs_[i].intent_open = true;
    begin(runs_[i], i);
  }
}

void Execution::begin(Run& run, std::size_t index) {
  const Operation& operation = run.step->operation;
  const Time now = context_.clock.now();
  if (!run.began) run.began = now;
  run.deadline = now + operation.timeout + kGrace;
  set_state(run, StepState::running);
  if (operation.op == Op::record_state) {
    set_state(run, StepState::verifying);
    end_well(index);
    return;
  }
  if (driver_of(operation.host) == nullptr) {
    end_badly(index,
              {Code::host_unreachable, "no driver for host `" + operation.host.text + "`", ""},
              true, false);
    return;
  }
  Status handed = hand_over(run);
  if (!handed.ok()) {
    bool again = handed.error().code == Code::host_unreachable;
    if (handed.error().code == Code::host_fenced) stopping_ = true;
    end_badly(index, handed.error(), true, again);
    return;
  }
  if (!acts_on_host(operation.op)) answered(run, {OperationState::succeeded, "", false});
}

Status Execution::hand_over(const Run& run) {
  const Operation& operation = run.step->operation;
  Driver& driver = *driver_of(operation.host);
  if (operation.op == Op::claim_put) return driver.put_claims(caller_now(), operation.claims);
  if (operation.op == Op::claim_drop) {
    std::vector<std::string> devices = claimed_devices(operation);
    if (devices.empty()) return driver.drop_claims(caller_now(), operation.uuid, std::nullopt);
    for (const std::string& device : devices)
      TRY(driver.drop_claims(caller_now(), operation.uuid, device));
    return {};
  }
  if (operation.op == Op::domain_verify) return {};
  return driver.begin(run.id, caller_now(), operation);
}

void Execution::ask() {
  std::set<HostName> polled;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    Run& run = runs_[i];
    const Operation& operation = run.step->operation;
    bool unheard = run.state == StepState::verifying && run.answer.state == OperationState::unknown;
    if (run.state != StepState::running && !unheard) continue;
    if (!run.intent_open || !acts_on_host(operation.op)) continue;
    Driver& driver = *driver_of(operation.host);
    if (polled.insert(operation.host).second) driver.poll();
    OperationResult result = driver.result(run.id);
    if (result.state != OperationState::running) {
      if (!unheard || result.state != OperationState::unknown) answered(run, std::move(result));
      continue;
    }
    if (unheard) set_state(run, StepState::running);
    if (context_.clock.now() >= run.deadline)
      end_badly(i,
                {Code::operation_timed_out,
                 "still running on the host after " + to_human(operation.timeout + kGrace), ""},
                false, false);
  }
}

void Execution::end_well(std::size_t index) {
  progressed_ = true;
  endings_.push_back({index, OutcomeKind::succeeded, false});
}

// `ended`: the operation no longer runs and the host was read, so that the outcome may be written.
void Execution::end_badly(std::size_t index, Error why, bool ended, bool retryable) {
  Run& run = runs_[index];
  progressed_ = true;
  run.why = std::move(why);
  if (!ended) {
    // Open, and therefore held, until the next changing command settles it.
    set_state(run, StepState::failed, run.why.message);
    return;
  }
  bool again = retryable && run.tries < kTries && !(stopping_ && run.planned);
  endings_.push_back({index, OutcomeKind::failed, again});
}

Transition Execution::transition_of(const Ending& ending, const Applied& so_far) const {
  const Run& run = runs_[ending.run];
  const Time now = context_.clock.now();
  Transition part;
  if (ending.kind == OutcomeKind::succeeded)
    part = effects_of(run.step->operation, so_far, now);
  else if (!ending.again &&
           find_domain(last_look(run.step->operation.host), run.step->operation.uuid) == nullptr)
    part = release_of(run.step->operation, so_far);
  part.outcomes.push_back({run.id, ending.kind, run.why.message, now});
  return part;
}

void Execution::record_endings() {
  if (endings_.empty()) return;
  std::vector<Ending> endings = std::exchange(endings_, {});
  Transition transition;
  transition.sync = false;  // a lost outcome is settled again from its intent, which is synced
  Applied after = applied_;
  for (const Ending& ending : endings) {
    Transition part = transition_of(ending, after);
    fold(part, after);
    merge(std::move(part), transition);
  }
  Status written = context_.store.commit(transition);
  if (!written.ok()) {
    stopping_ = true;
    for (const Ending& ending : endings) {
      Run& run = runs_[ending.run];
      run.why = Error(written.error()).within("carried out, but how it ended could not be written");
      set_state(run, StepState::failed, run.why.message);
    }
    return;
  }
  applied_ = std::move(after);
  for (const Ending& ending : endings) {
    Run& run = runs_[ending.run];
    run.intent_open = false;
    if (ending.kind == OutcomeKind::succeeded) {
      set_state(run, StepState::succeeded);
    } else if (ending.again) {
      Duration pause = kFirstPause * (int64_t{1} << std::min(run.tries - 1, 10));
      pause += milliseconds(
          static_cast<int64_t>(context_.random.below(static_cast<uint64_t>(pause.count) / 2 + 1)));
      run.not_before = context_.clock.now() + pause;
      set_state(run, StepState::ready, "again in " + to_human(pause) + ": " + run.why.message);
    } else {
      set_state(run, StepState::failed, run.why.message);
      withdraw(run);
    }
  }
}

void Execution::set_state(Run& run, StepState state, const std::string& message) {
  run.state = state;
  progressed_ = true;
  if (!options_.progress) return;
  StepEvent event;
  event.step = run.step;
  event.state = state;
  if (run.began) event.elapsed = since(*run.began, context_.clock.now());
  event.message = message;
  options_.progress(event);
}

void Execution::check_not_stuck() const {
  bool can_move = std::any_of(runs_.begin(), runs_.end(), [](const Run& run) {
    return run.state == StepState::ready || run.state == StepState::running ||
           run.state == StepState::verifying;
  });
  // After a round that ended something, the next promote() finds what it lets begin.
  HV_CHECK(can_move || progressed_, "nothing runs, nothing can begin, and steps are left");
}

ApplyReport Execution::report() const {
  ApplyReport report;
  report.interrupted = interrupted_;
  for (const Run& run : runs_) {
    const bool failed = run.state == StepState::failed;
    if (failed)
      report.failures.push_back({run.step->id, describe(run.step->operation), run.why.message,
                                 run.why.code, run.why.help});
    if (!run.planned) continue;
    report.succeeded += run.state == StepState::succeeded;
    report.failed += failed;
    report.skipped += run.state == StepState::skipped;
    if (run.state == StepState::skipped) report.not_done.push_back(run.step->id);
  }
  return report;
}

Driver* Execution::driver_of(const HostName& host) const {
  auto found = context_.drivers.find(host);
  return found == context_.drivers.end() ? nullptr : found->second;
}

Caller Execution::caller_now() const {
  Caller caller = caller_;
  caller.serial = context_.store.head().serial;
  return caller;
}

}  // namespace hv
