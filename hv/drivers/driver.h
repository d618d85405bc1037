// Driver: what hv asks of a host, the same for the simulator, real Xen and libvirt.
//
// A driver may start threads or processes of its own; its functions are called from one thread.
// Nothing here is believed because a call returned success: every effect is read back with
// observe(), and an operation outlives the hv that began it. Epochs fence an older hv out.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "hv/model/observation.h"
#include "hv/model/plan.h"

namespace hv {

struct Capabilities {
  std::set<Op> operations;  // a plan never holds a step that its driver lacks
  bool simulated = false;
  bool checks_sharing = false;  // refuses a second user by itself, unless each has its own device
  std::string version;          // of the hypervisor, for people
};

// Who is asking: a host compares it with what it remembers of the project and refuses an older one.
struct Caller {
  Uuid project;
  Uuid lineage;
  Epoch epoch;
  Serial serial;
};

enum class OperationState : uint8_t {
  running,
  succeeded,  // the host said so: a zero exit, to be verified by reading
  failed,     // the host said so; what took effect is to be read
  unknown,    // the host never heard of it, or cannot tell
};

struct OperationResult {
  OperationState state = OperationState::unknown;
  std::string message;     // the host's own words on failure
  bool retryable = false;  // failed before any effect, and worth trying again
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual const Capabilities& capabilities() const = 0;

  // Everything at one moment. An unreachable host is an observation with `reachable` false and a
  // reason, not an Error.
  virtual HostObservation observe() = 0;

  // Raises the host's epoch for the project and waits until operations of older epochs have ended.
  // Refused (Code::host_fenced) if the host has seen a newer epoch or another lineage
  // (`take_over` accepts the latter).
  virtual Status enter(const Caller& caller, bool take_over) = 0;

  // Whether the operation can be put to the host at all, judged by its words alone: what this
  // refuses begin() refuses, in the same words. The host is not asked.
  virtual Status check(const Operation&) const { return {}; }
  // Starts an operation and returns at once. An Error means that it was not started and has no
  // effect; once ok, the outcome is known only through result(). The same id twice starts nothing
  // new.
  virtual Status begin(const OperationId& id, const Caller& caller, const Operation& operation) = 0;
  virtual OperationResult result(const OperationId& id) = 0;
  // Lets the driver work off what is in flight; called by the loop before it looks at results.
  virtual void poll() = 0;

  // Claims: announce, then look. Synced on the host on return.
  virtual Status put_claims(const Caller& caller, const std::vector<Claim>& claims) = 0;
  virtual Status drop_claims(const Caller& caller, const Uuid& uuid,
                             const std::optional<std::string>& device) = 0;
};

}  // namespace hv
