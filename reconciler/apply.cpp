// A plan from its first intent to its last record; applied again, it goes on where it stopped.
#include "reconciler/apply.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "reconciler/execution.h"
#include "reconciler/plan.h"

namespace hv {
namespace {

Status check_plan(const Plan& plan, const StoreHead& head, bool resumed) {
  if (!plan.applicable)
    return Error{Code::plan_refused, "the plan was refused and cannot be applied", ""};
  if (plan.lineage != head.lineage)
    return Error{Code::plan_stale, "the plan was made for another state",
                 "make a new one: hv plan"};
  if (!resumed && plan.serial != head.serial)
    return Error{Code::plan_stale,
                 "the plan was made at serial " + std::to_string(plan.serial.value) +
                     ", the state is at " + std::to_string(head.serial.value),
                 "make a new one: hv plan"};
  return {};
}

// What is announced again is given up again by whoever gave it up after it, and not meanwhile: what
// lies between the two may be done already, and orders nothing any more.
void follow_announcement(const Step& announced, std::vector<Step>& steps, Work& work) {
  const Operation& put = announced.operation;
  std::set<StepId> later = {announced.id};
  for (Step& step : steps) {
    const bool follows = std::any_of(step.after.begin(), step.after.end(),
                                     [&](StepId before) { return later.contains(before); });
    if (!follows) continue;
    later.insert(step.id);
    const Operation& operation = step.operation;
    if (operation.op != Op::claim_drop || operation.uuid != put.uuid || operation.host != put.host)
      continue;
    work.already_done.erase(step.id);
    step.after.push_back(announced.id);
  }
}

// What an earlier run of the same plan has done, from its journal.
void take_up(const Plan& plan, const std::vector<JournalEntry>& journal, const Applied& applied,
             std::vector<Step>& steps, Work& work) {
  std::map<StepId, const JournalEntry*> last;
  for (const JournalEntry& entry : journal) {
    const Intent& intent = entry.intent;
    ++work.tries[intent.step];
    // The attempt is the last part of the id: the one with more digits, or greater ones, is later.
    const JournalEntry*& latest = last[intent.step];
    const auto order = [](const JournalEntry& it) {
      return std::pair(it.intent.id.text.size(), it.intent.id.text);
    };
    if (latest == nullptr || order(*latest) < order(entry)) latest = &entry;
    if (!entry.outcome)
      work.unknown[intent.step] =
          "begun in an earlier run as " + intent.id.text + ", and how it ended cannot be told";
  }
  // Done is what succeeded after everything before it was done: where recovery has destroyed a
  // machine that never ran, all that was built on it is built again.
  for (const Step& step : plan.steps) {
    const Operation& operation = step.operation;
    const JournalEntry* entry = last.contains(step.id) ? last.at(step.id) : nullptr;
    // A withdrawal bears its step's id, and its success is not the step's.
    bool done = entry != nullptr && entry->intent.operation.op == operation.op && entry->outcome &&
                entry->outcome->kind == OutcomeKind::succeeded;
    if (operation.op == Op::domain_create) {
      auto record = applied.domains.find(operation.address);
      done = done && record != applied.domains.end() && record->second.uuid == operation.uuid;
    }
    if (operation.op == Op::domain_restore) {
      auto record = applied.domains.find(operation.address);
      const bool saved_again = record != applied.domains.end() && !record->second.incomplete &&
                               record->second.spec.state == PowerState::saved;
      done = done && !saved_again;
    }
    for (StepId before : step.after) done = done && work.already_done.contains(before);
    if (done) work.already_done.insert(step.id);
  }
  // Claims that something still rests on are announced again; that is safe at any time.
  std::set<Uuid> unfinished;
  for (const Step& step : plan.steps)
    if (!work.already_done.contains(step.id)) unfinished.insert(step.operation.uuid);
  for (const Step& step : plan.steps)
    if (step.operation.op == Op::claim_put && unfinished.contains(step.operation.uuid)) {
      work.already_done.erase(step.id);
      follow_announcement(step, steps, work);
    }
}

Status enter_hosts(const Plan& plan, const Caller& caller, const ApplyContext& context,
                   const ApplyOptions& options) {
  std::set<HostName> hosts;
  for (const Step& step : plan.steps) {
    hosts.insert(step.operation.host);
    if (step.operation.peer) hosts.insert(*step.operation.peer);
  }
  for (const HostName& host : hosts) {
    auto driver = context.drivers.find(host);
    if (driver == context.drivers.end()) continue;
    Status entered = driver->second->enter(caller, options.take_over);
    // One that does not answer fails its own steps, and no others.
    if (!entered.ok() && entered.error().code != Code::host_unreachable) return entered;
  }
  return {};
}

}  // namespace

Result<ApplyReport> apply_plan(const Plan& plan, ApplyContext context,
                               const ApplyOptions& options) {
  const StoreHead head = context.store.head();
  std::optional<PlanRecord> earlier = TRY(context.store.plan_record(plan.id));
  TRY(check_plan(plan, head, earlier.has_value()));
  if (plan.steps.empty()) return ApplyReport{};
  Applied applied = TRY(context.store.applied());

  Work work;
  work.plan = plan.id;
  std::vector<Step> steps = plan.steps;
  work.holds = plan.holds;
  work.before = plan.observation;
  work.powered_off = {plan.scope.powered_off.begin(), plan.scope.powered_off.end()};
  if (earlier) take_up(plan, TRY(context.store.journal(plan.id)), applied, steps, work);
  work.steps = steps;

  PlanRecord record;
  record.id = plan.id;
  record.digest = steps_digest(plan);
  record.begun = earlier ? earlier->begun : context.clock.now();
  record.who = options.who;
  record.summary = summarise(plan);
  record.steps_left = plan.steps.size() - work.already_done.size();
  work.record = record;

  const Caller caller{project_uuid(context.project, head), head.lineage, head.epoch, head.serial};
  TRY(enter_hosts(plan, caller, context, options));

  Execution execution(context, options, caller, std::move(applied), std::move(work));
  ApplyReport report = execution.run();
  if (!execution.begun()) return report;

  record.ended = context.clock.now();
  record.steps_done = report.succeeded;
  record.steps_failed = report.failed;
  record.steps_left = report.skipped;
  Transition last;
  last.plan = record;
  last.observed = observe_all(context.drivers, context.clock);
  Status written = context.store.commit(last);
  if (!written.ok()) {
    // Every step's own outcome is safe; that the plan ended is not, and is said.
    ++report.failed;
    report.failures.push_back({StepId{}, "the plan's record", written.error().message,
                               written.error().code, written.error().help});
  }
  return report;
}

}  // namespace hv
