#include "hv/drivers/sim/sim.h"

#include <algorithm>

#include "hv/drivers/sim/sim_host.h"

namespace hv {
namespace {

// How long things take on an idle host; of the order of real Xen, some times faster.
Duration usual(Op op) {
  switch (op) {
    case Op::domain_create:
      return milliseconds(400);
    case Op::domain_shutdown:
    case Op::domain_save:
    case Op::domain_restore:
    case Op::domain_migrate:
      return milliseconds(600);
    case Op::domain_destroy:
    case Op::domain_unrestore:
      return milliseconds(150);
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_rename:
      return milliseconds(50);
    case Op::domain_memory:
      return milliseconds(80);
    case Op::domain_vcpus:
    case Op::domain_schedule:
      return milliseconds(60);
    case Op::vbd_attach:
    case Op::vbd_detach:
    case Op::vbd_enlarge:
      return milliseconds(120);
    case Op::vif_attach:
    case Op::vif_detach:
      return milliseconds(80);
    case Op::pool_initialise:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
      return milliseconds(100);
    case Op::claim_put:
    case Op::claim_drop:
    case Op::domain_verify:
    case Op::record_state:
      break;
  }
  return milliseconds(0);
}

// A backend lets go of a device some time after the toolstack said that it is gone.
constexpr Duration kReleaseLag = milliseconds(100);

bool is_host_operation(Op op) {
  return op != Op::claim_put && op != Op::claim_drop && op != Op::domain_verify &&
         op != Op::record_state;
}

bool releases(Op op) {
  return op == Op::vbd_detach || op == Op::domain_destroy || op == Op::domain_shutdown ||
         op == Op::domain_save || op == Op::domain_unrestore || op == Op::domain_migrate;
}

// A plan file may have been written by anybody.
const char* reason_not_whole(const Operation& operation) {
  switch (operation.op) {
    case Op::domain_create:
      return operation.domain ? nullptr : "names no domain";
    case Op::domain_migrate:
      return operation.peer ? nullptr : "names no host";
    case Op::vbd_attach:
    case Op::vbd_detach:
    case Op::vbd_enlarge:
      return operation.vbd ? nullptr : "names no disk";
    case Op::vif_attach:
    case Op::vif_detach:
      return operation.vif ? nullptr : "names no interface";
    case Op::pool_initialise:
      return operation.pool ? nullptr : "names no pool";
    case Op::domain_rename:
      return operation.name.empty() ? "names no name" : nullptr;
    case Op::domain_shutdown:
    case Op::domain_destroy:
    case Op::domain_unpause:
    case Op::domain_pause:
    case Op::domain_save:
    case Op::domain_restore:
    case Op::domain_unrestore:
    case Op::domain_memory:
    case Op::domain_vcpus:
    case Op::domain_schedule:
    case Op::vdisk_create:
    case Op::vdisk_enlarge:
    case Op::vdisk_expire:
      return nullptr;
    case Op::claim_put:
    case Op::claim_drop:
    case Op::domain_verify:
    case Op::record_state:
      break;
  }
  return "is no operation of a host";
}

class Simulator final : public SimDriver {
 public:
  Simulator(const SimConfig& config, HostStore& store, const Schema& schema, Clock& clock)
      : config_(config), clock_(clock), host_(config_, store, schema) {
    capabilities_.simulated = true;
    capabilities_.version = "simulated";
    for (const Op op : all_ops())
      if (is_host_operation(op)) capabilities_.operations.insert(op);
  }

  Status load() {
    TRY(host_.load());
    return host_.save();
  }

  const Capabilities& capabilities() const override { return capabilities_; }

  HostObservation observe() override {
    advance();
    if (unreachable()) {
      HostObservation seen;
      seen.host = config_.host;
      seen.simulated = true;
      seen.at = clock_.now();
      seen.reason = broken_.empty() ? "no answer (simulated)" : broken_;
      return seen;
    }
    return host_.observe(clock_.now());
  }

