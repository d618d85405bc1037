// A simulated host as a process of its own, which several hv share: its server, and the driver that
// asks it over a unix socket.
//
// Each side is single-threaded. A question and its answer are one frame each (sim_frames.h); a
// client waits for its answer, and a server that does not answer is a host that does not.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "hv/drivers/driver.h"
#include "hv/drivers/sim/sim.h"

namespace hv {

struct SimServing {
  std::string path;    // of the socket; only its owner may open it
  Duration latency{};  // each question waits a while, at random up to this
  std::function<void()> listening = [] {};
};
// Serves until `stop` says so. A path that somebody else serves is refused.
Status serve_sim(SimDriver& host, const SimServing& serving, Clock& clock, Random& random,
                 const std::function<bool()>& stop);

// Connects when it is first asked, and again after the host was gone.
std::unique_ptr<Driver> make_sim_client(const HostName& host, const std::string& path,
                                        Clock& clock);

}  // namespace hv
