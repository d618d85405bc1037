// hv sim --listen: a simulated host as a process of its own, which several hv may share.
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/drivers/sim/sim_socket.h"

namespace hv::cli {
namespace {

std::string absolute(const std::string& path, const std::string& folder) {
  return path.starts_with('/') ? path : folder + "/" + path;
}

// The host of the project that is reached there, or one with all the defaults, called as its
// socket.
SimConfig config_at(const std::string& path, const Session& session) {
  for (const auto& [name, config] : session.project.hosts)
    if (config.driver == DriverKind::sim && sim_socket(config, session.project.root) == path)
      return sim_config(config);
  SimConfig config;
  config.host.text = path.substr(path.rfind('/') + 1);
  config.host.text = config.host.text.substr(0, config.host.text.find('.', 1));
  return config;
}

}  // namespace

int run_sim(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  SimServing serving;
  serving.path = absolute(options.listen, session.working_directory);
  serving.latency = options.latency;
  const SimConfig config = config_at(serving.path, session);
  const std::string folder = serving.path + ".db";
  Result<std::unique_ptr<HostStore>> store = open_host_store(folder, false);
  if (!store.ok()) {
    session.fail(store.error());
    return kFailed;
  }
  Result<std::unique_ptr<SimDriver>> host =
      make_sim_driver(config, **store, *session.schema, session.clock);
  if (!host.ok()) {
    session.fail(host.error());
    return kFailed;
  }
  catch_interrupts();
  serving.listening = [&] {
    print("the host " + config.host.text + " (simulated) listens at " + serving.path + "\n");
  };
  Status served =
      serve_sim(**host, serving, session.clock, session.random, [] { return interrupted(); });
  if (!served.ok()) {
    session.fail(served.error());
    return kFailed;
  }
  return kDone;
}

}  // namespace hv::cli
