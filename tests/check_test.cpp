// hv check: its answers for machines, and what each phase makes of a file.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/process.h"

namespace hv::testing {
namespace {

using nlohmann::json;

json region(int line, int from, int to) {
  return {{"startLine", line}, {"startColumn", from}, {"endLine", line}, {"endColumn", to}};
}

TEST(Check, SarifHasPlacesRelatedPlacesAndFixes) {
  const Folder folder;
  folder.write(
      "sub dir/w.vm",
      "template web:\n    memory = 64MiB\ndomain a(web):\n    memry = 1GiB  # \xf0\x9d\x84\x9e\n");
  const Finished finished = folder.hv({"check", "sub dir/w.vm", "--format", "sarif"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(finished.err, "");
  EXPECT_EQ(misfit(finished.out, "sarif.2.1.0"), "");
  const json run = json::parse(finished.out)["runs"][0];
  ASSERT_EQ(run["results"].size(), 1u) << finished.out;
  const json& misspelt = run["results"][0];
  EXPECT_EQ(misspelt["ruleId"], "HV0203");
  EXPECT_EQ(misspelt["level"], "error");
  EXPECT_NE(misspelt["message"]["text"].get<std::string>().find("`memry`"), std::string::npos);
  const json file = {{"uri", "sub%20dir/w.vm"}};
  EXPECT_EQ(misspelt["locations"][0]["physicalLocation"]["artifactLocation"], file);
  EXPECT_EQ(misspelt["locations"][0]["physicalLocation"]["region"], region(4, 5, 10));
  const json& change = misspelt["fixes"][0]["artifactChanges"][0];
  EXPECT_EQ(change["artifactLocation"], file);
  EXPECT_EQ(change["replacements"][0]["deletedRegion"], region(4, 5, 10));
  EXPECT_EQ(change["replacements"][0]["insertedContent"]["text"], "memory");

  folder.write(
      "twice.vm",
      "domain a:\n    memory = 64MiB\n# \xf0\x9d\x84\x9e\ndomain a:\n    memory = 32MiB\n");
  const Finished second = folder.hv({"check", "twice.vm", "--format", "sarif"});
  EXPECT_EQ(misfit(second.out, "sarif.2.1.0"), "");
  const json again = json::parse(second.out)["runs"][0];
  bool related = false;
  for (const json& result : again["results"]) {
    EXPECT_EQ(again["tool"]["driver"]["rules"][result["ruleIndex"].get<std::size_t>()]["id"],
              result["ruleId"]);
    related = related || result.contains("relatedLocations");
  }
  EXPECT_TRUE(related) << second.out;
}

TEST(Check, SarifOfWhatHasNoPlace) {
  struct Case {
    const char* toml;
    std::vector<std::string> words;
    int code;
    std::size_t results;
  };
  const Case cases[] = {
      {"[project]\nname = \"p\"\nsources = [\"a.vm\"]\n", {}, 0, 0},
      {"[project]\nname = \"p\"\nsauces = [\"a.vm\"]\n", {}, 1, 1},
      {"[project]\nname = \"p\"\n", {}, 1, 1},
      {"[project]\nname = \"p\"\n", {"absent.vm"}, 1, 1},
      {"[project\n", {}, 1, 1},
  };
  for (const Case& each : cases) {
    const Folder folder;
    folder.write("a.vm", "domain a:\n    memory = 64MiB\n    kernel = \"/k\"\n");
    folder.write("hv.toml", each.toml);
    std::vector<std::string> words = {"check", "--format", "sarif"};
    words.insert(words.end(), each.words.begin(), each.words.end());
    const Finished finished = folder.hv(words);
    EXPECT_EQ(finished.code, each.code) << each.toml;
    EXPECT_EQ(finished.err, "") << each.toml;
    EXPECT_EQ(misfit(finished.out, "sarif.2.1.0"), "") << each.toml << finished.out;
    const json results = json::parse(finished.out)["runs"][0]["results"];
    EXPECT_EQ(results.size(), each.results) << each.toml << finished.out;
  }
}

TEST(Check, DumpsWhatEachPhaseMade) {
  struct Case {
    std::string phase, has;
  };
  const Case cases[] = {{"tokens", "replicas"},
                        {"tree", "param"},
                        {"typed", "replicas: int\n"},
                        {"desired", "\"hv.desired/1\""}};
  for (const Case& each : cases)
    for (const std::string format : {"text", "json", "sarif"}) {
      Folder folder;
      folder.write("fleet.vm",
                   "param replicas: int = 3\nname = f\"web{replicas}\"\n"
                   "domain a:\n    memory = 64MiB\n");
      if (each.phase == "desired" && format != "text") continue;
      const Finished finished =
          folder.hv({"check", "fleet.vm", "--dump=" + each.phase, "--format", format});
      EXPECT_EQ(finished.code, 0) << each.phase << finished.err;
      EXPECT_NE(finished.out.find(each.has), std::string::npos) << each.phase << finished.out;
      if (each.phase == "tokens") continue;
      // Mistakes are told beside it, whatever the format.
      folder.write("fleet.vm", "a = = 1\n");
      const Finished wrong =
          folder.hv({"check", "fleet.vm", "--dump=" + each.phase, "--format", format});
      EXPECT_EQ(wrong.code, 1) << each.phase;
      EXPECT_NE(wrong.err.find("error["), std::string::npos) << each.phase << wrong.out;
    }
}

// The desired state in the languages that people know it in, without its secrets.
TEST(Show, AsDeclarationsAndAsAFileOfXl) {
  const Folder folder;
  folder.write("web.cfg",
               "name = 'web'\nmemory = 64 * 2\nkernel = '/k'\nvncpasswd = 'hush'\n"
               "vfb = ['vnc=1,vncpasswd=hush']\ndisk = ['phy:/dev/sda7,xvda,w']\n");
  const Finished vm = folder.hv({"show", "web.cfg", "--format", "vm"});
  EXPECT_EQ(vm.code, 0) << vm.all();
  EXPECT_EQ(vm.all().find("hush"), std::string::npos) << vm.all();
  EXPECT_EQ(vm.out.find("domain web:\n    memory = 128MiB\n    kernel = \"/k\"\n"), 0u) << vm.out;
  EXPECT_NE(vm.out.find("    vncpasswd = \"(secret)\"\n"), std::string::npos) << vm.out;
  EXPECT_NE(vm.out.find("vncpasswd=(secret)\"]\n"), std::string::npos) << vm.out;
  EXPECT_NE(vm.out.find("    # maxmem = 128MiB\n"), std::string::npos) << vm.out;
  folder.write("shown.vm", vm.out);
  const Finished check = folder.hv({"check", "shown.vm"});
  EXPECT_EQ(check.code, 0) << check.all();

  const Finished xl = folder.hv({"show", "web.cfg", "--format", "xl"});
  EXPECT_EQ(xl.code, 0) << xl.all();
  EXPECT_EQ(xl.all().find("hush"), std::string::npos) << xl.all();
  EXPECT_NE(xl.out.find("memory = 128\n"), std::string::npos) << xl.out;
  EXPECT_NE(xl.out.find("# maxmem = 128\n"), std::string::npos) << xl.out;
  for (const std::string format : {"text", "json"}) {
    const Finished shown = folder.hv({"show", "web.cfg", "--format", format});
    EXPECT_EQ(shown.code, 0) << shown.all();
    EXPECT_EQ(shown.all().find("hush"), std::string::npos) << shown.all();
  }

  folder.write("two.vm", "domain a:\n    memory = 1GiB\ndomain b:\n    memory = 1GiB\n");
  EXPECT_EQ(folder.hv({"show", "two.vm", "--format", "vm"}).code, 0);
  const Finished two = folder.hv({"show", "two.vm", "--format", "xl"});
  EXPECT_EQ(two.code, 1) << two.all();
  EXPECT_EQ(two.out, "");
  EXPECT_NE(two.err.find("2 domains are declared, and a file of xl is one"), std::string::npos)
      << two.err;
}

}  // namespace
}  // namespace hv::testing
