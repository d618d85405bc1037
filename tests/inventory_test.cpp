// hv inventory and hv lint as people run them: what is gathered, what is made of it, and what lint
// answers when a file cannot be used.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <regex>

#include "tests/process.h"

namespace hv::testing {
namespace {

bool says(const Finished& finished, const std::string& text) {
  return finished.all().find(text) != std::string::npos;
}

std::string without_time(const std::string& text) {
  static const std::regex taken("\"taken\": \"[^\"]*\"");
  return std::regex_replace(text, taken, "");
}

// A project of one simulated host with two disks, and what its inventory says: both names are ways
// to one drive, which no multipath map joins.
constexpr const char* kProject = R"([project]
id = "5a4f0b57-3a6e-4d1c-8f27-6f0f0c9f6b22"
name = "one"
sources = ["*.vm"]
[hosts.lab]
driver = "sim"
memory = "8GiB"
)";
constexpr const char* kWithInventory = "inventory = \"lab.json\"\n";
constexpr const char* kInventory = R"({
 "format": "hv.inventory/1", "host": "lab", "taken": "2026-11-03T07:30:00Z",
 "devices": [
  {"name": "sda", "number": "8:0", "kind": "disk", "sectors": 20971520, "wwn": "0x5001"},
  {"name": "sda1", "number": "8:1", "kind": "partition", "sectors": 2097152,
   "layers": [{"start": 0, "sectors": 2097152, "kind": "linear",
               "on": [{"device": "sda", "start": 2048}]}]},
  {"name": "sdb", "number": "8:16", "kind": "disk", "sectors": 20971520, "wwn": "0x5002"}],
 "groups": [],
 "mounts": [{"point": "/dev", "number": "0:6", "type": "devtmpfs", "source": "devtmpfs"}],
 "swaps": [], "files": [],
 "links": {"/dev/disk/by-id/wwn-0x5001": "../../sda"},
 "domains": []
})";

std::string domain(const std::string& name, const std::string& disk) {
  return "domain " + name +
         ":\n    memory = 128MiB\n    kernel = \"/boot/vmlinuz\"\n    disk = [\"" + disk + "\"]\n";
}

TEST(Inventory, OfThisMachineFitsItsSchemaAndStaysTheSame) {
  const Folder folder;
  const Finished first = folder.hv({"inventory", "local"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(misfit(first.out, "hv.inventory.1"), "");
  const Finished second = folder.hv({"inventory", "local", "-o", "local.json"});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(second.out, "");
  EXPECT_EQ(without_time(folder.read("local.json")), without_time(first.out));
  EXPECT_FALSE(folder.has("local.json.partial"));
  // What could not be gathered is said on both ways.
  EXPECT_EQ(first.out.find("\"notes\"") != std::string::npos,
            first.err.find("note: ") != std::string::npos);
}

TEST(Inventory, ItsExampleWorksAsTyped) {
  const Folder folder;
  ASSERT_EQ(folder.hv({"init", "."}).code, 0);
  EXPECT_TRUE(says(folder.hv({"help", "inventory"}), "hv inventory local -o local.json"));
  const Finished finished = folder.hv({"inventory", "local", "-o", "local.json"});
  EXPECT_EQ(finished.code, 0) << finished.all();
  EXPECT_EQ(misfit(folder.read("local.json"), "hv.inventory.1"), "");
}

TEST(Inventory, OfASimulatedHostHasItsDisksAndWhatRuns) {
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) + "disks = { sda = \"10GiB\", sdb = \"1GiB\" }\n");
  folder.write("a.vm", domain("a", "phy:/dev/sda,xvda,w"));
  ASSERT_EQ(folder.hv({"apply", "--yes"}).code, 0);
  const Finished gathered = folder.hv({"inventory", "lab"});
  ASSERT_EQ(gathered.code, 0) << gathered.err;
  EXPECT_EQ(misfit(gathered.out, "hv.inventory.1"), "");
  EXPECT_TRUE(says(gathered, "\"sectors\": 20971520")) << gathered.out;
  EXPECT_TRUE(says(gathered, "\"name\": \"a\"")) << gathered.out;
  // What was gathered is used as it is.
  folder.write("lab.json", gathered.out);
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  const Finished plan = folder.hv({"plan"});
  EXPECT_EQ(plan.code, 0) << plan.all();
  EXPECT_TRUE(says(plan, "Nothing to do")) << plan.all();
}

