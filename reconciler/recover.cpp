// Recovery: the same code whatever died. docs/executor.md has the order and the table.
#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "reconciler/effects.h"
#include "reconciler/execution.h"
#include "reconciler/plan.h"
#include "reconciler/settle.h"

namespace hv {
namespace {

class Recovery {
 public:
  Recovery(ApplyContext context, const ApplyOptions& options)
      : context_(context), options_(options) {}

  Result<std::vector<Settled>> run();

 private:
  // An open intent, and the step of ours that has to succeed before it may be closed.
  struct Case {
    JournalEntry entry;
    Settlement settlement;
    std::optional<StepId> first;
  };

  Status raise_epoch();
  Status enter_hosts();
  void look();
  void judge_all(std::vector<JournalEntry> open, const std::map<HostName, OperatorWord>& fenced);
  void judge_incomplete();
  std::optional<StepId> add_step(const Settlement& settlement, const Operation& cause);
  Status carry_out();
  Status close_all();
  void close_incomplete(Transition& transition);
  void drop_stale_claims();
  Status end_fences();
  bool stands_behind(const Claim& claim, const HostObservation& host) const;

  ApplyContext context_;
  const ApplyOptions& options_;
  Caller caller_;
  std::map<HostName, std::string> not_entered_;
  Observation seen_;
  Applied applied_;
  std::vector<Case> cases_;
  std::vector<Step> steps_;
  std::vector<Settled> answers_;
};

Status Recovery::raise_epoch() {
  const StoreHead head = context_.store.head();
  caller_ = {project_uuid(context_.project, head), head.lineage, Epoch{head.epoch.value + 1},
             head.serial};
  Transition transition;
  transition.epoch = caller_.epoch;
  transition.sync = true;
  return context_.store.commit(transition);
}

Status Recovery::enter_hosts() {
  for (const auto& [name, driver] : context_.drivers) {
    Status entered = driver->enter(caller_, options_.take_over);
    if (entered.ok()) continue;
    if (entered.error().code != Code::host_unreachable) return entered;
    not_entered_[name] = entered.error().message;
  }
  return {};
}

// A host that could not be entered may still be at work: what it shows settles nothing.
void Recovery::look() {
  seen_ = observe_all(context_.drivers, context_.clock);
  for (const auto& [name, reason] : not_entered_) {
    seen_.hosts[name].reachable = false;
    seen_.hosts[name].reason = reason;
  }
}

std::optional<StepId> Recovery::add_step(const Settlement& settlement, const Operation& cause) {
  Operation operation;
  operation.address = cause.address;
  operation.host = cause.host;
  operation.uuid = cause.uuid;
  switch (settlement.first) {
    case Settlement::First::nothing:
      return std::nullopt;
    case Settlement::First::destroy:
      operation.op = Op::domain_destroy;
      operation.force = true;
      break;
    case Settlement::First::destroy_copy:
      operation.op = Op::domain_destroy;
      operation.force = true;
      operation.host = *cause.peer;
      operation.record = RecordKind::update;  // the machine itself stays
      break;
    case Settlement::First::unrestore:
      operation.op = Op::domain_unrestore;
      break;
    case Settlement::First::detach:
      operation.op = Op::vbd_detach;
      operation.vbd = cause.vbd;
      break;
  }
  for (const Step& step : steps_)
    if (step.operation.op == operation.op && step.operation.uuid == operation.uuid &&
        step.operation.host == operation.host && describe(step.operation) == describe(operation))
      return step.id;
  Step step;
  step.id = StepId{steps_.size() + 1};
  step.operation = std::move(operation);
  steps_.push_back(std::move(step));
  return steps_.back().id;
}

void Recovery::judge_all(std::vector<JournalEntry> open,
                         const std::map<HostName, OperatorWord>& fenced) {
  static const HostObservation unknown_host;
  HostObservation off;
  off.reachable = true;
  for (JournalEntry& entry : open) {
    const HostObservation* host = seen_.find(entry.intent.operation.host);
    // What a machine left that is off on somebody's word has ended there.
    if (entry.intent.operation.op == Op::domain_migrate && (host == nullptr || !host->reachable) &&
        fenced.contains(entry.intent.operation.host))
      host = &off;
    Case one;
    const std::optional<HostName>& other = entry.intent.operation.peer;
    one.settlement = settle(entry.intent, host == nullptr ? unknown_host : *host,
                            other ? seen_.find(*other) : nullptr);
    one.first = add_step(one.settlement, entry.intent.operation);
    one.entry = std::move(entry);
    cases_.push_back(std::move(one));
  }
}

// Created or restored, its outcome written, and then hv died before the machine ran.
void Recovery::judge_incomplete() {
  for (const auto& [address, domain] : applied_.domains) {
    if (!domain.incomplete) continue;
    const HostObservation* host = seen_.find(domain.spec.host);
    if (host == nullptr || !host->reachable) continue;
    const ObservedDomain* machine = find_domain(*host, domain.uuid);
    if (machine == nullptr || !machine->never_ran) continue;
    Operation cause;
    cause.address = address;
    cause.host = domain.spec.host;
    cause.uuid = domain.uuid;
    const auto first =
        is_being_restored(domain) ? Settlement::First::unrestore : Settlement::First::destroy;
    add_step({Settled::Result::redo, "", first}, cause);
  }
}

// A host knows operations by their ids, whosever they are and for as long as it likes: no other
// store's recovery has this one, nor one of a store that was put back to where it was.
PlanId recovery_id(const Caller& caller, Time now) {
  const std::string whose = to_string(caller.lineage) + " " + std::to_string(now.count);
  return {"recovery" + std::to_string(caller.epoch.value) + "-" +
          to_hex(sha1(whose)).substr(0, 16)};
}

// Destroys and detaches, journalled like everything that acts.
Status Recovery::carry_out() {
  if (steps_.empty()) return {};
  Work work;
  work.plan = recovery_id(caller_, context_.clock.now());
  work.steps = steps_;
  work.before = seen_;
  Execution execution(context_, options_, caller_, applied_, std::move(work));
  ApplyReport report = execution.run();
  applied_ = execution.applied();
  look();
  for (Case& one : cases_) {
    if (!one.first) continue;
    for (const StepFailure& failure : report.failures)
      if (failure.step == *one.first)
        one.settlement = {Settled::Result::unknown, failure.what + " failed: " + failure.why};
    if (std::find(report.not_done.begin(), report.not_done.end(), *one.first) !=
        report.not_done.end())
      one.settlement = {Settled::Result::unknown, "asked to stop before it was undone"};
  }
  return {};
}

// A record whose machine is gone goes; one whose machine runs after all is whole.
void Recovery::close_incomplete(Transition& transition) {
  for (const auto& [address, domain] : applied_.domains) {
    if (!domain.incomplete) continue;
    const HostObservation* host = seen_.find(domain.spec.host);
    if (host == nullptr || !host->reachable) continue;
    const Uuid& uuid = domain.uuid;
    const bool open = std::any_of(cases_.begin(), cases_.end(), [&](const Case& one) {
      return one.settlement.result == Settled::Result::unknown &&
             one.entry.intent.operation.uuid == uuid;
    });
    if (open) continue;
    const ObservedDomain* machine = find_domain(*host, domain.uuid);
    Transition part;
    if (machine == nullptr && !is_being_restored(domain)) {
      part.erase.push_back(address);
    } else if (machine == nullptr || !machine->never_ran) {
      part.put_domains.push_back(domain);
      part.put_domains.back().incomplete = false;
    }
    merge(std::move(part), transition);
  }
}

Status Recovery::close_all() {
  Transition transition;
  transition.sync = true;
  const Time now = context_.clock.now();
  for (const Case& one : cases_) {
    const Operation& operation = one.entry.intent.operation;
    const Settled::Result result = one.settlement.result;
    answers_.push_back({one.entry.intent.id, describe(operation), result, one.settlement.why});
    if (result == Settled::Result::unknown) continue;
    const bool done = result == Settled::Result::done;
    Transition part = done ? effects_of(operation, applied_, now) : release_of(operation, applied_);
    part.outcomes.push_back({one.entry.intent.id,
                             done ? OutcomeKind::succeeded : OutcomeKind::abandoned,
                             one.settlement.why, now});
    fold(part, applied_);
    merge(std::move(part), transition);
  }
  Transition records;
  close_incomplete(records);
  fold(records, applied_);
  merge(std::move(records), transition);
  if (transition.outcomes.empty() && transition.put_domains.empty() && transition.erase.empty())
    return {};
  return context_.store.commit(transition);
}

bool Recovery::stands_behind(const Claim& claim, const HostObservation& host) const {
  if (claim.address.kind != Kind::domain) return true;
  for (const Case& one : cases_)
    if (one.settlement.result == Settled::Result::unknown &&
        one.entry.intent.operation.uuid == claim.uuid)
      return true;
  for (const LatentAccess& latent : host.latent)
    if (latent.uuid == claim.uuid && !latent.vbd.device.empty()) return true;
  auto record = applied_.domains.find(claim.address);
  if (record != applied_.domains.end() && record->second.uuid == claim.uuid &&
      record->second.spec.host == host.host && record->second.extents.contains(claim.device))
    return true;
  const ObservedDomain* machine = find_domain(host, claim.uuid);
  if (machine == nullptr) return false;
  return std::any_of(machine->vbds.begin(), machine->vbds.end(),
                     [&](const ObservedVbd& vbd) { return vbd.vbd.device == claim.device; });
}

void Recovery::drop_stale_claims() {
  for (const auto& [name, host] : seen_.hosts) {
    if (!host.reachable) continue;
    for (const Claim& claim : host.claims) {
      if (claim.project != caller_.project || claim.lineage != caller_.lineage) continue;
      if (stands_behind(claim, host)) continue;
      // One that stays is stale, not wrong: it holds too much, and the next command tries again.
      Status dropped = context_.drivers.at(name)->drop_claims(caller_, claim.uuid, claim.device);
      (void)dropped;
    }
  }
}

// A host that answers holds what it has, whatever was said of it; and should it fall silent again,
// the old word does not count.
Status Recovery::end_fences() {
  Transition transition;
  for (const auto& [name, said] : fenced_hosts(TRY(context_.store.words()))) {
    const HostObservation* host = seen_.find(name);
    if (host == nullptr || !host->reachable) continue;
    OperatorWord word;
    word.kind = WordKind::answered;
    word.host = name;
    word.who = options_.who;
    word.at = context_.clock.now();
    transition.words.push_back(std::move(word));
  }
  return transition.words.empty() ? Status() : context_.store.commit(transition);
}

Result<std::vector<Settled>> Recovery::run() {
  TRY(raise_epoch());
  TRY(enter_hosts());
  applied_ = TRY(context_.store.applied());
  look();
  judge_all(TRY(context_.store.open_intents()), fenced_hosts(TRY(context_.store.words())));
  judge_incomplete();
  TRY(carry_out());
  TRY(close_all());
  drop_stale_claims();
  TRY(end_fences());
  return std::move(answers_);
}

}  // namespace

Result<std::vector<Settled>> recover(ApplyContext context, const ApplyOptions& options) {
  return Recovery(context, options).run();
}

}  // namespace hv
