// Reports: every JSON format against its schema in schemas/, and the texts people read.
#include "report/report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace hv {
namespace {

using Json = nlohmann::json;

Json schema(const std::string& name) {
  std::ifstream in(std::string(HV_SOURCE_DIR) + "/schemas/" + name + ".schema.json");
  std::stringstream text;
  text << in.rdbuf();
  return Json::parse(text.str());
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  return type == "null" && value.is_null();
}

// The part of JSON Schema that ours use: type, const, enum, minimum, required, properties,
// additionalProperties, items. The first violation, or nothing.
std::string violation(const Json& value, const Json& rule, const std::string& at) {
  if (rule.contains("type")) {
    const Json types = rule["type"].is_array() ? rule["type"] : Json::array({rule["type"]});
    bool fits = false;
    for (const Json& type : types) fits = fits || has_type(value, type);
    if (!fits) return at + " has the wrong type: " + value.dump();
  }
  if (rule.contains("const") && rule["const"] != value) return at + " is " + value.dump();
  if (rule.contains("enum")) {
    bool found = false;
    for (const Json& each : rule["enum"]) found = found || each == value;
    if (!found) return at + " cannot be " + value.dump();
  }
  if (rule.contains("minimum") && value.is_number() && value < rule["minimum"])
    return at + " is too small";
  if (value.is_object()) {
    for (const Json& name : rule.value("required", Json::array()))
      if (!value.contains(name)) return at + " lacks " + name.dump();
    const Json properties = rule.value("properties", Json::object());
    for (const auto& [name, each] : value.items()) {
      if (!properties.contains(name)) {
        if (rule.value("additionalProperties", true) == false) return at + " has " + name;
        continue;
      }
      std::string why = violation(each, properties[name], at + "." + name);
      if (!why.empty()) return why;
    }
  }
  if (value.is_array() && rule.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string why = violation(value[i], rule["items"], at + "[" + std::to_string(i) + "]");
      if (!why.empty()) return why;
    }
  return "";
}

Access access(const std::string& party, AccessMode mode, const std::string& file) {
  Access made;
  made.party = Party{party};
  made.host = HostName{"lab"};
  made.device = "xvda";
  made.mode = mode;
  made.extents = {Extent{StoreId{"sda"}, sectors(0), sectors(8), true}};
  made.path = {"phy:/dev/sda", "sda"};
  if (!file.empty()) made.place = Place{file, 9, 17};
  return made;
}

Finding unsafe() {
  Finding finding;
  finding.code = Code::unsafe_write_sharing;
  finding.severity = Severity::error;
  finding.level = 2;
  finding.message = "two domains would write the same sectors (level 2, permitted 0)";
  finding.accesses = {access("domain.web0", AccessMode::write, "web.vm"),
                      access("unmanaged.lab/alien", AccessMode::write, "")};
  finding.accesses[1].origin = AccessOrigin::live;
  finding.overlap = Overlap{StoreId{"sda"}, sectors(2048), sectors(4194304), true};
  finding.ways_out = {"make one side `r`"};
  return finding;
}

Plan sample() {
  Plan plan;
  plan.id = PlanId{"4711"};
  plan.project = "rack1";
  plan.serial = Serial{7};
  plan.inputs = {{"fleet.vm", "00ff"}};
  HostObservation host;
  host.host = HostName{"xen1"};
  host.reachable = host.simulated = true;
  plan.observation.hosts[host.host] = host;
  Change destroy;
  destroy.address = Address{Kind::domain, "www2"};
  destroy.action = Action::destroy;
  destroy.downtime = Downtime::gone;
  destroy.why = "no longer declared; stops a running machine";
  Change update;
  update.address = Address{Kind::domain, "web0"};
  update.attributes = {{"memory", mib(512), gib(1), How::live},
                       {"disk[xvdf]", Value(), "phy:vg0/logs0 (w)", How::live},
                       {"disk[xvdd]", "phy:vg0/old (r)", Value(), How::live},
                       {"vncpasswd", Secret{"one"}, Secret{"two"}, How::restart}};
  plan.changes = {destroy, update};
  Step stop;
  stop.id = StepId{1};
  stop.operation.op = Op::domain_shutdown;
  stop.operation.address = destroy.address;
  stop.operation.host = host.host;
  stop.estimate = seconds(5);
  Step memory;
  memory.id = StepId{2};
  memory.operation.op = Op::domain_memory;
  memory.operation.address = update.address;
  memory.operation.host = host.host;
  memory.operation.memory = gib(1);
  memory.operation.settings.set("vncpasswd", Secret{"two"});
  memory.after = {StepId{1}};
  memory.estimate = seconds(1);
  plan.steps = {stop, memory};
  plan.proof.sharing_proved = true;
  plan.proof.hosts_read = plan.proof.hosts_total = 1;
  plan.proof.peaks = {{host.host, "memory", 14 * kGiB + 512 * kMiB, 64 * kGiB}};
  return plan;
}

TEST(PlanText, TheWorstFirstAndAligned) {
  EXPECT_EQ(plan_text(sample(), {}),
            "Plan for rack1 on xen1 (simulated), state serial 7\n"
            "\n"
            "  - domain.www2  destroy  no longer declared; stops a running machine\n"
            "  ~ domain.web0  live     memory  512 MiB → 1 GiB\n"
            "                          + vbd xvdf  phy:vg0/logs0 (w)\n"
            "                          - vbd xvdd  phy:vg0/old (r)\n"
            "                          vncpasswd  (secret) → (secret)\n"
            "\n"
            "1 to destroy, 1 to change · 2 steps, about 6.0 s · downtime: www2 gone\n"
            "Sharing: level 0 in every intermediate state — proved for this plan, 1 of 1 host read "
            "at 00:00\n"
            "Memory on xen1: at most 14.5 GiB of 64 GiB\n");
}

TEST(PlanText, NothingToDoIsOneLine) {
  Plan plan = sample();
  plan.changes.clear();
  plan.steps.clear();
  EXPECT_EQ(plan_text(plan, {}),
            "Nothing to do: rack1 on xen1 (simulated) is as declared (serial 7).\n");
}

// As many steps at once as the executor has: 4 a host, 16 in all.
TEST(PlanText, SaysHowLongItTakes) {
  struct Case {
    const char* what;
    int hosts, chains, steps;  // so many chains a host, each of so many steps of a second
    int parallel;              // of each host; 0: not said
    int64_t seconds;
  };
  const Case cases[] = {
      {"nothing", 0, 0, 0, 0, 0},
      {"one", 1, 1, 1, 0, 1},
      {"one after the other", 1, 1, 5, 0, 5},
      {"beside each other", 1, 4, 5, 0, 5},
      {"more than a host does at once", 1, 20, 1, 0, 5},
      {"as hv.toml has it", 1, 20, 1, 1, 20},
      {"more than all do at once", 8, 8, 1, 0, 4},
      {"chains in turn", 1, 8, 3, 0, 6},
      {"a whole fleet", 100, 100, 2, 0, 1250},
  };
  for (const Case& each : cases) {
    Plan plan;
    std::map<HostName, int> parallel;
    for (int host = 0; host < each.hosts; ++host) {
      const HostName name{"h" + std::to_string(host)};
      if (each.parallel != 0) parallel[name] = each.parallel;
      for (int chain = 0; chain < each.chains; ++chain)
        for (int i = 0; i < each.steps; ++i) {
          Step& step = plan.steps.emplace_back();
          step.id = StepId{static_cast<uint32_t>(plan.steps.size())};
          step.operation.host = name;
          step.estimate = seconds(1);
          if (i > 0) step.after = {StepId{step.id.value - 1}};
        }
    }
    EXPECT_EQ(expected_duration(plan, parallel), seconds(each.seconds)) << each.what;
  }
}

TEST(PlanText, ARefusalIsShownWithThePlan) {
  Plan plan = sample();
  plan.applicable = false;
  plan.refusals = {Error{Code::protected_domain, "`domain.www2` is protected", "unprotect it"}};
  const std::string text = plan_text(plan, {});
  EXPECT_NE(text.find("This plan is refused:\n  HV0602: `domain.www2` is protected\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("proved"), std::string::npos);
}

TEST(Json, PlansFitTheirSchema) {
  Plan plan = sample();
  plan.findings = {unsafe()};
  plan.drift = {{plan.changes[1].address, HostName{"xen1"}, "memory", mib(512), mib(384)}};
  EXPECT_EQ(violation(Json::parse(plan_json(plan, false)), schema("hv.plan.1"), "plan"), "");
  EXPECT_EQ(violation(Json::parse(plan_json(plan, true)), schema("hv.plan.1"), "plan"), "");
}

TEST(FindingsText, ShowsBothPlaces) {
  SourceMap sources;
  sources.add("web.vm", std::string(8, '\n') + "        disk = [\"phy:vg0/data,xvdb,w\"]\n");
  sources.add("old.cfg", std::string(8, '\n') + "disk =          phy:sda3,hda1,w  # x\n");
  sources.add("new.vm", std::string(8, '\n') + "        disk = [vbd(data, \"xvda\"), 1]\n");
  Finding finding = unsafe();
  finding.accesses = {access("domain.web0", AccessMode::write, "web.vm"),
                      access("domain.backup", AccessMode::write, "old.cfg"),
                      access("domain.new", AccessMode::read, "new.vm"),
                      access("domain.gone", AccessMode::read, "gone.vm"), finding.accesses[1]};
  EXPECT_EQ(findings_text({finding}, {}, &sources),
            "error[HV0501]: two domains would write the same sectors (level 2, permitted 0)\n"
            " --> web.vm:9:17\n"
            "  |\n"
            "9 |         disk = [\"phy:vg0/data,xvdb,w\"]\n"
            "  |                 ^^^^^^^^^^^^^^^^^^^^^ domain.web0 writes as xvda\n"
            " ::: old.cfg:9:17\n"
            "9 | disk =          phy:sda3,hda1,w  # x\n"
            "  |                 ^^^^^^^^ domain.backup writes as xvda\n"
            " ::: new.vm:9:17\n"
            "9 |         disk = [vbd(data, \"xvda\"), 1]\n"
            "  |                 ^^^^^^^^^^^^^^^^^ domain.new reads as xvda\n"
            "  |\n"
            "  = domain.gone reads as xvda: gone.vm:9:17\n"
            "  = unmanaged.lab/alien writes as xvda: running on lab, in no file\n"
            "  = overlap: 2 GiB on sda, sectors 2048..4196351\n"
            "    domain.web0          phy:/dev/sda → sda\n"
            "    domain.backup        phy:/dev/sda → sda\n"
            "    domain.new           phy:/dev/sda → sda\n"
            "    domain.gone          phy:/dev/sda → sda\n"
            "    unmanaged.lab/alien  phy:/dev/sda → sda\n"
            "  = ways out: make one side `r`\n");
  // Two of one template stand at one place.
  finding.accesses = {access("domain.web0", AccessMode::write, "web.vm"),
                      access("domain.web1", AccessMode::read, "web.vm")};
  EXPECT_NE(findings_text({finding}, {}, &sources)
                .find("^^ domain.web0 writes as xvda, domain.web1 reads as xvda\n  |\n"),
            std::string::npos);
  // A text that is not what it was is not shown.
  SourceMap changed;
  changed.add("web.vm", "");
  EXPECT_EQ(findings_text({finding}, {}, &changed), findings_text({finding}, {}));
}

TEST(Json, FindingsFitTheirSchema) {
  Finding by_name = unsafe();
  by_name.overlap->resolved = false;
  by_name.level.reset();
  const std::string text = findings_json({unsafe(), by_name});
  EXPECT_EQ(violation(Json::parse(text), schema("hv.lint.1"), "lint"), "");
  const Json first = Json::parse(text)["findings"][0];
  EXPECT_EQ(first["overlap"]["start_sector"], 2048);
  EXPECT_TRUE(first["accesses"][1]["source"].is_null());
  EXPECT_TRUE(Json::parse(text)["findings"][1]["overlap"]["sectors"].is_null());
}

TEST(Json, SarifNamesRuleAndPlace) {
  const Json sarif = Json::parse(findings_sarif({unsafe()}));
  EXPECT_EQ(sarif["version"], "2.1.0");
  const Json result = sarif["runs"][0]["results"][0];
  EXPECT_EQ(result["ruleId"], "HV0501");
  EXPECT_EQ(result["level"], "error");
  EXPECT_EQ(result["locations"][0]["physicalLocation"]["region"]["startLine"], 9);
}

TEST(Json, StatusFitsItsSchema) {
  StatusReport report;
  StatusRow row;
  row.address = Address{Kind::domain, "web0"};
  row.host = HostName{"xen1"};
  row.state = PowerState::running;
  row.drift = {{row.address, row.host, "memory", mib(512), mib(384)}};
  row.pending = {{"kernel", "a", "b", How::restart}};
  row.in_step = false;
  report.domains = {row};
  report.unmanaged = {{"old7", Uuid{}, row.host, PowerState::running, mib(256), 1, 1}};
  report.unreachable = {{HostName{"xen2"}, "no answer", Time{}}};
  EXPECT_EQ(violation(Json::parse(status_json(report)), schema("hv.status.1"), "status"), "");
  const std::string text = status_text(report, {});
  EXPECT_NE(text.find("drifted: memory 384 MiB, set by hand; restart pending (kernel)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("not ours"), std::string::npos);
}

TEST(Json, DesiredFitsItsSchema) {
  DesiredGraph desired;
  DomainSpec domain;
  domain.address = Address{Kind::domain, "web0"};
  domain.name = "web0";
  domain.host = HostName{"xen1"};
  domain.attributes.set("memory", mib(512));
  domain.attributes.set("vncpasswd", Secret{"hush"});
  Vbd vbd;
  vbd.device = "xvda";
  vbd.source = "/dev/vg/web";
  domain.vbds = {vbd};
  domain.place = Place{"fleet.vm", 3, 1};
  ASSERT_TRUE(desired.add(domain));
  const std::string text = desired_json(desired, Schema::builtin());
  const Json document = Json::parse(text);
  EXPECT_EQ(violation(document, schema("hv.desired.1"), "desired"), "");
  const Json attributes = document["resources"][0]["attributes"];
  EXPECT_EQ(attributes["memory"], 512 * kMiB);
  EXPECT_EQ(attributes["maxmem"], 512 * kMiB);
  EXPECT_EQ(attributes["vncpasswd"], "(secret)");
  EXPECT_EQ(text.find("hush"), std::string::npos);
  EXPECT_EQ(desired_text(desired, Schema::builtin()).find("hush"), std::string::npos);
}

TEST(SavedPlan, ComesBackWholeAndWithoutSecrets) {
  const std::string text = plan_json(sample(), true);
  EXPECT_EQ(text.find("two"), std::string::npos);
  ASSERT_TRUE(looks_like_plan(text));
  Result<Plan> plan = read_plan(text);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan_text(*plan, {}), plan_text(sample(), {}));
  ASSERT_EQ(plan->steps.size(), 2u);
  EXPECT_EQ(plan->steps[1].operation.memory, gib(1));
  EXPECT_EQ(plan->steps[1].operation.settings.get<Secret>("vncpasswd")->text, "");
}

TEST(SavedPlan, WhatIsNoneIsRefused) {
  EXPECT_FALSE(looks_like_plan("memory = 5"));
  EXPECT_FALSE(looks_like_plan("{\"format\":\"hv.lint/1\"}"));
  EXPECT_FALSE(looks_like_plan("{"));
  EXPECT_FALSE(read_plan(plan_json(sample(), false)).ok());
  std::string edited = plan_json(sample(), true);
  const std::size_t at = edited.find("\"op\": \"domain.shutdown\"");
  ASSERT_NE(at, std::string::npos);
  edited.replace(at, 23, "\"op\": \"domain.unpause\" ");
  Result<Plan> plan = read_plan(edited);
  ASSERT_FALSE(plan.ok());
  EXPECT_NE(plan.error().message.find("not what it would do"), std::string::npos);
}

TEST(Schemas, CanFail) {
  Json plan = Json::parse(plan_json(sample(), false));
  plan["summary"].erase("create");
  EXPECT_NE(violation(plan, schema("hv.plan.1"), "plan"), "");
  plan = Json::parse(plan_json(sample(), false));
  plan["steps"][0]["surprise"] = 1;
  EXPECT_NE(violation(plan, schema("hv.plan.1"), "plan"), "");
}

}  // namespace
}  // namespace hv