TEST(Inventory, WhatCannotBeGatheredIsSaid) {
  const Folder folder;
  folder.write("hv.toml",
               std::string(kProject) +
                   "[hosts.far]\ndriver = \"xl\"\naddress = \"ssh://root@127.0.0.1:1\"\n");
  const Finished nobody = folder.hv({"inventory", "nobody"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_TRUE(says(nobody, "error[HV0212]")) << nobody.err;
  const Finished far = folder.hv({"inventory", "far"});
  EXPECT_EQ(far.code, 1);
  EXPECT_TRUE(says(far, "error[")) << far.err;
  EXPECT_EQ(far.out, "");
  const Finished nowhere = folder.hv({"inventory", "lab", "-o", "no/such/folder/x.json"});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_TRUE(says(nowhere, "cannot write `no/such/folder/x.json`")) << nowhere.err;
}

// An ssh that goes nowhere: what is gathered over it is what is gathered here.
TEST(Inventory, OverSshIsTheSame) {
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) +
                              "[hosts.far]\ndriver = \"xl\"\naddress = \"ssh://root@far\"\n");
  folder.write("a.vm",
               "domain a on far:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n    "
               "disk = [\"file:" +
                   (folder / "disk.img") + ",xvda,w\"]\n");
  folder.write("disk.img", std::string(8192, 'x'));
  folder.write("bin/ssh", "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n");
  ASSERT_EQ(::chmod((folder / "bin/ssh").c_str(), 0755), 0);
  Command command = folder.command({"inventory", "far", "-o", "far.json"});
  command.environment["PATH"] = (folder / "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin";
  const Finished far = run(command);
  ASSERT_EQ(far.code, 0) << far.err;
  EXPECT_EQ(misfit(folder.read("far.json"), "hv.inventory.1"), "");
  EXPECT_NE(folder.read("far.json").find(folder / "disk.img"), std::string::npos);
  folder.write("hv.toml", std::string(kProject) + "[hosts.far]\ndriver = \"xl\"\n");
  ASSERT_EQ(folder.hv({"inventory", "far", "-o", "here.json"}).code, 0);
  static const std::regex domains("\\{\\s*\"source\": \"domains\",[^}]*\\},?\\s*");
  EXPECT_EQ(std::regex_replace(without_time(folder.read("far.json")), domains, ""),
            std::regex_replace(without_time(folder.read("here.json")), domains, ""));
}

struct Unusable {
  std::string text, code, message;
};

TEST(Inventory, ThatCannotBeUsedStopsLintPlanAndApply) {
  std::string other = kInventory, newer = kInventory;
  other.replace(other.find("\"lab\""), 5, "\"far\"");
  newer.replace(newer.find("inventory/1"), 11, "inventory/2");
  const Unusable cases[] = {
      {"", "HV0401", "`hv inventory lab -o lab.json` gathers it"},
      {"{", "HV0520", "lab.json"},
      {newer, "HV0521", "hv.inventory/2"},
      {other, "HV0522", "gathered for `far`"},
  };
  for (const Unusable& each : cases) {
    const Folder folder;
    folder.write("hv.toml", std::string(kProject) + kWithInventory);
    folder.write("a.vm", domain("a", "phy:/dev/sda,xvda,w"));
    if (!each.text.empty()) folder.write("lab.json", each.text);
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"lint"}, {"plan"}, {"apply", "--yes"}}) {
      const Finished finished = folder.hv(words);
      EXPECT_EQ(finished.code, 1) << words[0];
      EXPECT_TRUE(says(finished, "error[" + each.code + "]")) << finished.all();
      EXPECT_TRUE(says(finished, each.message)) << finished.all();
    }
  }
}

