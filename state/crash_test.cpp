// Processes that are killed, power that fails, disks that fill up, and readers in the midst of it.
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "state/records.h"
#include "state/rocks_table.h"
#include "state/table_store.h"
#include "state/test_folder.h"
#include "state/test_process.h"

namespace hv {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using testing::Actor;
using testing::TempFolder;

void expect_sound(const std::string& folder) {
  auto report = verify_store(folder);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->damage, std::vector<std::string>{});
}

// Everything that the actor's transition `number` leaves behind, and nothing of the next one.
void expect_moment(const StoreReader& reader, uint64_t number) {
  ASSERT_EQ(reader.head().batch, number);
  if (number == 0) return;
  auto applied = reader.applied();
  ASSERT_TRUE(applied.ok()) << applied.error().message;
  ASSERT_EQ(applied->domains.size(), std::min<uint64_t>(number, 10));
  for (const auto& [address, domain] : applied->domains) {
    EXPECT_LE(domain.generation, number);
    EXPECT_GT(domain.generation + 10, number);
  }
  EXPECT_EQ((*reader.last_observation())->at.count, static_cast<int64_t>(number));
  auto open = reader.open_intents();
  ASSERT_EQ(open->size(), 1u);
  EXPECT_EQ(open->front().intent.step, StepId{number});
}

TEST(Crash, WhatWasAcknowledgedIsThereAfterAKill) {
  TempFolder folder;
  uint64_t acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    Actor actor({"commit", folder.path(), round % 2 == 0 ? "100" : "200000"});
    const auto end = steady_clock::now() + std::chrono::milliseconds(150);
    while (steady_clock::now() < end) {
      const auto line = actor.line();
      ASSERT_TRUE(line.has_value());
      acknowledged = std::stoull(*line);
    }
    actor.kill();
    while (const auto line = actor.line()) acknowledged = std::stoull(*line);

    auto reader = open_store_reader(folder.path());
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    const uint64_t kept = (*reader)->head().batch;
    EXPECT_GE(kept, acknowledged);
    EXPECT_LE(kept, acknowledged + 1);
    expect_moment(**reader, kept);
    expect_sound(folder.path());
  }
  EXPECT_GT(acknowledged, 10u);
}

// Killed at once, again and again, most often while the store is being made.
TEST(Crash, WhileTheStoreIsMadeLeavesNoneOrAWholeOne) {
  for (int delay = 0; delay < 20; ++delay) {
    TempFolder folder;
    Actor actor({"commit", folder.path(), "10"});
    const auto end = steady_clock::now() + std::chrono::microseconds(delay * 1800);
    while (steady_clock::now() < end) {
    }
    actor.kill();
    auto reader = open_store_reader(folder.path());
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    if (*reader != nullptr) expect_moment(**reader, (*reader)->head().batch);
    LogicalClock clock;
    SeededRandom random(1);
    auto lock = lock_state(folder.path(), seconds(0), clock);
    auto store = open_store(folder.path(), **lock, random, clock);
    ASSERT_TRUE(store.ok()) << store.error().message;
    expect_moment(**store, *reader == nullptr ? 0 : (*reader)->head().batch);
  }
}

// The writer's buffers are full every few dozen transitions, so that it makes and removes files all
// the time.
TEST(Reader, SeesWholeMomentsBesideABusyWriter) {
  TempFolder folder;
  Actor actor({"commit", folder.path(), "700000"});
  ASSERT_TRUE(actor.line().has_value());
  uint64_t before = 0;
  int moved = 0;
  const auto end = steady_clock::now() + std::chrono::milliseconds(1500);
  std::thread drain([&] {
    while (actor.line().has_value()) {
    }
  });
  while (steady_clock::now() < end) {
    auto reader = open_store_reader(folder.path());
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    ASSERT_NE(*reader, nullptr);
    const uint64_t number = (*reader)->head().batch;
    EXPECT_GE(number, before);
    moved += number > before ? 1 : 0;
    before = number;
    expect_moment(**reader, number);
  }
  ::kill(actor.pid(), SIGKILL);
  drain.join();
  EXPECT_GT(moved, 1);
  expect_sound(folder.path());
}

