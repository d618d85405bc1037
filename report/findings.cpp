#include <algorithm>

#include "base/render.h"
#include "report/json_values.h"
#include "report/report.h"
#include "report/sarif.h"
#include "report/words.h"

namespace hv {
namespace {

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

// From the place of an access to the end of what is written there: a string, a word, a call.
Span span_at(const Place& place, const SourceMap& sources) {
  const FileId file = place.valid() ? sources.find(place.file) : FileId{};
  if (!file.valid()) return {};
  const uint32_t begin = sources.offset(file, place.line, place.column);
  if (sources.place(file, begin) != place) return {};  // another text than it was
  const std::string_view line = sources.line(file, place.line);
  const std::string_view rest = line.substr(begin - sources.line_begin(file, place.line));
  std::size_t length = std::min(rest.find_first_of(",]#"), rest.size());
  const auto end_at = [&](std::size_t found) {
    length = found == std::string_view::npos ? rest.size() : found + 1;
  };
  const std::size_t quote = rest.find_first_of("'\""), call = rest.find('(');
  if (quote <= 1)  // f"…" too
    end_at(rest.find(rest[quote], quote + 1));
  else if (call < length)
    end_at(rest.find(')', call));
  while (length > 1 && rest[length - 1] == ' ') --length;
  return {file, begin, begin + static_cast<uint32_t>(length)};
}

std::string told_of(const Access& access) {
  return access.party.text + " " + what_it_does(access);
}

// Each access in a line or two: many that share as they may, or what no file has.
std::string table_of(const Finding& finding) {
  std::string rows;
  std::size_t width = 0;
  for (const Access& access : finding.accesses) width = std::max(width, columns(access.party.text));
  for (const Access& access : finding.accesses) {
    rows += "  " + padded(access.party.text, width) + "  " + padded(what_it_does(access), 16) +
            "  " + where(access) + "\n";
    if (const std::string path = path_of(access); !path.empty())
      rows += "  " + std::string(width, ' ') + "  " + path + "\n";
  }
  return rows;
}

void add_notes(const Finding& finding, std::string overlap, Diagnostic& diagnostic) {
  if (finding.overlap) overlap = "overlap: " + in_words(*finding.overlap) + overlap;
  if (!overlap.empty()) diagnostic.notes.push_back(std::move(overlap));
  diagnostic.notes.insert(diagnostic.notes.end(), finding.notes.begin(), finding.notes.end());
  if (finding.ways_out.empty()) return;
  std::string ways = "ways out: ";
  for (std::size_t i = 0; i < finding.ways_out.size(); ++i)
    ways += (i == 0 ? "" : " · ") + finding.ways_out[i];
  diagnostic.notes.push_back(std::move(ways));
}

// What is unsafe is shown where it is written, as any other mistake; an access that no file has
// says where it is.
void add_places(const Finding& finding, const SourceMap& sources, Diagnostic& diagnostic) {
  for (const Access& access : finding.accesses) {
    const Span span = span_at(access.place, sources);
    if (!span.valid()) continue;
    // Two of one template or loop stand at one place.
    auto same = std::find_if(diagnostic.related.begin(), diagnostic.related.end(),
                             [&](const Label& label) { return label.span == span; });
    if (!diagnostic.primary.valid()) {
      diagnostic.primary = span;
      diagnostic.primary_label = told_of(access);
    } else if (diagnostic.primary == span) {
      diagnostic.primary_label += ", " + told_of(access);
    } else if (same != diagnostic.related.end()) {
      same->text += ", " + told_of(access);
    } else {
      diagnostic.related.push_back({span, told_of(access)});
    }
  }
  if (!diagnostic.primary.valid()) return;
  for (const Access& access : finding.accesses)
    if (!span_at(access.place, sources).valid())
      diagnostic.notes.push_back(told_of(access) + ": " + where(access));
}

Diagnostic as_diagnostic(const Finding& finding, const SourceMap& sources) {
  Diagnostic diagnostic;
  diagnostic.code = finding.code;
  diagnostic.severity = finding.severity;
  diagnostic.message = finding.message;
  if (finding.severity != Severity::note) add_places(finding, sources, diagnostic);
  std::string paths;
  std::size_t width = 0;
  for (const Access& access : finding.accesses) width = std::max(width, columns(access.party.text));
  for (const Access& access : finding.accesses)
    if (diagnostic.primary.valid() && !access.path.empty())
      paths += "\n" + padded(access.party.text, width) + "  " + path_of(access);
  if (!finding.overlap && !paths.empty()) paths.erase(0, 1);
  add_notes(finding, std::move(paths), diagnostic);
  return diagnostic;
}

Json json_of(const Finding& finding) {
  Json accesses = Json::array();
  for (const Access& access : finding.accesses)
    accesses.push_back({{"address", access.party.text},
                        {"host", access.host.text},
                        {"device", access.device.empty() ? Json(nullptr) : Json(access.device)},
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
              {"overlap", overlap},
              {"notes", finding.notes},
              {"ways_out", finding.ways_out}};
}

}  // namespace

std::string findings_text(const std::vector<Finding>& findings, Style style,
                          const SourceMap* sources) {
  static const SourceMap none;
  const SourceMap& texts = sources == nullptr ? none : *sources;
  std::string out;
  for (const Finding& finding : findings) {
    if (!out.empty()) out += "\n";
    const Diagnostic shown = as_diagnostic(finding, texts);
    std::string text = render_text(shown, texts, {style.color});
    if (!shown.primary.valid()) text.insert(text.find('\n') + 1, table_of(finding));
    out += text;
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
