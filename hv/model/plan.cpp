#include "hv/model/plan.h"

#include "hv/model/words.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 26> kOps = {
    "claim.put",       "claim.drop",     "pool.initialise", "vdisk.create",   "vdisk.enlarge",
    "vdisk.expire",    "domain.create",  "domain.verify",   "domain.unpause", "domain.pause",
    "domain.shutdown", "domain.destroy", "domain.memory",   "domain.vcpus",   "domain.schedule",
    "domain.rename",   "vbd.attach",     "vbd.detach",      "vbd.enlarge",    "vif.attach",
    "vif.detach",      "record.state",   "domain.save",     "domain.restore", "domain.unrestore",
    "domain.migrate"};
static_assert(covers(kOps, Op::domain_migrate));

constexpr auto kAllOps = [] {
  std::array<Op, kOps.size()> ops{};
  for (std::size_t i = 0; i < ops.size(); ++i) ops[i] = static_cast<Op>(i);
  return ops;
}();

constexpr std::array<std::string_view, 5> kRecordKinds = {"none", "adopt", "move", "forget",
                                                          "update"};
static_assert(covers(kRecordKinds, RecordKind::update));
constexpr std::array<std::string_view, 8> kActions = {"create",  "update", "restart", "replace",
                                                      "destroy", "adopt",  "move",    "forget"};
static_assert(covers(kActions, Action::forget));
constexpr std::array<std::string_view, 4> kHows = {"live", "restart", "replace", "bookkeeping"};
static_assert(covers(kHows, How::bookkeeping));
constexpr std::array<std::string_view, 3> kDowntimes = {"none", "restart", "gone"};
static_assert(covers(kDowntimes, Downtime::gone));

}  // namespace

std::string_view to_string(Op op) {
  return word_of(kOps, op);
}
std::optional<Op> op_from(std::string_view text) {
  return value_of<Op>(kOps, text);
}
std::span<const Op> all_ops() {
  return kAllOps;
}

std::string_view to_string(RecordKind kind) {
  return word_of(kRecordKinds, kind);
}

std::string_view to_string(Action action) {
  return word_of(kActions, action);
}
std::optional<Action> action_from(std::string_view text) {
  return value_of<Action>(kActions, text);
}

std::string_view to_string(How how) {
  return word_of(kHows, how);
}
std::optional<How> how_from(std::string_view text) {
  return value_of<How>(kHows, text);
}

std::string_view to_string(Downtime downtime) {
  return word_of(kDowntimes, downtime);
}
std::optional<Downtime> downtime_from(std::string_view text) {
  return value_of<Downtime>(kDowntimes, text);
}

PlanSummary summarise(const Plan& plan) {
  PlanSummary summary;
  for (const Change& change : plan.changes) {
    // What waits for the next restart is shown, but this plan does not do it.
    if (change.deferred) continue;
    switch (change.action) {
      case Action::create:
        ++summary.create;
        break;
      case Action::update:
        ++summary.update;
        break;
      case Action::restart:
        ++summary.restart;
        break;
      case Action::replace:
        ++summary.replace;
        break;
      case Action::destroy:
        ++summary.destroy;
        break;
      case Action::adopt:
        ++summary.adopt;
        break;
      case Action::move:
        ++summary.move;
        break;
      case Action::forget:
        ++summary.forget;
        break;
    }
  }
  return summary;
}

}  // namespace hv