// What is below a device that is not there is compared by name only, and that is said.
TEST(Inventory, ADiskThatCannotBeFollowedIsNamed) {
  std::string broken = kInventory;
  const std::string good = "\"on\": [{\"device\": \"sda\"";
  broken.replace(broken.find(good), good.size(), "\"on\": [{\"device\": \"sdq\"");
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  folder.write("lab.json", broken);
  folder.write("a.vm", domain("a", "phy:/dev/sda1,xvda,w"));
  for (const std::string word : {"lint", "plan"}) {
    const Finished finished = folder.hv({word});
    EXPECT_EQ(finished.code, 0) << finished.all();
    EXPECT_TRUE(says(finished, "warning[HV0507]")) << finished.all();
    EXPECT_TRUE(says(finished, "sdq")) << finished.all();
    EXPECT_TRUE(says(finished, "`hv inventory lab` gathers")) << finished.all();
  }
}

TEST(Inventory, OfOneMachineUnderTwoNamesIsRefused) {
  const Folder folder;
  std::string first = kInventory;
  first.insert(first.find("\"devices\""), "\"machine\": \"4c4c4544-0051\", ");
  std::string second = first;
  second.replace(second.find("\"lab\""), 5, "\"far\"");
  folder.write("lab.json", first);
  folder.write("far.json", second);
  folder.write("hv.toml", std::string(kProject) + kWithInventory +
                              "[hosts.far]\ndriver = \"sim\"\ninventory = \"far.json\"\n");
  folder.write("a.vm", "domain a on lab:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n");
  const Finished finished = folder.hv({"lint"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_TRUE(says(finished, "error[HV0522]")) << finished.all();
  EXPECT_TRUE(says(finished, "are one machine")) << finished.all();
}

// What was attached before anybody gathered an inventory is known by its name only; the one that
// comes later says what that name is.
TEST(Inventory, ThatComesLaterCountsForWhatRunsAlready) {
  const Folder folder;
  folder.write("hv.toml", kProject);
  folder.write("a.vm", domain("a", "phy:/dev/sda1,xvda,w"));
  ASSERT_EQ(folder.hv({"apply", "--yes"}).code, 0);
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  folder.write("lab.json", kInventory);
  EXPECT_TRUE(says(folder.hv({"plan"}), "Nothing to do"));
  folder.write("b.vm", domain("b", "phy:/dev/disk/by-id/wwn-0x5001,xvda,w"));
  // The file alone: a is live, and in no file that is looked at.
  const Finished plan = folder.hv({"plan", "b.vm"});
  EXPECT_EQ(plan.code, 1) << plan.all();
  EXPECT_TRUE(says(plan, "HV0607")) << plan.all();
  EXPECT_EQ(folder.hv({"apply", "b.vm", "--yes"}).code, 1);
  const Finished lint = folder.hv({"lint"});
  EXPECT_EQ(lint.code, 1);
  EXPECT_TRUE(says(lint, "error[HV0501]")) << lint.all();
  EXPECT_TRUE(says(lint, "sectors 2048..2099199")) << lint.all();
  folder.write("b.vm", domain("b", "phy:/dev/sdb,xvda,w"));
  EXPECT_EQ(folder.hv({"apply", "b.vm", "--yes"}).code, 0);
}

TEST(Inventory, WhoRunsThereCountsUntilLintLooksItself) {
  const Folder folder;
  std::string text = kInventory;
  const std::string nobody = "\"domains\": []";
  text.replace(text.find(nobody), nobody.size(),
               R"("domains": [{"name": "alien", "uuid": "3f0c0000-0000-4000-8000-000000000001",
                   "vbds": [{"device": "xvda", "source": "/dev/sda1", "backend": "phy",
                             "format": "raw", "mode": "w"}]}])");
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  folder.write("lab.json", text);
  folder.write("a.vm", domain("a", "phy:/dev/sda,xvda,w"));
  const Finished lint = folder.hv({"lint"});
  EXPECT_EQ(lint.code, 1);
  EXPECT_TRUE(says(lint, "unmanaged.lab/alien")) << lint.all();
  EXPECT_TRUE(says(lint, "gathered 2026-11-03")) << lint.all();
  // The host has no such machine any more.
  const Finished live = folder.hv({"lint", "--live"});
  EXPECT_EQ(live.code, 0) << live.all();
  const Finished json = folder.hv({"lint", "--format", "json"});
  EXPECT_EQ(json.code, 1);
  EXPECT_EQ(misfit(json.out, "hv.lint.1"), "");
  EXPECT_TRUE(says(json, "\"source\": null")) << json.out;
}

