// The rules of the simulated host, in tables: what it refuses, in which words, and what it then
// shows. Longer than other files: every operation has its table here.
#include "hv/drivers/sim/sim.h"

#include <gtest/gtest.h>

#include <functional>

#include "hv/drivers/sim/test_host.h"

namespace hv {
namespace {

using testing::disk;
using testing::interface;
using testing::machine;
using testing::TestHost;
using testing::uuid_of;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// `refusal` "" means that it works; otherwise the words must be in the answer.
void expect_answer(const std::string& answer, const std::string& refusal, const std::string& what) {
  if (refusal.empty())
    EXPECT_EQ(answer, "") << what;
  else
    EXPECT_TRUE(contains(answer, refusal)) << what << " answered: `" << answer << "`";
}

SimConfig small_host() {
  SimConfig config;
  config.memory = gib(4);
  config.dom0_memory = gib(1);
  config.cpus = 4;
  config.disks = {{"sda", gib(10)}, {"nvme0n1", gib(10)}, {"sdb", gib(10)}};
  config.bridges = {"xenbr0"};
  config.files = {"/boot/vmlinuz", "/boot/initrd"};
  config.loop_devices = 2;
  return config;
}

TEST(SimCreate, LeavesAPausedMachineThatNeverRan) {
  TestHost host;
  DomainSpec spec = machine("web", mib(256), {"xvda phy:/dev/sda1 w", "xvdb /img/b r"});
  spec.attributes.set("vcpus", 2);
  spec.attributes.set("maxvcpus", 4);
  spec.attributes.set("on_crash", "preserve");
  spec.attributes.set("root", "/dev/xvda");  // the host cannot tell it
  spec.vifs.push_back(interface("00:16:3e:00:00:01", "xenbr0"));
  ASSERT_EQ(host.run(host.create(spec)), "");
  const auto web = host.find("web");
  ASSERT_TRUE(web);
  EXPECT_EQ(web->uuid, uuid_of("web"));
  EXPECT_EQ(web->domid.value, 1u);
  EXPECT_EQ(web->state, PowerState::paused);
  EXPECT_TRUE(web->never_ran);
  EXPECT_FALSE(web->dying);
  EXPECT_EQ(web->memory, mib(256));
  EXPECT_EQ(web->memory_max, gib(2));
  EXPECT_EQ(web->vcpus, 2);
  EXPECT_EQ(web->vcpus_max, 4);
  ASSERT_EQ(web->vbds.size(), 2u);
  EXPECT_TRUE(web->vbds[0].connected);
  EXPECT_FALSE(web->vbds[0].physical.empty());
  ASSERT_EQ(web->vifs.size(), 1u);
  EXPECT_EQ(*web->attributes.get<std::string>("on_crash"), "preserve");
  EXPECT_FALSE(web->attributes.contains("root"));
  EXPECT_FALSE(web->attributes.contains("memory"));
}

struct CreateCase {
  const char* what;
  std::function<void(DomainSpec&)> change;
  const char* refusal;
};

const CreateCase kCreateCases[] = {
    {"as it is", [](DomainSpec&) {}, ""},
    {"a name that is taken", [](DomainSpec& it) { it.name = "first"; },
     "Domain first already exists"},
    {"the name of dom0", [](DomainSpec& it) { it.name = "Domain-0"; }, "already exists"},
    {"a kernel that is not there",
     [](DomainSpec& it) { it.attributes.set("kernel", "/boot/none"); },
     "kernel /boot/none: No such file"},
    {"a ramdisk that is there",
     [](DomainSpec& it) { it.attributes.set("ramdisk", "/boot/initrd"); }, ""},
    {"a ramdisk that is not there",
     [](DomainSpec& it) { it.attributes.set("ramdisk", "/boot/none"); },
     "ramdisk /boot/none: No such file"},
    {"all the memory that is left", [](DomainSpec& it) { it.attributes.set("memory", gib(2)); },
     ""},
    {"more memory than is left",
     [](DomainSpec& it) { it.attributes.set("memory", gib(2) + mib(1)); },
     "not enough free memory: 2049MiB wanted, 2GiB free"},
    {"a partition of a disk", [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/sda7 w")}; }, ""},
    {"a partition of a disk whose name ends in a digit",
     [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/nvme0n1p2 w")}; }, ""},
    {"a volume", [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/vg0/web w")}; }, ""},
    {"a disk that is not there", [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/sdc w")}; },
     "device /dev/sdc does not exist"},
    {"a disk whose name only begins alike",
     [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/sdaa w")}; },
     "device /dev/sdaa does not exist"},
    {"no partition but another disk",
     [](DomainSpec& it) { it.vbds = {disk("xvda phy:/dev/nvme0n12 w")}; }, "does not exist"},
    {"two disks of one name",
     [](DomainSpec& it) {
       it.vbds = {disk("xvda phy:/dev/sda1 w"), disk("xvda phy:/dev/sda2 w")};
     },
     "device already exists in xenstore"},
    {"an empty drive",
     [](DomainSpec& it) {
       it.vbds = {disk("xvdc x r")};
       it.vbds[0].source.clear();
     },
     ""},
    {"as many files as there are loop devices",
     [](DomainSpec& it) {
       it.vbds = {disk("xvda /img/a w"), disk("xvdb file:/img/b w")};
     },
     ""},
    {"more files than loop devices",
     [](DomainSpec& it) {
       it.vbds = {disk("xvda /img/a w"), disk("xvdb /img/b w"), disk("xvdc file:/img/c r")};
     },
     "no free loop device"},
    {"a bridge that is there", [](DomainSpec& it) { it.vifs = {interface("", "xenbr0")}; }, ""},
    {"no bridge", [](DomainSpec& it) { it.vifs = {interface("", "")}; }, ""},
    {"a bridge that is not there", [](DomainSpec& it) { it.vifs = {interface("", "br9")}; },
     "bridge br9 does not exist"},
};

TEST(SimCreate, RefusesWhatAHypervisorRefuses) {
  for (const CreateCase& one : kCreateCases) {
    TestHost host(small_host());
    ASSERT_EQ(host.start(machine("first", gib(1))), "") << one.what;
    DomainSpec spec = machine("second", mib(256));
    one.change(spec);
    Operation create = host.create(spec);
    create.uuid = uuid_of("second");
    expect_answer(host.run(create), one.refusal, one.what);
    const bool there = find_domain(host.look(), create.uuid) != nullptr;
    // Like xl, it leaves a machine without memory behind where memory was missing.
    const bool leaves = std::string(one.refusal).starts_with("not enough free memory");
    EXPECT_EQ(there, std::string(one.refusal).empty() || leaves) << one.what;
    if (leaves) {
      EXPECT_EQ(find_domain(host.look(), create.uuid)->memory, bytes(0)) << one.what;
      EXPECT_EQ(find_domain(host.look(), create.uuid)->state, PowerState::paused) << one.what;
    }
  }
}

TEST(SimCreate, NothingIsListedThenEverythingExists) {
  TestHost host;
  DomainSpec spec = machine("web", mib(64), {"xvda phy:/dev/sdzz9 w", "xvdb /any/file w"});
  spec.vifs.push_back(interface("", "br77"));
  EXPECT_EQ(host.start(spec), "");
}

TEST(SimCreate, TakesASecondMachineOfOneUuidAsRealXenDoes) {
  TestHost host;
  ASSERT_EQ(host.start(machine("web", mib(64), {"xvda phy:/dev/sda1 w"})), "");
  Operation again = host.create(machine("other", mib(64), {"xvda phy:/dev/sda1 w"}));
  again.uuid = uuid_of("web");
  EXPECT_EQ(host.run(again), "") << "equal UUIDs are taken for one machine";
  EXPECT_EQ(host.look().domains.size(), 2u);
}

TEST(SimCreate, NumbersGrowAndAreNeverReused) {
  TestHost host;
  ASSERT_EQ(host.start(machine("a")), "");
  ASSERT_EQ(host.start(machine("b")), "");
  EXPECT_EQ(host.find("b")->domid.value, 2u);
  ASSERT_EQ(host.run(host.operation(Op::domain_destroy, "b")), "");
  host.reopen();
  ASSERT_EQ(host.start(machine("c")), "");
  EXPECT_EQ(host.find("c")->domid.value, 3u);
  ASSERT_TRUE(host.driver().guest_reboot(uuid_of("a")).ok());
  EXPECT_EQ(host.find("a")->domid.value, 4u);
}

// ---- who may open what beside whom

struct SharingCase {
  const char* first;
  int first_permits;
  const char* second;
  int second_permits;
  bool works;
};

const SharingCase kSharingCases[] = {
    {"xvda phy:/dev/sda1 r", 0, "xvda phy:/dev/sda1 r", 0, true},   // level 0
    {"xvda phy:/dev/sda1 w", 0, "xvda phy:/dev/sda2 w", 0, true},   // other sectors
    {"xvda phy:/dev/sda1 w", 0, "xvda phy:/dev/sda1 r", 0, false},  // level 1
    {"xvda phy:/dev/sda1 r", 0, "xvda phy:/dev/sda1 w", 0, false},
    {"xvda phy:/dev/sda1 w", 1, "xvda phy:/dev/sda1 r", 1, true},
    {"xvda phy:/dev/sda1 w", 1, "xvda phy:/dev/sda1 r", 0, false},  // both must permit
    {"xvda phy:/dev/sda1 w", 0, "xvda phy:/dev/sda1 r", 1, false},
    {"xvda phy:/dev/sda1 w", 0, "xvda phy:/dev/sda1 w", 0, false},  // level 2
    {"xvda phy:/dev/sda1 w", 1, "xvda phy:/dev/sda1 w", 1, false},
    {"xvda phy:/dev/sda1 w", 2, "xvda phy:/dev/sda1 w", 2, true},
    {"xvda phy:/dev/sda1 w", 2, "xvda phy:/dev/sda1 w", 1, false},
    {"xvda phy:/dev/sda1 w!", 0, "xvda phy:/dev/sda1 w!", 0, true},
    {"xvda phy:/dev/sda1 w!", 0, "xvda phy:/dev/sda1 w", 0, false},
    {"xvda phy:/dev/sda1 w!", 0, "xvda phy:/dev/sda1 w", 2, true},
    {"xvda phy:/dev/sda w", 0, "xvda phy:/dev/sda1 r", 0, false},  // the disk and its partition
    {"xvda phy:/dev/sda1 w", 0, "xvda phy:/dev//sda1 w", 0, false},
    {"xvda /img/a w", 0, "xvda file:/img/a r", 0, false},
    {"xvda /img/a w", 0, "xvda /img/b w", 0, true},
};

TEST(SimSharing, IsDecidedByModesAndByWhatBothSidesClaimed) {
  for (const SharingCase& one : kSharingCases) {
    for (const bool hot : {false, true}) {
      TestHost host;
      const std::string what = std::string(one.first) + " / " + one.second + (hot ? " (hot)" : "");
      const auto claim = [&](const std::string& name, const char* text, int permitted) {
        Claim made;
        made.uuid = uuid_of(name);
        made.address = {Kind::domain, name};
        made.device = disk(text).device;
        made.mode = disk(text).mode;
        made.permitted = permitted;
        EXPECT_TRUE(host.driver().put_claims(host.caller, {made}).ok());
        return made;
      };
      Operation first = host.create(machine("first", mib(64), {one.first}));
      first.claims = {claim("first", one.first, one.first_permits)};
      ASSERT_EQ(host.run(first), "") << what;
      const Claim second_claim = claim("second", one.second, one.second_permits);
      Operation second = host.create(machine("second", mib(64), {one.second}));
      if (hot) {
        ASSERT_EQ(host.start(machine("second", mib(64))), "") << what;
        second = host.attach("second", one.second);
      }
      second.claims = {second_claim};
      expect_answer(host.run(second), one.works ? "" : "in a guest domain (first)", what);
      if (!hot) EXPECT_EQ(host.find("second").has_value(), one.works) << what;
      if (hot && !one.works) {
        // As real Xen: the refused device is listed all the same, and is in the way.
        ASSERT_EQ(host.find("second")->vbds.size(), 1u) << what;
        EXPECT_FALSE(host.find("second")->vbds[0].connected) << what;
        EXPECT_EQ(host.run(second), "device already exists in xenstore") << what;
        EXPECT_EQ(host.run(host.detach("second", "xvda")), "") << what;
        EXPECT_TRUE(host.find("second")->vbds.empty()) << what;
      }
      EXPECT_EQ(host.driver().open_devices().size(), one.works ? 2u : 1u) << what;
    }
  }
}

// `shareable` names both, in one project: each claim names the other.
TEST(SimSharing, AGrantPermitsThoseItNames) {
  const Uuid ours = uuid_of("project"), theirs = uuid_of("another project");
  const struct {
    const char* what;
    std::vector<Address> first, second;  // whom the claims name
    Uuid project_of_second;
    bool works;
  } cases[] = {
      {"each names the other", {{Kind::domain, "second"}}, {{Kind::domain, "first"}}, ours, true},
      {"among others",
       {{Kind::domain, "third"}, {Kind::domain, "second"}},
       {{Kind::domain, "first"}, {Kind::domain, "third"}},
       ours,
       true},
      {"one names", {{Kind::domain, "second"}}, {}, ours, false},
      {"the other names", {}, {{Kind::domain, "first"}}, ours, false},
      {"they name a third", {{Kind::domain, "third"}}, {{Kind::domain, "third"}}, ours, false},
      {"equal names elsewhere",
       {{Kind::domain, "second"}},
       {{Kind::domain, "first"}},
       theirs,
       false},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    TestHost host;
    const auto make = [&](const char* name, std::vector<Address> sharers, const Uuid& project) {
      Caller caller = host.caller;
      caller.project = project;
      EXPECT_TRUE(host.driver().enter(caller, true).ok());
      Operation create = host.create(machine(name, mib(64), {"xvda phy:/dev/sda1 w"}));
      Claim claim;
      claim.project = project;
      claim.uuid = create.uuid;
      claim.address = {Kind::domain, name};
      claim.device = "xvda";
      claim.mode = AccessMode::write;
      claim.sharers = std::move(sharers);
      EXPECT_TRUE(host.driver().put_claims(caller, {claim}).ok());
      create.claims = {claim};
      return host.run(create);
    };
    ASSERT_EQ(make("first", one.first, ours), "");
    expect_answer(make("second", one.second, one.project_of_second),
                  one.works ? "" : "in a guest domain (first)", one.what);
  }
}

TEST(SimSharing, AStrangerPermitsNothing) {
  TestHost host;
  ASSERT_TRUE(
      host.driver()
          .outside_create(machine("alien", mib(64), {"xvda phy:/dev/sda1 w"}), uuid_of("alien"))
          .ok());
  Operation create = host.create(machine("web", mib(64), {"xvda phy:/dev/sda1 r"}));
  Claim claim;
  claim.uuid = create.uuid;
  claim.device = "xvda";
  claim.permitted = 2;
  create.claims = {claim};
  expect_answer(host.run(create), "in a guest domain (alien)", "beside a stranger");
  ASSERT_TRUE(host.driver().outside_vbd_detach(uuid_of("alien"), "xvda").ok());
  EXPECT_EQ(host.run(create), "");
}

TEST(SimSharing, ADiskIsHeldUntilItsReleaseAndThenFree) {
  TestHost host;
  ASSERT_EQ(host.start(machine("a", mib(64), {"xvda phy:/dev/sda1 w"})), "");
  ASSERT_EQ(host.start(machine("b", mib(64))), "");
  const OperationId detached = host.begin(host.detach("a", "xvda"));
  host.pass(milliseconds(150));
  EXPECT_EQ(host.driver().result(detached).state, OperationState::succeeded);
  ASSERT_EQ(host.find("a")->vbds.size(), 1u) << "the zero exit is early";
  EXPECT_FALSE(host.find("a")->vbds[0].connected);
  EXPECT_EQ(host.driver().open_devices().size(), 1u);
  const OperationId early = host.begin(host.attach("b", "xvda phy:/dev/sda1 w"));
  EXPECT_NE(early, detached);
  host.pass(seconds(1));
  EXPECT_TRUE(host.find("a")->vbds.empty());
  // It was begun while the lag lasted and decided after it.
  EXPECT_EQ(host.driver().result(early).state, OperationState::succeeded);
}

// ---- changes of a machine that is there

struct ChangeCase {
  const char* what;
  std::function<Operation(TestHost&)> make;
  const char* refusal;
  std::function<bool(const ObservedDomain&)> then;  // of "web", afterwards
};

Operation with_memory(TestHost& host, Bytes memory) {
  Operation operation = host.operation(Op::domain_memory, "web");
  operation.memory = memory;
  return operation;
}
Operation with_vcpus(TestHost& host, int64_t vcpus) {
  Operation operation = host.operation(Op::domain_vcpus, "web");
  operation.vcpus = vcpus;
  return operation;
}
Operation with_vif(TestHost& host, Op op, const Vif& vif) {
  Operation operation = host.operation(op, "web");
  operation.vif = vif;
  return operation;
}
Operation renamed(TestHost& host, const std::string& name) {
  Operation operation = host.operation(Op::domain_rename, "web");
  operation.name = name;
  return operation;
}

const char* const kMac1 = "00:16:3e:00:00:01";
const char* const kMac2 = "00:16:3e:00:00:02";

// "web": 512 MiB of at most 2 GiB, 2 vcpus of 6, xvda, one interface; 1 GiB of the host is free.
const ChangeCase kChangeCases[] = {
    {"pause", [](TestHost& h) { return h.operation(Op::domain_pause, "web"); }, "",
     [](const ObservedDomain& d) { return d.state == PowerState::paused && !d.never_ran; }},
    {"unpause what runs", [](TestHost& h) { return h.operation(Op::domain_unpause, "web"); }, "",
     [](const ObservedDomain& d) { return d.state == PowerState::running; }},
    {"memory up to the last byte", [](TestHost& h) { return with_memory(h, mib(1536)); }, "",
     [](const ObservedDomain& d) { return d.memory == mib(1536); }},
    {"more memory than is free", [](TestHost& h) { return with_memory(h, mib(1537)); },
     "not enough free memory", [](const ObservedDomain& d) { return d.memory == mib(512); }},
    {"more memory than its maximum", [](TestHost& h) { return with_memory(h, mib(2049)); },
     "memory_dynamic_max must be less than or equal to memory_static_max",
     [](const ObservedDomain& d) { return d.memory == mib(512); }},
    {"memory down", [](TestHost& h) { return with_memory(h, mib(100)); }, "",
     [](const ObservedDomain& d) { return d.memory == mib(100); }},
    {"memory below the balloon's floor", [](TestHost& h) { return with_memory(h, mib(1)); }, "",
     [](const ObservedDomain& d) { return d.memory == mib(16); }},
    {"vcpus up", [](TestHost& h) { return with_vcpus(h, 4); }, "",
     [](const ObservedDomain& d) { return d.vcpus == 4; }},
    {"more vcpus than the host has", [](TestHost& h) { return with_vcpus(h, 5); },
     "the host has only 4 cpus", [](const ObservedDomain& d) { return d.vcpus == 2; }},
    {"more vcpus than its maximum", [](TestHost& h) { return with_vcpus(h, 7); }, "maximum",
     [](const ObservedDomain& d) { return d.vcpus == 2; }},
    {"schedule",
     [](TestHost& h) {
       Operation operation = h.operation(Op::domain_schedule, "web");
       operation.settings.set("cpu_weight", 512);
       operation.settings.set("cap", Value());
       return operation;
     },
     "",
     [](const ObservedDomain& d) {
       return *d.attributes.get<int64_t>("cpu_weight") == 512 && !d.attributes.contains("cap");
     }},
    {"rename", [](TestHost& h) { return renamed(h, "web2"); }, "",
     [](const ObservedDomain& d) { return d.name == "web2"; }},
    {"rename to its own name", [](TestHost& h) { return renamed(h, "web"); }, "",
     [](const ObservedDomain& d) { return d.name == "web"; }},
    {"rename to another's name", [](TestHost& h) { return renamed(h, "big"); },
     "Domain big already exists", [](const ObservedDomain& d) { return d.name == "web"; }},
    {"attach", [](TestHost& h) { return h.attach("web", "xvdb phy:/dev/sda2 w"); }, "",
     [](const ObservedDomain& d) { return d.vbds.size() == 2 && d.vbds[1].connected; }},
    {"attach at a device that is taken",
     [](TestHost& h) { return h.attach("web", "xvda phy:/dev/sda2 w"); },
     "device already exists in xenstore",
     [](const ObservedDomain& d) { return d.vbds.size() == 1; }},
    {"attach what is not there", [](TestHost& h) { return h.attach("web", "xvdb phy:/dev/sdq w"); },
     "does not exist", [](const ObservedDomain& d) { return d.vbds.size() == 1; }},
    {"attach one sector twice in one guest, as real Xen lets it",
     [](TestHost& h) { return h.attach("web", "xvdb phy:/dev/sda1 w"); }, "",
     [](const ObservedDomain& d) { return d.vbds.size() == 2; }},
    {"attach the last file", [](TestHost& h) { return h.attach("web", "xvdb /img/b r"); }, "",
     [](const ObservedDomain& d) { return d.vbds.size() == 2; }},
    {"detach", [](TestHost& h) { return h.detach("web", "xvda"); }, "",
     [](const ObservedDomain& d) { return d.vbds.empty(); }},
    {"detach what is not there", [](TestHost& h) { return h.detach("web", "xvdq"); },
     "device xvdq does not exist", [](const ObservedDomain& d) { return d.vbds.size() == 1; }},
    {"enlarge what is not there",
     [](TestHost& h) {
       Operation operation = h.attach("web", "xvdq phy:/dev/sda1 w");
       operation.op = Op::vbd_enlarge;
       return operation;
     },
     "device xvdq does not exist", [](const ObservedDomain& d) { return d.vbds.size() == 1; }},
    {"a second interface",
     [](TestHost& h) { return with_vif(h, Op::vif_attach, interface(kMac2, "xenbr0")); }, "",
     [](const ObservedDomain& d) { return d.vifs.size() == 2; }},
    {"an interface of the same MAC",
     [](TestHost& h) { return with_vif(h, Op::vif_attach, interface(kMac1, "xenbr0")); },
     "that MAC is there already", [](const ObservedDomain& d) { return d.vifs.size() == 1; }},
    {"an interface on no bridge",
     [](TestHost& h) { return with_vif(h, Op::vif_attach, interface(kMac2, "br9")); },
     "bridge br9 does not exist", [](const ObservedDomain& d) { return d.vifs.size() == 1; }},
    {"detach the interface by its MAC",
     [](TestHost& h) { return with_vif(h, Op::vif_detach, interface(kMac1, "")); }, "",
     [](const ObservedDomain& d) { return d.vifs.empty(); }},
    {"detach another interface",
     [](TestHost& h) { return with_vif(h, Op::vif_detach, interface(kMac2, "")); },
     "no such interface", [](const ObservedDomain& d) { return d.vifs.size() == 1; }},
    {"detach an interface that is told by its settings",
     [](TestHost& h) { return with_vif(h, Op::vif_detach, interface("", "xenbr0")); },
     "no such interface", [](const ObservedDomain& d) { return d.vifs.size() == 1; }},
};

TEST(SimChange, FollowsTheHypervisorsRules) {
  for (const ChangeCase& one : kChangeCases) {
    TestHost host(small_host());
    DomainSpec web = machine("web", mib(512), {"xvda phy:/dev/sda1 w"});
    web.attributes.set("vcpus", 2);
    web.attributes.set("maxvcpus", 6);
    web.attributes.set("cap", 50);
    web.vifs.push_back(interface(kMac1, "xenbr0"));
    ASSERT_EQ(host.start(web), "") << one.what;
    ASSERT_EQ(host.start(machine("big", mib(1536), {"xvda /img/a w"})), "") << one.what;
    expect_answer(host.run(one.make(host)), one.refusal, one.what);
    const HostObservation seen = host.look();
    const ObservedDomain* after = find_domain(seen, uuid_of("web"));
    ASSERT_NE(after, nullptr) << one.what;
    EXPECT_TRUE(one.then(*after)) << one.what;
  }
}

TEST(SimChange, RefusesFilesBeyondTheLoopDevicesWhenHot) {
  TestHost host(small_host());
  ASSERT_EQ(host.start(machine("web", mib(64), {"xvda /img/a w", "xvdb /img/b w"})), "");
  EXPECT_EQ(host.run(host.attach("web", "xvdc /img/c w")), "no free loop device");
  EXPECT_EQ(host.run(host.detach("web", "xvdc")), "") << "the refused device is in the way";
  ASSERT_EQ(host.run(host.detach("web", "xvdb")), "");
  EXPECT_EQ(host.run(host.attach("web", "xvdc /img/c w")), "");
}

TEST(SimChange, NobodyOfThatUuidIsAnAnswer) {
  TestHost host;
  Operation attach = host.attach("nobody", "xvda phy:/dev/sda1 w");
  Operation vif = host.operation(Op::vif_attach, "nobody");
  vif.vif = interface("", "");
  Operation name = host.operation(Op::domain_rename, "nobody");
  name.name = "somebody";
  std::vector<Operation> all = {attach, host.detach("nobody", "xvda"), vif, name};
  for (const Op op : {Op::domain_unpause, Op::domain_pause, Op::domain_memory, Op::domain_vcpus,
                      Op::domain_schedule, Op::domain_shutdown, Op::domain_destroy})
    all.push_back(host.operation(op, "nobody"));
  for (const Operation& operation : all)
    EXPECT_EQ(host.run(operation), "no such domain") << to_string(operation.op);
}

// ---- ends

TEST(SimStop, HoldsEverythingUntilTheReleaseIsThere) {
  for (const Op op : {Op::domain_shutdown, Op::domain_destroy}) {
    TestHost host(small_host());
    ASSERT_EQ(host.start(machine("web", gib(2), {"xvda phy:/dev/sda1 w"})), "");
    const OperationId id = host.begin(host.operation(op, "web"));
    EXPECT_EQ(host.driver().result(id).state, OperationState::running);
    while (host.driver().result(id).state == OperationState::running) host.pass(milliseconds(10));
    ASSERT_TRUE(host.find("web")) << to_string(op);
    EXPECT_TRUE(host.find("web")->dying);
    EXPECT_EQ(host.find("web")->state, PowerState::halted);
    EXPECT_EQ(host.look().memory_free, gib(1));
    EXPECT_EQ(host.driver().open_devices().size(), 1u);
    const OperationId late = host.begin(host.operation(Op::domain_unpause, "web"));
    host.pass(milliseconds(60));
    EXPECT_EQ(host.driver().result(late).message, "no such domain");
    host.pass(seconds(1));
    EXPECT_FALSE(host.find("web"));
    EXPECT_EQ(host.look().memory_free, gib(3));
    EXPECT_TRUE(host.driver().open_devices().empty());
  }
}

struct EndCase {
  const char* attribute;
  const char* action;  // nullptr: the default
  bool runs_on;        // a machine of its UUID runs afterwards
  bool same_number;
  bool left_behind;  // shut down, with its disks
};

const EndCase kEndCases[] = {
    {"on_reboot", nullptr, true, false, false},
    {"on_reboot", "restart", true, false, false},
    {"on_reboot", "destroy", false, false, false},
    {"on_reboot", "preserve", false, false, true},
    {"on_reboot", "rename-restart", false, false, true},
    {"on_poweroff", nullptr, false, false, false},
    {"on_poweroff", "restart", true, false, false},
    {"on_crash", nullptr, false, false, false},
    {"on_crash", "preserve", false, false, true},
    {"on_crash", "coredump-destroy", false, false, false},
    {"on_crash", "coredump-restart", true, false, false},
    {"on_crash", "soft-reset", true, true, false},
};

TEST(SimGuest, EndsAsItsAttributesSay) {
  for (const EndCase& one : kEndCases) {
    const std::string what =
        std::string(one.attribute) + " = " + (one.action == nullptr ? "(default)" : one.action);
    TestHost host;
    DomainSpec spec = machine("web", mib(64), {"xvda phy:/dev/sda1 w", "xvdb phy:/dev/sda2 w"});
    if (one.action != nullptr) spec.attributes.set(one.attribute, one.action);
    ASSERT_EQ(host.start(spec), "") << what;
    // What was plugged meanwhile is kept by a restart.
    ASSERT_EQ(host.run(host.detach("web", "xvdb")), "");
    ASSERT_EQ(host.run(host.attach("web", "xvdc phy:/dev/sda3 r")), "");
    const DomId before = host.find("web")->domid;
    const std::string event = one.attribute;
    const Status ended = event == "on_reboot"     ? host.driver().guest_reboot(uuid_of("web"))
                         : event == "on_poweroff" ? host.driver().guest_poweroff(uuid_of("web"))
                                                  : host.driver().guest_crash(uuid_of("web"));
    ASSERT_TRUE(ended.ok()) << what;
    host.reopen();
    const HostObservation seen = host.look();
    EXPECT_EQ(seen.domains.size(), one.runs_on || one.left_behind ? 1u : 0u) << what;
    if (one.runs_on) {
      const ObservedDomain* again = find_domain(seen, uuid_of("web"));
      ASSERT_NE(again, nullptr) << what;
      EXPECT_EQ(again->state, PowerState::running) << what;
      EXPECT_EQ(again->domid == before, one.same_number) << what;
      ASSERT_EQ(again->vbds.size(), 2u) << what;
      EXPECT_EQ(again->vbds[1].vbd.device, "xvdc") << what;
    }
    if (one.left_behind) {
      const ObservedDomain& left = seen.domains.at(0);
      EXPECT_TRUE(left.dying) << what;
      EXPECT_EQ(left.uuid, uuid_of("web")) << what;
      EXPECT_EQ(left.name != "web", std::string(one.action) == "rename-restart") << what;
      EXPECT_EQ(host.driver().open_devices().size(), 2u) << what;
      EXPECT_FALSE(host.driver().guest_reboot(uuid_of("web")).ok()) << what;
      EXPECT_EQ(host.run(host.operation(Op::domain_destroy, "web")), "") << what;
      EXPECT_TRUE(host.look().domains.empty()) << what;
    }
  }
}

TEST(SimGuest, NeitherAPausedNorAnUnknownOneActs) {
  TestHost host;
  ASSERT_EQ(host.run(host.create(machine("web"))), "");
  EXPECT_FALSE(host.driver().guest_reboot(uuid_of("web")).ok());
  EXPECT_FALSE(host.driver().guest_crash(uuid_of("nobody")).ok());
  EXPECT_TRUE(host.find("web")->never_ran);
}

TEST(SimHostItself, APowerCycleLeavesNoMachineAndKeepsClaims) {
  TestHost host(small_host());
  ASSERT_EQ(host.start(machine("web", mib(64), {"xvda phy:/dev/sda1 w"})), "");
  Claim claim;
  claim.uuid = uuid_of("web");
  claim.device = "xvda";
  ASSERT_TRUE(host.driver().put_claims(host.caller, {claim}).ok());
  const OperationId running = host.begin(host.operation(Op::domain_pause, "web"));
  const HostObservation before = host.look();
  ASSERT_TRUE(host.driver().power_cycle().ok());
  host.reopen();
  const HostObservation after = host.look();
  EXPECT_TRUE(after.domains.empty());
  EXPECT_EQ(after.host_id, before.host_id);
  EXPECT_NE(after.boot_id, before.boot_id);
  EXPECT_EQ(after.memory_free, gib(3));
  EXPECT_EQ(after.claims.size(), 1u);
  EXPECT_EQ(after.projects.size(), 1u);
  EXPECT_EQ(host.driver().result(running).state, OperationState::unknown);
  ASSERT_EQ(host.start(machine("next")), "");
  EXPECT_EQ(host.find("next")->domid.value, 2u);
}

TEST(SimHostItself, ShowsItselfWithoutDom0) {
  TestHost host(small_host());
  const HostObservation seen = host.look();
  EXPECT_TRUE(seen.reachable);
  EXPECT_TRUE(seen.simulated);
  EXPECT_EQ(seen.host.text, "lab");
  EXPECT_EQ(seen.memory_total, gib(3)) << "what dom0 has is not for guests";
  EXPECT_EQ(seen.memory_free, gib(3));
  EXPECT_EQ(seen.cpus, 4);
  EXPECT_EQ(seen.at, host.clock.now());
  EXPECT_TRUE(seen.domains.empty());
  ASSERT_TRUE(seen.bridges && seen.files && seen.disks);
  EXPECT_EQ(seen.bridges->size(), 1u);
  EXPECT_EQ(seen.disks->at("sdb"), gib(10));
}

TEST(SimHostItself, DoesEveryOperationOfAHostAndSaysSo) {
  TestHost host;
  const Capabilities& can = host.driver().capabilities();
  EXPECT_TRUE(can.simulated);
  EXPECT_EQ(can.version, "simulated");
  for (const Op op : all_ops()) {
    const bool of_hosts = op != Op::claim_put && op != Op::claim_drop && op != Op::domain_verify &&
                          op != Op::record_state;
    EXPECT_EQ(can.operations.contains(op), of_hosts) << to_string(op);
    Operation operation = host.operation(op, "web");
    operation.domain = machine("web");
    operation.vbd = disk("xvda phy:/dev/sda1 w");
    operation.vif = interface("", "");
    operation.pool.emplace();
    operation.name = "web";
    operation.peer = HostName{"far"};
    const Status begun =
        host.driver().begin(OperationId{std::string(to_string(op))}, host.caller, operation);
    EXPECT_EQ(begun.ok(), of_hosts) << to_string(op);
  }
}

TEST(SimHostItself, RefusesAnOperationThatIsNotWhole) {
  TestHost host;
  for (const Op op : {Op::domain_create, Op::vbd_attach, Op::vbd_detach, Op::vbd_enlarge,
                      Op::vif_attach, Op::vif_detach, Op::pool_initialise, Op::domain_rename}) {
    const OperationId id{std::string(to_string(op))};
    const Status begun = host.driver().begin(id, host.caller, host.operation(op, "web"));
    ASSERT_FALSE(begun.ok()) << to_string(op);
    EXPECT_EQ(begun.error().code, Code::operation_failed);
    EXPECT_TRUE(contains(begun.error().message, "names no")) << begun.error().message;
    EXPECT_EQ(host.driver().result(id).state, OperationState::unknown);
  }
}

// ---- virtual disks

struct MapCase {
  const char* what;
  Op op;
  const char* name;
  int64_t start, count;
  const char* refusal;
};

// "have" is mapped to [100, 200), "used" to [400, 500) and open; [600, 700) is open without a map.
const MapCase kMapCases[] = {
    {"other sectors", Op::vdisk_create, "new", 200, 100, ""},
    {"sectors of another disk", Op::vdisk_create, "new", 199, 100,
     "the sectors are mapped by have"},
    {"sectors inside another disk", Op::vdisk_create, "new", 120, 10,
     "the sectors are mapped by have"},
    {"sectors that a machine has open", Op::vdisk_create, "new", 650, 10,
     "the sectors are open in raw"},
    {"the same again", Op::vdisk_create, "have", 100, 100, ""},
    {"made again elsewhere", Op::vdisk_create, "have", 250, 100, "device have exists already"},
    {"enlarged", Op::vdisk_enlarge, "have", 100, 150, ""},
    {"expired", Op::vdisk_expire, "have", 0, 0, ""},
    {"expired while open", Op::vdisk_expire, "used", 0, 0, "device is busy: user has it open"},
    {"expired twice", Op::vdisk_expire, "new", 0, 0, "no such device"},
};

TEST(SimVdisks, AreMappedOnceAndUnmappedWhenNobodyUsesThem) {
  for (const MapCase& one : kMapCases) {
    TestHost host;
    const auto map = [&](Op op, const std::string& name, int64_t start, int64_t count) {
      Operation operation = host.operation(op, name);
      operation.address.kind = Kind::vdisk;
      if (count != 0)
        operation.extents[""] = {{StoreId{"pool"}, sectors(start), sectors(count), true}};
      return operation;
    };
    ASSERT_EQ(host.run(map(Op::vdisk_create, "have", 100, 100)), "");
    ASSERT_EQ(host.run(map(Op::vdisk_create, "used", 400, 100)), "");
    Operation user = host.create(machine("user", mib(64), {"xvda vd:used w"}));
    user.extents["xvda"] = {{StoreId{"pool"}, sectors(400), sectors(100), true}};
    ASSERT_EQ(host.run(user), "");
    user.domain = machine("raw", mib(64), {"xvda phy:/dev/sdz w"});
    user.uuid = uuid_of("raw");
    user.extents["xvda"] = {{StoreId{"pool"}, sectors(600), sectors(100), true}};
    ASSERT_EQ(host.run(user), "");
    const Operation operation = map(one.op, one.name, one.start, one.count);
    expect_answer(host.run(operation), one.refusal, one.what);
    const bool done = read_effect(operation, host.look()).state == EffectState::present;
    if (one.op != Op::vdisk_expire)
      EXPECT_EQ(done, std::string(one.refusal).empty()) << one.what;
    else
      EXPECT_EQ(done, std::string(one.name) != "used") << one.what;
  }
}

TEST(SimVdisks, TablesVanishWithAPowerCycleAndPoolsStay) {
  TestHost host(small_host());
  Operation pool = host.operation(Op::pool_initialise, "data");
  pool.pool.emplace();
  pool.pool->devices = {"phy:/dev/sda1"};
  ASSERT_EQ(host.run(pool), "");
  Operation missing = pool;
  missing.uuid = uuid_of("other");
  missing.pool->devices = {"phy:/dev/sdx"};
  EXPECT_EQ(host.run(missing), "device /dev/sdx does not exist");
  Operation made = host.operation(Op::vdisk_create, "logs");
  made.extents[""] = {{StoreId{"pool"}, sectors(0), sectors(8), true}};
  ASSERT_EQ(host.run(made), "");
  EXPECT_EQ(host.look().vdisks.size(), 2u);
  ASSERT_TRUE(host.driver().power_cycle().ok());
  host.reopen();
  EXPECT_EQ(read_effect(pool, host.look()).state, EffectState::present);
  EXPECT_EQ(read_effect(made, host.look()).state, EffectState::absent);
}

}  // namespace
}  // namespace hv
