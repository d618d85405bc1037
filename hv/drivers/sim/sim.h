// The simulated host: a hypervisor's rules, its slowness and its lies, in a database of its own.
//
// Operations live in that database with the time they will end, so they complete or fail after the
// hv that began them has died. Deterministic: time, chance and the store are passed in.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hv/drivers/driver.h"
#include "hv/model/stores.h"
#include "hv/schema/schema.h"

namespace hv {

struct SimConfig {
  HostName host;
  Bytes memory = gib(64);
  Bytes dom0_memory = gib(1);
  int64_t cpus = 16;
  std::optional<std::map<std::string, Bytes>> disks;  // nothing: whatever is asked for exists
  std::optional<std::vector<std::string>> bridges;
  std::optional<std::vector<std::string>> files;
  std::optional<std::vector<std::string>> mounted;  // by dom0 itself, writable; nothing: not told
  int64_t loop_devices = 4096;
  int speed_percent = 100;  // of the usual durations; 0: at once
};

// Faults, asked for at each operation; the default has none. For tests and rehearsals.
struct SimFault {
  enum class Kind : uint8_t {
    none,
    fail_before,   // refused, no effect
    effect_error,  // takes effect, answers with an error
    no_effect_ok,  // answers success, does nothing
    half_attach,   // attach fails and leaves the VBD half attached
    stall,         // takes `delay` longer
    unreachable,   // the host does not answer for `delay`
    ignore_shutdown,
  } kind = Kind::none;
  Duration delay;
  std::string message;
};
using SimFaults = std::function<SimFault(const OperationId&, const Operation&)>;

// The same Driver whether `store` is RocksDB or memory. `store` outlives the driver. One driver
// works on a database at a time (RocksDB sees to it); readers see what will have happened by now. A
// database that can no longer be written is a host that does not answer.
class SimDriver : public Driver {
 public:
  // Things that happen on the host without hv, for tests and scenarios.
  virtual Status outside_create(const DomainSpec& domain, const Uuid& uuid) = 0;
  virtual Status outside_destroy(const Uuid& uuid) = 0;
  virtual Status outside_memory(const Uuid& uuid, Bytes memory) = 0;
  virtual Status outside_vbd_attach(const Uuid& uuid, const Vbd& vbd) = 0;
  virtual Status outside_vbd_detach(const Uuid& uuid, const std::string& device) = 0;
  // The guest ends itself; its on_reboot, on_poweroff or on_crash says what follows.
  virtual Status guest_reboot(const Uuid& uuid) = 0;
  virtual Status guest_poweroff(const Uuid& uuid) = 0;
  virtual Status guest_crash(const Uuid& uuid) = 0;
  // What dom0 has mounted itself from now on, in place of what the configuration says.
  virtual void outside_mount(std::vector<std::string> mounted) = 0;
  virtual Status power_cycle() = 0;  // the whole host: all domains gone, a new boot id
  // Another simulated host that this one can migrate to; it lives as long as this one is used.
  virtual void know(SimDriver& other) = 0;
  virtual void set_faults(SimFaults faults) = 0;
  // The open-device table, read from the host itself, never from hv's state: for invariants.
  struct OpenDevice {
    Uuid uuid;
    std::string name;
    Vbd vbd;
    std::vector<Extent> extents;
  };
  virtual std::vector<OpenDevice> open_devices() = 0;
};

Result<std::unique_ptr<SimDriver>> make_sim_driver(const SimConfig& config, HostStore& store,
                                                   const Schema& schema, Clock& clock);

}  // namespace hv