TEST(Reader, NeedsNoLock) {
  TempFolder folder;
  Actor writer({"commit", folder.path(), "10"});
  ASSERT_TRUE(writer.line().has_value());
  EXPECT_TRUE(lock_holder(folder.path()).has_value());
  LogicalClock clock;
  EXPECT_EQ(lock_state(folder.path(), seconds(0), clock).error().code, Code::state_locked);
  EXPECT_TRUE(open_store_reader(folder.path()).ok());
}

// --- A disk that can be full, and that remembers what was synced

struct Disk {
  std::mutex mutex;
  bool full = false;
  bool syncs_fail = false;
  std::map<std::string, uint64_t> synced;  // size by path
};

class DiskFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  DiskFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, Disk& disk)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), disk_(disk) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    if (full()) return rocksdb::IOStatus::NoSpace("No space left on device");
    return target()->Append(data, options, debug);
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info,
                           rocksdb::IODebugContext* debug) override {
    if (full()) return rocksdb::IOStatus::NoSpace("No space left on device");
    return target()->Append(data, options, info, debug);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override {
    return note(target()->Sync(options, debug), options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override {
    return note(target()->Fsync(options, debug), options, debug);
  }

 private:
  bool full() {
    std::lock_guard hold(disk_.mutex);
    return disk_.full;
  }
  rocksdb::IOStatus note(rocksdb::IOStatus status, const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) {
    std::lock_guard hold(disk_.mutex);
    if (disk_.syncs_fail) return rocksdb::IOStatus::IOError("While fdatasync: Input/output error");
    if (status.ok()) disk_.synced[path_] = target()->GetFileSize(options, debug);
    return status;
  }
  std::string path_;
  Disk& disk_;
};

class DiskSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit DiskSystem(Disk& disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "DiskSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    {
      std::lock_guard hold(disk_.mutex);
      if (disk_.full) return rocksdb::IOStatus::NoSpace("No space left on device");
    }
    std::unique_ptr<rocksdb::FSWritableFile> made;
    rocksdb::IOStatus status = target()->NewWritableFile(path, options, &made, debug);
    if (status.ok()) *file = std::make_unique<DiskFile>(std::move(made), path, disk_);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    std::lock_guard hold(disk_.mutex);
    auto synced = disk_.synced.find(from);
    if (synced != disk_.synced.end()) disk_.synced[to] = synced->second;
    return target()->RenameFile(from, to, options, debug);
  }

 private:
  Disk& disk_;
};

class DiskTest : public ::testing::Test {
 protected:
  state::RocksPlace place(const std::string& name) {
    return {folder_ / name,
            {state::kColumnNames.begin(), state::kColumnNames.end()},
            "the state",
            env_.get()};
  }
  Result<std::unique_ptr<Store>> create(const std::string& name) {
    SeededRandom random(1);
    return state::store_over(TRY(state::create_rocks(
        place(name), [&](state::Table* table) { return state::begin_store(table, random); })));
  }
  void set_full(bool full) {
    std::lock_guard hold(disk_.mutex);
    disk_.full = full;
  }
  // What the disk holds after power was lost now: of each file as much as was synced.
  void lose_power(const std::string& name, const std::string& remains) {
    fs::create_directory(folder_ / remains);
    std::lock_guard hold(disk_.mutex);
    for (const auto& file : fs::directory_iterator(folder_ / name)) {
      const std::string base = file.path().filename().string();
      uint64_t size = 0;
      for (const std::string& known : {folder_ / name, folder_ / (name + ".new")})
        if (auto synced = disk_.synced.find(known + "/" + base); synced != disk_.synced.end())
          size = std::max(size, synced->second);
      testing::write_bytes(folder_ / (remains + "/" + base),
                           testing::read_bytes(file.path().string()).substr(0, size));
    }
  }