  Status enter(const Caller& caller, bool take_over) override {
    advance();
    if (unreachable()) return gone();
    auto known = host_.projects.find(caller.project);
    if (known != host_.projects.end()) {
      if (known->second.lineage != caller.lineage && !take_over)
        return Error{Code::host_fenced,
                     "the host `" + config_.host.text + "` knows another store of this project",
                     "--take-over makes this one the project's store"};
      if (known->second.epoch > caller.epoch)
        return Error{Code::host_fenced,
                     "the host `" + config_.host.text + "` has seen epoch " +
                         std::to_string(known->second.epoch.value) + " of this project, ours is " +
                         std::to_string(caller.epoch.value),
                     "a newer hv works on it; `hv state rebuild` brings this store up to date"};
    }
    host_.projects[caller.project] =
        ProjectMemory{caller.project, caller.lineage, caller.epoch, caller.serial};
    host_.touch("project/" + to_string(caller.project));
    TRY(keep());
    // What an older hv began is waited for, not raced.
    while (const SimOperation* older = unended(caller)) {
      if (unreachable()) return gone();
      const Duration wait = since(clock_.now(), older->due);
      clock_.sleep(std::max(wait, milliseconds(1)));
      advance();
    }
    for (auto it = host_.operations.begin(); it != host_.operations.end();) {
      const bool old = it->second.project == caller.project && it->second.epoch < caller.epoch &&
                       it->second.phase == SimOperation::Phase::ended;
      if (old) host_.touch("op/" + it->first);
      it = old ? host_.operations.erase(it) : std::next(it);
    }
    return keep();
  }

  Status begin(const OperationId& id, const Caller& caller, const Operation& operation) override {
    advance();
    if (unreachable()) return gone();
    if (host_.operations.contains(id.text)) return {};
    TRY(admitted(caller));
    if (const char* why = reason_not_whole(operation))
      return Error{
          Code::operation_failed, "`" + std::string(to_string(operation.op)) + "` " + why, {}};
    SimFault fault;
    if (faults_) fault = faults_(id, operation);
    SimOperation started;
    started.id = id;
    started.operation = operation;
    started.project = caller.project;
    started.epoch = caller.epoch;
    started.sequence = host_.next_sequence++;
    started.fault = fault.kind;
    started.message = fault.message;
    Duration takes{{usual(operation.op).count * config_.speed_percent / 100}};
    switch (fault.kind) {
      case SimFault::Kind::stall:
        takes += fault.delay;
        break;
      case SimFault::Kind::ignore_shutdown:
        if (operation.op == Op::domain_shutdown) takes = operation.timeout;
        break;
      case SimFault::Kind::unreachable:
        unreachable_until_ = clock_.now() + fault.delay;
        break;
      case SimFault::Kind::none:
      case SimFault::Kind::fail_before:
      case SimFault::Kind::effect_error:
      case SimFault::Kind::no_effect_ok:
      case SimFault::Kind::half_attach:
        break;
    }
    started.due = clock_.now() + takes;
    host_.operations[id.text] = std::move(started);
    host_.touch("op/" + id.text);
    host_.touch_meta();
    Status written = keep();
    if (!written.ok()) host_.operations.erase(id.text);
    return written;
  }

  OperationResult result(const OperationId& id) override {
    advance();
    OperationResult result;
    if (unreachable()) {
      result.state = OperationState::running;  // nothing is known before it answers
      return result;
    }
    auto found = host_.operations.find(id.text);
    if (found == host_.operations.end()) return result;
    result.state = found->second.state;
    result.message = found->second.message;
    return result;
  }

  void poll() override { advance(); }

  Status put_claims(const Caller& caller, const std::vector<Claim>& claims) override {
    advance();
    if (unreachable()) return gone();
    TRY(admitted(caller));
    for (const Claim& claim : claims) {
      Claim kept = claim;
      kept.project = caller.project;
      kept.lineage = caller.lineage;
      kept.epoch = caller.epoch;
      const std::string key = SimHost::claim_key(kept);
      host_.claims[key] = std::move(kept);
      host_.touch(key);
    }
    return keep();
  }

