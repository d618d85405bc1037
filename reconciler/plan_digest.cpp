// The digest of a plan: its inputs, its steps, and of the observation what the steps rely on.
//
// Epochs are not in it: every apply raises them before it looks, and the hosts compare them
// themselves. Nor is anything live that no step touches or meets.
#include <algorithm>

#include "base/hash.h"
#include "hv/model/codec.h"
#include "hv/storage/storage.h"
#include "reconciler/extent_index.h"
#include "reconciler/plan.h"

namespace hv {
namespace {

// By a name for people, so that what moved since can be told.
using ReadSet = std::map<std::string, std::string>;

// A saved plan has no secrets; the sources they came from are among its inputs.
void clean(Attributes& attributes) {
  Attributes kept;
  for (const Attributes::Entry& entry : attributes)
    kept.set(entry.name, entry.value.get<Secret>() != nullptr ? Value(Secret{}) : entry.value);
  attributes = std::move(kept);
}

void fill(const Attributes& declared, Attributes& attributes) {
  Attributes filled = attributes;
  for (const Attributes::Entry& entry : attributes) {
    const Value* value = declared.find(entry.name);
    if (entry.value.get<Secret>() != nullptr && value != nullptr) filled.set(entry.name, *value);
  }
  attributes = std::move(filled);
}

std::string digest_of(Operation operation) {
  if (operation.domain) clean(operation.domain->attributes);
  clean(operation.settings);
  // A claim names the epoch of the command that makes it: that of apply, not that of plan.
  for (Claim& claim : operation.claims) {
    claim.epoch = Epoch{};
    claim.lineage = Uuid{};
  }
  return sha256_hex(encode(operation));
}

std::string text_of(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents)
    text += " " + extent.store.text + "+" + std::to_string(extent.start.count) + "+" +
            std::to_string(extent.count.count);
  return text;
}

// Grants by what they say: their numbers depend on the order of declaration.
std::string text_of(const Access& access, const DesiredGraph& desired) {
  std::string text = access.host.text + " " + access.party.text + " " + access.device + " " +
                     std::string(to_string(access.mode)) + " " + std::to_string(access.permitted) +
                     text_of(access.extents);
  std::set<std::string> grants;
  for (const uint32_t index : access.grants) {
    if (index >= desired.grants.size()) continue;
    const ShareGrant& grant = desired.grants[index];
    grants.insert(grant.source + "|" + (grant.vdisk ? to_string(*grant.vdisk) : "") + "|" +
                  grant.filesystem);
  }
  for (const std::string& grant : grants) text += " grant " + grant;
  return text;
}

template <typename List>
std::string joined(const std::optional<List>& list, const auto& text_of_one) {
  if (!list) return "any";
  std::string text;
  for (const auto& one : *list) text += text_of_one(one) + ",";
  return text;
}

class Reader {
 public:
  Reader(const Plan& plan, const PlanRequest& request, const Observation& observation)
      : plan_(plan), request_(request), observation_(observation) {}

  ReadSet run() {
    for (const Step& step : plan_.steps) touch(step.operation);
    for (const Hold& hold : plan_.holds)
      if (hold.acquire)
        for (const Extent& extent : hold.access.extents) attached_.add(extent, 0);
    for (const auto& [name, host] : observation_.hosts) {
      if (hosts_.contains(name)) read_host(host);
      read_machines(host);
      read_storage(host);
      meet(host);
    }
    for (const JournalEntry& entry : request_.open_intents)
      for (const Access& access : entry.intent.accesses)
        note_if_met(access, "the unsettled operation " + entry.intent.id.text);
    return std::move(read_);
  }

