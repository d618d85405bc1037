#include "report/sarif.h"

#include <algorithm>

#include "report/report.h"

namespace hv {

Json sarif_artifact(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = path.starts_with('/') ? "file://" : "";
  for (const char c : path) {  // what RFC 3986 does not take as it is, is escaped
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) uri += c;
    if (!plain) uri += std::string{'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return {{"uri", uri}};
}

Json& SarifRun::add(Code code, Severity severity, std::string message) {
  const CodeInfo& about = info(code);
  auto [at, fresh] = index_.try_emplace(code, index_.size());
  if (fresh)
    rules_.push_back(
        {{"id", about.id}, {"name", about.name}, {"shortDescription", {{"text", about.title}}}});
  results_.push_back({{"ruleId", about.id},
                      {"ruleIndex", at->second},
                      {"level", to_string(severity)},
                      {"message", {{"text", std::move(message)}}},
                      {"locations", Json::array()}});
  return results_.back();
}

std::string SarifRun::text() const {
  return dump(
      Json{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
           {"version", "2.1.0"},
           {"runs", Json::array({{{"tool", {{"driver", {{"name", "hv"}, {"rules", rules_}}}}},
                                  {"columnKind", "unicodeCodePoints"},
                                  {"results", results_}}})}});
}

namespace {

Json region_of(Span span, const SourceMap& sources) {
  const Place begin = sources.begin_of(span), end = sources.end_of(span);
  return {{"startLine", begin.line},
          {"startColumn", begin.column},
          {"endLine", end.line},
          {"endColumn", end.column}};
}

Json location_of(Span span, const SourceMap& sources) {
  return {{"physicalLocation",
           {{"artifactLocation", sarif_artifact(std::string(sources.path(span.file)))},
            {"region", region_of(span, sources)}}}};
}

// All that the text says beside the source: many viewers show nothing else, and some of it only the
// first sentence.
std::string message_of(const Diagnostic& diagnostic) {
  std::string text = diagnostic.message + ".";
  if (!diagnostic.primary_label.empty()) text += "\n" + diagnostic.primary_label;
  for (const std::string& note : diagnostic.notes) text += "\n" + note;
  if (!diagnostic.help.empty()) text += "\nhelp: " + diagnostic.help;
  return text;
}

}  // namespace

std::string diagnostics_sarif(const Diagnostics& diagnostics, const SourceMap& sources) {
  SarifRun run;
  for (const Diagnostic& each : diagnostics.all()) {
    Json& result = run.add(each.code, each.severity, message_of(each));
    if (each.primary.valid())
      result["locations"].push_back(location_of(each.primary, sources));
    else if (!each.file.empty())
      result["locations"].push_back(
          {{"physicalLocation", {{"artifactLocation", sarif_artifact(each.file)}}}});
    Json related = Json::array();
    for (const Label& label : each.related) {
      if (!label.span.valid()) continue;
      Json location = location_of(label.span, sources);
      location["message"] = {{"text", label.text}};
      // The standard wants each of them once.
      if (std::find(related.begin(), related.end(), location) == related.end())
        related.push_back(std::move(location));
    }
    if (!related.empty()) result["relatedLocations"] = std::move(related);
    if (!each.fix || !each.fix->span.valid()) continue;
    const Json replacement = {{"deletedRegion", region_of(each.fix->span, sources)},
                              {"insertedContent", {{"text", each.fix->replacement}}}};
    const Json change = {
        {"artifactLocation", sarif_artifact(std::string(sources.path(each.fix->span.file)))},
        {"replacements", Json::array({replacement})}};
    result["fixes"] = Json::array({{{"description", {{"text", each.fix->title}}},
                                    {"artifactChanges", Json::array({change})}}});
  }
  return run.text();
}

}  // namespace hv