// Of ours too: whatever is in no file that is looked at, and what is unsafe among them already.
TEST(Inventory, LintLooksAtWhatRunsOfOurs) {
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  folder.write("lab.json", kInventory);
  folder.write("a.vm", domain("a", "phy:/dev/sda1,xvda,w"));
  ASSERT_EQ(folder.hv({"apply", "--yes"}).code, 0);
  folder.write("b.vm", domain("b", "phy:/dev/sda,xvda,w"));
  EXPECT_EQ(folder.hv({"lint", "b.vm"}).code, 0) << "only the files were asked for";
  const Finished beside = folder.hv({"lint", "--live", "b.vm"});
  EXPECT_EQ(beside.code, 1) << beside.all();
  EXPECT_TRUE(says(beside, "error[HV0501]")) << beside.all();
  EXPECT_TRUE(says(beside, "running on lab, in no file")) << beside.all();
  // Declared elsewhere now, it is on its way there: the plan orders who goes first.
  folder.write("a.vm", domain("a", "phy:/dev/sdb,xvda,w"));
  EXPECT_EQ(folder.hv({"lint", "--live"}).code, 0);
}

// A host that says nothing is no host on which nothing runs.
TEST(Inventory, LintSaysWhichHostsItCouldNotRead) {
  const Folder folder;
  folder.write("hv.toml",
               std::string(kProject) +
                   "[hosts.far]\ndriver = \"xl\"\naddress = \"ssh://root@127.0.0.1:1\"\n");
  folder.write("a.vm", domain("a on lab", "phy:/dev/sda,xvda,w"));
  const Finished lint = folder.hv({"lint", "--live"});
  EXPECT_EQ(lint.code, 0) << lint.all();
  EXPECT_TRUE(says(lint, "warning: host `far` cannot be read")) << lint.all();
  EXPECT_TRUE(says(lint, "none unsafe, 1 of 2 hosts read")) << lint.all();
  EXPECT_FALSE(says(folder.hv({"lint"}), "hosts read"));
}

// What dom0 has mounted is looked at each time, whatever an inventory remembers or does not have.
TEST(HostUses, AreSeenWhenAPlanIsMadeAndWhenItIsCarriedOut) {
  const std::string disks = "disks = { sda = \"10GiB\", sdb = \"10GiB\" }\n";
  const std::string mounted = "mounted = [\"/dev/disk/by-id/wwn-0x5001\"]\n";
  for (const bool known : {true, false}) {
    const std::string project = std::string(kProject) + disks + (known ? kWithInventory : "");
    const std::string busy = known ? mounted : "mounted = [\"/dev/sda\"]\n";
    const Folder folder;
    folder.write("lab.json", kInventory);
    folder.write("hv.toml", project);
    folder.write("a.vm", domain("a", "phy:/dev/sda1,xvda,w"));
    ASSERT_EQ(folder.hv({"plan", "-o", "saved"}).code, 0);
    EXPECT_EQ(folder.hv({"lint", "--live"}).code, 0);
    folder.write("hv.toml", project + busy);
    // The files are as they were, the host is not.
    const Finished stale = folder.hv({"apply", "saved", "--yes"});
    EXPECT_EQ(stale.code, 1);
    EXPECT_TRUE(says(stale, "error[")) << stale.all();
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"plan"}, {"apply", "--yes"}, {"lint", "--live"}}) {
      const Finished finished = folder.hv(words);
      EXPECT_EQ(finished.code, 1) << words[0] << finished.all();
      EXPECT_TRUE(says(finished, "a domain and dom0 would write the same sectors"))
          << finished.all();
      EXPECT_TRUE(says(finished, "mounted in dom0")) << finished.all();
      EXPECT_TRUE(says(finished, "ways out: ")) << finished.all();
      EXPECT_TRUE(says(finished, "a.vm:4:13")) << finished.all();
    }
    const Finished json = folder.hv({"plan", "--format", "json"});
    EXPECT_EQ(misfit(json.out, "hv.plan.1"), "");
    EXPECT_TRUE(says(json, "\"ways_out\": [")) << json.out;
    // What lies elsewhere is no hindrance, and what was in the way goes.
    folder.write("a.vm", domain("a", "phy:/dev/sdb,xvda,w"));
    EXPECT_EQ(folder.hv({"apply", "--yes"}).code, 0);
    // It comes to a disk that is in use: that is reported, and forbids no plan that adds nothing.
    folder.write("hv.toml", project + "mounted = [\"/dev/sdb\"]\n");
    folder.write("b.vm", domain("b", "phy:/dev/sda,xvda,w"));
    const Finished already = folder.hv({"apply", "--yes"});
    EXPECT_EQ(already.code, 0) << already.all();
    EXPECT_TRUE(says(already, "share sectors already")) << already.all();
    EXPECT_TRUE(says(already, "ways out: ")) << already.all();
  }
}

