#include "reconciler/test_world.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/hash.h"

namespace hv::testing {

void Moments::pass() {
  ++count_;
  if (look) look();
  if (count_ == at_) throw Crash{};
}

CrashingStore::CrashingStore(Moments& moments, uint64_t seed) : moments_(moments), seed_(seed) {
  SeededRandom random(seed_);
  store_ = make_memory_store(random);
}

Status CrashingStore::commit(const Transition& transition) {
  moments_.pass();
  if (refusal_) return *refusal_;
  TRY(store_->commit(transition));
  log_.push_back(transition);
  moments_.pass();
  return {};
}

void CrashingStore::lose_power() {
  while (!log_.empty() && !log_.back().sync) log_.pop_back();
  SeededRandom random(seed_);
  store_ = make_memory_store(random);
  for (const Transition& transition : log_) {
    Status again = store_->commit(transition);
    HV_CHECK(again.ok(), "a transition that was committed once is refused");
  }
}

HostObservation CrashingDriver::observe() {
  moments_.pass();
  HostObservation seen = driver_.observe();
  moments_.pass();
  return seen;
}

Status CrashingDriver::enter(const Caller& caller, bool take_over) {
  moments_.pass();
  Status status = driver_.enter(caller, take_over);
  moments_.pass();
  return status;
}

Status CrashingDriver::begin(const OperationId& id, const Caller& caller,
                             const Operation& operation) {
  moments_.pass();
  Status status = driver_.begin(id, caller, operation);
  moments_.pass();
  return status;
}

OperationResult CrashingDriver::result(const OperationId& id) {
  moments_.pass();
  OperationResult result = driver_.result(id);
  moments_.pass();
  return result;
}

void CrashingDriver::poll() {
  moments_.pass();
  driver_.poll();
  moments_.pass();
}

Status CrashingDriver::put_claims(const Caller& caller, const std::vector<Claim>& claims) {
  moments_.pass();
  Status status = driver_.put_claims(caller, claims);
  moments_.pass();
  return status;
}

Status CrashingDriver::drop_claims(const Caller& caller, const Uuid& uuid,
                                   const std::optional<std::string>& device) {
  moments_.pass();
  Status status = driver_.drop_claims(caller, uuid, device);
  moments_.pass();
  return status;
}

World::World(uint64_t seed, std::vector<std::string> hosts, int speed_percent)
    : random(seed), speed_percent_(speed_percent) {
  project.has_file = true;
  project.root = "world";
  project.name = "world";
  project.id = uuid_v4(random);
  project.max_destroy = {1000, false};
  project.max_destroy_set = true;
  if (hosts.size() == 1) project.host = HostName{hosts[0]};
  for (const std::string& name : hosts) {
    HostConfig config;
    config.name = HostName{name};
    project.hosts[config.name] = config;
    databases_[config.name] = make_memory_host_store();
  }
  store_ = std::make_unique<CrashingStore>(moments, seed + 1);
  options.poll_every = milliseconds(500);
  options.who = "tester@world";
  die();
}

World::~World() = default;

void World::die() {
  drivers_.clear();
  wrapped_.clear();
  sims_.clear();
  for (auto& [name, database] : databases_) {
    SimConfig config;
    config.host = name;
    config.memory = gib(8);
    config.disks = {{"sda", gib(4096)}, {"sdb", gib(4096)}, {"sdz", gib(4096)}};
    config.speed_percent = speed_percent_;
    auto sim = make_sim_driver(config, *database, Schema::builtin(), clock);
    HV_CHECK(sim.ok(), "a simulated host does not start");
    sims_[name] = std::move(sim).value();
    for (auto& [other, known] : sims_)
      if (other != name) {
        known->know(*sims_[name]);
        sims_[name]->know(*known);
      }
    wrapped_[name] = std::make_unique<CrashingDriver>(moments, *sims_[name]);
    drivers_[name] = wrapped_[name].get();
  }
}

ApplyContext World::context() {
  ApplyContext context{*store_, drivers_, Schema::builtin(), project, clock, random};
  context.storage = storage;
  return context;
}

void World::advance(Duration duration) {
  clock.sleep(duration);
  for (auto& [name, sim] : sims_) sim->poll();
}

void World::declare(std::vector<Resource> resources) {
  desired = DesiredGraph();
  for (Resource& resource : resources)
    HV_CHECK(desired.add(std::move(resource)), "a resource is declared twice");
  for (const Resource& resource : desired.resources()) {
    const auto* domain = std::get_if<DomainSpec>(&resource);
    if (domain != nullptr)
      for (const Vbd& vbd : domain->vbds)
        if (vbd.backend == "vd")
          desired.add_reference({domain->address, {Kind::vdisk, vbd.source}, {}});
    if (const auto* vdisk = std::get_if<VdiskSpec>(&resource))
      desired.add_reference({vdisk->address, vdisk->pool, {}});
  }
  desired.roots = {"world.vm"};
}

Result<Plan> World::plan(Scope scope) {
  Applied applied = TRY(store_->applied());
  Observation observation = observe_all(drivers_, clock);
  PlanRequest request;
  request.desired = &desired;
  request.applied = &applied;
  request.observation = &observation;
  request.project = &project;
  request.schema = &Schema::builtin();
  for (const auto& [name, driver] : drivers_) request.capabilities[name] = driver->capabilities();
  request.check = [this](const Operation& operation) {
    return drivers_.at(operation.host)->check(operation);
  };
  request.open_intents = TRY(store_->open_intents());
  request.head = store_->head();
  request.scope = std::move(scope);
  request.storage = storage;
  request.version = "test";
  request.id = PlanId{to_hex(sha1(std::to_string(random.next()))).substr(0, 16)};
  if (ask) ask(request);
  return make_plan(request);
}

Result<ApplyReport> World::apply(const Plan& plan) {
  return apply_plan(plan, context(), options);
}

Result<std::vector<Settled>> World::recover() {
  return hv::recover(context(), options);
}

std::string World::change() {
  auto settled = recover();
  if (!settled.ok()) return "recover: " + settled.error().message;
  auto planned = plan();
  if (!planned.ok()) return "plan: " + planned.error().message;
  if (!planned->applicable) {
    std::string why = "refused:";
    for (const Error& refusal : planned->refusals) why += " " + refusal.message + ";";
    return why;
  }
  auto report = apply(*planned);
  if (!report.ok()) return "apply: " + report.error().message;
  std::string text;
  for (const StepFailure& failure : report->failures)
    text += failure.what + ": " + failure.why + "; ";
  return text;
}

namespace {

int permitted_by(const DomainSpec& domain) {
  return domain.sharing.value_or(0);
}

bool share(const SimDriver::OpenDevice& a, const SimDriver::OpenDevice& b) {
  for (const Extent& x : a.extents)
    for (const Extent& y : b.extents)
      if (overlap(x, y)) return true;
  return a.vbd.backend != "vd" && b.vbd.backend != "vd" && !a.vbd.source.empty() &&
         a.vbd.source == b.vbd.source;
}

std::string compare(const DomainSpec& want, const ObservedDomain& have) {
  if (have.name != want.name) return "name is " + have.name;
  if (have.state != want.state) return "state is " + std::string(to_string(have.state));
  if (have.dying) return "it is dying";
  if (const Bytes* memory = want.attributes.get<Bytes>("memory"); memory && have.memory != *memory)
    return "memory is " + to_human(have.memory);
  if (have.vbds.size() != want.vbds.size())
    return "it has " + std::to_string(have.vbds.size()) + " disks, not " +
           std::to_string(want.vbds.size());
  for (const Vbd& vbd : want.vbds) {
    auto found = std::find_if(have.vbds.begin(), have.vbds.end(),
                              [&](const ObservedVbd& it) { return it.vbd.device == vbd.device; });
    if (found == have.vbds.end()) return "no disk " + vbd.device;
    if (found->vbd.source != vbd.source) return vbd.device + " is " + found->vbd.source;
    if (found->vbd.mode != vbd.mode) return vbd.device + " has another mode";
    if (!found->connected) return vbd.device + " is not connected";
  }
  return "";
}

}  // namespace

std::string World::broken_invariant() {
  std::map<std::string, int> declared;
  for (const Resource& resource : desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource))
      declared[domain->name] = permitted_by(*domain);
  // A machine has its old name until it restarts.
  for (const Moved& moved : desired.moved)
    if (const auto* domain = desired.get<DomainSpec>(moved.to))
      declared.emplace(moved.from.name, permitted_by(*domain));
  // One that is no longer declared permits what it did, for as long as it is there.
  const auto permitted = [&](std::string name) {
    // The copy that a migration makes permits what its machine does.
    if (const std::size_t copy = name.find("--incoming"); copy != std::string::npos)
      name.resize(copy);
    if (auto found = declared.find(name); found != declared.end()) return found->second;
    const auto applied = store_->applied();
    for (const auto& [address, domain] : applied->domains)
      if (domain.spec.name == name) return permitted_by(domain.spec);
    return 0;
  };
  std::map<Uuid, int> running;
  for (auto& [name, sim] : sims_)
    for (const ObservedDomain& domain : sim->observe().domains)
      if (domain.state == PowerState::running && !domain.dying && ++running[domain.uuid] > 1)
        return domain.name + " runs twice";
  for (auto& [name, sim] : sims_) {
    std::vector<SimDriver::OpenDevice> open = sim->open_devices();
    for (std::size_t i = 0; i < open.size(); ++i)
      for (std::size_t j = i + 1; j < open.size(); ++j) {
        if (!share(open[i], open[j])) continue;
        int writers = writes(open[i].vbd.mode) + writes(open[j].vbd.mode);
        int most = std::min(permitted(open[i].name), permitted(open[j].name));
        if (writers > most)
          return open[i].name + " " + open[i].vbd.device + " and " + open[j].name + " " +
                 open[j].vbd.device + " share at level " + std::to_string(writers);
      }
    HostObservation host = sim->observe();
    if (!host.reachable) continue;
    // What is saved keeps its disks.
    for (const ObservedDomain& domain : host.domains) {
      if (domain.state != PowerState::saved || domain.dying) continue;
      for (const ObservedVbd& vbd : domain.vbds)
        for (const SimDriver::OpenDevice& other : open) {
          const SimDriver::OpenDevice mine{domain.uuid, domain.name, vbd.vbd, {}};
          const int writers = writes(vbd.vbd.mode) + writes(other.vbd.mode);
          if (other.uuid != domain.uuid && share(mine, other) &&
              writers > std::min(permitted(domain.name), permitted(other.name)))
            return domain.name + " is saved, and " + other.name + " has its " + vbd.vbd.device;
        }
    }
    std::set<std::string> names;
    std::set<Uuid> uuids;
    Bytes taken;
    for (const ObservedDomain& domain : host.domains) {
      if (domain.domid.value == 0) continue;
      if (!domain.dying && !names.insert(domain.name).second) return "two are " + domain.name;
      if (!uuids.insert(domain.uuid).second) return "two have the UUID of " + domain.name;
      taken += domain.memory;
    }
    if (taken > host.memory_total) return "memory is overdrawn";
    for (const DomainSpec& other : alien) {
      if (other.host != name) continue;
      auto found = std::find_if(host.domains.begin(), host.domains.end(),
                                [&](const ObservedDomain& it) { return it.name == other.name; });
      if (found == host.domains.end()) return other.name + " is not ours and is gone";
      if (std::string what = compare(other, *found); !what.empty())
        return other.name + " is not ours and was changed: " + what;
    }
  }
  return "";
}

