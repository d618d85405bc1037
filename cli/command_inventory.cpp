// hv inventory: the storage facts of one host, to stdout or into a file for git.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/inventory/gather.h"
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

// What the sources declare on the host is looked at closely.
std::vector<std::string> declared_sources(const DesiredGraph& desired, const HostName& host) {
  std::vector<std::string> sources;
  for (const Resource& resource : desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource)) {
      if (domain->host != host) continue;
      for (const Vbd& vbd : domain->vbds)
        if (vbd.backend != "vd") sources.push_back(vbd.source);
    }
  return sources;
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
  const bool simulated = config.driver == DriverKind::sim && session.project.has_file;
  if (!simulated && !config.address.empty()) {
    session.fail(Error{Code::driver_missing,
                       "`" + host.text + "` is at " + config.address +
                           ", and this hv gathers on the machine it runs on",
                       "run `hv inventory` there, and copy the file"});
    return kFailed;
  }
  GatherRequest request;
  request.host = host;
  request.now = session.clock.now();
  // What does not compile is no reason not to look at the disks.
  if (!session.project.sources.empty() && session.compile_sources())
    request.sources = declared_sources(session.desired, host);
  session.show_diagnostics();
  if (simulated) {
    // The others have nothing to say here, nor need they be there.
    std::erase_if(session.project.hosts, [&](const auto& each) { return each.first != host; });
    if (!session.open_drivers(false) || !session.observe()) return kFailed;
    if (const HostObservation* seen = session.observation.find(host))
      request.domains = live_domains(*seen);
  }
  Inventory inventory =
      simulated ? of_simulated(config, request.now) : gather(request, *this_machine());
  if (simulated) inventory.domains = request.domains;
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