// Two hosts known by names only: what the one has mounted is its own disk.
TEST(HostUses, ByNameAreTheHostsOwn) {
  const Folder folder;
  const std::string both = "mounted = [\"/dev/sda2\"]\n";
  folder.write("hv.toml", std::string(kProject) + both +
                              "[hosts.far]\ndriver = \"sim\"\nmemory = \"8GiB\"\n" + both);
  folder.write("a.vm", domain("a on lab", "phy:/dev/sda3,xvda,w"));
  const Finished apart = folder.hv({"apply", "--yes"});
  EXPECT_EQ(apart.code, 0) << apart.all();
  EXPECT_FALSE(says(apart, "share sectors already")) << apart.all();
  EXPECT_EQ(folder.hv({"lint", "--live"}).code, 0);
  folder.write("b.vm", domain("b on lab", "phy:/dev/sda,xvda,r"));
  EXPECT_EQ(folder.hv({"plan", "b.vm"}).code, 1) << "the whole disk has both in it";
}

// Before its disks are made nothing but the pool says whose the device is.
TEST(Lint, ADeviceOfAPoolIsThePools) {
  const std::string pool =
      "pool data:\n    devices = [\"phy:/dev/sdb\"]\n\nvdisk \"v\" in data:\n    size = 1GiB\n\n"
      "domain v:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n"
      "    disk = [vbd(vdisk.v, \"xvda\", \"w\")]\n\n";
  const std::pair<const char*, bool> cases[] = {
      {"phy:/dev/sdb,xvda,w", false},  {"phy:/dev/sdb1,xvda,r", false},
      {"phy:/dev/sdb,xvda,w!", false}, {"phy:/dev/sda,xvda,w", true},
      {"phy:/dev/sdbb,xvda,w", true},
  };
  const Folder folder;
  folder.write("hv.toml", kProject);
  for (const auto& [disk, safe] : cases) {
    folder.write("a.vm", pool + domain("a", disk));
    const Finished lint = folder.hv({"lint"});
    EXPECT_EQ(lint.code, safe ? 0 : 1) << disk << lint.all();
    EXPECT_EQ(says(lint, "what pool.data cuts into virtual disks"), !safe) << lint.all();
    EXPECT_EQ(says(lint, "give it a `vdisk` of the pool"), !safe) << lint.all();
  }
}