  Status drop_claims(const Caller& caller, const Uuid& uuid,
                     const std::optional<std::string>& device) override {
    advance();
    if (unreachable()) return gone();
    TRY(admitted(caller));
    for (auto it = host_.claims.begin(); it != host_.claims.end();) {
      const bool drop = it->second.uuid == uuid && it->second.project == caller.project &&
                        (!device || it->second.device == *device);
      if (drop) host_.touch(it->first);
      it = drop ? host_.claims.erase(it) : std::next(it);
    }
    return keep();
  }

  // ---- without hv

  Status outside_create(const DomainSpec& domain, const Uuid& uuid) override {
    advance();
    Operation operation;
    operation.op = Op::domain_create;
    operation.uuid = uuid;
    operation.domain = domain;
    if (SimHost::Refusal why = host_.create(operation)) return refused(*why);
    operation.op = Op::domain_unpause;
    if (SimHost::Refusal why = host_.change(operation)) return refused(*why);
    return keep();
  }

  void outside_mount(std::vector<std::string> mounted) override {
    config_.mounted = std::move(mounted);
  }

  Status outside_destroy(const Uuid& uuid) override {
    advance();
    Operation operation;
    operation.op = Op::domain_destroy;
    operation.uuid = uuid;
    const bool was_restored = host_.saved.contains(uuid) && host_.find(uuid) != nullptr;
    if (SimHost::Refusal why = host_.stop_begin(operation)) return refused(*why);
    // Nobody puts an image back that was being used.
    if (was_restored) host_.spend_image(uuid);
    host_.stop_end(operation, was_restored);
    return keep();
  }

  Status outside_memory(const Uuid& uuid, Bytes memory) override {
    advance();
    Operation operation;
    operation.op = Op::domain_memory;
    operation.uuid = uuid;
    operation.memory = memory;
    if (SimHost::Refusal why = host_.change(operation)) return refused(*why);
    return keep();
  }

  Status outside_vbd_attach(const Uuid& uuid, const Vbd& vbd) override {
    advance();
    Operation operation;
    operation.op = Op::vbd_attach;
    operation.uuid = uuid;
    operation.vbd = vbd;
    const SimHost::Refusal why = host_.attach(operation, false);
    TRY(keep());
    if (why) return refused(*why);
    return {};
  }

  Status outside_vbd_detach(const Uuid& uuid, const std::string& device) override {
    advance();
    Operation operation;
    operation.op = Op::vbd_detach;
    operation.uuid = uuid;
    operation.vbd.emplace();
    operation.vbd->device = device;
    if (SimHost::Refusal why = host_.detach_begin(operation)) return refused(*why);
    host_.detach_end(operation);
    return keep();
  }

  Status guest_reboot(const Uuid& uuid) override { return guest_ends(uuid, "on_reboot"); }
  Status guest_poweroff(const Uuid& uuid) override { return guest_ends(uuid, "on_poweroff"); }
  Status guest_crash(const Uuid& uuid) override { return guest_ends(uuid, "on_crash"); }

  Status power_cycle() override {
    advance();
    host_.boot();
    return keep();
  }

  void know(SimDriver& other) override {
    auto& peer = static_cast<Simulator&>(other);
    peers_[peer.config_.host] = &peer;
  }

  void set_faults(SimFaults faults) override { faults_ = std::move(faults); }

  std::vector<OpenDevice> open_devices() override {
    advance();
    std::vector<OpenDevice> open;
    for (const auto& [domid, domain] : host_.domains)
      for (const ObservedVbd& vbd : domain.vbds) {
        std::vector<Extent> extents = host_.extents_of(vbd);
        if (!extents.empty()) open.push_back({domain.uuid, domain.name, vbd.vbd, extents});
      }
    return open;
  }

 private:
  Status guest_ends(const Uuid& uuid, const char* attribute) {
    advance();
    if (SimHost::Refusal why = host_.guest_ends(uuid, attribute)) return refused(*why);
    return keep();
  }

  static Error refused(const std::string& why) { return {Code::operation_failed, why, {}}; }
  Error gone() const {
    return {Code::host_unreachable,
            "the host `" + config_.host.text + "` does not answer" +
                (broken_.empty() ? "" : ": " + broken_),
            {}};
  }
  bool unreachable() { return !broken_.empty() || clock_.now() < unreachable_until_; }

