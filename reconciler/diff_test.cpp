// The three-way diff, a row for each thing that can differ: what is to be done about it, and how.
#include "reconciler/diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "reconciler/test_world.h"

namespace hv::testing {
namespace {

// One machine, the same three times: declared, applied and running.
struct Three {
  DomainSpec desired, applied;
  ObservedDomain observed;
  bool is_there = true;
  bool heal = true;

  Three() {
    desired = machine("web0", mib(512), {"xvda vg/web0 w"});
    desired.attributes.set("vcpus", int64_t{2});
    desired.attributes.set("maxvcpus", int64_t{4});
    desired.attributes.set("cpu_weight", int64_t{300});
    desired.sets_vif = true;
    Vif vif;
    vif.settings = {{"mac", "00:16:3e:00:00:01"}, {"bridge", "xenbr0"}};
    desired.vifs = {vif};
    applied = desired;
    observed.name = "web0";
    observed.domid = DomId{7};
    observed.memory = mib(512);
    observed.memory_max = gib(2);
    observed.vcpus = 2;
    observed.vcpus_max = 4;
    observed.attributes.set("cpu_weight", int64_t{300});
    observed.vbds = {{desired.vbds[0], "", true}};
    observed.vifs = desired.vifs;
  }
  DomainDiff diff() const {
    return diff_domain(
        {desired, applied, is_there ? &observed : nullptr, Schema::builtin(), heal, 4});
  }
};

Vbd disk(const std::string& text) {
  return machine("x", mib(1), {text}).vbds.front();
}

// What a diff says, a word for each part: "memory:live drift:vcpus +xvdb -xvdc record want=paused".
std::string words(const DomainDiff& diff) {
  std::string text;
  const auto say = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  for (const AttributeChange& each : diff.attributes)
    say(each.path + ":" + std::string(to_string(each.how)));
  for (const DriftItem& item : diff.drift) say("drift:" + item.path);
  for (const VbdChange& vbd : diff.vbds) {
    if (vbd.before) say("-" + vbd.before->device);
    if (vbd.after) say("+" + vbd.after->device);
  }
  for (const VifChange& vif : diff.vifs)
    say(std::string(vif.before ? "-" : "") + (vif.after ? "+" : "") + "vif");
  if (diff.memory) say("memory=" + to_human(*diff.memory));
  if (diff.vcpus) say("vcpus=" + std::to_string(*diff.vcpus));
  for (const auto& entry : diff.schedule) say(entry.name + "=" + to_human(entry.value));
  if (diff.rename) say("rename=" + *diff.rename);
  if (diff.bookkeeping) say("record");
  for (const std::string& path : diff.restart) say("restart:" + path);
  for (const std::string& path : diff.replace) say("replace:" + path);
  if (diff.want != diff.have)
    say(std::string(to_string(diff.have)) + "→" + std::string(to_string(diff.want)));
  return text;
}

struct Row {
  const char* name;
  std::function<void(Three&)> edit;
  const char* expected;
};
void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

void set_all(Three& three, const char* name, const Value& value) {
  three.desired.attributes.set(name, value);
  three.applied.attributes.set(name, value);
}

const Row kRows[] = {
    {"nothing", [](Three&) {}, ""},
    // memory and vcpus
    {"more memory", [](Three& t) { t.desired.attributes.set("memory", gib(1)); },
     "memory:live memory=1 GiB"},
    {"less memory", [](Three& t) { t.desired.attributes.set("memory", mib(256)); },
     "memory:live memory=256 MiB"},
    {"as much memory as it was built for",
     [](Three& t) { t.desired.attributes.set("memory", gib(2)); }, "memory:live memory=2 GiB"},
    {"more memory than it was built for",
     [](Three& t) { t.desired.attributes.set("memory", gib(3)); }, "memory:restart restart:memory"},
    {"memory that somebody set already",
     [](Three& t) {
       t.desired.attributes.set("memory", gib(1));
       t.observed.memory = gib(1);
     },
     "memory:bookkeeping drift:memory record"},
    {"memory that somebody else set", [](Three& t) { t.observed.memory = mib(300); },
     "memory:live drift:memory memory=512 MiB"},
    {"memory that somebody else set, only reported",
     [](Three& t) {
       t.observed.memory = mib(300);
       t.heal = false;
     },
     "drift:memory"},
    {"memory that somebody else set, ignored",
     [](Three& t) {
       t.desired.lifecycle.ignore = t.applied.lifecycle.ignore = {"memory"};
       t.observed.memory = mib(300);
     },
     ""},
    {"an edit goes before ignoring",
     [](Three& t) {
       t.desired.lifecycle.ignore = t.applied.lifecycle.ignore = {"memory"};
       t.desired.attributes.set("memory", gib(1));
     },
     "memory:live memory=1 GiB"},
    {"vcpus up to the maximum", [](Three& t) { t.desired.attributes.set("vcpus", int64_t{4}); },
     "vcpus:live vcpus=4"},
    {"vcpus above the maximum", [](Three& t) { t.desired.attributes.set("vcpus", int64_t{5}); },
     "vcpus:restart restart:vcpus"},
    {"maxmem", [](Three& t) { t.desired.attributes.set("maxmem", gib(4)); },
     "maxmem:restart restart:maxmem"},
    // other attributes
    {"a weight", [](Three& t) { t.desired.attributes.set("cpu_weight", int64_t{512}); },
     "cpu_weight:live cpu_weight=512"},
    {"a weight no longer set goes back to the default",
     [](Three& t) { t.desired.attributes.erase("cpu_weight"); },
     "cpu_weight:live cpu_weight=unset"},
    {"a weight that somebody set",
     [](Three& t) { t.observed.attributes.set("cpu_weight", int64_t{9}); },
     "cpu_weight:live drift:cpu_weight cpu_weight=300"},
    {"pinning", [](Three& t) { t.desired.attributes.set("cpus", "0"); }, "cpus:live cpus=0"},
    {"pinning that is there, in other words",
     [](Three& t) {
       set_all(t, "cpus", "0,1");
       t.observed.attributes.set("cpus", "0-1");
     },
     ""},
    {"pinning to all that there is",
     [](Three& t) {
       set_all(t, "cpus", "0-3");
       t.observed.attributes.set("cpus", "all");
     },
     ""},
    {"pinning that somebody undid",
     [](Three& t) {
       set_all(t, "cpus", "0");
       t.observed.attributes.set("cpus", "all");
     },
     "cpus:live drift:cpus cpus=0"},
    {"pinning no longer declared",
     [](Three& t) {
       t.applied.attributes.set("cpus", "0");
       t.observed.attributes.set("cpus", "0");
     },
     "cpus:live cpus=unset"},
    {"pinning to nodes cannot be compared",
     [](Three& t) {
       set_all(t, "cpus", "nodes:0");
       t.observed.attributes.set("cpus", "0-1");
     },
     ""},
    {"to be started at boot", [](Three& t) { t.desired.attributes.set("autostart", true); },
     "autostart:live autostart=yes"},
    {"what is off is not started at boot",
     [](Three& t) {
       t.desired.attributes.set("autostart", true);
       t.is_there = false;
       t.desired.state = t.applied.state = PowerState::halted;
     },
     "autostart:bookkeeping record"},
    {"its link was removed by hand",
     [](Three& t) {
       set_all(t, "autostart", true);
       t.observed.attributes.set("autostart", false);
     },
     "autostart:live drift:autostart autostart=yes"},
    {"what no file ever set is not compared",
     [](Three& t) { t.observed.attributes.set("cap", int64_t{50}); }, ""},
    {"a kernel", [](Three& t) { t.desired.attributes.set("kernel", "/boot/other"); },
     "kernel:restart restart:kernel"},
    {"a kernel, of a machine that is off",
     [](Three& t) {
       t.desired.attributes.set("kernel", "/boot/other");
       t.is_there = false;
       t.desired.state = t.applied.state = PowerState::halted;
     },
     "kernel:bookkeeping record"},
    {"a description", [](Three& t) { t.desired.attributes.set("description", "web"); },
     "description:bookkeeping record"},
    {"a name", [](Three& t) { t.desired.name = "www0"; }, "name:live rename=www0"},
    {"a name that a hand gave it", [](Three& t) { t.observed.name = "other"; },
     "name:live drift:name rename=web0"},
    {"a name that a hand gave it, only reported",
     [](Three& t) {
       t.observed.name = "other";
       t.heal = false;
     },
     "drift:name"},
    {"a name that a hand gave it, ignored",
     [](Three& t) {
       t.observed.name = "other";
       t.desired.lifecycle.ignore = t.applied.lifecycle.ignore = {"name"};
     },
     ""},
    {"a name, given by hand and another declared",
     [](Three& t) {
       t.observed.name = "other";
       t.desired.name = "www0";
     },
     "name:live drift:name rename=www0"},
    {"a name that a hand gave it already",
     [](Three& t) { t.observed.name = t.desired.name = "www0"; },
     "name:bookkeeping drift:name record"},
    {"a name for the while until it has begun",
     [](Three& t) {
       t.observed.name = "web0--incoming";
       t.observed.never_ran = true;
     },
     ""},
    {"another uuid",
     [](Three& t) {
       t.applied.uuid = parse_uuid("00000000-0000-4000-8000-000000000001");
       t.desired.uuid = parse_uuid("00000000-0000-4000-8000-000000000002");
     },
     "uuid:replace replace:uuid"},
    {"another host", [](Three& t) { t.desired.host = HostName{"far"}; },
     "host:replace replace:host"},
    {"sharing", [](Three& t) { t.desired.sharing = 1; }, "sharing:bookkeeping record"},
    {"protection", [](Three& t) { t.desired.lifecycle.protect = true; },
     "lifecycle.protect:bookkeeping record"},
    {"another root file", [](Three& t) { t.desired.root = "other.vm"; }, "record"},
    // disks
    {"a disk more", [](Three& t) { t.desired.vbds.push_back(disk("xvdb vg/more r")); },
     "disk[xvdb]:live +xvdb"},
    {"a disk less", [](Three& t) { t.desired.vbds.clear(); }, "disk[xvda]:live -xvda"},
    {"another source", [](Three& t) { t.desired.vbds[0].source = "vg/other"; },
     "disk[xvda]:live -xvda +xvda"},
    {"another mode", [](Three& t) { t.desired.vbds[0].mode = AccessMode::read; },
     "disk[xvda]:live -xvda +xvda"},
    {"another order",
     [](Three& t) {
       t.desired.vbds.push_back(disk("xvdb vg/b r"));
       t.observed.vbds.push_back({t.desired.vbds[1], "", true});
       t.applied = t.desired;
       std::reverse(t.desired.vbds.begin(), t.desired.vbds.end());
     },
     ""},
    {"a disk that somebody attached",
     [](Three& t) {
       t.observed.vbds.push_back({disk("xvdz vg/alien w"), "", true});
     },
     "disk[xvdz]:live drift:disk[xvdz] -xvdz"},
    {"a disk that somebody attached, only reported",
     [](Three& t) {
       t.observed.vbds.push_back({disk("xvdz vg/alien w"), "", true});
       t.heal = false;
     },
     "drift:disk[xvdz]"},
    {"a disk that somebody detached", [](Three& t) { t.observed.vbds.clear(); },
     "disk[xvda]:live drift:disk[xvda] +xvda"},
    {"a disk that is half attached", [](Three& t) { t.observed.vbds[0].connected = false; },
     "disk[xvda]:live drift:disk[xvda] -xvda +xvda"},
    {"a disk that somebody attached already",
     [](Three& t) {
       t.desired.vbds.push_back(disk("xvdb vg/more r"));
       t.applied.vbds.push_back(disk("xvdb vg/more r"));
       t.observed.vbds.push_back({disk("xvdb vg/more r"), "", true});
     },
     ""},
    {"disks that no file ever set",
     [](Three& t) {
       t.desired.sets_disk = t.applied.sets_disk = false;
       t.desired.vbds.clear();
       t.applied.vbds.clear();
     },
     ""},
    // interfaces
    {"an interface more",
     [](Three& t) {
       Vif vif;
       vif.settings = {{"mac", "00:16:3e:00:00:02"}};
       t.desired.vifs.push_back(vif);
     },
     "vif[00:16:3e:00:00:02]:live +vif"},
    {"an interface less", [](Three& t) { t.desired.vifs.clear(); },
     "vif[00:16:3e:00:00:01]:live -vif"},
    {"another bridge", [](Three& t) { t.desired.vifs[0].settings["bridge"] = "xenbr1"; },
     "vif[00:16:3e:00:00:01]:live -+vif"},
    {"a host that tells more of an interface",
     [](Three& t) { t.observed.vifs[0].settings["script"] = "vif-bridge"; }, ""},
    {"a rate in other words",
     [](Three& t) {
       t.desired.vifs[0].settings["rate"] = t.applied.vifs[0].settings["rate"] = "1MB/s@50ms";
       t.observed.vifs[0].settings["rate"] = "8Mb/s";
     },
     ""},
    {"another rate",
     [](Three& t) {
       t.desired.vifs[0].settings["rate"] = t.applied.vifs[0].settings["rate"] = "1MB/s";
       t.observed.vifs[0].settings["rate"] = "8Mb/s@20ms";
     },
     "vif[00:16:3e:00:00:01]:live drift:vif[00:16:3e:00:00:01] -+vif"},
    {"a rate that a hand took away",
     [](Three& t) {
       t.desired.vifs[0].settings["rate"] = t.applied.vifs[0].settings["rate"] = "1MB/s";
     },
     "vif[00:16:3e:00:00:01]:live drift:vif[00:16:3e:00:00:01] -+vif"},
    {"the only type there is",
     [](Three& t) {
       t.desired.vifs[0].settings["type"] = t.applied.vifs[0].settings["type"] = "vif";
     },
     ""},
    {"another type",
     [](Three& t) {
       t.desired.vifs[0].settings["type"] = t.applied.vifs[0].settings["type"] = "vif";
       t.observed.vifs[0].settings["type"] = "ioemu";
     },
     "vif[00:16:3e:00:00:01]:live drift:vif[00:16:3e:00:00:01] -+vif"},
    {"an interface that somebody took away", [](Three& t) { t.observed.vifs.clear(); },
     "vif[00:16:3e:00:00:01]:live drift:vif[00:16:3e:00:00:01] +vif"},
    // power
    {"a machine that is gone", [](Three& t) { t.is_there = false; }, "drift:state missing→running"},
    {"declared halted", [](Three& t) { t.desired.state = PowerState::halted; }, "running→halted"},
    {"declared paused", [](Three& t) { t.desired.state = PowerState::paused; }, "running→paused"},
    {"paused by hand", [](Three& t) { t.observed.state = PowerState::paused; },
     "drift:state paused→running"},
    {"paused by hand, only reported",
     [](Three& t) {
       t.observed.state = PowerState::paused;
       t.heal = false;
     },
     "drift:state"},
    {"paused by hand, then declared otherwise",
     [](Three& t) {
       t.applied.state = PowerState::paused;
       t.heal = false;
     },
     "drift:state record"},
};

class DiffRow : public ::testing::TestWithParam<Row> {};

TEST_P(DiffRow, SaysWhatAndHow) {
  Three three;
  GetParam().edit(three);
  EXPECT_EQ(words(three.diff()), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(Table, DiffRow, ::testing::ValuesIn(kRows));

TEST(Diff, EmptyIsEmpty) {
  EXPECT_TRUE(Three().diff().empty());
  Three three;
  set_all(three, "boot", "c");  // the host says nothing of it
  EXPECT_TRUE(three.diff().empty());
}

TEST(SettleMacs, KeepsWhatWasGivenAndNeverGivesOneTwice) {
  DomainSpec fresh = machine("web0", mib(256), {});
  fresh.vifs.resize(3);
  fresh.vifs[1].settings["mac"] = "00:16:3e:00:00:01";
  const Uuid uuid = *parse_uuid("00000000-0000-4000-8000-000000000001");
  DomainSpec again = fresh, later = fresh;
  settle_macs(fresh, nullptr, uuid);
  settle_macs(again, nullptr, uuid);
  std::set<std::string> macs;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(fresh.vifs[i].settings["mac"], again.vifs[i].settings["mac"]);
    EXPECT_TRUE(fresh.vifs[i].settings["mac"].starts_with("00:16:3e:"));
    macs.insert(fresh.vifs[i].settings["mac"]);
  }
  EXPECT_EQ(macs.size(), 3u);
  const Uuid other = *parse_uuid("00000000-0000-4000-8000-000000000002");
  settle_macs(later, &fresh, other);
  EXPECT_EQ(later.vifs[0].settings["mac"], fresh.vifs[0].settings["mac"]) << "as at create";
  // The one that is alike keeps its address, wherever it stands.
  DomainSpec reordered = fresh;
  for (Vif& vif : reordered.vifs) vif.settings.erase("mac");
  for (Vif& vif : fresh.vifs) vif.settings["bridge"] = "xenbr" + vif.settings["mac"];
  for (std::size_t i = 0; i < 3; ++i)
    reordered.vifs[i].settings["bridge"] = fresh.vifs[2 - i].settings["bridge"];
  settle_macs(reordered, &fresh, other);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(reordered.vifs[i].settings, fresh.vifs[2 - i].settings);
  DomainSpec replaced = again;
  replaced.vifs = std::vector<Vif>(3);
  settle_macs(replaced, nullptr, other);
  EXPECT_NE(replaced.vifs[0].settings["mac"], fresh.vifs[0].settings["mac"]);
}

}  // namespace
}  // namespace hv::testing
