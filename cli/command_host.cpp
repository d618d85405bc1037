// hv host list: the hosts of the project and what is known of them now, or was known last.
#include <unistd.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

// Rows of one table, each column as wide as its widest.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

}  // namespace

int run_host_list(const Options& options) {
  Session session(options);
  if (!session.load_project() || !session.open_reader() || !session.open_drivers(false))
    return kFailed;
  std::optional<Observation> before;
  if (session.reader) {
    Result<std::optional<Observation>> last = session.reader->last_observation();
    if (last.ok()) before = std::move(*last);
  }
  if (!session.observe()) return kFailed;
  std::vector<std::vector<std::string>> rows = {
      {"HOST", "DRIVER", "MEMORY FREE", "CPUS", "MACHINES", "EPOCH", "READ"}};
  bool all_read = true;
  for (const auto& [name, config] : session.project.hosts) {
    const HostObservation* host = session.observation.find(name);
    const bool reached = host != nullptr && host->reachable;
    std::string read = "now";
    if (!reached) {
      all_read = false;
      read = "no: " + (host == nullptr ? std::string("not asked") : host->reason);
      host = before ? before->find(name) : nullptr;
      read +=
          host == nullptr || !host->reachable ? "; never before" : "; last " + to_human(host->at);
    }
    std::vector<std::string> row = {name.text, std::string(to_string(config.driver))};
    if (host == nullptr || !host->reachable) {
      row.insert(row.end(), {"-", "-", "-", "-", read});
    } else {
      std::string epoch = "-";
      for (const ProjectMemory& project : host->projects)
        if (project.project == project_uuid(session.project, session.head))
          epoch = std::to_string(project.epoch.value);
      row.insert(row.end(),
                 {to_human(host->memory_free) + " of " + to_human(host->memory_total),
                  std::to_string(host->cpus), std::to_string(host->domains.size()), epoch, read});
    }
    rows.push_back(std::move(row));
  }
  print(table(rows));
  return all_read ? kDone : kFailed;
}

}  // namespace hv::cli
