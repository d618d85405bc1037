// hv inventory: the storage facts of one host, to stdout or into a file for git.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/gathering.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/inventory/inventory_json.h"

namespace hv::cli {
namespace {

// A simulated host has the disks that hv.toml gives it, and nothing beneath them.
Inventory of_simulated(const HostConfig& config, Time now) {
  Inventory inventory;
  inventory.host = config.name;
  inventory.taken = now;
  if (!config.disks)
    inventory.notes.push_back({"disks", "are not declared: whatever is asked for exists"});
  for (const auto& [name, size] : config.disks.value_or(std::map<std::string, Bytes>())) {
    BlockDevice device;
    device.name = name;
    device.size = sectors_holding(size);
    device.transport = "memory";
    inventory.devices.push_back(std::move(device));
  }
  return inventory;
}

std::vector<LiveDomain> live_domains(const HostObservation& host) {
  std::vector<LiveDomain> domains;
  for (const ObservedDomain& domain : host.domains)
    if (domain.domid.value != 0) domains.push_back({domain.name, domain.uuid, domain.vbds});
  return domains;
}

bool write_file(Session& session, const std::string& path, const std::string& text) {
  // Written beside and renamed: a reader never sees half of it.
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file && std::rename(partial.c_str(), path.c_str()) == 0) return true;
  const int why = errno;
  std::remove(partial.c_str());
  session.fail(
      Error{Code::file_unreadable, "cannot write `" + path + "`: " + std::strerror(why), {}});
  return false;
}

}  // namespace

int run_inventory(const Options& options) {
  Options sources_only = options;
  sources_only.paths.clear();
  Session session(sources_only);
  if (!session.load_project()) return kFailed;
  const HostName host{options.paths.at(0)};
  const auto found = session.project.hosts.find(host);
  if (found == session.project.hosts.end()) {
    session.fail(Error{Code::unknown_host, "there is no host `" + host.text + "` in this project",
                       "hosts are declared in hv.toml, as [hosts." + host.text + "]"});
    return kFailed;
  }
  const HostConfig config = found->second;
  // What does not compile is no reason not to look at the disks.
  GatherRequest request;
  request.host = host;
  request.now = session.clock.now();
  if (!session.project.sources.empty() && session.compile_sources())
    request.sources = declared_sources(session.desired, host);
  session.show_diagnostics();
  // The others have nothing to say here, nor need they be there.
  std::erase_if(session.project.hosts, [&](const auto& each) { return each.first != host; });
  const bool simulated = config.driver == DriverKind::sim && session.project.has_file;
  std::optional<InventoryNote> silent;  // why nobody knows what runs
  if (simulated || config.driver == DriverKind::xl) {
    if (!session.open_drivers(false) || !session.observe()) return kFailed;
    const HostObservation* seen = session.observation.find(host);
    if (seen != nullptr && seen->reachable)
      request.domains = live_domains(*seen);
    else
      silent = {"domains", "cannot be read" + (seen == nullptr ? "" : ": " + seen->reason)};
  }
  Result<Inventory> gathered = simulated ? of_simulated(config, request.now)
                                         : gather_there(request, config, session.project.root);
  if (!gathered.ok()) {
    session.fail(gathered.error());
    return kFailed;
  }
  Inventory inventory = std::move(*gathered);
  inventory.domains = request.domains;
  if (silent) inventory.notes.push_back(*silent);
  if (!options.quiet)
    for (const InventoryNote& note : inventory.notes)
      print_error("note: " + note.source + ": " + note.text + "\n");
  const std::string text = inventory_json(std::move(inventory));
  if (options.output.empty()) {
    print(text);
    return kDone;
  }
  return write_file(session, options.output, text) ? kDone : kFailed;
}

}  // namespace hv::cli
