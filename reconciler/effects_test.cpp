#include "reconciler/effects.h"

#include <gtest/gtest.h>

#include "reconciler/settle.h"

namespace hv {
namespace {

const Address kWeb{Kind::domain, "web0"};
const Address kDisk{Kind::vdisk, "root"};
const Uuid kUuid{{1, 2, 3}};
const Time kNow{{5000}};

Vbd vbd(const std::string& device, const std::string& source) {
  Vbd vbd;
  vbd.device = device;
  vbd.source = source;
  return vbd;
}

Extent extent(int64_t start, int64_t count) {
  return {StoreId{"s"}, sectors(start), sectors(count), true};
}

Operation operation(Op op) {
  Operation operation;
  operation.op = op;
  operation.address = kWeb;
  operation.host = HostName{"lab"};
  operation.uuid = kUuid;
  return operation;
}

Applied one_domain() {
  Applied applied;
  AppliedDomain& domain = applied.domains[kWeb];
  domain.spec.address = kWeb;
  domain.spec.name = "web0";
  domain.spec.vbds = {vbd("xvda", "vg/a")};
  domain.extents["xvda"] = {extent(0, 8)};
  domain.uuid = kUuid;
  applied.next_generation[kWeb] = 1;
  return applied;
}

// The state after `operation` has succeeded.
Applied after(const Operation& operation, Applied applied) {
  fold(effects_of(operation, applied, kNow), applied);
  return applied;
}

TEST(Effects, CreateIsIncompleteUntilItRuns) {
  Operation create = operation(Op::domain_create);
  create.domain = one_domain().domains.at(kWeb).spec;
  create.generation = 4;
  create.extents["xvda"] = {extent(0, 8)};
  Applied applied = after(create, {});
  const AppliedDomain& domain = applied.domains.at(kWeb);
  EXPECT_TRUE(domain.incomplete);
  EXPECT_EQ(domain.uuid, kUuid);
  EXPECT_EQ(domain.generation, 4u);
  EXPECT_EQ(domain.extents.at("xvda").size(), 1u);
  EXPECT_EQ(applied.next_generation.at(kWeb), 5u);

  EXPECT_TRUE(after(operation(Op::domain_verify), applied).domains.at(kWeb).incomplete);
  EXPECT_FALSE(after(operation(Op::domain_unpause), applied).domains.at(kWeb).incomplete);

  // One that is declared paused is whole once it is verified.
  create.domain->state = PowerState::paused;
  applied = after(create, {});
  EXPECT_FALSE(after(operation(Op::domain_verify), applied).domains.at(kWeb).incomplete);
}

// Zeroes may be written as soon as it has begun: whether it succeeds or not, the expired disk that
// had those sectors does not get them back.
TEST(Effects, WhatIsAboutToBeScrubbedIsNobodysBefore) {
  const Address old{Kind::vdisk, "old"}, gone{Kind::vdisk, "gone"}, live{Kind::vdisk, "live"};
  Applied applied;
  for (const auto& [address, at] : {std::pair(old, 0), {gone, 8}, {live, 100}}) {
    applied.vdisks[address].spec.address = address;
    applied.vdisks[address].extents = {extent(at, 8)};
    if (address != live) applied.vdisks[address].expired = kNow;
  }
  for (const Op op : {Op::vdisk_create, Op::vdisk_enlarge}) {
    Operation made = operation(op);
    made.address = {Kind::vdisk, "new"};
    made.extents[""] = {extent(4, 12)};
    Applied then = applied;
    fold(reservation_of(made, then), then);
    EXPECT_FALSE(then.vdisks.contains(gone));
    EXPECT_EQ(then.vdisks.at(old).extents, std::vector<Extent>{extent(0, 4)});
    EXPECT_EQ(then.vdisks.at(live).extents, std::vector<Extent>{extent(100, 8)});
    EXPECT_TRUE(release_of(made, then).put_vdisks.empty());
  }
}

TEST(Effects, AnIdentityIsReservedOnceAndGivenBackIfNothingRan) {
  Operation create = operation(Op::domain_create);
  create.domain = one_domain().domains.at(kWeb).spec;
  create.generation = 2;
  Applied applied;
  fold(reservation_of(create, applied), applied);
  EXPECT_EQ(applied.next_generation.at(kWeb), 3u);
  EXPECT_TRUE(reservation_of(create, applied).generations.empty());
  fold(release_of(create, applied), applied);
  EXPECT_EQ(applied.next_generation.at(kWeb), 2u);

  applied = after(operation(Op::domain_destroy), after(create, {}));  // incomplete: never ran
  EXPECT_EQ(applied.next_generation.at(kWeb), 2u);
  applied = after(operation(Op::domain_unpause), after(create, {}));
  applied = after(operation(Op::domain_destroy), applied);  // it ran: used up
  EXPECT_EQ(applied.next_generation.at(kWeb), 3u);
}

TEST(Effects, AbsoluteValuesAreSet) {
  Operation memory = operation(Op::domain_memory);
  memory.memory = mib(512);
  EXPECT_EQ(*after(memory, one_domain()).domains.at(kWeb).spec.attributes.get<Bytes>("memory"),
            mib(512));
  Operation vcpus = operation(Op::domain_vcpus);
  vcpus.vcpus = 3;
  EXPECT_EQ(*after(vcpus, one_domain()).domains.at(kWeb).spec.attributes.get<int64_t>("vcpus"), 3);
  Operation schedule = operation(Op::domain_schedule);
  schedule.settings.set("cpu_weight", int64_t{512});
  Applied applied = after(schedule, one_domain());
  EXPECT_TRUE(applied.domains.at(kWeb).spec.attributes.contains("cpu_weight"));
  schedule.settings.set("cpu_weight", Value());  // back to the default
  applied = after(schedule, applied);
  EXPECT_FALSE(applied.domains.at(kWeb).spec.attributes.contains("cpu_weight"));
  Operation rename = operation(Op::domain_rename);
  rename.name = "www";
  EXPECT_EQ(after(rename, one_domain()).domains.at(kWeb).spec.name, "www");
  EXPECT_EQ(after(operation(Op::domain_pause), one_domain()).domains.at(kWeb).spec.state,
            PowerState::paused);
}

TEST(Effects, DisksComeAndGoByDevice) {
  Operation attach = operation(Op::vbd_attach);
  attach.vbd = vbd("xvdf", "vg/logs");
  attach.extents["xvdf"] = {extent(100, 8)};
  Applied applied = after(attach, one_domain());
  applied = after(attach, applied);  // twice is once
  ASSERT_EQ(applied.domains.at(kWeb).spec.vbds.size(), 2u);
  EXPECT_EQ(applied.domains.at(kWeb).extents.size(), 2u);
  Operation detach = operation(Op::vbd_detach);
  detach.vbd = vbd("xvda", "vg/a");
  applied = after(detach, applied);
  ASSERT_EQ(applied.domains.at(kWeb).spec.vbds.size(), 1u);
  EXPECT_EQ(applied.domains.at(kWeb).spec.vbds[0].device, "xvdf");
  EXPECT_FALSE(applied.domains.at(kWeb).extents.contains("xvda"));
}

TEST(Effects, InterfacesAreOneByTheirMac) {
  Operation attach = operation(Op::vif_attach);
  attach.vif = Vif{{{"mac", "00:16:3e:00:00:01"}, {"bridge", "a"}}, {}, {}};
  Applied applied = after(attach, one_domain());
  attach.vif->settings["bridge"] = "b";
  applied = after(attach, applied);
  ASSERT_EQ(applied.domains.at(kWeb).spec.vifs.size(), 1u);
  EXPECT_EQ(applied.domains.at(kWeb).spec.vifs[0].settings.at("bridge"), "b");
  Operation detach = attach;
  detach.op = Op::vif_detach;
  EXPECT_TRUE(after(detach, applied).domains.at(kWeb).spec.vifs.empty());
}

TEST(Effects, AStoppedMachineLeavesNoRecordUnlessItIsMadeAgain) {
  EXPECT_TRUE(after(operation(Op::domain_destroy), one_domain()).domains.empty());
  EXPECT_TRUE(after(operation(Op::domain_shutdown), one_domain()).domains.empty());
  Operation restart = operation(Op::domain_shutdown);
  restart.record = RecordKind::update;
  EXPECT_TRUE(after(restart, one_domain()).domains.contains(kWeb));
  // The address stands for another machine by now: that one's record stays.
  Operation older = operation(Op::domain_destroy);
  older.uuid = Uuid{{9}};
  EXPECT_TRUE(after(older, one_domain()).domains.contains(kWeb));
}

TEST(Effects, VirtualDisksTakeWhatExpiredOnesHad) {
  Operation create = operation(Op::vdisk_create);
  create.address = kDisk;
  create.vdisk = VdiskSpec();
  create.vdisk->address = kDisk;
  create.extents[""] = {extent(0, 100)};
  Applied applied = after(create, {});
  ASSERT_EQ(applied.vdisks.at(kDisk).extents.size(), 1u);

  Operation expire = create;
  expire.op = Op::vdisk_expire;
  applied = after(expire, applied);
  ASSERT_TRUE(applied.vdisks.at(kDisk).expired);
  EXPECT_EQ(*applied.vdisks.at(kDisk).expired, kNow);

  // Another takes a part from its middle: the two ends are left, to be undeleted in part.
  Operation second = create;
  second.address = {Kind::vdisk, "other"};
  second.vdisk->address = second.address;
  second.extents[""] = {extent(10, 20)};
  Applied partly = after(second, applied);
  EXPECT_EQ(partly.vdisks.at(kDisk).extents, (std::vector<Extent>{extent(0, 10), extent(30, 70)}));
  // And one that takes all of it leaves no record.
  second.extents[""] = {extent(0, 100)};
  EXPECT_FALSE(after(second, applied).vdisks.contains(kDisk));

  Operation enlarge = create;
  enlarge.op = Op::vdisk_enlarge;
  enlarge.vdisk->size = gib(2);
  enlarge.extents[""] = {extent(0, 200)};
  applied = after(enlarge, after(create, {}));
  EXPECT_EQ(applied.vdisks.at(kDisk).spec.size, gib(2));
  EXPECT_EQ(applied.vdisks.at(kDisk).extents[0].count, sectors(200));
}

TEST(Effects, RecordsAreKept) {
  Operation record = operation(Op::record_state);
  record.domain = one_domain().domains.at(kWeb).spec;
  record.record = RecordKind::adopt;
  Applied applied = after(record, {});
  EXPECT_EQ(applied.domains.at(kWeb).uuid, kUuid);
  EXPECT_FALSE(applied.domains.at(kWeb).incomplete);

  record.record = RecordKind::update;
  record.domain->lifecycle.protect = true;
  applied = after(record, applied);
  EXPECT_TRUE(applied.domains.at(kWeb).spec.lifecycle.protect);

  record.record = RecordKind::move;
  record.moved_from = kWeb;
  record.address = {Kind::domain, "www"};
  applied = after(record, applied);
  EXPECT_FALSE(applied.domains.contains(kWeb));
  EXPECT_EQ(applied.domains.at(record.address).uuid, kUuid);
  EXPECT_EQ(applied.domains.at(record.address).spec.address, record.address);

  // Declared halted: an identity, and no machine yet.
  Operation halted = operation(Op::record_state);
  halted.domain = one_domain().domains.at(kWeb).spec;
  halted.record = RecordKind::update;
  halted.generation = 3;
  EXPECT_EQ(after(halted, {}).next_generation.at(kWeb), 4u);

  record.record = RecordKind::forget;
  EXPECT_TRUE(after(record, applied).domains.empty());
}

TEST(Effects, WhatADiskResolvedToIsKnownOfThatDiskOnly) {
  const struct {
    const char* what;
    Vbd declared;
    bool known;
  } cases[] = {
      {"the same", vbd("xvda", "vg/a"), true},
      {"another one under its device", vbd("xvda", "vg/b"), false},
      {"the same one under another device", vbd("xvdb", "vg/a"), false},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    for (const Op op : {Op::domain_shutdown, Op::record_state}) {
      Operation record = operation(op);
      record.record = RecordKind::update;
      record.domain = one_domain().domains.at(kWeb).spec;
      record.domain->vbds = {one.declared};
      const AppliedDomain domain = after(record, one_domain()).domains.at(kWeb);
      EXPECT_EQ(domain.extents.contains(one.declared.device), one.known);
      EXPECT_EQ(recorded_extents(domain, one.declared) != nullptr, one.known);
      EXPECT_EQ(recorded_extents(one_domain().domains.at(kWeb), one.declared) != nullptr,
                one.known);
    }
  }
}

TEST(Effects, TwoOfOneRoundAreBothKept) {
  Operation first = operation(Op::vbd_attach), second = first;
  first.vbd = vbd("xvdf", "vg/f");
  second.vbd = vbd("xvdg", "vg/g");
  Applied so_far = one_domain();
  Transition whole;
  for (const Operation& one : {first, second}) {
    Transition part = effects_of(one, so_far, kNow);
    fold(part, so_far);
    merge(std::move(part), whole);
  }
  ASSERT_EQ(whole.put_domains.size(), 1u);
  EXPECT_EQ(whole.put_domains[0].spec.vbds.size(), 3u);
  // A record that goes and comes again in one round is there.
  Transition gone;
  gone.erase = {kWeb};
  merge(std::move(gone), whole);
  EXPECT_TRUE(whole.put_domains.empty());
  merge(effects_of(first, one_domain(), kNow), whole);
  EXPECT_TRUE(whole.erase.empty());
}

TEST(Settling, EveryOperationHasItsRow) {
  HostObservation unread;
  unread.reason = "no answer";
  for (Op op : all_ops()) {
    SCOPED_TRACE(to_string(op));
    Intent intent;
    intent.operation = operation(op);
    Settlement settlement = settle(intent, unread);
    SettleRule rule = settle_rule(op);
    // What may have touched the host stays open while it cannot be read.
    const bool touches = rule != SettleRule::look && rule != SettleRule::note;
    EXPECT_EQ(settlement.result == Settled::Result::unknown, touches);
    EXPECT_FALSE(settlement.why.empty());
  }
  EXPECT_EQ(settle_rule(Op::domain_verify), SettleRule::look);
  EXPECT_EQ(settle_rule(Op::record_state), SettleRule::note);
}

struct SettleCase {
  const char* name;
  Op op;
  bool machine, never_ran, disk, connected;
  Settled::Result result;
  Settlement::First first;
};

TEST(Settling, IsDecidedByWhatIsThere) {
  using Answer = Settled::Result;
  using First = Settlement::First;
  const SettleCase cases[] = {
      {"create, absent", Op::domain_create, false, false, false, false, Answer::undone,
       First::nothing},
      {"create, never ran", Op::domain_create, true, true, true, true, Answer::redo,
       First::destroy},
      {"create, has run", Op::domain_create, true, false, true, true, Answer::done, First::nothing},
      {"restore, never ran", Op::domain_restore, true, true, true, true, Answer::redo,
       First::unrestore},
      {"restore, has run", Op::domain_restore, true, false, true, true, Answer::done,
       First::nothing},
      {"restore, nothing there", Op::domain_restore, false, false, false, false, Answer::undone,
       First::nothing},
      {"save, runs on", Op::domain_save, true, false, true, true, Answer::undone, First::nothing},
      {"save, lost", Op::domain_save, false, false, false, false, Answer::undone, First::nothing},
      {"destroy, gone", Op::domain_destroy, false, false, false, false, Answer::done,
       First::nothing},
      {"destroy, there", Op::domain_destroy, true, false, true, true, Answer::undone,
       First::nothing},
      {"attach, absent", Op::vbd_attach, true, false, false, false, Answer::undone, First::nothing},
      {"attach, half", Op::vbd_attach, true, false, true, false, Answer::redo, First::detach},
      {"attach, there", Op::vbd_attach, true, false, true, true, Answer::done, First::nothing},
      {"detach, gone", Op::vbd_detach, true, false, false, false, Answer::done, First::nothing},
      {"detach, half", Op::vbd_detach, true, false, true, false, Answer::done, First::detach},
      {"detach, there", Op::vbd_detach, true, false, true, true, Answer::undone, First::nothing},
  };
  for (const SettleCase& one : cases) {
    SCOPED_TRACE(one.name);
    HostObservation host;
    host.host = HostName{"lab"};
    host.reachable = true;
    if (one.machine) {
      ObservedDomain domain;
      domain.uuid = kUuid;
      domain.name = "web0";
      domain.domid = DomId{3};
      domain.never_ran = one.never_ran;
      domain.state = one.never_ran ? PowerState::paused : PowerState::running;
      if (one.disk) domain.vbds.push_back({vbd("xvdf", "vg/logs"), "vg/logs", one.connected});
      host.domains.push_back(domain);
    }
    Intent intent;
    intent.operation = operation(one.op);
    intent.operation.vbd = vbd("xvdf", "vg/logs");
    Settlement settlement = settle(intent, host);
    EXPECT_EQ(settlement.result, one.result);
    EXPECT_EQ(settlement.first, one.first);
  }
}

}  // namespace
}  // namespace hv
