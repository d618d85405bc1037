// Saved machines of the simulated host: an image is whole before its machine goes, and is used
// once.
#include "hv/drivers/sim/sim_host.h"

namespace hv {

void SimHost::drop_image(const Uuid& uuid) {
  if (saved.erase(uuid) != 0) touch("saved/" + to_string(uuid));
}

void SimHost::spend_image(const Uuid& uuid) {
  auto image = saved.find(uuid);
  if (image == saved.end()) return;
  image->second.dying = true;
  touch("saved/" + to_string(uuid));
}

// The image is whole before the machine goes.
SimHost::Refusal SimHost::save_begin(const Operation& operation) {
  ObservedDomain* domain = find(operation.uuid);
  if (domain == nullptr || domain->dying) return "no such domain";
  if (domain->state != PowerState::running)
    return "guest didn't acknowledge suspend, cancelling request";
  ObservedDomain image = *domain;
  image.domid = DomId{};
  image.state = PowerState::saved;
  saved[operation.uuid] = std::move(image);
  touch("saved/" + to_string(operation.uuid));
  return stop_begin(operation);
}

// Paused, with the disks that it had.
SimHost::Refusal SimHost::restore(const Operation& operation) {
  auto image = saved.find(operation.uuid);
  if (image == saved.end()) return "no such save file";
  if (find(operation.uuid) != nullptr) return "a machine of its UUID is there";
  if (image->second.dying) return "the save file was used";
  return bring(image->second, operation);
}

SimHost::Refusal SimHost::bring(ObservedDomain domain, const Operation& operation) {
  if (name_taken(domain.name, DomId{})) return "Domain " + domain.name + " already exists";
  if (domain.memory > memory_free())
    return "not enough free memory: " + to_literal(domain.memory) + " wanted, " +
           to_literal(memory_free()) + " free";
  std::size_t loops = loops_used();
  std::vector<ObservedVbd> open;
  for (const ObservedVbd& had : domain.vbds) {
    if (Refusal why = cannot_open(domain.uuid, had.vbd, operation, loops)) return why;
    if (is_file(had.vbd)) ++loops;
    open.push_back(opened(operation, had.vbd, true));
  }
  for (const Vif& vif : domain.vifs)
    if (Refusal why = lacks_bridge(vif)) return why;
  domain.vbds = std::move(open);
  domain.domid = DomId{next_domid++};
  domain.state = PowerState::paused;
  domain.never_ran = true;
  touch_meta();
  touch_domain(domain.domid.value);
  domains[domain.domid.value] = std::move(domain);
  return std::nullopt;
}

// As xl names it.
constexpr const char* kIncoming = "--incoming";

SimHost::Refusal SimHost::receive(const ObservedDomain& coming, const Operation& operation) {
  if (find(coming.uuid) != nullptr || saved.contains(coming.uuid))
    return "a machine of its UUID is there";
  if (name_taken(coming.name, DomId{})) return "Domain " + coming.name + " already exists";
  ObservedDomain copy = coming;
  copy.name += kIncoming;
  return bring(std::move(copy), operation);
}

SimHost::Refusal SimHost::let_go_on(const Uuid& uuid) {
  ObservedDomain* copy = find(uuid);
  if (copy == nullptr || copy->dying) return "the copy on the other host is gone";
  if (copy->never_ran) {
    copy->never_ran = false;
    copy->state = PowerState::running;
    if (copy->name.ends_with(kIncoming))
      copy->name.resize(copy->name.size() - std::string_view(kIncoming).size());
    touch_domain(copy->domid.value);
  }
  return std::nullopt;
}

SimHost::Refusal SimHost::unrestore_begin(const Operation& operation) {
  const ObservedDomain* domain = find(operation.uuid);
  if (!saved.contains(operation.uuid)) return "no such save file";
  if (domain != nullptr && !domain->never_ran) return "the machine has run";
  return stop_begin(operation);
}

}  // namespace hv
