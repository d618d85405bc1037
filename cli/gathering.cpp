#include "cli/gathering.h"

#include "cli/session.h"
#include "hv/drivers/xl/host_shell.h"
#include "hv/inventory/remote.h"

namespace hv::cli {
namespace {

// One call may read the headers of many disks.
constexpr Duration kAnswerWithin = seconds(300);

}  // namespace

Result<Inventory> gather_there(const GatherRequest& request, const HostConfig& config,
                               const std::string& root) {
  if (config.address.empty()) return gather(request, *this_machine());
  HostShell shell(xl_config(config, root));
  return gather_from_afar(
      request, [&](const std::string& script, const std::string& input) -> Result<std::string> {
        ProcessEnd end = TRY(shell.run(script, {}, input, kAnswerWithin));
        if (end.code == 0) return std::move(end.output);
        return Error{Code::host_unreachable,
                     "`" + config.name.text + "` cannot be looked at: the script ended with code " +
                         std::to_string(end.code),
                     "it needs bash and coreutils there"};
      });
}

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

}  // namespace hv::cli
