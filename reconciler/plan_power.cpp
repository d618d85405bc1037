// Power: one operation that somebody asks for by hand, through the same checks, holds and journal
// as everything else. What is declared stays what is applied: a machine that is now otherwise is
// drift, which the next plan shows and, where drift is healed, undoes.
#include "reconciler/planner.h"

namespace hv {
namespace {

// On the hypervisor, and not on its way out.
bool is_up(const ObservedDomain* observed) {
  return observed != nullptr && !observed->dying &&
         (observed->state != PowerState::halted || observed->domid.value != 0);
}

}  // namespace

std::string_view to_string(PowerAsk ask) {
  switch (ask) {
    case PowerAsk::start:
      return "start";
    case PowerAsk::stop:
      return "stop";
    case PowerAsk::restart:
      return "restart";
    case PowerAsk::save:
      return "save";
    case PowerAsk::restore:
      return "restore";
    case PowerAsk::migrate:
      return "migrate";
    case PowerAsk::pause:
      return "pause";
    case PowerAsk::unpause:
      return "unpause";
  }
  return "";
}

Status Planner::check_power() const {
  for (const auto& [address, ask] : in_.scope.power)
    if (in_.desired->get<DomainSpec>(address) == nullptr)
      return Error{Code::plan_refused,
                   "`hv " + std::string(to_string(ask)) +
                       "` takes domains that are declared, and `" + to_string(address) + "` is not",
                   "`hv show` lists what is declared; `hv adopt` declares what runs"};
  for (const auto& [address, ask] : in_.scope.power)
    if (ask == PowerAsk::migrate && !in_.project->hosts.contains(in_.scope.migrate_to))
      return Error{Code::plan_refused, "there is no host `" + in_.scope.migrate_to.text + "`",
                   "`hv host list` lists them"};
  return {};
}

void Planner::plan_power() {
  for (const auto& [address, ask] : in_.scope.power)
    power(*in_.desired->get<DomainSpec>(address), ask);
}

void Planner::no_power(const Address& address, PowerAsk ask, const std::string& why,
                       const std::string& help) {
  refuse(Code::plan_refused,
         "`hv " + std::string(to_string(ask)) + "` cannot be done to `" + to_string(address) +
             "`: " + why,
         help);
}

void Planner::power(const DomainSpec& declared, PowerAsk ask) {
  const Address& address = declared.address;
  auto found = applied_.domains.find(address);
  if (found == applied_.domains.end())
    return no_power(address, ask, "it was never applied", "`hv apply` makes it");
  const AppliedDomain& applied = found->second;
  HostName where;
  if (const ObservedDomain* copy = left_copy(applied, where))
    return power_left(applied, *copy, where, ask);
  if (!can_be_read(declared, &applied)) return;
  if (!is_one_machine(address, applied.uuid, applied.spec.host)) return;
  if (applied.incomplete)
    return no_power(address, ask, "its creation was not finished", "`hv apply` finishes it");
  const ObservedDomain* observed = machine(applied.spec.host, applied.uuid);
  if (observed != nullptr && observed->state == PowerState::saved)
    return power_saved(declared, applied, *observed, ask);
  if (observed != nullptr && is_kept_crashed(applied, *observed))
    return power_crashed(declared, applied, *observed, ask);
  if (observed != nullptr && observed->dying)
    return no_power(address, ask, "it is going down", "try again when it is gone");
  if (!is_up(observed)) return power_off(declared, applied, ask);
  power_up(declared, applied, *observed, ask);
}

void Planner::power_off(const DomainSpec& declared, const AppliedDomain& applied, PowerAsk ask) {
  const std::string name = to_string(declared.address);
  if (ask == PowerAsk::start) return start_again(declared, applied);
  if (ask == PowerAsk::stop) return plan_.notes.push_back(name + " is off");
  no_power(declared.address, ask,
           ask == PowerAsk::restore ? "nothing is saved of it, and it is off" : "it is off",
           "`hv start " + name + "` starts it");
}

void Planner::power_saved(const DomainSpec& declared, const AppliedDomain& applied,
                          const ObservedDomain& observed, PowerAsk ask) {
  const std::string name = to_string(declared.address);
  if (observed.dying)
    return no_power(declared.address, ask,
                    "its image was begun to be restored, and is never used twice",
                    "`hv apply` makes it again");
  switch (ask) {
    case PowerAsk::save:
      return plan_.notes.push_back(name + " is saved already");
    case PowerAsk::restore:
      return restore_by_hand(declared, applied, observed);
    case PowerAsk::start:
    case PowerAsk::stop:
    case PowerAsk::restart:
    case PowerAsk::migrate:
    case PowerAsk::pause:
    case PowerAsk::unpause:
      return no_power(declared.address, ask, "it is saved",
                      "`hv restore " + name + "` lets it go on");
  }
}

void Planner::power_up(const DomainSpec& declared, const AppliedDomain& applied,
                       const ObservedDomain& observed, PowerAsk ask) {
  const Address& address = declared.address;
  const std::string name = to_string(address);
  const bool paused = observed.state == PowerState::paused;
  switch (ask) {
    case PowerAsk::start:
      if (paused) return no_power(address, ask, "it is paused", "`hv unpause " + name + "`");
      return plan_.notes.push_back(name + " runs already");
    case PowerAsk::save:
      if (paused) return no_power(address, ask, "it is paused", "`hv unpause " + name + "`");
      return save_by_hand(applied);
    case PowerAsk::restore:
      return plan_.notes.push_back(name + " is not saved");
    case PowerAsk::migrate:
      return migrate_by_hand(declared, applied, observed);
    case PowerAsk::pause:
    case PowerAsk::unpause:
      if (paused == (ask == PowerAsk::pause))
        return plan_.notes.push_back(name + (paused ? " is paused already" : " is not paused"));
      return set_paused(declared, applied, observed, ask);
    case PowerAsk::stop:
      return stop_by_hand(applied, observed);
    case PowerAsk::restart:
      return restart_by_hand(declared, applied, observed, ask);
  }
}

// It is kept, with its memory and its disks, until somebody has seen enough of it.
void Planner::power_crashed(const DomainSpec& declared, const AppliedDomain& applied,
                            const ObservedDomain& observed, PowerAsk ask) {
  switch (ask) {
    case PowerAsk::stop:
      return stop_by_hand(applied, observed);
    case PowerAsk::start:
    case PowerAsk::restart:
      return restart_by_hand(declared, applied, observed, ask);
    case PowerAsk::save:
    case PowerAsk::restore:
    case PowerAsk::migrate:
    case PowerAsk::pause:
    case PowerAsk::unpause:
      return no_power(declared.address, ask, "it crashed, and is kept to be looked at",
                      "`hv restart " + to_string(declared.address) + "` makes it again");
  }
}

void Planner::stop_by_hand(const AppliedDomain& applied, const ObservedDomain& observed) {
  planned_domains_.insert(applied.spec.address);
  stop(applied, observed, Afterwards::off, applied.spec);
  Change change = change_of(applied.spec, Action::update, "asked for by `hv stop`");
  change.attributes.push_back({"state", state_of(observed), "halted", How::live});
  change.downtime = Downtime::gone;
  plan_.changes.push_back(std::move(change));
}

void Planner::restart_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                              const ObservedDomain& observed, PowerAsk ask) {
  DomainSpec again = declared;
  settle_macs(again, &applied.spec, applied.uuid);
  again.state = PowerState::running;
  planned_domains_.insert(declared.address);
  const DomainDiff diff =
      diff_domain({again, applied.spec, &observed, *in_.schema, true, cpus_of(applied.spec.host)});
  restart(again, applied, observed, diff, "asked for by `hv " + std::string(to_string(ask)) + "`");
  if (declared.state == PowerState::running) return;
  again.state = declared.state;
  record(again, applied.uuid, applied.generation, {drafts_.size() - 1});
}

