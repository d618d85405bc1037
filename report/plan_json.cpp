// hv.plan/1: the plan for scripts, and the saved plan that apply carries out.
//
// A saved plan holds, beside what people and scripts read, the whole plan as one record (hex of the
// model's codec). Reading it back checks that both say the same, so that nobody reviews one plan
// and applies another. Secrets are never in it: the record has them empty, and apply takes them
// from the sources again, whose digests the plan carries.
#include "base/hash.h"
#include "hv/model/codec.h"
#include "report/json_values.h"
#include "report/report.h"

namespace hv {
namespace {

Json args_of(const Operation& operation) {
  Json args = Json::object();
  if (!operation.uuid.is_nil()) args["uuid"] = to_string(operation.uuid);
  if (operation.domain) args["name"] = operation.domain->name;
  if (operation.vbd) args["vbd"] = to_json(*operation.vbd);
  if (operation.vif) {
    Json settings = Json::object();
    for (const auto& [key, value] : operation.vif->settings) settings[key] = value;
    args["vif"] = std::move(settings);
  }
  if (operation.memory) args["memory"] = operation.memory->count;
  if (operation.vcpus) args["vcpus"] = *operation.vcpus;
  if (operation.vdisk) args["size"] = operation.vdisk->size.count;
  if (!operation.settings.empty()) {
    Json settings = Json::object();
    for (const Attributes::Entry& entry : operation.settings)
      settings[entry.name] = to_json(entry.value);
    args["settings"] = std::move(settings);
  }
  if (!operation.extents.empty()) {
    Json extents = Json::object();
    for (const auto& [device, list] : operation.extents) {
      Json entries = Json::array();
      for (const Extent& extent : list)
        entries.push_back({{"store", extent.store.text},
                           {"start_sector", extent.start.count},
                           {"sectors", extent.count.count}});
      extents[device] = std::move(entries);
    }
    args["extents"] = std::move(extents);
  }
  if (operation.force) args["force"] = true;
  return args;
}

Json observation_of(const Plan& plan) {
  Json hosts = Json::array();
  for (const auto& [name, host] : plan.observation.hosts) {
    Json domains = Json::array();
    for (const ObservedDomain& domain : host.domains)
      domains.push_back({{"name", domain.name},
                         {"uuid", to_string(domain.uuid)},
                         {"state", to_string(domain.state)},
                         {"memory", domain.memory.count},
                         {"vcpus", domain.vcpus}});
    hosts.push_back({{"host", name.text},
                     {"reachable", host.reachable},
                     {"simulated", host.simulated},
                     {"host_id", host.host_id},
                     {"boot_id", host.boot_id},
                     {"memory_total", host.memory_total.count},
                     {"memory_free", host.memory_free.count},
                     {"domains", std::move(domains)}});
  }
  return Json{{"at", to_human(plan.observation.at)}, {"hosts", std::move(hosts)}};
}

Json read_set_of(const Plan& plan) {
  Json resources = Json::array();
  for (const Change& change : plan.changes) resources.push_back(to_string(change.address));
  return Json{{"resources", std::move(resources)},
              {"holds", plan.holds.size()},
              {"serial", plan.serial.value}};
}

Plan without_secrets(Plan plan) {
  const auto clean = [](Attributes& attributes) {
    Attributes kept;
    for (const Attributes::Entry& entry : attributes)
      kept.set(entry.name, entry.value.get<Secret>() != nullptr ? Value(Secret{}) : entry.value);
    attributes = std::move(kept);
  };
  for (Step& step : plan.steps) {
    if (step.operation.domain) clean(step.operation.domain->attributes);
    clean(step.operation.settings);
  }
  for (Change& change : plan.changes)
    for (AttributeChange& attribute : change.attributes) {
      if (attribute.before.get<Secret>() != nullptr) attribute.before = Value(Secret{});
      if (attribute.after.get<Secret>() != nullptr) attribute.after = Value(Secret{});
    }
  return plan;
}

Json json_of(const Plan& plan, bool saved) {
  Json inputs = Json::array();
  for (const InputFile& input : plan.inputs)
    inputs.push_back({{"file", input.file}, {"sha256", input.sha256}});
  const PlanSummary summary = summarise(plan);
  Json changes = Json::array();
  for (const Change& change : plan.changes) {
    Json attributes = Json::array();
    for (const AttributeChange& attribute : change.attributes)
      attributes.push_back({{"path", attribute.path},
                            {"before", to_json(attribute.before)},
                            {"after", to_json(attribute.after)},
                            {"how", to_string(attribute.how)}});
    Json entry = {{"address", to_string(change.address)},
                  {"action", to_string(change.action)},
                  {"attributes", std::move(attributes)},
                  {"downtime", to_string(change.downtime)},
                  {"why", change.why}};
    if (change.deferred) entry["deferred"] = true;
    changes.push_back(std::move(entry));
  }
  Json steps = Json::array();
  for (const Step& step : plan.steps) {
    Json after = Json::array();
    for (const StepId& id : step.after) after.push_back(id.value);
    Json entry = {{"id", step.id.value},
                  {"op", to_string(step.operation.op)},
                  {"address", to_string(step.operation.address)},
                  {"host", step.operation.host.text},
                  {"after", std::move(after)}};
    if (saved) entry["args"] = args_of(step.operation);
    steps.push_back(std::move(entry));
  }
  Json drift = Json::array();
  for (const DriftItem& item : plan.drift)
    drift.push_back({{"address", to_string(item.address)},
                     {"path", item.path},
                     {"applied", to_json(item.applied)},
                     {"observed", to_json(item.observed)}});
  Json refusals = Json::array();
  for (const Error& refusal : plan.refusals)
    refusals.push_back(
        {{"code", info(refusal.code).id}, {"message", refusal.message}, {"help", refusal.help}});
  const Json findings = Json::parse(findings_json(plan.findings))["findings"];
  Json document = {{"format", "hv.plan/1"},
                   {"id", plan.id.text},
                   {"serial", plan.serial.value},
                   {"lineage", to_string(plan.lineage)},
                   {"digest", plan.digest},
                   {"inputs", std::move(inputs)},
                   {"summary",
                    {{"create", summary.create},
                     {"update", summary.update},
                     {"restart", summary.restart},
                     {"replace", summary.replace},
                     {"destroy", summary.destroy},
                     {"adopt", summary.adopt},
                     {"move", summary.move},
                     {"forget", summary.forget}}},
                   {"changes", std::move(changes)},
                   {"steps", std::move(steps)},
                   {"drift", std::move(drift)},
                   {"findings", findings},
                   {"applicable", plan.applicable},
                   {"refusals", std::move(refusals)}};
  if (saved) {
    document["observation"] = observation_of(plan);
    document["read_set"] = read_set_of(plan);
  }
  return document;
}

std::optional<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]), low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace

