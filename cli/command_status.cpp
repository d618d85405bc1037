// hv status: live against applied and declared.
#include <unistd.h>

#include <algorithm>
#include <map>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

// What would take disks by itself, a line for each machine.
std::string asleep(const Observation& observation) {
  std::string text;
  for (const auto& [name, host] : observation.hosts) {
    std::map<std::pair<std::string, std::string>, std::string> disks;
    for (const LatentAccess& latent : host.latent)
      if (!latent.vbd.source.empty()) {
        std::string& line = disks[{latent.what, latent.name}];
        line += (line.empty() ? "" : ", ") + latent.vbd.device + " " + latent.vbd.source;
      }
    for (const auto& [machine, line] : disks)
      text += name.text + ": the " + machine.first + " of `" + machine.second + "` holds " + line +
              "\n";
  }
  return text;
}

}  // namespace

int run_status(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool has_sources = !options.paths.empty() || !session.project.sources.empty();
  if (has_sources) {
    const bool ok = session.compile_sources();
    session.show_diagnostics();
    if (!ok) return kFailed;
  }
  if (!session.open_reader() || !session.open_drivers(false) || !session.observe()) return kFailed;
  StatusReport report;
  std::map<Uuid, Address> ours;
  for (const auto& [address, domain] : session.applied.domains) ours[domain.uuid] = address;
  std::optional<Plan> plan;
  if (has_sources) {
    const PlanRequest request = session.plan_request(session.scope_from_options(false));
    Result<Plan> made = make_plan(request);
    if (made.ok()) plan = std::move(*made);
  }
  for (const auto& [address, domain] : session.applied.domains) {
    StatusRow row;
    row.address = address;
    row.host = domain.spec.host;
    row.uuid = domain.uuid;
    const HostObservation* host = session.observation.find(row.host);
    if (const ObservedDomain* seen = host == nullptr ? nullptr : find_domain(*host, domain.uuid)) {
      row.state = seen->state;
      row.memory = seen->memory;
      row.vcpus = seen->vcpus;
      row.disks = seen->vbds.size();
    } else if (domain.spec.state == PowerState::halted) {
      row.state = PowerState::halted;
    }
    if (plan) {
      for (const DriftItem& item : plan->drift)
        if (item.address == address) row.drift.push_back(item);
      for (const Change& change : plan->changes)
        if (change.address == address) {
          for (const AttributeChange& attribute : change.attributes) {
            const bool is_drift =
                std::any_of(row.drift.begin(), row.drift.end(),
                            [&](const DriftItem& item) { return item.path == attribute.path; });
            if (!is_drift) row.pending.push_back(attribute);
          }
          row.in_step = false;
        }
    }
    if (!row.drift.empty()) row.in_step = false;
    report.domains.push_back(std::move(row));
  }
  for (const Resource& resource : session.desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource))
      if (!session.applied.domains.contains(domain->address)) {
        StatusRow row;
        row.address = domain->address;
        row.host = domain->host;
        row.in_step = false;
        report.domains.push_back(std::move(row));
      }
  for (const auto& [name, host] : session.observation.hosts) {
    if (host.simulated) report.simulated.push_back(name);
    if (!host.reachable) report.unreachable.push_back({name, host.reason, host.at});
    for (const ObservedDomain& domain : host.domains) {
      if (ours.contains(domain.uuid)) continue;
      report.unmanaged.push_back({domain.name, domain.uuid, name, domain.state, domain.memory,
                                  domain.vcpus, domain.vbds.size()});
    }
  }
  if (options.format == "json") {
    print(status_json(report));
  } else {
    print(status_text(report, session.style(STDOUT_FILENO)) + asleep(session.observation));
    session.note_open_intents();
    if (!has_sources && report.domains.empty() && report.unmanaged.empty())
      print_error(
          "Nothing is declared: write a file and name it (`hv plan web.cfg`), or start a "
          "project with `hv init`.\n");
  }
  const bool drifted = std::any_of(report.domains.begin(), report.domains.end(),
                                   [](const StatusRow& row) { return !row.drift.empty(); });
  return options.detailed_exitcode && drifted ? kChanges : kDone;
}

}  // namespace hv::cli
