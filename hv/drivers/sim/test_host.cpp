#include "hv/drivers/sim/test_host.h"

#include <algorithm>
#include <sstream>

#include "base/check.h"

namespace hv::testing {

Uuid uuid_of(const std::string& name) {
  return uuid_v5(Uuid{}, name);
}

Vbd disk(const std::string& text) {
  std::istringstream words(text);
  Vbd vbd;
  std::string mode;
  words >> vbd.device >> vbd.source >> mode;
  for (const char* backend : {"phy", "file", "vd"})
    if (vbd.source.starts_with(std::string(backend) + ":")) {
      vbd.backend = backend;
      vbd.source.erase(0, vbd.backend.size() + 1);
    }
  const std::optional<AccessMode> known = access_mode_from(mode);
  HV_CHECK(known.has_value(), "a disk of a test says no mode");
  vbd.mode = *known;
  return vbd;
}

Vif interface(const std::string& mac, const std::string& bridge) {
  Vif vif;
  if (!mac.empty()) vif.settings["mac"] = mac;
  if (!bridge.empty()) vif.settings["bridge"] = bridge;
  return vif;
}

DomainSpec machine(const std::string& name, Bytes memory, const std::vector<std::string>& disks) {
  DomainSpec spec;
  spec.address = {Kind::domain, name};
  spec.name = name;
  spec.host = HostName{"lab"};
  spec.attributes.set("memory", memory);
  spec.attributes.set("maxmem", gib(2));
  spec.attributes.set("kernel", "/boot/vmlinuz");
  spec.sets_disk = true;
  for (const std::string& text : disks) spec.vbds.push_back(disk(text));
  return spec;
}

TestHost::TestHost(SimConfig given) : config(std::move(given)) {
  config.host = HostName{"lab"};
  caller = {uuid_of("project"), uuid_of("lineage"), Epoch{1}, Serial{1}};
  reopen();
  HV_CHECK(driver_->enter(caller, false).ok(), "a fresh host refuses its first caller");
}

void TestHost::reopen() {
  driver_.reset();
  auto made = make_sim_driver(config, store, Schema::builtin(), clock);
  HV_CHECK(made.ok(), "a simulated host does not open");
  driver_ = std::move(*made);
}

std::optional<ObservedDomain> TestHost::find(const std::string& name) {
  for (const ObservedDomain& domain : look().domains)
    if (domain.name == name) return domain;
  return std::nullopt;
}

Operation TestHost::operation(Op op, const std::string& name) const {
  Operation operation;
  operation.op = op;
  operation.address = {Kind::domain, name};
  operation.host = config.host;
  operation.uuid = uuid_of(name);
  return operation;
}

Operation TestHost::create(const DomainSpec& spec) const {
  Operation created = operation(Op::domain_create, spec.name);
  created.domain = spec;
  return created;
}

Operation TestHost::attach(const std::string& name, const std::string& disk_text) const {
  Operation attached = operation(Op::vbd_attach, name);
  attached.vbd = disk(disk_text);
  return attached;
}

Operation TestHost::detach(const std::string& name, const std::string& device) const {
  Operation detached = operation(Op::vbd_detach, name);
  detached.vbd.emplace();
  detached.vbd->device = device;
  return detached;
}

OperationId TestHost::begin(const Operation& operation) {
  const OperationId id{"test-" + std::to_string(next_++)};
  const Status begun = driver_->begin(id, caller, operation);
  HV_CHECK(begun.ok(), "an operation of a test does not begin");
  return id;
}

std::string TestHost::run(const Operation& operation) {
  const OperationId id{"test-" + std::to_string(next_++)};
  const Status begun = driver_->begin(id, caller, operation);
  if (!begun.ok()) return begun.error().message;
  pass(seconds(120));
  const OperationResult result = driver_->result(id);
  if (result.state == OperationState::failed) return result.message;
  HV_CHECK(result.state == OperationState::succeeded, "an operation did not end");
  return "";
}

std::string TestHost::start(const DomainSpec& spec) {
  std::string why = run(create(spec));
  return why.empty() ? run(operation(Op::domain_unpause, spec.name)) : why;
}

void TestHost::pass(Duration duration) {
  clock.sleep(duration);
  driver_->poll();
}

}  // namespace hv::testing
