// SimHost: the simulated host's tables and rules, and how they are kept. Private to hv/drivers/sim.
//
// Every change goes through save(), so that the tables in memory and in the store are one. Keys:
//   format              2; a newer one is refused
//   meta                ids, counters
//   dom/DOMID           ObservedDomain
//   saved/UUID          ObservedDomain as it was saved; dying: its image was used
//   claim/PROJECT/UUID/DEVICE   Claim
//   project/UUID        lineage, epoch, serial
//   map/UUID            Operation that mapped a vdisk or took a pool into use
//   op/ID               the operation, its state and when it is due
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hv/drivers/sim/sim.h"

namespace hv {

// What a fault does to an operation, remembered with it.
struct SimOperation {
  OperationId id;
  Operation operation;
  Uuid project;
  Epoch epoch;
  uint64_t sequence = 0;  // of events with one due time
  Time due;
  enum class Phase : uint8_t { running, releasing, ended, handing } phase = Phase::running;
  SimFault::Kind fault = SimFault::Kind::none;
  OperationState state = OperationState::running;
  std::string message;
};

struct SimMapping {
  Operation operation;
  ObservedVdisk vdisk;
};

// A file behind a loop device, as real Xen takes one.
bool is_file(const Vbd& vbd);

class SimHost {
 public:
  SimHost(const SimConfig& config, HostStore& store, const Schema& schema);
  Status load();

  // ---- tables
  std::string host_id, boot_id;
  uint64_t next_domid = 1, next_sequence = 1;
  std::map<uint64_t, ObservedDomain> domains;  // by domid
  std::map<Uuid, ObservedDomain> saved;        // images; of one that is restored until it runs
  std::map<std::string, Claim> claims;         // by claim_key()
  std::map<Uuid, ProjectMemory> projects;
  std::map<Uuid, SimMapping> mappings;
  std::map<std::string, SimOperation> operations;

  // ---- keeping them
  void touch_meta() { meta_dirty_ = true; }
  void touch_domain(uint64_t domid) { dirty_.insert({"dom/" + std::to_string(domid), domid}); }
  void touch(const std::string& key) { keys_.insert({key, true}); }
  // What could not be written is tried again with the next change.
  Status save();
  // Each project has its own: two that claim one disk are both seen.
  static std::string claim_key(const Claim& claim);

  // ---- rules: each carries out one operation, or says in the toolstack's words why not
  using Refusal = std::optional<std::string>;
  Refusal create(const Operation& operation);
  Refusal attach(const Operation& operation, bool half);
  Refusal detach_begin(const Operation& operation);
  void detach_end(const Operation& operation);
  Refusal stop_begin(const Operation& operation);
  void stop_end(const Operation& operation, bool keep_image);
  Refusal save_begin(const Operation& operation);
  Refusal restore(const Operation& operation);
  Refusal unrestore_begin(const Operation& operation);
  // A migration, as its target sees it: a copy that does not run, the copy let run, and given up.
  Refusal receive(const ObservedDomain& coming, const Operation& operation);
  Refusal let_go_on(const Uuid& uuid);
  // Restored once, it is never used again.
  void spend_image(const Uuid& uuid);
  Refusal change(const Operation& operation);  // memory, vcpus, schedule, name, vif, pause
  Refusal map(const Operation& operation);
  Refusal unmap(const Operation& operation);

  ObservedDomain* find(const Uuid& uuid);
  Bytes memory_total() const;
  Bytes memory_free() const;
  std::vector<Extent> extents_of(const ObservedVbd& vbd) const;
  HostObservation observe(Time now) const;
  void boot();
  // The guest ends itself; what follows is what its on_… attribute says.
  Refusal guest_ends(const Uuid& uuid, const char* attribute);

 private:
  Status load_meta();
  Status load_projects();
  Error damaged(const std::string& key) const;
  Refusal busy(const Uuid& uuid, const Vbd& vbd, const std::vector<Extent>& extents,
               const Claim* claim) const;
  Refusal lacks(const Vbd& vbd) const;
  Refusal lacks_file(const DomainSpec& spec, const char* attribute) const;
  // All the reasons why a domain cannot open this disk now.
  Refusal cannot_open(const Uuid& uuid, const Vbd& vbd, const Operation& operation,
                      std::size_t loops) const;
  // The level that this claim and those on another machine's VBD permit together.
  int permitted_together(const Claim* mine, const Uuid& other, const std::string& device) const;
  // Why an image or a copy cannot be there with its memory, disks and interfaces; else it is,
  // paused.
  Refusal bring(ObservedDomain domain, const Operation& operation);
  bool name_taken(const std::string& name, DomId but) const;
  void drop_image(const Uuid& uuid);
  Refusal lacks_bridge(const Vif& vif) const;
  ObservedVbd opened(const Operation& operation, const Vbd& vbd, bool connected) const;
  void set_attributes(ObservedDomain& domain, const DomainSpec& spec) const;
  std::size_t loops_used() const;

  const SimConfig& config_;
  HostStore& store_;
  const Schema& schema_;
  bool meta_dirty_ = false;
  std::map<std::string, uint64_t> dirty_;
  std::map<std::string, bool> keys_;
};

}  // namespace hv
