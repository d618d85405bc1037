#include <algorithm>

#include "report/json_values.h"
#include "report/report.h"
#include "report/words.h"

namespace hv {
namespace {

std::string in_step(const StatusRow& row) {
  if (row.in_step && row.pending.empty()) return "yes";
  std::string text;
  if (!row.drift.empty()) {
    const DriftItem& first = row.drift.front();
    text = "drifted: " + first.path + " " + to_human(first.observed) + ", set by hand";
    if (row.drift.size() > 1) text += " (and " + std::to_string(row.drift.size() - 1) + " more)";
  }
  if (!row.pending.empty()) {
    const bool restart =
        std::any_of(row.pending.begin(), row.pending.end(),
                    [](const AttributeChange& c) { return c.how == How::restart; });
    std::string paths;
    for (const AttributeChange& change : row.pending)
      paths += (paths.empty() ? "" : ", ") + change.path;
    text += (text.empty() ? "" : "; ") + std::string(restart ? "restart pending (" : "pending (") +
            paths + ")";
  }
  return text.empty() ? "no" : text;
}

}  // namespace

std::string status_text(const StatusReport& report, Style style) {
  const Paint paint{style.color};
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"HOST", "DOMAIN", "STATE", "MEM", "VCPU", "DISKS", "IN STEP"});
  const auto host_name = [&](const HostName& host) {
    const bool simulated =
        std::find(report.simulated.begin(), report.simulated.end(), host) != report.simulated.end();
    return host.text + (simulated ? " (simulated)" : "");
  };
  for (const StatusRow& row : report.domains) {
    const bool there = row.state != PowerState::missing;
    rows.push_back({host_name(row.host), row.address.name, std::string(to_string(row.state)),
                    there ? to_human(row.memory) : "-", there ? std::to_string(row.vcpus) : "-",
                    there ? std::to_string(row.disks) : "-", in_step(row)});
  }
  for (const UnmanagedRow& row : report.unmanaged)
    rows.push_back({host_name(row.host), row.name, std::string(to_string(row.state)),
                    to_human(row.memory), std::to_string(row.vcpus), std::to_string(row.disks),
                    "not ours"});
  std::string out;
  if (rows.size() == 1) {
    out = "No domains: nothing is declared and nothing runs.\n";
  } else {
    std::vector<std::size_t> widths(rows[0].size(), 0);
    for (const auto& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      std::string line;
      for (std::size_t i = 0; i < rows[r].size(); ++i)
        line += i + 1 == rows[r].size() ? rows[r][i] : padded(rows[r][i], widths[i] + 2);
      out += (r == 0 ? paint.bold(line) : line) + "\n";
    }
  }
  for (const UnreachableRow& row : report.unreachable)
    out += paint.red("unreachable: " + row.host.text) + ": " + row.reason +
           "; what it last held counts as held\n";
  return out;
}

std::string status_json(const StatusReport& report) {
  Json domains = Json::array();
  for (const StatusRow& row : report.domains) {
    Json drift = Json::array(), pending = Json::array();
    for (const DriftItem& item : row.drift)
      drift.push_back({{"path", item.path},
                       {"applied", to_json(item.applied)},
                       {"observed", to_json(item.observed)}});
    for (const AttributeChange& change : row.pending)
      pending.push_back({{"path", change.path},
                         {"applied", to_json(change.before)},
                         {"desired", to_json(change.after)},
                         {"how", to_string(change.how)}});
    domains.push_back({{"address", to_string(row.address)},
                       {"host", row.host.text},
                       {"uuid", to_string(row.uuid)},
                       {"state", to_string(row.state)},
                       {"memory", row.memory.count},
                       {"vcpus", row.vcpus},
                       {"disks", row.disks},
                       {"in_step", row.in_step},
                       {"drift", drift},
                       {"pending", pending}});
  }
  Json unmanaged = Json::array(), unreachable = Json::array();
  for (const UnmanagedRow& row : report.unmanaged)
    unmanaged.push_back({{"name", row.name},
                         {"uuid", to_string(row.uuid)},
                         {"host", row.host.text},
                         {"state", to_string(row.state)}});
  for (const UnreachableRow& row : report.unreachable)
    unreachable.push_back(
        {{"host", row.host.text}, {"reason", row.reason}, {"since", to_human(row.since)}});
  return dump(Json{{"format", "hv.status/1"},
                   {"domains", domains},
                   {"unmanaged", unmanaged},
                   {"unreachable", unreachable}});
}

}  // namespace hv