std::string plan_json(const Plan& plan, bool saved) {
  if (!saved) return dump(json_of(plan, false));
  const Plan clean = without_secrets(plan);
  Json document = json_of(clean, true);
  document["record"] = to_hex(encode(clean));
  return dump(document);
}

bool looks_like_plan(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return false;
  const Json document = Json::parse(text, nullptr, false);
  // One that was cut short is a damaged plan, not a source with mistakes.
  if (document.is_discarded()) return text.substr(0, 200).find("\"hv.plan/1\"") != text.npos;
  return document.is_object() && document.value("format", Json()) == "hv.plan/1";
}

Result<Plan> read_plan(std::string_view text) {
  const auto damaged = [](const std::string& why) {
    return Error{Code::plan_unreadable, "the plan file cannot be used: " + why,
                 "make it again with `hv plan -o FILE`"};
  };
  Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) return damaged("it is no JSON, or cut short");
  if (!document.is_object() || document.value("format", Json()) != "hv.plan/1")
    return damaged("it is no hv.plan/1");
  const auto record = document.find("record");
  if (record == document.end() || !record->is_string())
    return Error{Code::plan_unreadable,
                 "this is a plan to read, not one to apply: it lacks what apply needs",
                 "save one with `hv plan -o FILE`"};
  const auto bytes = from_hex(record->get<std::string>());
  if (!bytes) return damaged("its record is damaged");
  Result<Plan> plan = decode<Plan>(*bytes);
  if (!plan.ok()) return damaged(plan.error().message);
  document.erase("record");
  // Compared as it was written: text replaces what is not UTF-8, and numbers are read from text.
  if (document != Json::parse(dump(json_of(*plan, true)), nullptr, false))
    return damaged("what it shows is not what it would do");
  return plan;
}

}  // namespace hv