  // What a host has done and cannot write down would be undone by its next start: it is as good as
  // gone until then.
  Status keep() {
    Status saved = host_.save();
    if (!saved.ok()) broken_ = saved.error().message;
    return saved;
  }

  Status admitted(const Caller& caller) const {
    auto known = host_.projects.find(caller.project);
    if (known == host_.projects.end() || known->second.lineage != caller.lineage ||
        known->second.epoch > caller.epoch)
      return Error{Code::host_fenced,
                   "the host `" + config_.host.text + "` takes no orders of epoch " +
                       std::to_string(caller.epoch.value),
                   "another hv has taken over; run the command again"};
    return {};
  }

  const SimOperation* unended(const Caller& caller) const {
    const SimOperation* first = nullptr;
    for (const auto& [id, operation] : host_.operations)
      if (operation.project == caller.project && operation.epoch < caller.epoch &&
          operation.phase != SimOperation::Phase::ended &&
          (first == nullptr || operation.due < first->due))
        first = &operation;
    return first;
  }

  // Everything that is due happens, in order of its time.
  void advance() {
    if (advancing_) return;  // the other end of a migration asks
    advancing_ = true;
    advance_all();
    advancing_ = false;
  }

  void advance_all() {
    while (broken_.empty()) {
      SimOperation* next = nullptr;
      for (auto& [id, operation] : host_.operations) {
        if (operation.phase == SimOperation::Phase::ended || operation.due > clock_.now()) continue;
        if (next == nullptr || operation.due < next->due ||
            (operation.due == next->due && operation.sequence < next->sequence))
          next = &operation;
      }
      if (next == nullptr) return;
      happen(*next);
      host_.touch("op/" + next->id.text);
      if (!keep().ok()) return;
    }
  }

  void happen(SimOperation& operation) {
    if (operation.phase == SimOperation::Phase::releasing) {
      operation.phase = SimOperation::Phase::ended;
      const Op op = operation.operation.op;
      if (op == Op::vbd_detach)
        host_.detach_end(operation.operation);
      else
        host_.stop_end(operation.operation, op == Op::domain_save || op == Op::domain_unrestore);
      return;
    }
    if (operation.phase == SimOperation::Phase::handing) return hand_over(operation);
    operation.phase = SimOperation::Phase::ended;
    if (operation.fault == SimFault::Kind::fail_before) {
      operation.state = OperationState::failed;
      if (operation.message.empty()) operation.message = "refused (simulated fault)";
      return;
    }
    if (operation.fault == SimFault::Kind::no_effect_ok) {
      operation.state = OperationState::succeeded;
      return;
    }
    const SimHost::Refusal refusal = carry_out(operation);
    if (!refusal && operation.operation.op == Op::domain_migrate) {
      operation.phase = SimOperation::Phase::handing;
      operation.due = operation.due + lag();
      return;
    }
    operation.state = refusal ? OperationState::failed : OperationState::succeeded;
    if (refusal) operation.message = *refusal;
    if (!refusal && operation.fault == SimFault::Kind::effect_error) {
      operation.state = OperationState::failed;
      if (operation.message.empty()) operation.message = "timed out (simulated fault)";
    }
    const Op op = operation.operation.op;
    if (!refusal && releases(op)) {
      operation.phase = SimOperation::Phase::releasing;
      operation.due = operation.due + lag();
    }
  }

  Duration lag() const { return Duration{{kReleaseLag.count * config_.speed_percent / 100}}; }

  Simulator* peer_of(const Operation& operation) {
    auto found = operation.peer ? peers_.find(*operation.peer) : peers_.end();
    if (found == peers_.end()) return nullptr;
    found->second->advance();
    return found->second->unreachable() ? nullptr : found->second;
  }

  // Its memory has come to the other host, in a copy that does not run.
  SimHost::Refusal migrate_begin(const Operation& operation) {
    const ObservedDomain* domain = host_.find(operation.uuid);
    if (domain == nullptr || domain->dying) return "no such domain";
    if (domain->state != PowerState::running)
      return "guest didn't acknowledge suspend, cancelling request";
    Simulator* peer = peer_of(operation);
    if (peer == nullptr) return "migration target did not answer";
    SimHost::Refusal why = peer->host_.receive(*domain, operation);
    if (!why && !peer->keep().ok()) why = "migration target did not answer";
    return why;
  }

