#include <algorithm>

#include "report/json_values.h"
#include "report/report.h"
#include "report/sarif.h"
#include "report/words.h"

namespace hv {
namespace {

const char* color_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "1;31";
    case Severity::warning:
      return "1;33";
    case Severity::note:
      return "1;36";
  }
  return "0";
}

std::string what_it_does(const Access& access) {
  std::string text = writes(access.mode) ? "writes" : "reads";
  if (!access.device.empty()) text += " as " + access.device;
  return text;
}

std::string where(const Access& access) {
  if (access.place.valid()) return to_string(access.place);
  switch (access.origin) {
    case AccessOrigin::live:
      if (access.party == party_dom0(access.host)) return "by the host itself";
      return "running on " + access.host.text + ", in no file";
    case AccessOrigin::latent:
      return "can start by itself on " + access.host.text;
    case AccessOrigin::claim:
      return "claimed on " + access.host.text;
    case AccessOrigin::intent:
      return "an unsettled operation on " + access.host.text;
    case AccessOrigin::desired:
    case AccessOrigin::plan:
      break;
  }
  return "on " + access.host.text;
}

std::string path_of(const Access& access) {
  std::string text;
  for (const std::string& layer : access.path) text += (text.empty() ? "" : " → ") + layer;
  return text;
}

std::string in_words(const Overlap& overlap) {
  if (!overlap.resolved) return overlap.store.text + " (compared by name)";
  return to_human(to_bytes(overlap.count)) + " on " + overlap.store.text + ", sectors " +
         std::to_string(overlap.start.count) + ".." +
         std::to_string((overlap.start + overlap.count).count - 1);
}

Json json_of(const Finding& finding) {
  Json accesses = Json::array();
  for (const Access& access : finding.accesses)
    accesses.push_back({{"address", access.party.text},
                        {"mode", to_string(access.mode)},
                        {"source", to_json(access.place)},
                        {"path", access.path}});
  Json overlap = nullptr;
  if (finding.overlap) {
    overlap = Json{
        {"store", finding.overlap->store.text}, {"start_sector", nullptr}, {"sectors", nullptr}};
    if (finding.overlap->resolved) {
      overlap["start_sector"] = finding.overlap->start.count;
      overlap["sectors"] = finding.overlap->count.count;
    }
  }
  return Json{{"code", info(finding.code).id},
              {"severity", to_string(finding.severity)},
              {"level", finding.level ? Json(*finding.level) : Json(nullptr)},
              {"permitted", finding.permitted},
              {"message", finding.message},
              {"accesses", accesses},
              {"overlap", overlap}};
}

}  // namespace

std::string findings_text(const std::vector<Finding>& findings, Style style) {
  const Paint paint{style.color};
  std::string out;
  for (const Finding& finding : findings) {
    if (!out.empty()) out += "\n";
    out += paint(color_of(finding.severity), std::string(to_string(finding.severity)) + "[" +
                                                 std::string(info(finding.code).id) + "]") +
           paint("1", ": " + finding.message) + "\n";
    std::size_t width = 0;
    for (const Access& access : finding.accesses)
      width = std::max(width, columns(access.party.text));
    for (const Access& access : finding.accesses) {
      out += "  " + padded(access.party.text, width) + "  " + padded(what_it_does(access), 16) +
             "  " + where(access) + "\n";
      const std::string path = path_of(access);
      if (!path.empty()) out += "  " + std::string(width, ' ') + "  " + path + "\n";
    }
    if (finding.overlap) out += "  = overlap: " + in_words(*finding.overlap) + "\n";
    for (const std::string& note : finding.notes) out += "  = " + note + "\n";
    if (!finding.ways_out.empty()) {
      out += "  = ways out: ";
      for (std::size_t i = 0; i < finding.ways_out.size(); ++i)
        out += (i == 0 ? "" : " · ") + finding.ways_out[i];
      out += "\n";
    }
  }
  return out;
}

std::string findings_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) list.push_back(json_of(finding));
  return dump(Json{{"format", "hv.lint/1"}, {"findings", list}});
}

namespace {

// Where a file declares the access, and whose it is: some are declared nowhere.
Json sarif_location(const Access& access) {
  Json location = {
      {"logicalLocations", Json::array({{{"fullyQualifiedName", access.party.text}}})}};
  if (access.place.valid())
    location["physicalLocation"] = {
        {"artifactLocation", sarif_artifact(access.place.file)},
        {"region", {{"startLine", access.place.line}, {"startColumn", access.place.column}}}};
  return location;
}

// The message says all that the text does: many viewers show nothing else, and some of it only the
// first sentence.
std::string sarif_message(const Finding& finding) {
  std::string text = finding.message + ".";
  for (const Access& access : finding.accesses)
    text += "\n" + access.party.text + " " + what_it_does(access) + ": " + path_of(access);
  if (finding.overlap) text += "\noverlap: " + in_words(*finding.overlap);
  for (const std::string& note : finding.notes) text += "\n" + note;
  for (const std::string& way : finding.ways_out) text += "\nway out: " + way;
  return text;
}

void add_result(SarifRun& run, const Finding& finding, const FindingMark& mark) {
  Json& result = run.add(finding.code, finding.severity, sarif_message(finding));
  Json related = Json::array();
  for (const Access& access : finding.accesses) {
    Json location = sarif_location(access);
    if (result["locations"].empty()) {
      result["locations"].push_back(std::move(location));
      continue;
    }
    location["message"] = {{"text", access.party.text + " " + what_it_does(access)}};
    related.push_back(std::move(location));
  }
  if (!related.empty()) result["relatedLocations"] = std::move(related);
  if (!mark.fingerprint.empty())
    result["partialFingerprints"] = {{"hvFinding/v1", mark.fingerprint}};
  if (mark.accepted)
    result["suppressions"] =
        Json::array({{{"kind", "external"}, {"justification", *mark.accepted}}});
}

}  // namespace

std::string findings_sarif(const std::vector<Finding>& findings,
                           const std::vector<FindingMark>& marks) {
  SarifRun run;
  for (std::size_t i = 0; i < findings.size(); ++i)
    add_result(run, findings[i], i < marks.size() ? marks[i] : FindingMark{});
  return run.text();
}

}  // namespace hv