 private:
  void touch(const Operation& operation) {
    hosts_.insert(operation.host);
    if (!operation.uuid.is_nil()) uuids_.insert(operation.uuid);
    if ((operation.op == Op::domain_create || operation.op == Op::domain_restore) &&
        operation.domain)
      names_.insert({operation.host, operation.domain->name});
    if (operation.op == Op::domain_migrate && operation.peer && operation.domain) {
      hosts_.insert(*operation.peer);
      names_.insert({*operation.peer, operation.domain->name});
    }
    if (operation.op == Op::domain_rename) names_.insert({operation.host, operation.name});
    if (operation.op == Op::vdisk_create || operation.op == Op::vdisk_enlarge)
      if (auto own = operation.extents.find(""); own != operation.extents.end())
        made_[operation.address] = own->second;
  }

  void note(const std::string& what, const std::string& text) { read_[what] += text + "\n"; }

  void read_host(const HostObservation& host) {
    std::string text = host.reachable ? "read " : "unread ";
    text += host.host_id + " " + std::to_string(host.memory_total.count) + " " +
            std::to_string(host.cpus);
    const auto itself = [](const std::string& one) { return one; };
    text += " bridges " + joined(host.bridges, itself) + " files " + joined(host.files, itself);
    text += " disks " + joined(host.disks, [](const auto& disk) {
              return disk.first + "=" + std::to_string(disk.second.count);
            });
    // Our own lineage is remembered from the first apply on.
    for (const ProjectMemory& memory : host.projects)
      if (memory.project == plan_.project_id && memory.lineage != request_.head.lineage)
        text += " lineage " + to_string(memory.lineage);
    note("the host " + host.host.text, text);
    note("the boot of " + host.host.text, host.boot_id);
  }

  // Those that are changed, wherever they are, and who has a name that is needed.
  void read_machines(const HostObservation& host) {
    for (const ObservedDomain& domain : host.domains) {
      const std::string what = "the machine " + domain.name + " on " + host.host.text;
      if (uuids_.contains(domain.uuid)) note(what, sha256_hex(encode(domain)));
      if (names_.contains({host.host, domain.name})) note(what, to_string(domain.uuid));
    }
    for (const LatentAccess& latent : host.latent)
      if (latent.what == "save file" && uuids_.contains(latent.uuid))
        note("the save file of " + latent.name + " on " + host.host.text, latent.file);
  }

  void read_storage(const HostObservation& host) {
    for (const ObservedVdisk& vdisk : host.vdisks)
      if (uuids_.contains(vdisk.uuid))
        note("the virtual disk " + vdisk.name + " on " + host.host.text, text_of(vdisk.extents));
    for (const ObservedPool& pool : host.pools)
      if (uuids_.contains(pool.uuid)) {
        std::string devices;
        for (const std::string& device : pool.devices) devices += device + ",";
        note("the pool " + pool.name + " on " + host.host.text, devices);
      }
  }

  // Whoever accesses what the plan attaches.
  void meet(const HostObservation& host) {
    for (const Access& access : foreign_accesses(host, {}, context()))
      note_if_met(access, "an access of " + access.party.text);
    for (const Claim& claim : host.claims) {
      if (claim.project == plan_.project_id) continue;
      Access access;
      access.party = Party{to_string(claim.project) + " " + to_string(claim.address)};
      access.host = host.host;
      access.device = claim.device;
      access.extents = claimed_extents(claim.extents, host.host, context());
      access.mode = claim.mode;
      access.permitted = claim.permitted;
      note_if_met(access, "a claim of another project on " + host.host.text);
      for (const Access& behind : accesses_behind(claim, access.party, host.host, context()))
        note_if_met(behind, "a claim of another project on " + host.host.text);
    }
    if (!host.uses) return;
    for (const Access& access : merged_host_accesses(host.host, context(), &host))
      note_if_met(access, "what " + host.host.text + " has open itself");
  }

  void note_if_met(const Access& access, const std::string& what) {
    const bool met = std::any_of(access.extents.begin(), access.extents.end(),
                                 [&](const Extent& each) { return attached_.any_overlap(each); });
    if (met) note(what, text_of(access, *request_.desired));
  }