  // It stops here, for good, before its copy runs there. What dies between the two does this again.
  void hand_over(SimOperation& operation) {
    operation.phase = SimOperation::Phase::ended;
    operation.state = OperationState::failed;
    ObservedDomain* domain = host_.find(operation.operation.uuid);
    Simulator* peer = peer_of(operation.operation);
    const ObservedDomain* copy =
        peer == nullptr ? nullptr : peer->host_.find(operation.operation.uuid);
    if (peer == nullptr || domain == nullptr || copy == nullptr || copy->dying) {
      // Stopped already, it waits for the host that has its copy; without a copy it is lost.
      if (domain != nullptr && domain->dying) {
        operation.phase =
            peer == nullptr ? SimOperation::Phase::handing : SimOperation::Phase::releasing;
        if (peer == nullptr) operation.state = OperationState::running;
        operation.due = clock_.now() + seconds(1);
      }
      operation.message = peer == nullptr ? "migration target did not answer"
                                          : "the copy on the other host is gone";
      return;
    }
    if (SimHost::Refusal why = host_.stop_begin(operation.operation)) {
      operation.message = *why;
      return;
    }
    operation.phase = SimOperation::Phase::handing;
    operation.state = OperationState::running;
    host_.touch("op/" + operation.id.text);
    if (!keep().ok()) return;
    (void)peer->host_.let_go_on(operation.operation.uuid);
    if (!peer->keep().ok()) {
      operation.due = clock_.now() + seconds(1);
      return;
    }
    operation.phase = SimOperation::Phase::releasing;
    operation.due = operation.due + lag();
    operation.state = OperationState::succeeded;
    if (operation.fault == SimFault::Kind::effect_error) {
      operation.state = OperationState::failed;
      if (operation.message.empty()) operation.message = "timed out (simulated fault)";
    }
  }

  SimHost::Refusal carry_out(const SimOperation& started) {
    const Operation& operation = started.operation;
    switch (operation.op) {
      case Op::domain_create:
        return host_.create(operation);
      case Op::vbd_attach:
        return host_.attach(operation, started.fault == SimFault::Kind::half_attach);
      case Op::vbd_detach:
        return host_.detach_begin(operation);
      case Op::domain_shutdown:
      case Op::domain_destroy:
        return host_.stop_begin(operation);
      case Op::domain_save:
        return host_.save_begin(operation);
      case Op::domain_restore:
        return host_.restore(operation);
      case Op::domain_migrate:
        return migrate_begin(operation);
      case Op::domain_unrestore:
        return host_.unrestore_begin(operation);
      case Op::pool_initialise:
      case Op::vdisk_create:
      case Op::vdisk_enlarge:
        return host_.map(operation);
      case Op::vdisk_expire:
        return host_.unmap(operation);
      case Op::domain_unpause:
      case Op::domain_pause:
      case Op::domain_memory:
      case Op::domain_vcpus:
      case Op::domain_schedule:
      case Op::domain_rename:
      case Op::vbd_enlarge:
      case Op::vif_attach:
      case Op::vif_detach:
        return host_.change(operation);
      case Op::claim_put:
      case Op::claim_drop:
      case Op::domain_verify:
      case Op::record_state:
        break;
    }
    return "not an operation of a host";
  }

  SimConfig config_;
  Clock& clock_;
  SimHost host_;
  Capabilities capabilities_;
  SimFaults faults_;
  Time unreachable_until_;
  std::map<HostName, Simulator*> peers_;
  bool advancing_ = false;
  std::string broken_;  // why the database can no longer be written
};

}  // namespace

Result<std::unique_ptr<SimDriver>> make_sim_driver(const SimConfig& config, HostStore& store,
                                                   const Schema& schema, Clock& clock) {
  auto simulator = std::make_unique<Simulator>(config, store, schema, clock);
  TRY(simulator->load());
  return std::unique_ptr<SimDriver>(std::move(simulator));
}

}  // namespace hv
