// Migration: a machine goes to another host while it runs. One step gives up the one host and takes
// the other; it is announced there first, and is there only what it was.
#include <algorithm>

#include "reconciler/planner.h"

namespace hv {
namespace {

constexpr Duration kMigration = milliseconds(10000), kMigrationTimeout = seconds(900);

bool says_nomigrate(const DomainSpec& spec) {
  const auto* says = spec.attributes.get<bool>("nomigrate");
  return says != nullptr && *says;
}

}  // namespace

// Equal names on two hosts are a maybe: only what an inventory, or an operator, says to be one
// store may be written from the other host.
bool Planner::is_one_store(const Access& here, const Access& there) const {
  if (here.extents != there.extents) return false;
  return std::all_of(here.extents.begin(), here.extents.end(), [&](const Extent& extent) {
    if (extent.resolved) return true;
    return std::any_of(
        in_.project->stores.begin(), in_.project->stores.end(), [&](const auto& stated) {
          const StoreStatement& said = stated.second;
          const auto has = [&](const HostName& host) {
            return std::find(said.hosts.begin(), said.hosts.end(), host) != said.hosts.end();
          };
          if (said.local || !has(here.host) || !has(there.host)) return false;
          const Resolved store = resolve_device(stated.first.text, here.host, context_);
          return store.extents.front().store == extent.store;
        });
  });
}

DomainSpec Planner::as_it_goes(const DomainSpec& desired, const AppliedDomain& applied,
                               const ObservedDomain& observed, const HostName& to) const {
  DomainSpec there = applied.spec;
  there.host = to;
  there.name = observed.name;
  there.vbds = as_found(applied.spec, observed).vbds;
  there.state = PowerState::running;
  there.sharing = desired.sharing;
  there.place = desired.place;
  return there;
}

// Nothing: it can go there as it is.
std::optional<Error> Planner::why_not_migrate(const DomainSpec& desired,
                                              const AppliedDomain& applied,
                                              const ObservedDomain* observed,
                                              const DomainSpec& there) {
  const auto because = [](std::string why, std::string help = {}) {
    return Error{Code::plan_refused, std::move(why), std::move(help)};
  };
  if (observed == nullptr || observed->dying || observed->state != PowerState::running)
    return because("it does not run");
  if (says_nomigrate(applied.spec) || says_nomigrate(desired))
    return because("its `nomigrate` says so");
  for (const HostName& each : {applied.spec.host, there.host}) {
    auto driver = in_.capabilities.find(each);
    if (driver == in_.capabilities.end() || !driver->second.operations.contains(Op::domain_migrate))
      return because(driver != in_.capabilities.end() && driver->second.simulated
                         ? "the simulated host `" + each.text +
                               "` is a process of its own, and does not reach others"
                         : "between real hosts hv cannot migrate, and `" + each.text + "` is one",
                     "`hv stop` it, change its host, and `hv apply` makes it there");
  }
  const std::vector<Access> now = current_accesses(applied, applied.spec.host, observed),
                            then = all_accesses_of_spec(there, AccessOrigin::plan);
  const char* const say =
      "a store that both hosts see is said so under [stores] of hv.toml, or shown by their "
      "inventories";
  if (now.size() != then.size()) return because("its disks stand on other files there", say);
  for (std::size_t i = 0; i < now.size(); ++i)
    if ((i < there.vbds.size() && there.vbds[i].backend == "vd") || !is_one_store(now[i], then[i]))
      return because("nothing says that its disk " + now[i].device + " is the same on both hosts",
                     say);
  return std::nullopt;
}

// A hand has moved it, and its file still says what it did.
bool Planner::is_away(const AppliedDomain& applied) const {
  const auto* declared = in_.desired->get<DomainSpec>(applied.spec.address);
  return declared != nullptr && applied.home == declared->host &&
         applied.spec.host != declared->host;
}

// Where drift is healed, it goes back to where its file has it; but it is not made anew for that.
bool Planner::comes_back(const DomainSpec& desired, const AppliedDomain& applied,
                         const ObservedDomain* observed) {
  if (in_.project->drift == DriftPolicy::report) return false;
  if (!reachable(desired.host) || observed == nullptr || observed->state == PowerState::halted)
    return reachable(desired.host);
  const DomainSpec there = as_it_goes(desired, applied, *observed, desired.host);
  const auto why = why_not_migrate(desired, applied, observed, there);
  if (why)
    plan_.notes.push_back(to_string(desired.address) + " stays on " + applied.spec.host.text +
                          ": " + why->message);
  return !why;
}

const Planner::Arrival* Planner::arrival(const Address& address, const HostName& where) const {
  auto found = arrivals_.find(address);
  return found == arrivals_.end() || found->second.host != where ? nullptr : &found->second;
}

// What it holds on the other host, and takes of its memory, is the caller's to say.
Planner::Arrival Planner::migrate(const DomainSpec& there, const AppliedDomain& applied,
                                  const ObservedDomain& observed,
                                  const std::optional<HostName>& home) {
  const HostName& from = applied.spec.host;
  Operation claim = operation_for(Op::claim_put, there, applied.uuid);
  claim.claims = claims_of(there, applied.uuid, nullptr);
  claim.peer = from;
  const Draft claimed = add(claim, std::to_string(claim.claims.size()) + " disks", kClaimTime,
                            after_move(there.address));
  Operation go = operation_for(Op::domain_migrate, applied.spec, applied.uuid);
  go.peer = there.host;
  go.home = home;
  go.domain = there;
  go.extents = extents_of(there);
  go.claims = std::move(claim.claims);
  go.timeout = kMigrationTimeout;
  const Draft gone = add(std::move(go), from.text + " → " + there.host.text, kMigration, {claimed});
  const Draft dropped =
      add(operation_for(Op::claim_drop, applied.spec, applied.uuid), "", kClaimTime, {gone});
  for (Access& access : current_accesses(applied, from, &observed))
    hold(as_told(std::move(access), applied), {}, gone, {}, dropped);
  charge(from, there.address, memory_taken(observed).count, {}, gone);
  return {there.host, claimed, gone, gone};
}

// Its file names another host: it goes there as it is, and is changed there as its file says.
// False: it has to be made anew there.
bool Planner::migrate_as_declared(const DomainSpec& desired, const AppliedDomain& applied,
                                  const ObservedDomain* observed, DomainDiff diff) {
  if (diff.replace != std::vector<std::string>{"host"} || observed == nullptr ||
      diff.want == PowerState::halted)
    return false;
  DomainSpec there = as_it_goes(desired, applied, *observed, desired.host);
  if (const auto why = why_not_migrate(desired, applied, observed, there)) {
    plan_.notes.push_back(to_string(desired.address) + " cannot migrate: " + why->message);
    return false;
  }
  arrivals_[desired.address] = migrate(there, applied, *observed, {});
  AppliedDomain arrived = applied;
  arrived.spec.host = desired.host;
  diff.replace.clear();
  std::erase_if(diff.attributes, [](const auto& change) { return change.path == "host"; });
  const std::size_t first_change = plan_.changes.size();
  change_machine(desired, arrived, observed, std::move(diff));
  const AttributeChange host{"host", applied.spec.host.text, desired.host.text, How::live};
  for (std::size_t i = first_change; i < plan_.changes.size(); ++i) {
    Change& change = plan_.changes[i];
    if (change.deferred || change.address != desired.address) continue;
    change.attributes.insert(change.attributes.begin(), host);
    return true;
  }
  Change change = change_of(desired, Action::update, "declared in " + desired.root);
  change.attributes.push_back(host);
  plan_.changes.push_back(std::move(change));
  return true;
}

void Planner::migrate_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                              const ObservedDomain& observed) {
  const Address& address = declared.address;
  const HostName& from = applied.spec.host;
  const HostName& to = in_.scope.migrate_to;
  if (to == from)
    return plan_.notes.push_back(to_string(address) + " is on " + to.text + " already");
  if (!reachable(to))
    return no_power(address, PowerAsk::migrate, "the host `" + to.text + "` cannot be read");
  const DomainSpec there = as_it_goes(declared, applied, observed, to);
  if (const auto why = why_not_migrate(declared, applied, &observed, there))
    return no_power(address, PowerAsk::migrate, why->message, why->help);
  planned_domains_.insert(address);
  const Arrival at =
      migrate(there, applied, observed,
              to == declared.host ? std::nullopt : std::optional<HostName>(declared.host));
  for (Access& access : all_accesses_of_spec(there, AccessOrigin::plan))
    hold(std::move(access), at.there, {}, at.claimed, {});
  charge(to, address, observed.memory.count, at.there, {});
  Change change = change_of(applied.spec, Action::update, "asked for by `hv migrate`");
  change.attributes.push_back({"host", from.text, to.text, How::live});
  plan_.changes.push_back(std::move(change));
}

}  // namespace hv