  const StorageContext& context() {
    if (context_) return *context_;
    context_.emplace();
    context_->map = request_.storage;
    for (const auto& [address, vdisk] : request_.applied->vdisks)
      if (!vdisk.expired) context_->vdisks[address] = vdisk.extents;
    for (const auto& [address, extents] : made_) context_->vdisks[address] = extents;
    for (const auto& [store, statement] : request_.project->stores)
      context_->local_stores[normalise_name(store.text)] = statement.hosts;
    return *context_;
  }

  const Plan& plan_;
  const PlanRequest& request_;
  const Observation& observation_;
  ReadSet read_;
  std::set<HostName> hosts_;
  std::set<Uuid> uuids_;
  std::set<std::pair<HostName, std::string>> names_;
  std::map<Address, std::vector<Extent>> made_;
  ExtentIndex attached_;
  std::optional<StorageContext> context_;
};

std::string digest_over(const Plan& plan, const PlanRequest& request,
                        const Observation& observation) {
  std::string text = "hv " + request.version + "\n" + to_string(plan.project_id) + "\n" +
                     to_string(plan.lineage) + " " + std::to_string(plan.serial.value) + "\n";
  std::vector<InputFile> inputs = plan.inputs;
  std::sort(inputs.begin(), inputs.end());
  for (const InputFile& input : inputs) text += input.file + " " + input.sha256 + "\n";
  for (const auto& [name, value] : plan.params) text += name + "=" + value + "\n";
  for (const Step& step : plan.steps) {
    text += digest_of(step.operation);
    for (const StepId before : step.after) text += " " + std::to_string(before.value);
    text += "\n";
  }
  std::vector<std::string> holds;
  for (const Hold& hold : plan.holds)
    holds.push_back(text_of(hold.access, *request.desired) + " from " +
                    (hold.acquire ? std::to_string(hold.acquire->value) : "before") + " to " +
                    (hold.release ? std::to_string(hold.release->value) : "after") + "\n");
  std::sort(holds.begin(), holds.end());
  for (const std::string& hold : holds) text += hold;
  for (const Error& refusal : plan.refusals) text += refusal.message + "\n";
  for (const auto& [what, value] : Reader(plan, request, observation).run())
    text += what + ": " + value;
  return sha256_hex(text);
}

Error stale(const std::string& what) {
  return Error{Code::plan_stale, "the saved plan no longer fits: " + what,
               "make it again with `hv plan -o FILE`, and look at it again"};
}

Status same_inputs(const Plan& saved, const PlanRequest& now) {
  // Planned before there was a store: the one that was made since is its store.
  const bool elsewhere = !saved.lineage.is_nil() && saved.lineage != now.head.lineage;
  if ((elsewhere && !now.applied->empty()) ||
      saved.project_id != project_uuid(*now.project, now.head))
    return stale("it was made for another state");
  for (const InputFile& input : now.desired->inputs) {
    auto before = std::find_if(saved.inputs.begin(), saved.inputs.end(),
                               [&](const InputFile& each) { return each.file == input.file; });
    if (before == saved.inputs.end()) return stale("`" + input.file + "` is new among its inputs");
    if (before->sha256 != input.sha256) return stale("`" + input.file + "` was changed");
  }
  if (saved.inputs.size() != now.desired->inputs.size()) return stale("an input is gone");
  if (saved.params != now.desired->params) return stale("its parameters are others");
  return {};
}

Status same_serial(const Plan& saved, const PlanRequest& now) {
  if (saved.serial == now.head.serial) return {};
  return stale("the state has moved from serial " + std::to_string(saved.serial.value) + " to " +
               std::to_string(now.head.serial.value));
}

Status same_hosts(const Plan& saved, const PlanRequest& now) {
  for (const auto& [name, host] : saved.observation.hosts) {
    const HostObservation* other = now.observation->find(name);
    if (other == nullptr || other->reachable != host.reachable)
      return stale("the host `" + name.text + "` answers differently");
    if (other->boot_id != host.boot_id) return stale("the host `" + name.text + "` was rebooted");
  }
  return {};
}

Status same_facts(const Plan& saved, const PlanRequest& now) {
  const ReadSet before = Reader(saved, now, saved.observation).run();
  const ReadSet after = Reader(saved, now, *now.observation).run();
  std::set<std::string> moved;
  for (const auto& [what, value] : before) {
    auto found = after.find(what);
    if (found == after.end() || found->second != value) moved.insert(what);
  }
  for (const auto& [what, value] : after)
    if (!before.contains(what)) moved.insert(what);
  std::string words;
  for (const std::string& what : moved) words += (words.empty() ? ": " : ", ") + what;
  if (!moved.empty()) return stale("what runs on its hosts has changed" + words);
  return {};
}

// Machines that the plan does not touch may take more memory than they did: it must still do.
Status enough_memory(const Plan& saved, const PlanRequest& now) {
  std::set<Uuid> touched;
  for (const Step& step : saved.steps) touched.insert(step.operation.uuid);
  const auto others = [&](const Observation& observation, const HostName& name) {
    int64_t sum = 0;
    if (const HostObservation* host = observation.find(name))
      for (const ObservedDomain& domain : host->domains)
        if (!touched.contains(domain.uuid)) sum += memory_taken(domain).count;
    return sum;
  };
  for (const Proof::Peak& peak : saved.proof.peaks) {
    const int64_t more = others(*now.observation, peak.host) - others(saved.observation, peak.host);
    if (more > 0 && peak.amount + more > peak.capacity)
      return stale("other machines on `" + peak.host.text + "` take " + to_human(bytes(more)) +
                   " more memory than they did");
  }
  return {};
}

}  // namespace