  TempFolder folder_;
  Disk disk_;
  std::unique_ptr<rocksdb::Env> env_ =
      rocksdb::NewCompositeEnv(std::make_shared<DiskSystem>(disk_));
};

TEST_F(DiskTest, FullDiskRefusesTheTransitionAndAllAfterIt) {
  auto store = create("db");
  ASSERT_TRUE(store.ok()) << store.error().message;
  for (uint64_t number = 1; number <= 5; ++number)
    ASSERT_TRUE((*store)->commit(testing::numbered_transition(number, 10)).ok());
  set_full(true);
  Status refused = (*store)->commit(testing::numbered_transition(6, 10));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_no_space) << refused.error().message;
  EXPECT_FALSE(refused.error().help.empty());
  EXPECT_EQ((*store)->head().batch, 5u);
  expect_moment(**store, 5);
  set_full(false);
  EXPECT_EQ((*store)->commit(testing::numbered_transition(6, 10)).error().code,
            Code::state_no_space);
  *store = nullptr;

  auto again = state::store_over(*state::open_rocks(place("db")));
  ASSERT_TRUE(again.ok()) << again.error().message;
  const uint64_t kept = (*again)->head().batch;
  EXPECT_GE(kept, 5u);
  EXPECT_LE(kept, 6u);
  expect_moment(**again, kept);
  for (uint64_t number = kept + 1; number <= 9; ++number)
    ASSERT_TRUE((*again)->commit(testing::numbered_transition(number, 10)).ok());
  expect_moment(**again, 9);
}

TEST_F(DiskTest, StoreThatIsClosedOnAFullDiskIsWhole) {
  {
    auto store = create("db");
    ASSERT_TRUE((*store)->commit(testing::numbered_transition(1, 10)).ok());
    set_full(true);
  }
  set_full(false);
  auto table = state::open_rocks(place("db"));
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(state::verify_table(**table).damage, std::vector<std::string>{});
  EXPECT_EQ(state::verify_table(**table).transitions, 1u);
}

TEST_F(DiskTest, FullDiskFromTheStart) {
  set_full(true);
  auto store = create("db");
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, Code::state_no_space) << store.error().message;
  EXPECT_FALSE(fs::exists(folder_ / "db"));
  set_full(false);
  EXPECT_TRUE(create("db").ok());
  set_full(true);
  auto opened = state::open_rocks(place("db"));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::state_no_space) << opened.error().message;
}

TEST_F(DiskTest, SyncThatFailsIsNoPromise) {
  auto store = create("db");
  ASSERT_TRUE((*store)->commit(testing::numbered_transition(1, 10)).ok());
  {
    std::lock_guard hold(disk_.mutex);
    disk_.syncs_fail = true;
  }
  Status refused = (*store)->commit(testing::numbered_transition(2, 10));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_unreadable) << refused.error().message;
  EXPECT_EQ((*store)->head().batch, 1u);
}

TEST_F(DiskTest, PowerLossKeepsWhatWasSynced) {
  auto store = create("db");
  ASSERT_TRUE(store.ok());
  uint64_t number = 0, promised = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) {
      // Large enough that buffers are flushed to tables on the way.
      Transition transition = testing::numbered_transition(++number, 700'000);
      transition.sync = i < 2 && round % 3 != 2;
      if (transition.sync) promised = number;
      ASSERT_TRUE((*store)->commit(transition).ok());
    }
    const std::string remains = "remains" + std::to_string(round);
    lose_power("db", remains);
    state::RocksPlace left = place(remains);
    left.env = nullptr;
    auto table = state::open_rocks(left);
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_EQ(state::verify_table(**table).damage, std::vector<std::string>{});
    auto survivor = state::store_over(std::move(*table));
    ASSERT_TRUE(survivor.ok());
    const uint64_t kept = (*survivor)->head().batch;
    EXPECT_GE(kept, promised);
    EXPECT_LE(kept, number);
    expect_moment(**survivor, kept);
  }
  EXPECT_LT(promised, number);
}

}  // namespace
}  // namespace hv
