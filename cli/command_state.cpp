// hv state list, show, verify: the store, read only.
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

int no_state(Session& session) {
  session.fail(Error{Code::state_unreadable,
                     "there is no state yet in `" + session.state_folder + "`",
                     "`hv apply` makes it"});
  return kFailed;
}

std::string field(const std::string& name, const std::string& value) {
  return "    " + name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + value + "\n";
}

std::string extents_text(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents)
    text += (text.empty() ? "" : ", ") + extent.store.text +
            (extent.resolved ? " [" + std::to_string(extent.start.count) + ", +" +
                                   std::to_string(extent.count.count) + "]"
                             : " (known by name only)");
  return text;
}

}  // namespace

int run_state_list(const Options& options) {
  Session session(options);
  if (!session.load_project() || !session.open_reader()) return kFailed;
  if (!session.reader) return kDone;
  std::string out;
  for (const auto& [address, pool] : session.applied.pools) out += to_string(address) + "\n";
  for (const auto& [address, network] : session.applied.networks) out += to_string(address) + "\n";
  for (const auto& [address, vdisk] : session.applied.vdisks)
    out += to_string(address) + (vdisk.expired ? "   (expired)" : "") + "\n";
  for (const auto& [address, domain] : session.applied.domains)
    out += to_string(address) + (domain.incomplete ? "   (incomplete)" : "") + "\n";
  print(out);
  return kDone;
}

int run_state_show(const Options& options) {
  Session session(options);
  if (!session.load_project() || !session.open_reader()) return kFailed;
  if (!session.reader) return no_state(session);
  std::optional<Address> address =
      options.paths.empty() ? std::nullopt : parse_address(options.paths[0]);
  if (!address) {
    session.fail(Error{Code::wrong_usage, "say which resource, for example domain.web0", {}});
    return kUsage;
  }
  std::string out = to_string(*address) + "\n";
  if (auto domain = session.applied.domains.find(*address);
      domain != session.applied.domains.end()) {
    const AppliedDomain& d = domain->second;
    out += field("name", d.spec.name) + field("host", d.spec.host.text) +
           field("uuid", to_string(d.uuid)) + field("generation", std::to_string(d.generation)) +
           field("source", d.spec.root) + field("state", std::string(to_string(d.spec.state)));
    for (const Attributes::Entry& entry : d.spec.attributes)
      out += field(entry.name, to_human(entry.value));
    for (const Vbd& vbd : d.spec.vbds) {
      auto extents = d.extents.find(vbd.device);
      out += field("disk " + vbd.device,
                   vbd.source + " (" + std::string(to_string(vbd.mode)) + ")" +
                       (extents == d.extents.end() ? "" : "  " + extents_text(extents->second)));
    }
  } else if (auto vdisk = session.applied.vdisks.find(*address);
             vdisk != session.applied.vdisks.end()) {
    const AppliedVdisk& v = vdisk->second;
    out += field("pool", v.spec.pool.name) + field("size", to_human(v.spec.size)) +
           field("uuid", to_string(v.uuid)) + field("host", v.host.text) +
           field("extents", extents_text(v.extents));
    if (v.expired) out += field("expired", to_human(*v.expired));
  } else if (auto pool = session.applied.pools.find(*address);
             pool != session.applied.pools.end()) {
    out += field("host", pool->second.spec.host.text) +
           field("extent", to_human(pool->second.spec.extent));
    for (const std::string& device : pool->second.spec.devices) out += field("device", device);
  } else if (auto network = session.applied.networks.find(*address);
             network != session.applied.networks.end()) {
    out += field("host", network->second.host.text) + field("bridge", network->second.bridge);
  } else {
    session.fail(Error{Code::unknown_resource, "the state has no `" + to_string(*address) + "`",
                       "`hv state list` shows what it has"});
    return kFailed;
  }
  print(out);
  return kDone;
}

int run_state_verify(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  Result<VerifyReport> report = verify_store(session.state_folder);
  if (!report.ok()) {
    session.fail(report.error());
    return kFailed;
  }
  for (const std::string& damage : report->damage)
    session.fail(Error{Code::state_corrupt, damage, "`hv explain HV0704` says what to do"});
  if (!report->damage.empty()) return kFailed;
  print("sound: " + std::to_string(report->transitions) + " transitions, " +
        std::to_string(report->records) + " records, serial " +
        std::to_string(report->head.serial.value) + ", lineage " + to_string(report->head.lineage) +
        "\n");
  return kDone;
}

}  // namespace hv::cli