std::string World::difference() {
  std::size_t wanted = 0;
  std::size_t there = 0;
  for (auto& [name, sim] : sims_) {
    HostObservation host = sim->observe();
    if (!host.reachable) return name.text + " is unreachable";
    there += host.domains.size();
    for (const Claim& claim : host.claims) {
      if (claim.address.kind == Kind::domain && find_domain(host, claim.uuid) == nullptr)
        return "a claim is left over from " + to_string(claim.address);
    }
  }
  std::vector<DomainSpec> all = alien;
  for (const Resource& resource : desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource)) all.push_back(*domain);
  for (const DomainSpec& domain : all) {
    if (domain.state == PowerState::halted) continue;
    ++wanted;
    HostObservation host = sims_.at(domain.host)->observe();
    auto found = std::find_if(host.domains.begin(), host.domains.end(),
                              [&](const ObservedDomain& it) { return it.name == domain.name; });
    if (found == host.domains.end()) return domain.name + " is not there";
    if (std::string what = compare(domain, *found); !what.empty()) return domain.name + ": " + what;
  }
  if (there != wanted) return std::to_string(there) + " machines, not " + std::to_string(wanted);
  return "";
}

DomainSpec machine(const std::string& name, Bytes memory, const std::vector<std::string>& disks,
                   const std::string& host) {
  DomainSpec domain;
  domain.address = {Kind::domain, name};
  domain.name = name;
  domain.host = HostName{host};
  domain.attributes.set("memory", memory);
  domain.attributes.set("maxmem", gib(2));
  domain.attributes.set("vcpus", int64_t{1});
  domain.attributes.set("kernel", "/boot/vmlinuz");
  domain.sets_disk = true;
  domain.root = "world.vm";
  for (const std::string& text : disks) {
    std::istringstream words(text);
    Vbd vbd;
    std::string mode;
    words >> vbd.device >> vbd.source >> mode;
    vbd.mode = access_mode_from(mode).value_or(AccessMode::read);
    vbd.backend = "phy";
    if (vbd.source.starts_with("vd:")) {
      vbd.source = vbd.source.substr(3);
      vbd.backend = "vd";
    }
    vbd.written = text;
    domain.vbds.push_back(std::move(vbd));
  }
  return domain;
}

}  // namespace hv::testing