// An inventory in git is a memory. Who changes something looks again.
TEST(HostUses, ApplyLooksAtTheStorageAgain) {
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) +
                              "[hosts.here]\ndriver = \"xl\"\ninventory = \"here.json\"\n");
  folder.write("a.vm", domain("a on lab", "phy:/dev/sda3,xvda,w"));
  ASSERT_EQ(folder.hv({"inventory", "here", "-o", "here.json"}).code, 0);
  const std::string known = folder.read("here.json");
  const Finished same = folder.hv({"apply", "--yes"});
  EXPECT_FALSE(says(same, "is not as its inventory")) << same.all();
  std::string other = known;
  const std::size_t devices = other.find("\"devices\": [") + 12;
  ASSERT_LT(devices, other.size());
  // A machine may have none.
  other.insert(devices, std::string("{\"name\": \"sdzz\", \"kind\": \"disk\", \"sectors\": 8}") +
                            (other[devices] == ']' ? "" : ","));
  folder.write("here.json", other);
  const Finished changed = folder.hv({"apply", "--yes"});
  EXPECT_TRUE(says(changed, "the storage of here is not as its inventory of")) << changed.all();
  EXPECT_TRUE(says(changed, "`sdzz`")) << changed.all();
  EXPECT_EQ(folder.read("here.json"), other) << "written down by who asks for it";
  EXPECT_FALSE(says(folder.hv({"plan"}), "is not as its inventory"));
  // Another machine under the same name.
  static const std::regex machine("\"machine\": \"[^\"]*\"");
  if (!std::regex_search(known, machine)) GTEST_SKIP() << "this machine has no id";
  folder.write("here.json", std::regex_replace(known, machine, "\"machine\": \"another\""));
  const Finished refused = folder.hv({"apply", "--yes"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(says(refused, "error[HV0522]")) << refused.all();
  EXPECT_TRUE(says(refused, "is another machine")) << refused.all();
}

TEST(Baseline, AcceptsWhatIsKnownAndNothingElse) {
  const Folder folder;
  folder.write("hv.toml", std::string(kProject) + kWithInventory);
  folder.write("lab.json", kInventory);
  folder.write("a.vm",
               domain("a", "phy:/dev/sda1,xvda,w") + "\n" + domain("b", "phy:/dev/sda,xvda,w"));
  const Finished missing = folder.hv({"lint", "--baseline", "known.json"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(says(missing, R"({"format": "hv.baseline/1", "accepted": []})")) << missing.err;
  folder.write("known.json", R"({"format": "hv.baseline/1", "accepted": []})");
  const Finished open = folder.hv({"lint", "--baseline", "known.json"});
  EXPECT_EQ(open.code, 1);
  std::smatch id;
  ASSERT_TRUE(std::regex_search(open.out, id, std::regex("= finding ([0-9a-f]{16})"))) << open.out;
  folder.write("known.json", R"({"format": "hv.baseline/1", "accepted": [{"finding": ")" +
                                 id[1].str() + R"(", "reason": "since 2019"}]})");
  const Finished known = folder.hv({"lint", "--baseline", "known.json"});
  EXPECT_EQ(known.code, 0) << known.all();
  EXPECT_TRUE(says(known, "accepted: since 2019")) << known.out;
  // The same two, whatever line they are on; but what becomes worse is another finding.
  folder.write("a.vm", "\n\n" + folder.read("a.vm"));
  EXPECT_EQ(folder.hv({"lint", "--baseline", "known.json"}).code, 0);
  folder.write("c.vm", domain("c", "phy:/dev/sda,xvda,r"));
  const Finished more = folder.hv({"lint", "--baseline", "known.json"});
  EXPECT_EQ(more.code, 1);
  EXPECT_EQ(misfit(folder.hv({"lint", "--baseline", "known.json", "--format", "sarif"}).out,
                   "sarif.2.1.0"),
            "");
  folder.remove("c.vm");
  folder.write("a.vm", domain("a", "phy:/dev/sda1,xvda,w"));
  const Finished mended = folder.hv({"lint", "--baseline", "known.json"});
  EXPECT_EQ(mended.code, 0);
  EXPECT_TRUE(says(mended, "not there any more")) << mended.err;
}

