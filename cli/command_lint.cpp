// hv lint: who may touch whose sectors, over what is declared and, with --live, what runs.
#include <unistd.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/storage/storage.h"

namespace hv::cli {

int run_lint(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  session.show_diagnostics();
  if (!ok || !session.open_reader()) return kFailed;
  StorageContext context;
  context.unresolved_is_error = session.project.unresolved == UnresolvedPolicy::error;
  for (const auto& [address, vdisk] : session.applied.vdisks)
    if (!vdisk.expired) context.vdisks[address] = vdisk.extents;
  for (const auto& [store, statement] : session.project.stores)
    context.local_stores[normalise_name(store.text)] = statement.hosts;
  // A simulated disk has one name.
  for (const auto& [name, config] : session.project.hosts)
    if (config.driver == DriverKind::sim) context.exact_names.insert(name);
  std::vector<Access> accesses;
  for (const Resource& resource : session.desired.resources())
    if (const auto* domain = std::get_if<DomainSpec>(&resource)) {
      std::vector<Access> own = accesses_of(*domain, session.desired, session.project.sharing,
                                            context, AccessOrigin::desired);
      accesses.insert(accesses.end(), own.begin(), own.end());
    }
  if (options.live) {
    if (!session.open_drivers(false) || !session.observe()) return kFailed;
    std::map<Uuid, Address> ours;
    for (const auto& [address, domain] : session.applied.domains) ours[domain.uuid] = address;
    for (const auto& [name, host] : session.observation.hosts) {
      std::vector<Access> foreign = foreign_accesses(host, ours, context);
      accesses.insert(accesses.end(), foreign.begin(), foreign.end());
    }
  }
  const std::vector<Finding> findings = check_sharing(accesses, context);
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Severity::error;
  });
  if (options.format == "json") {
    print(findings_json(findings));
  } else if (options.format == "sarif") {
    print(findings_sarif(findings));
  } else {
    print(findings_text(findings, session.style(STDOUT_FILENO)));
    if (!failed && !options.quiet)
      print(std::string(findings.empty() ? "" : "\n") + "ok: " + std::to_string(accesses.size()) +
            " accesses, none unsafe\n");
  }
  return failed ? kFailed : kDone;
}

}  // namespace hv::cli