std::string plan_digest(const Plan& plan, const PlanRequest& request) {
  return digest_over(plan, request, *request.observation);
}

namespace {

// The plan of a file, with the secrets that no file holds.
Plan made_whole(const Plan& saved, const PlanRequest& now) {
  Plan plan = saved;
  plan.lineage = now.head.lineage;
  plan.observation = *now.observation;
  for (Step& step : plan.steps) {
    for (Claim& claim : step.operation.claims) {
      claim.epoch = now.head.epoch;
      claim.lineage = now.head.lineage;
    }
    const auto* declared = now.desired->get<DomainSpec>(step.operation.address);
    if (declared == nullptr) continue;
    if (step.operation.domain) fill(declared->attributes, step.operation.domain->attributes);
    fill(declared->attributes, step.operation.settings);
  }
  return plan;
}

}  // namespace

std::string steps_digest(const Plan& plan) {
  std::string text = plan.digest + "\n";
  for (const Step& step : plan.steps) {
    text += std::to_string(step.id.value) + " " + digest_of(step.operation);
    for (const StepId before : step.after) text += " " + std::to_string(before.value);
    text += "\n";
  }
  Plan holds;
  holds.holds = plan.holds;
  return sha256_hex(text + sha256_hex(encode(holds)));
}

Result<Plan> resume(const Plan& saved, const PlanRecord& begun, const PlanRequest& now) {
  if (begun.ended) return stale("it was carried out already");
  TRY(same_inputs(saved, now));
  TRY(same_hosts(saved, now));
  if (steps_digest(saved) != begun.digest) return stale("it is not the plan that was begun");
  return made_whole(saved, now);
}

Result<Plan> make_again(const Plan& saved, const PlanRequest& now) {
  TRY(same_inputs(saved, now));
  TRY(same_serial(saved, now));
  TRY(same_hosts(saved, now));
  TRY(same_facts(saved, now));
  TRY(enough_memory(saved, now));
  if (digest_over(saved, now, *now.observation) != saved.digest)
    return stale("it was made by another hv, or with other operations unsettled");
  return made_whole(saved, now);
}

}  // namespace hv
