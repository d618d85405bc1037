#include <gtest/gtest.h>

#include "state/store.h"
#include "state/test_folder.h"

namespace hv {
namespace {

using testing::TempFolder;
using Rows = std::vector<std::pair<std::string, std::string>>;

enum class Where { memory, rocks, rocks_reopened };

class HostStoreTest : public ::testing::TestWithParam<Where> {
 protected:
  HostStoreTest() { open(); }
  void open() {
    if (GetParam() == Where::memory) {
      store_ = make_memory_host_store();
      return;
    }
    auto store = open_host_store(folder_ / "sim/xen1", /*read_only=*/false);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_ = std::move(*store);
  }
  HostStore& read() {
    if (GetParam() == Where::rocks_reopened) {
      store_.reset();
      open();
    }
    return *store_;
  }
  TempFolder folder_;
  std::unique_ptr<HostStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, HostStoreTest,
                         ::testing::Values(Where::memory, Where::rocks, Where::rocks_reopened));

TEST_P(HostStoreTest, KeepsErasesAndScans) {
  EXPECT_FALSE(store_->read_only());
  EXPECT_FALSE(read().get("a")->has_value());
  EXPECT_TRUE(read().scan("")->empty());
  const std::string odd("a\0\xff", 3);
  ASSERT_TRUE(store_->write({{"a", "1"}, {odd, "2"}, {"b", ""}, {"", "empty"}}).ok());
  ASSERT_TRUE(store_->write({{"c", "3"}, {"b", std::nullopt}, {"gone", std::nullopt}}).ok());
  EXPECT_EQ(**read().get("a"), "1");
  EXPECT_EQ(**read().get(""), "empty");
  EXPECT_FALSE(read().get("b")->has_value());
  EXPECT_EQ(*read().scan("a"), (Rows{{"a", "1"}, {odd, "2"}}));
  EXPECT_EQ(*read().scan(""), (Rows{{"", "empty"}, {"a", "1"}, {odd, "2"}, {"c", "3"}}));
  EXPECT_TRUE(read().scan("\xff")->empty());
}

TEST_P(HostStoreTest, LaterWritesOfOneKeyWin) {
  ASSERT_TRUE(store_->write({{"a", "1"}, {"a", std::nullopt}, {"a", "2"}}).ok());
  EXPECT_EQ(**read().get("a"), "2");
  ASSERT_TRUE(store_->write({{"a", "3"}, {"a", std::nullopt}}).ok());
  EXPECT_FALSE(read().get("a")->has_value());
}

TEST(HostStoreReadOnly, IsEmptyWhereThereIsNoneAndMakesNone) {
  TempFolder folder;
  auto store = open_host_store(folder / "sim/xen1", /*read_only=*/true);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE((*store)->read_only());
  EXPECT_TRUE((*store)->scan("")->empty());
  EXPECT_FALSE(std::filesystem::exists(folder / "sim"));
}

TEST(HostStoreReadOnly, SeesTheMomentItWasOpened) {
  TempFolder folder;
  auto writer = open_host_store(folder / "h", /*read_only=*/false);
  ASSERT_TRUE((*writer)->write({{"a", "1"}}).ok());
  auto reader = open_host_store(folder / "h", /*read_only=*/true);
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  ASSERT_TRUE((*writer)->write({{"a", "2"}, {"b", "1"}}).ok());
  EXPECT_EQ(*(*reader)->scan(""), (Rows{{"a", "1"}}));
  EXPECT_EQ(**(*open_host_store(folder / "h", true))->get("a"), "2");
}

TEST(HostStoreFolder, TwoWritersAreRefused) {
  TempFolder folder;
  auto writer = open_host_store(folder / "h", /*read_only=*/false);
  auto second = open_host_store(folder / "h", /*read_only=*/false);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::state_locked) << second.error().message;
}

TEST(HostStoreFolder, DamageIsNamed) {
  TempFolder folder;
  ASSERT_TRUE((*open_host_store(folder / "h", false))->write({{"a", "1"}}).ok());
  std::filesystem::remove(folder / "h/CURRENT");
  for (bool read_only : {true, false}) {
    auto store = open_host_store(folder / "h", read_only);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.error().code, Code::state_corrupt) << store.error().message;
    EXPECT_NE(store.error().message.find("simulated host"), std::string::npos);
  }
  testing::write_bytes(folder / "h/CURRENT", "MANIFEST-999999\n");
  EXPECT_EQ(open_host_store(folder / "h", false).error().code, Code::state_corrupt);
  testing::write_bytes(folder / "h/CURRENT", "MANIFEST-99\nrubbish");
  EXPECT_EQ(open_host_store(folder / "h", true).error().code, Code::state_corrupt);
}

}  // namespace
}  // namespace hv