// As it is declared now: what waited for a restart is made with it.
void Planner::start_again(const DomainSpec& declared, const AppliedDomain& applied) {
  DomainSpec again = declared;
  settle_macs(again, &applied.spec, applied.uuid);
  again.state = PowerState::running;
  std::set<Draft> after = after_move(declared.address);
  // Of a machine that somebody else stopped they are still there.
  if (has_claims(declared.host, applied.uuid)) {
    const Operation drop = operation_for(Op::claim_drop, applied.spec, applied.uuid);
    after = {add(drop, "", kClaimTime, after)};
  }
  Change change = change_of(declared, Action::create, "asked for by `hv start`");
  change.attributes = diff_domain({again, applied.spec, nullptr, *in_.schema, true}).attributes;
  create(again, applied.uuid, applied.generation, std::move(change), std::move(after));
  if (declared.state == PowerState::running) return;
  again.state = declared.state;
  record(again, applied.uuid, applied.generation, {drafts_.size() - 1});
}

void Planner::set_paused(const DomainSpec& declared, const AppliedDomain& applied,
                         const ObservedDomain& observed, PowerAsk ask) {
  const bool pause = ask == PowerAsk::pause;
  const PowerState becomes = pause ? PowerState::paused : PowerState::running;
  keep(applied);
  const Draft done =
      add(operation_for(pause ? Op::domain_pause : Op::domain_unpause, applied.spec, applied.uuid),
          "", kQuick, after_move(declared.address));
  if (applied.spec.state != becomes) record(applied.spec, applied.uuid, applied.generation, {done});
  Change change = change_of(applied.spec, Action::update,
                            "asked for by `hv " + std::string(to_string(ask)) + "`");
  change.attributes.push_back({"state", std::string(to_string(observed.state)),
                               std::string(to_string(becomes)), How::live});
  plan_.changes.push_back(std::move(change));
}

}  // namespace hv
