// Saved machines: what becomes of one whose memory lies in an image on its host. It holds its disks
// in full, so that nobody else gets them, and goes on as any machine starts: announced, paused,
// looked at, and only then running.
#include <algorithm>

#include "reconciler/planner.h"

namespace hv {
namespace {

// A guest's memory goes through its host's disk, however slow that is.
constexpr Duration kImageTime = milliseconds(5000), kImageTimeout = seconds(600);

// What the state may learn of a machine that is saved.
bool is_for_the_state(const AttributeChange& change) {
  return change.path == "sharing" || change.path.starts_with("lifecycle");
}

}  // namespace

Draft Planner::save(const DomainSpec& spec, const Uuid& uuid, std::set<Draft> after) {
  const auto* not_to_be = spec.attributes.get<bool>("nomigrate");
  if (not_to_be != nullptr && *not_to_be)
    refuse(Code::plan_refused, "`" + to_string(spec.address) + "` cannot be saved",
           "its `nomigrate` says so");
  Operation operation = operation_for(Op::domain_save, spec, uuid);
  operation.timeout = kImageTimeout;
  return add(std::move(operation), "", kImageTime, std::move(after));
}

// What its machine takes of its host's memory it takes until then.
void Planner::charge_until(std::size_t first_charge, Draft saved) {
  for (std::size_t i = first_charge; i < charges_.size(); ++i)
    if (!charges_[i].release) charges_[i].release = saved;
}

// With the disks that it was saved with. What it holds from then on is the caller's to say: it
// begins with the restore, as does whatever else is done to it.
void Planner::restore(const DomainSpec& declared, const AppliedDomain& applied,
                      const ObservedDomain& observed, PowerState becomes) {
  DomainSpec spec = applied.spec;
  spec.vbds = as_found(applied.spec, observed).vbds;
  spec.name = observed.name;
  spec.sharing = declared.sharing;
  spec.place = declared.place;
  spec.state = becomes;
  const Uuid& uuid = applied.uuid;
  std::set<Draft> after = after_move(spec.address);
  for (const Vbd& vbd : spec.vbds)
    if (vbd.backend == "vd")
      if (auto ready = vdisk_ready_.find({Kind::vdisk, vbd.source}); ready != vdisk_ready_.end())
        after.insert(ready->second);
  started_.insert(uuid);
  Operation claim = operation_for(Op::claim_put, spec, uuid);
  claim.claims = claims_of(spec, uuid, nullptr);
  const Draft claimed =
      add(claim, std::to_string(claim.claims.size()) + " disks", kClaimTime, std::move(after));
  Operation bring = operation_for(Op::domain_restore, spec, uuid);
  bring.domain = spec;
  bring.claims = std::move(claim.claims);
  bring.timeout = kImageTimeout;
  for (Access& access : current_accesses(applied, spec.host, &observed)) {
    bring.extents.emplace(access.device, access.extents);  // the disk comes before what is behind
    hold(as_told(std::move(access), applied), {}, claimed, {}, {});
  }
  const Draft restored = add(bring, "", kImageTime, {claimed});
  bring.op = Op::domain_verify;
  Draft last = add(std::move(bring), "", kQuick, {restored});
  if (becomes == PowerState::running)
    last = add(operation_for(Op::domain_unpause, spec, uuid), "", kQuick, {last});
  arrivals_[spec.address] = {spec.host, claimed, restored, last};
}

// What is declared of it beside its state waits until it is there again.
void Planner::defer_until_restored(const DomainSpec& desired, const DomainDiff& diff) {
  Change later = change_of(desired, Action::update, "waits until it is restored");
  later.deferred = true;
  std::copy_if(diff.attributes.begin(), diff.attributes.end(), std::back_inserter(later.attributes),
               [](const AttributeChange& change) { return !is_for_the_state(change); });
  if (later.attributes.empty()) return;
  plan_.notes.push_back("what is changed of " + to_string(desired.address) +
                        " waits until it is restored");
  plan_.changes.push_back(std::move(later));
}

// It stays saved; what needs no machine is written.
void Planner::keep_saved(const DomainSpec& desired, const AppliedDomain& applied,
                         const DomainDiff& diff) {
  keep(applied);
  defer_until_restored(desired, diff);
  DomainSpec spec = applied.spec;
  spec.state = desired.state;
  spec.lifecycle = desired.lifecycle;
  spec.sharing = desired.sharing;
  spec.root = desired.root;
  spec.place = desired.place;
  if (spec.state == applied.spec.state && spec.lifecycle == applied.spec.lifecycle &&
      spec.sharing == applied.spec.sharing && spec.root == applied.spec.root)
    return;
  record(spec, applied.uuid, applied.generation, after_move(desired.address));
  Change change = change_of(desired, Action::update, "declared in " + desired.root);
  std::copy_if(diff.attributes.begin(), diff.attributes.end(),
               std::back_inserter(change.attributes), is_for_the_state);
  if (spec.state != applied.spec.state)
    change.attributes.push_back({"state", std::string(to_string(applied.spec.state)),
                                 std::string(to_string(spec.state)), How::bookkeeping});
  plan_.changes.push_back(std::move(change));
}

void Planner::update_saved(const DomainSpec& desired, const AppliedDomain& applied,
                           const ObservedDomain& observed, DomainDiff diff) {
  const std::string name = to_string(desired.address);
  if (diff.want == PowerState::halted) {
    if (!observed.dying) spend("what was saved of " + name + " discarded");
    return halt(desired, applied, observed, diff);
  }
  if (observed.dying && diff.want == PowerState::saved) {
    plan_.notes.push_back(name +
                          " was begun to be restored, and an image is never used twice: declare it "
                          "running, or halted");
    return keep(applied);
  }
  if (observed.dying) {
    diff.restart.push_back("state");
    return restart(desired, applied, observed, diff,
                   "its image was begun to be restored, and is never used twice; made again");
  }
  if (diff.want == PowerState::saved) return keep_saved(desired, applied, diff);
  restore(desired, applied, observed, diff.want);
  // And then it is a machine like any other.
  ObservedDomain up = observed;
  up.state = diff.want;
  const std::size_t first_change = plan_.changes.size();
  const bool heal = in_.project->drift == DriftPolicy::heal;
  DomainSpec was = applied.spec;
  was.state = diff.want;
  change_machine(desired, applied, &up,
                 diff_domain({desired, was, &up, *in_.schema, heal, cpus_of(applied.spec.host)}));
  const AttributeChange state{"state", "saved", std::string(to_string(diff.want)), How::live};
  for (std::size_t i = first_change; i < plan_.changes.size(); ++i)
    if (!plan_.changes[i].deferred) return plan_.changes[i].attributes.push_back(state);
  Change change = change_of(desired, Action::update, "declared in " + desired.root);
  change.attributes.push_back(state);
  plan_.changes.push_back(std::move(change));
}

// Declared saved, and no machine of it is there.
void Planner::nothing_to_save(const DomainSpec& desired, const AppliedDomain* applied) {
  const std::string name = to_string(desired.address);
  if (applied != nullptr && applied->spec.state == PowerState::saved && !applied->incomplete) {
    plan_.notes.push_back(name + " is declared saved, and neither it nor an image of it is there");
    return keep(*applied);
  }
  refuse(Code::plan_refused,
         "`" + name + "` is declared saved, and there is no machine of it to save",
         "declare it running, and apply that first");
  if (applied != nullptr) keep(*applied);
}

// The step that lets a machine run there.
const Planner::DraftStep* Planner::start_of(const Uuid& uuid, const HostName& where) const {
  const auto starts = [&](const Operation& operation) {
    if (operation.uuid != uuid) return false;
    if (operation.op == Op::domain_migrate) return operation.peer == where;
    return operation.host == where &&
           (operation.op == Op::domain_create || operation.op == Op::domain_restore ||
            operation.op == Op::domain_unpause);
  };
  auto step = std::find_if(drafts_.begin(), drafts_.end(),
                           [&](const DraftStep& each) { return starts(each.operation); });
  return step == drafts_.end() ? nullptr : &*step;
}

// What xendomains, or somebody's `xl save`, left of a machine of ours: its host lets it go on from
// there at boot, with a memory that knows nothing of what its disks hold by then.
void Planner::check_save_files() {
  for (const auto& [name, observation] : in_.observation->hosts) {
    std::set<std::string> told;
    for (const LatentAccess& latent : observation.latent) {
      auto ours = ours_.find(latent.uuid);
      if (latent.what != "save file" || ours == ours_.end()) continue;
      if (!told.insert(latent.file).second) continue;
      const std::string machine_name = to_string(ours->second);
      if (start_of(latent.uuid, name) != nullptr) {
        refuse(Code::plan_refused,
               "`" + machine_name + "` would start while its memory lies saved on " + name.text +
                   " in `" + latent.file + "`, not by hv",
               "`xl restore " + latent.file +
                   "` there lets it go on; remove the file then, or now to start it afresh: a host "
                   "that boots lets it go on from there, over disks that are newer");
        continue;
      }
      const std::string file = "`" + latent.file + "` on " + name.text;
      if (machine(name, latent.uuid) == nullptr)
        plan_.notes.push_back(machine_name + " lies saved in " + file +
                              ", not by hv: `xl restore " + latent.file + "` there lets it go on");
      else
        plan_.notes.push_back(file + " keeps an earlier memory of " + machine_name +
                              ": a host that boots lets it go on from there, over disks that are "
                              "newer; remove it");
    }
  }
}

void Planner::save_by_hand(const AppliedDomain& applied) {
  const std::size_t first_charge = charges_.size();
  keep(applied);
  const Draft saved = save(applied.spec, applied.uuid, after_move(applied.spec.address));
  charge_until(first_charge, saved);
  if (applied.spec.state != PowerState::saved)
    record(applied.spec, applied.uuid, applied.generation, {saved});
  Change change = change_of(applied.spec, Action::update, "asked for by `hv save`");
  change.attributes.push_back({"state", "running", "saved", How::live});
  change.downtime = Downtime::gone;
  plan_.changes.push_back(std::move(change));
}

void Planner::restore_by_hand(const DomainSpec& declared, const AppliedDomain& applied,
                              const ObservedDomain& observed) {
  restore(declared, applied, observed, PowerState::running);
  keep(applied);
  charge(declared.host, declared.address, observed.memory.count, {}, {});
  if (applied.spec.state != PowerState::running) {
    DomainSpec as_applied = applied.spec;
    as_applied.vbds = as_found(applied.spec, observed).vbds;
    record(as_applied, applied.uuid, applied.generation, after_move(declared.address));
  }
  Change change = change_of(applied.spec, Action::update, "asked for by `hv restore`");
  change.attributes.push_back({"state", "saved", "running", How::live});
  plan_.changes.push_back(std::move(change));
}

}  // namespace hv
