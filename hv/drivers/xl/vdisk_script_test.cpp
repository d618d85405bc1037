// vdisk.sh on loop devices of this machine, with a device-mapper made of loop devices too: what
// could cost somebody's data.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "hv/drivers/mapping.h"
#include "hv/drivers/xl/process.h"
#include "hv/drivers/xl/vdisk.h"
#include "hv/drivers/xl/xl.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiBSectors = 2048;

Uuid uuid_of(const std::string& name) {
  return uuid_v5(*parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), name);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class VdiskScript : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/sys/class/block")) GTEST_SKIP() << "sysfs is not mounted here";
    if (::geteuid() != 0) GTEST_SKIP() << "loop devices need root";
    std::string pattern = (fs::temp_directory_path() / "hv-vdisk-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (const char* below : {"/bin", "/dm", "/hv"}) fs::create_directory(folder_ + below);
    const std::string sources = std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/";
    fs::create_symlink(sources + "fake_dmsetup.sh", folder_ + "/bin/dmsetup");
    fs::create_directory(folder_ + "/dm/nodes");
    fs::create_symlink(folder_ + "/dm/nodes", folder_ + "/hv/mapper");
    const char* path = getenv("PATH");
    old_path_ = path == nullptr ? "" : path;
    setenv("PATH", (folder_ + "/bin:" + old_path_).c_str(), 1);
    setenv("FAKE_DM", (folder_ + "/dm").c_str(), 1);
    first_ = device("first", 'x');
    second_ = device("second", 'y');
    if (first_.empty() || second_.empty()) GTEST_SKIP() << "no loop device can be had";
    config_.state = folder_ + "/hv";
    driver_ = make_xl_driver(config_, Schema::builtin(), system_clock());
    caller_ = {uuid_of("project"), uuid_of("lineage"), Epoch{1}, Serial{1}};
    ASSERT_TRUE(driver_->enter(caller_, false).ok());
  }
  void TearDown() override {
    if (folder_.empty()) return;
    setenv("PATH", old_path_.c_str(), 1);
    for (const auto& entry : fs::directory_iterator(folder_ + "/dm"))
      if (entry.path().extension() == ".device") detach(text_of(entry.path()));
    for (const std::string& name : {first_, second_}) detach(name);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  static void detach(std::string name) {
    while (name.ends_with('\n')) name.pop_back();
    if (!name.empty()) (void)run_process({"losetup", "-d", name}, "", seconds(10));
  }
  std::string image(const std::string& name) const { return folder_ + "/" + name + ".img"; }
  // 8 MiB full of `fill`, but for the first and the last MiB.
  std::string device(const std::string& name, char fill) {
    std::ofstream(image(name)) << std::string(1 << 20, '\0') << std::string(6 << 20, fill)
                               << std::string(1 << 20, '\0');
    const auto end = run_process({"losetup", "-f", "--show", image(name)}, "", seconds(10));
    if (!end.ok() || end->code != 0) return {};
    return end->output.substr(0, end->output.find('\n'));
  }
  // Through the device, as the kernel has it.
  std::string read(const std::string& device, int64_t from, int64_t count) const {
    std::ifstream file(device, std::ios::binary);
    std::string text(static_cast<std::size_t>(count * 512), '\0');
    file.seekg(from * 512);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    EXPECT_TRUE(file) << device;
    return text;
  }
  void write(const std::string& device, int64_t at, const std::string& text) const {
    std::fstream file(device, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(at * 512);
    file << text << std::flush;
    ASSERT_TRUE(file) << device;
    ::sync();
  }
  bool is_filled(const std::string& device, int64_t from, int64_t count, char with) const {
    return read(device, from, count).find_first_not_of(with) == std::string::npos;
  }

  Operation operation(Op op, const std::vector<std::string>& devices) const {
    Operation made;
    made.op = op;
    made.address = {op == Op::pool_initialise ? Kind::pool : Kind::vdisk, "fast"};
    made.uuid = uuid_of(op == Op::pool_initialise ? "pool" : "logs");
    made.pool = PoolSpec{};
    made.pool->address = {Kind::pool, "fast"};
    made.pool->devices = devices;
    tell_pool(made, uuid_of("pool"));
    return made;
  }
  Operation vdisk(Op op, const std::string& device, int64_t start, int64_t count) const {
    Operation made = operation(op, {"phy:" + device});
    Extent extent = resolve_device(device, HostName{"xen1"}, {}).extents.front();
    extent.start += sectors(start);
    extent.count = sectors(count);
    made.extents[""] = {extent};
    return made;
  }
  // What the host says against it; "" if it was done.
  std::string told(const Operation& what) {
    const OperationId id{"p-" + std::to_string(++last_) + "-1"};
    const Status begun = driver_->begin(id, caller_, what);
    if (!begun.ok()) return "not begun: " + begun.error().message;
    for (int i = 0; i < 400; ++i) {
      driver_->poll();
      const OperationResult result = driver_->result(id);
      if (result.state == OperationState::succeeded) return "";
      if (result.state != OperationState::running) return "failed: " + result.message;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    return "it never ended";
  }
  void expect_refused(const Operation& what, const std::string& why) {
    const std::string said = told(what);
    EXPECT_NE(said.find(why), std::string::npos) << said;
  }
  void unmap(const std::string& name) const {
    const auto end = run_process(
        {folder_ + "/bin/dmsetup", "remove", "hv-vd-" + to_string(uuid_of(name))}, "", seconds(10));
    ASSERT_TRUE(end.ok());
    ASSERT_EQ(end->code, 0);
  }
  std::string record() const { return folder_ + "/hv/vdisk/" + to_string(uuid_of("logs")); }

  std::string folder_, old_path_, first_, second_;
  XlConfig config_;
  Caller caller_;
  std::unique_ptr<Driver> driver_;
  int last_ = 0;
};

TEST_F(VdiskScript, APoolTakesOnlyWhatIsEmpty) {
  const Operation pool = operation(Op::pool_initialise, {"phy:" + first_, "phy:" + second_});
  for (const int64_t at : {int64_t{9}, kMiBSectors - 1, 7 * kMiBSectors, 8 * kMiBSectors - 1}) {
    write(second_, at, "somebody's");
    expect_refused(pool, second_ + " is not empty");
    EXPECT_EQ(read(second_, at, 1).substr(0, 10), "somebody's") << at;
    EXPECT_TRUE(is_filled(first_, 0, 1, '\0')) << "of several all or none";
    write(second_, at, std::string(10, '\0'));
  }
  EXPECT_EQ(told(pool), "");
  EXPECT_TRUE(read(second_, 0, 1)
                  .starts_with("hv pool 1\npool " + to_string(uuid_of("pool")) + "\ndevice 1\n"));
  EXPECT_TRUE(is_filled(second_, kMiBSectors, 6 * kMiBSectors, 'y')) << "nothing else is written";
  EXPECT_EQ(told(pool), "") << "again";
  Operation other = pool;
  other.uuid = uuid_of("other");
  expect_refused(other, "is of another pool of hv");
  Operation turned = operation(Op::pool_initialise, {"phy:" + second_, "phy:" + first_});
  expect_refused(turned, "is of another pool of hv");
  expect_refused(operation(Op::pool_initialise, {"phy:/dev/no-such"}), "no block device");
  Operation released = pool;
  released.pool->scrub = Scrub::on_release;
  expect_refused(released, "cannot scrub");
}

TEST_F(VdiskScript, NobodyReadsWhatWasThereBefore) {
  ASSERT_EQ(told(operation(Op::pool_initialise, {"phy:" + first_})), "");
  const Operation made = vdisk(Op::vdisk_create, first_, kMiBSectors + 8, 2 * kMiBSectors + 24);
  ASSERT_EQ(told(made), "");
  const std::string node = folder_ + "/dm/nodes/hv-vd-" + to_string(uuid_of("logs"));
  EXPECT_TRUE(is_filled(node, 0, 2 * kMiBSectors + 24, '\0'));
  EXPECT_TRUE(is_filled(first_, kMiBSectors, 8, 'x')) << "the sector before";
  EXPECT_TRUE(is_filled(first_, 3 * kMiBSectors + 32, 8, 'x')) << "the sector behind";
  const auto known = mapping_record(text_of(record()));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->extents, made.extents.at(""));
  EXPECT_EQ(known->table.size(), 1u);

  write(node, 7, "mine");
  EXPECT_EQ(told(made), "") << "again";
  EXPECT_EQ(read(node, 7, 1).substr(0, 4), "mine") << "and nothing is scrubbed twice";

  ASSERT_EQ(told(vdisk(Op::vdisk_enlarge, first_, kMiBSectors + 8, 4 * kMiBSectors)), "");
  EXPECT_EQ(read(node, 7, 1).substr(0, 4), "mine");
  EXPECT_TRUE(is_filled(node, 8, 4 * kMiBSectors - 8, '\0'));
  EXPECT_TRUE(is_filled(first_, 5 * kMiBSectors + 8, 8, 'x'));

  // The table goes with the host's life, and comes back over the same data.
  ASSERT_EQ(
      std::system(
          ("'" + folder_ + "/bin/dmsetup' remove hv-vd-" + to_string(uuid_of("logs"))).c_str()),
      0);
  Operation kept = vdisk(Op::vdisk_create, first_, kMiBSectors + 8, 4 * kMiBSectors);
  kept.settings.set("keep_data", true);
  ASSERT_EQ(told(kept), "");
  EXPECT_EQ(read(node, 7, 1).substr(0, 4), "mine");

  std::ofstream(folder_ + "/dm/busy") << "hv-vd-" << to_string(uuid_of("logs")) << "\n";
  expect_refused(operation(Op::vdisk_expire, {}), "busy");
  EXPECT_TRUE(fs::exists(record())) << "what is open is known";
  fs::remove(folder_ + "/dm/busy");
  EXPECT_EQ(told(operation(Op::vdisk_expire, {})), "");
  EXPECT_FALSE(fs::exists(record()));
  EXPECT_EQ(told(operation(Op::vdisk_expire, {})), "") << "again";
  EXPECT_TRUE(read(first_, kMiBSectors + 15, 1).starts_with("mine")) << "recoverable";
}

// The store was lost, or an older one was restored: what the host knows of is not scrubbed.
TEST_F(VdiskScript, AStoreThatForgotADiskDoesNotCostItsData) {
  ASSERT_EQ(told(operation(Op::pool_initialise, {"phy:" + first_})), "");
  const Operation made = vdisk(Op::vdisk_create, first_, kMiBSectors, 2 * kMiBSectors);
  ASSERT_EQ(told(made), "");
  const std::string node = folder_ + "/dm/nodes/hv-vd-" + to_string(uuid_of("logs"));
  write(node, 7, "mine");
  for (const bool rebooted : {false, true}) {
    if (rebooted) {
      ASSERT_EQ(
          std::system(
              ("'" + folder_ + "/bin/dmsetup' remove hv-vd-" + to_string(uuid_of("logs"))).c_str()),
          0);
    }
    for (const auto& [start, count] : std::vector<std::pair<int64_t, int64_t>>{
             {kMiBSectors, kMiBSectors}, {3 * kMiBSectors - 8, kMiBSectors}}) {
      Operation other = vdisk(Op::vdisk_create, first_, start, count);
      other.uuid = uuid_of("other");
      expect_refused(other, "are those of the virtual disk fast on this host");
    }
    expect_refused(vdisk(Op::vdisk_create, first_, 4 * kMiBSectors, kMiBSectors), "other sectors");
  }
  EXPECT_EQ(told(made), "") << "asked to scrub it";
  EXPECT_EQ(read(node, 7, 1).substr(0, 4), "mine");
  Operation beside = vdisk(Op::vdisk_create, first_, 3 * kMiBSectors, kMiBSectors);
  beside.uuid = uuid_of("beside");
  EXPECT_EQ(told(beside), "");
  expect_refused(vdisk(Op::vdisk_enlarge, first_, kMiBSectors, 3 * kMiBSectors),
                 "are those of the virtual disk");
  EXPECT_EQ(told(operation(Op::vdisk_expire, {})), "");
  Operation next = made;
  next.uuid = uuid_of("next");
  EXPECT_EQ(told(next), "") << "expired, its sectors are free";
  EXPECT_TRUE(is_filled(folder_ + "/dm/nodes/hv-vd-" + to_string(uuid_of("next")), 0,
                        2 * kMiBSectors, '\0'));
}

TEST_F(VdiskScript, GrowingTouchesNothingThatIsInUse) {
  ASSERT_EQ(told(operation(Op::pool_initialise, {"phy:" + first_})), "");
  ASSERT_EQ(told(vdisk(Op::vdisk_create, first_, kMiBSectors, kMiBSectors + 2)), "");
  const std::string before = text_of(record());
  const Operation larger = vdisk(Op::vdisk_enlarge, first_, kMiBSectors, 3 * kMiBSectors);
  ASSERT_EQ(told(larger), "");
  // Zeroes went through a device that has only what is new: the kernel writes whole pages.
  const std::string log = text_of(folder_ + "/dm/log");
  const std::string last = log.substr(log.rfind("hv-new-"));
  EXPECT_NE(last.find(" 0 " + std::to_string(2 * kMiBSectors - 2) + " linear "), std::string::npos)
      << last;
  EXPECT_TRUE(last.ends_with(" " + std::to_string(2 * kMiBSectors + 2) + "\n")) << last;

  // dom0 dies between the new table and its record: what the machine wrote behind the old end is
  // there when hv, which knows of the old size only, lets it grow again.
  fs::rename(record(), record() + ".next");
  std::ofstream(record()) << before;
  const std::string node = folder_ + "/dm/nodes/hv-vd-" + to_string(uuid_of("logs"));
  write(node, 2 * kMiBSectors, "mine");
  unmap("logs");
  Operation kept = vdisk(Op::vdisk_create, first_, kMiBSectors, kMiBSectors + 2);
  kept.settings.set("keep_data", true);
  ASSERT_EQ(told(kept), "");
  expect_refused(vdisk(Op::vdisk_enlarge, first_, kMiBSectors, 4 * kMiBSectors), "was about to");
  ASSERT_EQ(told(larger), "");
  EXPECT_EQ(read(node, 2 * kMiBSectors, 1).substr(0, 4), "mine");
  EXPECT_FALSE(fs::exists(record() + ".next"));
  // And where hv knew already.
  fs::rename(record(), record() + ".next");
  std::ofstream(record()) << before;
  unmap("logs");
  Operation whole = larger;
  whole.op = Op::vdisk_create;
  whole.settings.set("keep_data", true);
  ASSERT_EQ(told(whole), "");
  EXPECT_EQ(read(node, 2 * kMiBSectors, 1).substr(0, 4), "mine");
  EXPECT_FALSE(fs::exists(record() + ".next"));
}

TEST_F(VdiskScript, WhatIsMappedCountsWithoutARecord) {
  ASSERT_EQ(told(operation(Op::pool_initialise, {"phy:" + first_})), "");
  ASSERT_EQ(told(vdisk(Op::vdisk_create, first_, kMiBSectors, kMiBSectors)), "");
  const std::string known = text_of(record());
  fs::remove(record());
  Operation other = vdisk(Op::vdisk_create, first_, 2 * kMiBSectors - 8, kMiBSectors);
  other.uuid = uuid_of("other");
  expect_refused(other, "are mapped by hv-vd-" + to_string(uuid_of("logs")));
  std::ofstream(folder_ + "/dm/broken").put('\n');
  expect_refused(vdisk(Op::vdisk_create, first_, kMiBSectors, kMiBSectors), "its tables");
  fs::remove(folder_ + "/dm/broken");
  EXPECT_EQ(told(vdisk(Op::vdisk_create, first_, 3 * kMiBSectors, kMiBSectors)), "")
      << "nobody has what was never recorded";

  // hv died when the table was gone and the record was not: an expired disk holds nothing.
  std::ofstream(record()) << known;
  unmap("logs");
  expect_refused(other, "are those of the virtual disk");
  tell_freed(other, {uuid_of("logs")});
  EXPECT_EQ(told(other), "");
  EXPECT_FALSE(fs::exists(record()));
}

TEST_F(VdiskScript, OneDeviceUnderTwoNamesIsNoPool) {
  const std::string again = "/dev/./" + first_.substr(5);
  expect_refused(operation(Op::pool_initialise, {"phy:" + first_, "phy:" + again}),
                 "is in the pool already");
  EXPECT_TRUE(is_filled(first_, 0, 1, '\0'));
}

// The parts of vdisk.sh that reckon, on tables of several pieces.
TEST(VdiskTables, AreCutWhereTheyAreMeant) {
  const std::string table = "0 8 linear 7:0 100\n8 10 linear 7:0 108\n18 5 linear 7:1 9";
  const auto said = [&](const std::string& function, int64_t at) {
    const auto end = run_process({"bash", "-c", "source \"$1\" && \"$2\" \"$3\" \"$4\"", "-",
                                  std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/vdisk.sh", function,
                                  table, std::to_string(at)},
                                 "", seconds(10));
    return end.ok() ? end->output : "";
  };
  EXPECT_EQ(said("tail_of", 0), "0 8 linear 7:0 100\n8 10 linear 7:0 108\n18 5 linear 7:1 9\n");
  EXPECT_EQ(said("tail_of", 3), "0 5 linear 7:0 103\n5 10 linear 7:0 108\n15 5 linear 7:1 9\n");
  EXPECT_EQ(said("tail_of", 20), "0 3 linear 7:1 11\n");
  EXPECT_EQ(said("tail_of", 23), "");
  EXPECT_EQ(said("pieces", 23), "7:0 100 18\n7:1 9 5\n");
  EXPECT_EQ(said("pieces", 9), "7:0 100 9\n");
  EXPECT_EQ(said("pieces", 19), "7:0 100 18\n7:1 9 1\n");
}

TEST_F(VdiskScript, NothingIsWrittenWhereItIsNotMeant) {
  const Operation made = vdisk(Op::vdisk_create, first_, kMiBSectors, kMiBSectors);
  expect_refused(made, first_ + " does not carry the label");
  EXPECT_TRUE(is_filled(first_, kMiBSectors, 6 * kMiBSectors, 'x'));
  ASSERT_EQ(told(operation(Op::pool_initialise, {"phy:" + first_})), "");
  for (const auto& [start, count] : std::vector<std::pair<int64_t, int64_t>>{
           {kMiBSectors - 8, 16}, {6 * kMiBSectors, kMiBSectors + 8}})
    expect_refused(vdisk(Op::vdisk_create, first_, start, count), "is too small");

  // A node that was left from a device of before: what is written through it goes elsewhere.
  const std::string scrubbing = folder_ + "/dm/nodes/hv-new-" + to_string(uuid_of("logs"));
  fs::create_symlink(second_, scrubbing);
  std::ofstream(folder_ + "/dm/stale").put('\n');
  expect_refused(made, "is not the device of that name");
  EXPECT_TRUE(is_filled(second_, kMiBSectors, 6 * kMiBSectors, 'y'));
  EXPECT_FALSE(fs::exists(folder_ + "/dm/hv-vd-" + to_string(uuid_of("logs"))));
  fs::remove(folder_ + "/dm/stale");
  ASSERT_EQ(told(made), "") << "mended";
  EXPECT_TRUE(is_filled(second_, kMiBSectors, 6 * kMiBSectors, 'y'));
  EXPECT_TRUE(is_filled(first_, kMiBSectors, kMiBSectors, '\0'));

  expect_refused(vdisk(Op::vdisk_create, first_, 3 * kMiBSectors, kMiBSectors),
                 "is there already, over other sectors");
  for (const auto& [start, count] : std::vector<std::pair<int64_t, int64_t>>{
           {kMiBSectors, kMiBSectors / 2}, {2 * kMiBSectors, 2 * kMiBSectors}})
    expect_refused(vdisk(Op::vdisk_enlarge, first_, start, count), "does not continue");
  EXPECT_TRUE(is_filled(first_, 2 * kMiBSectors, 5 * kMiBSectors, 'x'));
}

}  // namespace
}  // namespace hv
