// Saved machines on the simulated host: what is kept, what is used once, and what Xen would refuse.
#include <gtest/gtest.h>

#include "hv/drivers/sim/test_host.h"

namespace hv {
namespace {

using testing::disk;
using testing::machine;
using testing::TestHost;
using testing::uuid_of;

constexpr const char* kDisk = "xvda phy:/dev/sda1 w";

class SimSaved : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(host_.start(machine("web", mib(512), {kDisk})), "");
    free_ = host_.look().memory_free;
  }
  std::string run(Op op) { return host_.run(host_.operation(op, "web")); }
  PowerState state() {
    const auto web = host_.find("web");
    return web ? web->state : PowerState::missing;
  }
  TestHost host_;
  Bytes free_;
};

TEST_F(SimSaved, GoesOnAsItWas) {
  ASSERT_EQ(host_.run(host_.attach("web", "xvdb phy:/dev/sda2 r")), "");
  ASSERT_EQ(run(Op::domain_save), "");
  const auto saved = host_.find("web");
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->state, PowerState::saved);
  EXPECT_EQ(saved->domid.value, 0u);
  EXPECT_EQ(saved->vbds.size(), 2u) << "it holds what it had";
  EXPECT_EQ(host_.look().memory_free, free_ + mib(512));
  EXPECT_TRUE(host_.driver().open_devices().empty());
  ASSERT_EQ(run(Op::domain_restore), "");
  const auto restored = host_.find("web");
  EXPECT_EQ(restored->state, PowerState::paused);
  EXPECT_TRUE(restored->never_ran);
  EXPECT_EQ(restored->vbds.size(), 2u);
  EXPECT_EQ(restored->memory, mib(512));
  ASSERT_EQ(run(Op::domain_unpause), "");
  EXPECT_EQ(state(), PowerState::running);
  EXPECT_EQ(host_.look().domains.size(), 1u);
  EXPECT_EQ(run(Op::domain_restore), "no such save file") << "an image is used once";
}

TEST_F(SimSaved, OutlivesTheHvAndTheBootOfItsHost) {
  ASSERT_EQ(run(Op::domain_save), "");
  host_.reopen();
  ASSERT_EQ(state(), PowerState::saved);
  ASSERT_TRUE(host_.driver().power_cycle().ok());
  host_.reopen();
  EXPECT_EQ(state(), PowerState::saved);
  EXPECT_EQ(run(Op::domain_restore), "");
}

TEST_F(SimSaved, ThatNeverRanMayBeSavedAsBefore) {
  ASSERT_EQ(run(Op::domain_save), "");
  ASSERT_EQ(run(Op::domain_restore), "");
  ASSERT_EQ(run(Op::domain_unrestore), "");
  EXPECT_EQ(state(), PowerState::saved);
  EXPECT_FALSE(host_.find("web")->dying);
  EXPECT_EQ(run(Op::domain_unrestore), "") << "twice is once";
  ASSERT_EQ(run(Op::domain_restore), "");
  ASSERT_EQ(run(Op::domain_unpause), "");
  EXPECT_NE(run(Op::domain_unrestore), "");
  EXPECT_EQ(state(), PowerState::running);
}

TEST_F(SimSaved, IsNeverUsedAgainOnceSomebodyElseEndedIt) {
  for (const bool power : {false, true}) {
    ASSERT_EQ(run(Op::domain_save), "");
    ASSERT_EQ(run(Op::domain_restore), "");
    ASSERT_TRUE(
        (power ? host_.driver().power_cycle() : host_.driver().outside_destroy(uuid_of("web")))
            .ok());
    ASSERT_EQ(state(), PowerState::saved);
    EXPECT_TRUE(host_.find("web")->dying);
    EXPECT_EQ(run(Op::domain_restore), "the save file was used");
    ASSERT_EQ(run(Op::domain_destroy), "");
    EXPECT_EQ(state(), PowerState::missing);
    ASSERT_EQ(host_.start(machine("web", mib(512), {kDisk})), "");
  }
}

TEST_F(SimSaved, IsRefusedAsXenRefusesIt) {
  ASSERT_EQ(run(Op::domain_pause), "");
  EXPECT_EQ(run(Op::domain_save), "guest didn't acknowledge suspend, cancelling request");
  ASSERT_EQ(run(Op::domain_unpause), "");
  ASSERT_EQ(run(Op::domain_save), "");
  EXPECT_EQ(run(Op::domain_save), "no such domain");
  EXPECT_NE(host_.run(host_.create(machine("web"))), "") << "a second machine of its UUID";
  // Xen knows nothing of what is saved: a stranger gets its disk, its name and its memory.
  ASSERT_EQ(host_.start(machine("thief", mib(64), {kDisk})), "");
  EXPECT_NE(run(Op::domain_restore).find("in a guest domain (thief)"), std::string::npos);
  ASSERT_TRUE(host_.driver().outside_destroy(uuid_of("thief")).ok());
  ASSERT_EQ(host_.start(machine("large", host_.look().memory_free - mib(100))), "");
  EXPECT_NE(run(Op::domain_restore).find("not enough free memory"), std::string::npos);
  ASSERT_TRUE(host_.driver().outside_destroy(uuid_of("large")).ok());
  DomainSpec other = machine("other");
  ASSERT_EQ(host_.start(other), "");
  Operation rename = host_.operation(Op::domain_rename, "other");
  rename.name = "web";
  ASSERT_EQ(host_.run(rename), "");
  EXPECT_EQ(run(Op::domain_restore), "Domain web already exists");
  EXPECT_EQ(state(), PowerState::running) << "that is the other one";
}

}  // namespace
}  // namespace hv
