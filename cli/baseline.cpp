#include "cli/baseline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"

namespace hv::cli {

Result<Baseline> read_baseline(std::string_view text) {
  using Json = nlohmann::json;
  auto wrong = [](const std::string& what) {
    return Error{
        Code::baseline_unreadable, "this is no baseline: " + what,
        R"(write {"format": "hv.baseline/1", "accepted": [{"finding": ID, "reason": WHY}]})"};
  };
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong("it is not JSON");
  if (!json.contains("format") || json["format"] != "hv.baseline/1")
    return wrong("its format is not `hv.baseline/1`");
  if (!json.contains("accepted") || !json["accepted"].is_array())
    return wrong("it has no list `accepted`");
  Baseline baseline;
  for (std::size_t i = 0; i < json["accepted"].size(); ++i) {
    const Json& entry = json["accepted"][i];
    const std::string at = "`accepted[" + std::to_string(i) + "]`";
    for (const char* key : {"finding", "reason"})
      if (!entry.is_object() || !entry.contains(key) || !entry[key].is_string() ||
          entry[key].get<std::string>().empty())
        return wrong(at + " has no `" + key + "`");
    if (!baseline.emplace(entry["finding"].get<std::string>(), entry["reason"].get<std::string>())
             .second)
      return wrong(at + " is there twice");
  }
  return baseline;
}

std::string id_of(const Finding& finding) {
  std::vector<std::string> sides;
  for (const Access& access : finding.accesses)
    sides.push_back(access.party.text + "\n" + access.device + "\n" +
                    (access.path.empty() ? "" : access.path.front()));
  std::sort(sides.begin(), sides.end());
  std::string all = std::string(info(finding.code).id) + "\n";
  for (const std::string& side : sides) all += side + "\n";
  return sha256_hex(all).substr(0, 16);
}

std::vector<FindingMark> accept(const Baseline& baseline, std::vector<Finding>& findings,
                                std::vector<std::string>& unused) {
  std::vector<std::pair<Finding, FindingMark>> open, accepted;  // in this order, each as it was
  std::set<std::string> used;
  for (Finding& finding : findings) {
    FindingMark mark;
    mark.fingerprint = id_of(finding);
    const auto known = baseline.find(mark.fingerprint);
    if (finding.severity == Severity::note || known == baseline.end()) {
      if (finding.severity != Severity::note)
        finding.notes.push_back("finding " + mark.fingerprint);
      open.emplace_back(std::move(finding), std::move(mark));
      continue;
    }
    used.insert(mark.fingerprint);
    mark.accepted = known->second;
    finding.severity = Severity::note;
    finding.message += "; accepted: " + known->second;
    accepted.emplace_back(std::move(finding), std::move(mark));
  }
  for (const auto& [id, reason] : baseline)
    if (!used.contains(id)) unused.push_back(id);
  std::vector<FindingMark> marks;
  findings.clear();
  for (auto* list : {&open, &accepted})
    for (auto& [finding, mark] : *list) {
      findings.push_back(std::move(finding));
      marks.push_back(std::move(mark));
    }
  return marks;
}

}  // namespace hv::cli
