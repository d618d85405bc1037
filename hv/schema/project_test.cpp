#include "hv/schema/project.h"

#include <gtest/gtest.h>

#include "base/render.h"

namespace hv {
namespace {

struct Parsed {
  Project project;
  Diagnostics diagnostics;
  SourceMap sources;
  std::string report;
};

std::unique_ptr<Parsed> parse(const std::string& text) {
  auto parsed = std::make_unique<Parsed>();
  FileId file = parsed->sources.add("hv.toml", text);
  parsed->project = parse_project(file, parsed->sources, "/srv/rack7", parsed->diagnostics);
  parsed->report = render_text(parsed->diagnostics, parsed->sources);
  return parsed;
}

constexpr const char* kWhole = R"([project]
id      = "3f0c9a52-7f1e-4c57-9d43-0a1b2c3d4e5f"
name    = "rack1"
sources = ["fleet.vm", "racks/", { file = "xmexample2", host = "xen1", params = [{ vmid = 1 }, { vmid = "2", x = true }] }]
state   = ".state"
host    = "xen1"
sharing = 1
unresolved  = "warn"
drift       = "report"
max_destroy = "20%"
[hosts.xen1]
driver      = "xl"
address     = "ssh://root@xen1"
identity    = "~/.ssh/hv"
known_hosts = "known_hosts"
inventory   = "inventory/xen1.json"
parallel    = 8
labels      = { rack = "1", disk = "ssd" }
fence       = ["ipmitool", "-H", "bmc-xen1", "power", "off"]
uname       = ["Linux", "xen1", "6.1", "#1", "x86_64"]
ip = "10.0.0.1"
netmask = "255.255.255.0"
gateway = "10.0.0.254"
env = { BRIDGE = "xenbr0" }
[hosts.lab]
driver = "sim"
memory = "64GiB"
cpus   = 16
disks  = { sda = "200GiB", sdb = "200GiB" }
bridges = ["xenbr0"]
mounted = ["/dev/sda1"]
files   = ["/boot/vmlinuz"]
[stores.data1]
hosts = ["xen1"]
local = true
)";

TEST(ParseProject, TheWholeContract) {
  auto parsed = parse(kWhole);
  EXPECT_EQ(parsed->report, "");
  const Project& project = parsed->project;
  EXPECT_TRUE(project.has_file);
  EXPECT_EQ(project.root, "/srv/rack7");
  EXPECT_EQ(to_string(*project.id), "3f0c9a52-7f1e-4c57-9d43-0a1b2c3d4e5f");
  EXPECT_EQ(project.name, "rack1");
  ASSERT_EQ(project.sources.size(), 3U);
  EXPECT_EQ(project.sources[1].path, "racks/");
  EXPECT_EQ(project.sources[2].path, "xmexample2");
  EXPECT_EQ(project.sources[2].host, HostName{"xen1"});
  ASSERT_EQ(project.sources[2].params.size(), 2U);
  EXPECT_EQ(project.sources[2].params[0].at("vmid"), "1");
  EXPECT_EQ(project.sources[2].params[1].at("vmid"), "2");
  EXPECT_EQ(project.sources[2].params[1].at("x"), "True");
  EXPECT_EQ(project.state, ".state");
  EXPECT_EQ(project.default_host(), HostName{"xen1"});
  EXPECT_EQ(project.sharing, 1);
  EXPECT_EQ(project.unresolved, UnresolvedPolicy::warn);
  EXPECT_EQ(project.drift, DriftPolicy::report);
  EXPECT_EQ(to_string(project.max_destroy), "20%");
  EXPECT_TRUE(project.max_destroy_set);
  const HostConfig& xen1 = project.hosts.at(HostName{"xen1"});
  EXPECT_EQ(xen1.driver, DriverKind::xl);
  EXPECT_EQ(xen1.address, "ssh://root@xen1");
  EXPECT_EQ(xen1.identity, "~/.ssh/hv");
  EXPECT_EQ(xen1.parallel, 8);
  EXPECT_EQ(xen1.labels.at("disk"), "ssd");
  EXPECT_EQ(xen1.fence.size(), 5U);
  EXPECT_EQ(xen1.uname[2], "6.1");
  EXPECT_EQ(xen1.gateway, "10.0.0.254");
  EXPECT_EQ(xen1.env.at("BRIDGE"), "xenbr0");
  EXPECT_FALSE(xen1.memory || xen1.cpus || xen1.disks || xen1.bridges || xen1.files ||
               xen1.mounted);
  const HostConfig& lab = project.hosts.at(HostName{"lab"});
  EXPECT_EQ(lab.memory, gib(64));
  EXPECT_EQ(lab.cpus, 16);
  EXPECT_EQ(lab.disks->at("sdb"), gib(200));
  EXPECT_EQ(lab.bridges->size(), 1U);
  EXPECT_EQ(lab.mounted, std::vector<std::string>{"/dev/sda1"});
  EXPECT_EQ(lab.files->front(), "/boot/vmlinuz");
  const StoreStatement& store = project.stores.at(StoreId{"data1"});
  EXPECT_TRUE(store.local);
  EXPECT_EQ(store.hosts, std::vector<HostName>{HostName{"xen1"}});
}

TEST(ParseProject, KeepsSpans) {
  auto parsed = parse(kWhole);
  EXPECT_EQ(parsed->sources.text(parsed->project.span_of("project.sharing")), "1");
  EXPECT_EQ(parsed->sources.text(parsed->project.span_of("hosts.lab.disks.sdb")), "\"200GiB\"");
  EXPECT_FALSE(parsed->project.span_of("project.shar").valid());
  EXPECT_EQ(parsed->sources.text(parsed->project.hosts.at(HostName{"lab"}).span), "lab");
  EXPECT_EQ(parsed->sources.text(parsed->project.sources[0].span), "\"fleet.vm\"");
  EXPECT_EQ(parsed->sources.text(parsed->project.sources[2].span), "\"xmexample2\"");
  EXPECT_EQ(parsed->sources.text(parsed->project.stores.at(StoreId{"data1"}).span), "data1");
}

TEST(ParseProject, DefaultsOfAnEmptyFile) {
  auto parsed = parse("");
  EXPECT_EQ(parsed->report, "");
  EXPECT_TRUE(parsed->project.has_file);
  EXPECT_EQ(parsed->project.name, "rack7");
  EXPECT_EQ(parsed->project.state, ".hv");
  EXPECT_EQ(parsed->project.sharing, 0);
  EXPECT_EQ(parsed->project.unresolved, UnresolvedPolicy::error);
  EXPECT_EQ(parsed->project.drift, DriftPolicy::heal);
  EXPECT_EQ(to_string(parsed->project.max_destroy), "10%");
  EXPECT_FALSE(parsed->project.max_destroy_set);
  EXPECT_TRUE(parsed->project.hosts.empty());
  EXPECT_EQ(parsed->project.default_host(), std::nullopt);
  add_default_host(parsed->project, false);
  EXPECT_EQ(parsed->project.default_host(), HostName{"local"});
}

TEST(ParseProject, WithoutAFile) {
  Project here = default_project("/home/alice/fleet/", false);
  EXPECT_FALSE(here.has_file);
  EXPECT_FALSE(here.file.valid());
  EXPECT_EQ(here.name, "fleet");
  EXPECT_EQ(here.default_host(), HostName{"local"});
  EXPECT_EQ(here.hosts.at(HostName{"local"}).driver, DriverKind::sim);
  EXPECT_EQ(default_project("/", true).hosts.at(HostName{"local"}).driver, DriverKind::xl);
  EXPECT_EQ(default_project("/", true).name, "project");
}

TEST(ParseProject, OneHostAloneIsTheDefault) {
  auto one = parse("[hosts.a]\ndriver = \"sim\"\n");
  EXPECT_EQ(one->project.default_host(), HostName{"a"});
  auto two = parse("[hosts.a]\ndriver = \"sim\"\n[hosts.\"xen 2\"]\ndriver = \"sim\"\n");
  EXPECT_EQ(two->report, "");
  EXPECT_EQ(two->project.default_host(), std::nullopt);
}

TEST(ParseProject, TakesWhatPeopleWrite) {
  for (const char* text : {
           "\xEF\xBB\xBF[project]\r\nname = \"a\"\r\n",
           "[project]\nhost = \"local\"\n",
           "[project]\nmax_destroy = 3\n",
           "[project]\nid = \"3f0c9a527f1e4c579d430a1b2c3d4e5f\"\n",
           "project.name = \"a\"\nhosts.a = { driver = \"sim\", address = \"unix:/run/sim\" }\n",
           "[hosts.a]\ndriver = \"xl\"\naddress = \"ssh://[fe80::1%eth0]:2222\"\n",
           "[hosts.a]\ndriver = \"xl\"\naddress = \"ssh://xen-1.example.org:22\"\n",
           "[hosts.a]\ndriver = \"libvirt\"\naddress = \"qemu+ssh://root@kvm1/system\"\n",
       }) {
    EXPECT_EQ(parse(text)->report, "") << text;
  }
}

// Neither the stack nor an hour is to be had with a file.
TEST(ParseProject, HostileFilesEndInADiagnostic) {
  struct Case {
    std::string text, message;
  };
  std::string dots = "a", ones = "a = [", tables = "a = ", header = "[a";
  for (int i = 0; i < 50000; ++i) {
    dots += ".a";
    ones += "1, ";
    tables += "{a=";
    header += ".\"a\"";
  }
  for (const Case& c : {
           Case{dots + " = 1\n", "this key has too many parts"},
           Case{header + "]\n", "this key has too many parts"},
           Case{ones + "]\n", "unknown key `a`"},
           Case{"a = " + std::string(100000, '['), "maximum nested value depth"},
           Case{tables, "maximum nested value depth"},
           Case{std::string(5 * 1024 * 1024, '#'), "this file is too large"},
       }) {
    auto parsed = parse(c.text);
    ASSERT_EQ(parsed->diagnostics.size(), 1U);
    EXPECT_NE(parsed->report.find(c.message), std::string::npos) << parsed->report.substr(0, 500);
  }
  // Dots in texts and comments are no parts of keys.
  EXPECT_EQ(parse("name = \"" + std::string(100, '.') + "\" # " + std::string(100, '.') + "\n")
                ->diagnostics.all()[0]
                .code,
            Code::project_unknown_key);
}

struct Mistake {
  std::string text;
  Code code;
  std::string place;
  std::string message;
};

TEST(ParseProject, RefusesEveryMistakeAtItsPlace) {
  const std::string host = "[hosts.a]\ndriver = \"sim\"\n";
  const std::string xen = "[hosts.a]\ndriver = \"xl\"\n";
  const Mistake mistakes[] = {
      {"[project\n", Code::project_syntax, "1:9", "this is not TOML"},
      {"[project]\nname = 'a\n", Code::project_syntax, "2:10", "this is not TOML"},
      {"[project]\nname = \"a\"\nname = \"b\"\n", Code::project_syntax, "3:", "this is not TOML"},
      {std::string("a\0b", 3), Code::project_syntax, "1:", "this is not TOML"},
      {"\xFF\xFE", Code::project_syntax, "1:1", "this is not TOML"},
      {"[projekt]\n", Code::project_unknown_key, "1:2", "unknown key `projekt` in hv.toml"},
      {"[project]\ncolour = 1\n", Code::project_unknown_key, "2:1", "unknown key `colour`"},
      {host + "memroy = \"1GiB\"\n", Code::project_unknown_key, "3:1",
       "unknown key `memroy` in [hosts.a]"},
      {"[stores.x]\nhosts = []\nlokal = true\n", Code::project_unknown_key, "3:1",
       "unknown key `lokal` in [stores.x]"},
      {"project = 1\n", Code::project_wrong_type, "1:11", "`project` in hv.toml takes a table"},
      {"[project]\nsharing = \"1\"\n", Code::project_wrong_type, "2:11",
       "`sharing` in [project] takes a whole number"},
      {"[project]\nname = 2026-01-01\n", Code::project_wrong_type, "2:8",
       "`name` in [project] takes a string"},
      {"[project]\nsources = \"a.vm\"\n", Code::project_wrong_type, "2:11",
       "`sources` in [project] takes an array"},
      {"[project]\nsources = [1]\n", Code::project_wrong_type, "2:12", "a source is a path"},
      {"[project]\nsources = [{ file = \"a\", params = [{ x = [1] }] }]\n",
       Code::project_wrong_type, "2:42", "`x` takes a string, a number"},
      {"[project]\nsources = [{ file = \"a\", params = [1] }]\n", Code::project_wrong_type, "2:36",
       "`params` takes tables"},
      {"[hosts]\na = 1\n", Code::project_wrong_type, "2:5", "host `a` takes a table"},
      {host + "labels = { rack = 1 }\n", Code::project_wrong_type, "3:19", "`rack` takes a string"},
      {host + "files = [1]\n", Code::project_wrong_type, "3:10", "takes an array of strings"},
      {"[stores]\nx = true\n", Code::project_wrong_type, "2:5", "a store takes a table"},
      {"[project]\nunresolved = \"ignore\"\n", Code::project_bad_value, "2:14",
       "`unresolved` in [project] cannot be `ignore`"},
      {"[project]\ndrift = \"heals\"\n", Code::project_bad_value, "2:9", "did you mean `heal`?"},
      {"[project]\nstate = \"\"\n", Code::project_bad_value, "2:9", "`state` names no folder"},
      {"[project]\nsources = [\"\"]\n", Code::project_bad_value, "2:12", "an empty path"},
      {"[hosts.a]\ndriver = \"kvm\"\n", Code::project_bad_value, "2:10", "cannot be `kvm`"},
      {host + "parallel = 0\n", Code::project_bad_value, "3:12", "cannot be 0"},
      {host + "cpus = -1\n", Code::project_bad_value, "3:8", "cannot be -1"},
      {host + "uname = [\"Linux\"]\n", Code::project_bad_value, "3:9", "1 fields, not 5"},
      {host + "fence = []\n", Code::project_bad_value, "3:9", "`fence` names no program"},
      {host + "ip = \"10.0.0.256\"\n", Code::project_bad_value, "3:6", "is no IPv4 address"},
      {host + "gateway = \"10.0.0\"\n", Code::project_bad_value, "3:11", "is no IPv4 address"},
      {host + "memory = \"64\"\n", Code::project_bad_size, "3:10", "`memory` is no size"},
      {host + "memory = 64\n", Code::project_bad_size, "3:10", "of which unit?"},
      {host + "disks = { sda = \"big\" }\n", Code::project_bad_size, "3:17", "`sda` is no size"},
      {host + "disks = { sda = \"0B\" }\n", Code::project_bad_size, "3:17", "`sda` is no size"},
      {"[project]\nid = \"rack1\"\n", Code::project_bad_uuid, "2:6", "`rack1` is no UUID"},
      {"[project]\nid = \"00000000-0000-0000-0000-000000000000\"\n", Code::project_bad_uuid, "2:6",
       "is no UUID"},
      {"[project]\nhost = \"b\"\n" + host, Code::project_unknown_host, "2:8", "no [hosts.b]"},
      {"[project]\nhost = \"b\"\n", Code::project_unknown_host, "2:8", "only `local`"},
      {"[project]\nsources = [{ file = \"x\", host = \"c\" }]\n" + host, Code::project_unknown_host,
       "2:33", "no [hosts.c]"},
      {host + "[stores.x]\nhosts = [\"a\", \"c\"]\n", Code::project_unknown_host, "4:15",
       "no [hosts.c]"},
      {"[project]\nsharing = 2\n", Code::project_sharing_level, "2:11",
       "level 2 is never a default"},
      {"[project]\nsharing = 3\n", Code::project_sharing_level, "2:11",
       "there is no sharing level 3"},
      {"[project]\nmax_destroy = \"lots\"\n", Code::project_bad_budget, "2:15", "cannot be read"},
      {"[project]\nmax_destroy = \"101%\"\n", Code::project_bad_budget, "2:15", "cannot be read"},
      {"[project]\nmax_destroy = -1\n", Code::project_bad_budget, "2:15", "cannot be read"},
      {"[project]\nmax_destroy = true\n", Code::project_bad_budget, "2:15", "cannot be read"},
      {host + "address = \"ssh://a\"\n", Code::project_bad_address, "3:11", "`unix:PATH`"},
      {xen + "address = \"xen1\"\n", Code::project_bad_address, "3:11", "`ssh://USER@HOST`"},
      {xen + "address = \"ssh://-oProxyCommand=x\"\n", Code::project_bad_address, "3:11",
       "no name of a machine"},
      {xen + "address = \"ssh://-l@x\"\n", Code::project_bad_address, "3:11", "no name of a user"},
      {xen + "address = \"ssh://x:99999\"\n", Code::project_bad_address, "3:11", "no port"},
      {xen + "address = \"ssh://x;reboot\"\n", Code::project_bad_address, "3:11",
       "no name of a machine"},
      {"[project]\nname = \"a/b\"\n", Code::project_bad_name, "2:8", "`a/b` cannot be a name"},
      {"[hosts.\"\"]\ndriver = \"sim\"\n", Code::project_bad_name, "1:8", "cannot be a name"},
      {xen + "memory = \"1GiB\"\n", Code::project_key_of_other_driver, "3:1",
       "`memory` is for simulated hosts; `a` has driver `xl`"},
      {"[hosts.a]\nparallel = 1\n", Code::project_missing_key, "1:8", "host `a` without `driver`"},
      {"[project]\nsources = [{ host = \"local\" }]\n", Code::project_missing_key, "2:12",
       "a source without `file`"},
      {"[stores.x]\nlocal = true\n", Code::project_missing_key, "1:9", "store `x` without `hosts`"},
  };
  for (const Mistake& mistake : mistakes) {
    auto parsed = parse(mistake.text);
    ASSERT_EQ(parsed->diagnostics.size(), 1U) << mistake.text << "\n" << parsed->report;
    EXPECT_EQ(parsed->diagnostics.all()[0].code, mistake.code) << parsed->report;
    EXPECT_NE(parsed->report.find("hv.toml:" + mistake.place), std::string::npos)
        << mistake.place << "\n"
        << parsed->report;
    EXPECT_NE(parsed->report.find(mistake.message), std::string::npos) << parsed->report;
  }
}

TEST(ParseProject, ReportsEveryMistakeOfAFile) {
  auto parsed = parse(R"([project]
name = 1
sharing = 2
drfit = "heal"
[hosts.a]
driver = "sim"
memory = "lots"
)");
  EXPECT_EQ(parsed->diagnostics.size(), 4U) << parsed->report;
  EXPECT_EQ(parsed->project.name, "rack7");
  EXPECT_EQ(parsed->project.sharing, 0);
}

TEST(ParseProject, RendersWhatPeopleSee) {
  EXPECT_EQ(parse("[project]\nname = \"ä\" ; x\n")->diagnostics.all()[0].code,
            Code::project_syntax);
  EXPECT_EQ(parse("[project]\nshring = 1\n")->report,
            R"(error[HV0421]: unknown key `shring` in [project]
 --> hv.toml:2:1
  |
2 | shring = 1
  | ^^^^^^ did you mean `sharing`?
)");
  EXPECT_EQ(parse("[project]\nname = \"ä\"\nsharing = 2 # ü\n")->report,
            R"(error[HV0427]: a project cannot permit sharing level 2
 --> hv.toml:3:11
  |
3 | sharing = 2 # ü
  |           ^ level 2 is never a default
  |
  = help: level 2 is said where it is meant: `w!` on both disks, `sharing = 2` in both domains, or `shareable` on the storage
)");
  EXPECT_EQ(parse("[project]\nhost = \"xen2\"\n[hosts.xen1]\ndriver = \"xl\"\n")->report,
            R"(error[HV0426]: no [hosts.xen2] in hv.toml
 --> hv.toml:2:8
  |
2 | host = "xen2"
  |        ^^^^^^ did you mean `xen1`?
)");
}

TEST(Budget, CountsAndPercentages) {
  struct Case {
    std::string_view text;
    std::optional<std::string> shown;
  };
  for (const Case& c : {Case{"3", "3"}, Case{"0", "0"}, Case{"10%", "10%"}, Case{"100%", "100%"},
                        Case{"101%", std::nullopt}, Case{"", std::nullopt}, Case{"%", std::nullopt},
                        Case{"-1", std::nullopt}, Case{"1.5%", std::nullopt},
                        Case{"9999999999", std::nullopt}, Case{" 3", std::nullopt}}) {
    std::optional<DestroyBudget> budget = parse_budget(c.text);
    EXPECT_EQ(budget.has_value(), c.shown.has_value()) << c.text;
    if (budget && c.shown) {
      EXPECT_EQ(to_string(*budget), *c.shown);
    }
  }
}

}  // namespace
}  // namespace hv