TEST(Baseline, ThatIsNoneIsRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "it is not JSON"},
      {"[]", "it is not JSON"},
      {R"({"format": "hv.baseline/9"})", "its format is not `hv.baseline/1`"},
      {R"({"format": "hv.baseline/1"})", "it has no list `accepted`"},
      {R"({"format": "hv.baseline/1", "accepted": [1]})", "`accepted[0]` has no `finding`"},
      {R"({"format": "hv.baseline/1", "accepted": [{"finding": "a"}]})",
       "`accepted[0]` has no `reason`"},
      {R"({"format": "hv.baseline/1", "accepted": [{"finding": "a", "reason": ""}]})",
       "`accepted[0]` has no `reason`"},
      {R"({"format": "hv.baseline/1", "accepted": [{"finding": "a", "reason": "b"},
           {"finding": "a", "reason": "c"}]})",
       "`accepted[1]` is there twice"},
  };
  const Folder folder;
  folder.write("hv.toml", kProject);
  folder.write("a.vm", domain("a", "phy:/dev/sda,xvda,w"));
  for (const auto& [text, message] : cases) {
    folder.write("known.json", text);
    const Finished finished = folder.hv({"lint", "--baseline", "known.json"});
    EXPECT_EQ(finished.code, 1) << text;
    EXPECT_TRUE(says(finished, "error[HV0530]")) << finished.err;
    EXPECT_TRUE(says(finished, message)) << finished.err;
  }
}

// The standard's own schema is not ours to pass on: its path is given from outside.
TEST(Sarif, FitsTheSchemaOfTheStandard) {
  const char* schema = std::getenv("HV_SARIF_SCHEMA");
  if (schema == nullptr) GTEST_SKIP() << "HV_SARIF_SCHEMA names no sarif-schema-2.1.0.json";
  if (std::system("python3 -c 'import jsonschema' >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "python3 has no jsonschema";
  const Folder answers;
  int count = 0;
  const auto keep = [&](const Folder& folder, const std::vector<std::string>& words) {
    const Finished finished = folder.hv(words);
    ASSERT_FALSE(finished.out.empty()) << finished.err;
    answers.write(std::to_string(++count) + ".json", finished.out);
  };
  for (const auto& entry : std::filesystem::directory_iterator(example(""))) {
    const Folder folder;
    folder.copy_from(entry.path().string());
    keep(folder, {"check", "--format", "sarif"});
    keep(folder, {"lint", "--format", "sarif"});
    if (!folder.has("fleet.vm") || !folder.has("unsafe")) continue;
    for (const auto& unsafe : std::filesystem::directory_iterator(folder / "unsafe"))
      keep(folder, {"lint", "fleet.vm", unsafe.path().string(), "--format", "sarif"});
    if (folder.has("known.json"))
      keep(folder, {"lint", "--baseline", "known.json", "--format", "sarif"});
  }
  for (const auto& group :
       std::filesystem::directory_iterator(std::string(HV_SOURCE_DIR) + "/tests/lang")) {
    const Folder folder;
    folder.copy_from(group.path().string());
    for (const auto& file : std::filesystem::directory_iterator(group.path()))
      if (file.path().extension() == ".vm")
        keep(folder, {"check", file.path().filename().string(), "--format", "sarif"});
  }
  answers.write("validate.py", R"(import json, sys
from jsonschema import validators
schema = json.load(open(sys.argv[1]))
fits = validators.validator_for(schema)(schema)
for path in sys.argv[2:]:
    for wrong in fits.iter_errors(json.load(open(path))):
        print(path, list(wrong.absolute_path), wrong.message)
        sys.exit(1)
)");
  EXPECT_GT(count, 30);
  EXPECT_EQ(std::system(
                ("cd '" + answers.path() + "' && python3 validate.py '" + schema + "' [0-9]*.json")
                    .c_str()),
            0);
}

TEST(Sarif, NamesFilesAsReferences) {
  const Folder folder;
  folder.write("hv.toml", kProject);
  folder.write("sub dir/ä%.vm", domain("a", "phy:/dev/sda,xvda,w"));
  folder.write("b.vm", domain("b", "phy:/dev/sda,xvda,w"));
  const Finished finished = folder.hv({"lint", "b.vm", "sub dir/ä%.vm", "--format", "sarif"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(misfit(finished.out, "sarif.2.1.0"), "");
  EXPECT_TRUE(says(finished, "\"sub%20dir/%C3%A4%25.vm\"")) << finished.out;
  const Finished absolute =
      folder.hv({"lint", folder / "b.vm", "sub dir/ä%.vm", "--format", "sarif"});
  EXPECT_TRUE(says(absolute, "\"file://" + (folder / "b.vm") + "\"") || says(absolute, "\"b.vm\""))
      << absolute.out;
}

}  // namespace
}  // namespace hv::testing
