// hv host list: the hosts as text and as hv.hosts/1.
#include <algorithm>

#include "report/json_values.h"
#include "report/report.h"
#include "report/words.h"

namespace hv {
namespace {

std::string read_text(const HostRow& row) {
  if (row.reachable) return "now";
  return "no: " + row.reason +
         (row.read_at ? "; last " + to_human(*row.read_at) : std::string("; never before"));
}

std::string because(const OperatorWord& word) {
  return word.why.empty() ? "" : ": " + word.why;
}

}  // namespace

std::string hosts_text(const std::vector<HostRow>& hosts) {
  std::vector<std::vector<std::string>> rows = {
      {"HOST", "DRIVER", "MEMORY FREE", "CPUS", "MACHINES", "EPOCH", "READ"}};
  for (const HostRow& host : hosts) {
    const bool told = !host.simulated && !host.hypervisor.empty();
    std::vector<std::string> row = {host.host.text,
                                    host.driver + (told ? " (" + host.hypervisor + ")" : "")};
    if (host.read_at)
      row.insert(row.end(),
                 {to_human(host.memory_free) + " of " + to_human(host.memory_total),
                  std::to_string(host.cpus), std::to_string(host.machines),
                  host.epoch ? std::to_string(host.epoch->value) : "-", read_text(host)});
    else
      row.insert(row.end(), {"-", "-", "-", "-", read_text(host)});
    rows.push_back(std::move(row));
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i]));
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += padded(row[i], widths[i] + 2);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  for (const HostRow& host : hosts)
    if (host.fenced)
      out += host.host.text + " is fenced: off on the word of " + host.fenced->who + ", " +
             to_human(host.fenced->at) + because(*host.fenced) +
             (host.reachable ? "; it answers, so it holds what it has\n" : "\n");
  for (const HostRow& host : hosts)
    for (const Claim& claim : host.dead_claims)
      out += "dead claim on " + host.host.text + ": project " + to_string(claim.project) + ", " +
             to_string(claim.address) + " " + claim.device + "; `hv host unclaim " +
             host.host.text + " " + to_string(claim.project) + "` removes it\n";
  return out;
}

std::string hosts_json(const std::vector<HostRow>& hosts) {
  Json list = Json::array();
  for (const HostRow& host : hosts) {
    Json claims = Json::array();
    for (const Claim& claim : host.dead_claims)
      claims.push_back({{"project", to_string(claim.project)},
                        {"address", to_string(claim.address)},
                        {"uuid", to_string(claim.uuid)},
                        {"device", claim.device}});
    Json known = nullptr;
    if (host.read_at)
      known = {{"at", to_human(*host.read_at)},
               {"memory", host.memory_total.count},
               {"memory_free", host.memory_free.count},
               {"cpus", host.cpus},
               {"machines", host.machines},
               {"epoch", host.epoch ? Json(host.epoch->value) : Json()}};
    Json fenced = nullptr;
    if (host.fenced)
      fenced = {
          {"who", host.fenced->who}, {"at", to_human(host.fenced->at)}, {"why", host.fenced->why}};
    list.push_back({{"host", host.host.text},
                    {"hypervisor", host.hypervisor.empty() ? Json() : Json(host.hypervisor)},
                    {"driver", host.driver},
                    {"simulated", host.simulated},
                    {"reachable", host.reachable},
                    {"reason", host.reachable ? Json() : Json(host.reason)},
                    {"known", known},
                    {"fenced", fenced},
                    {"dead_claims", claims}});
  }
  return dump(Json{{"format", "hv.hosts/1"}, {"hosts", list}});
}

}  // namespace hv
