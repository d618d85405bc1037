// One table of behaviours, run over the store in memory and the one in RocksDB, the latter also
// closed and opened again before it is read.
#include "state/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "hv/model/codec.h"
#include "state/test_folder.h"

namespace hv {
namespace {

using testing::domain;
using testing::domain_address;
using testing::intent;
using testing::outcome;
using testing::TempFolder;

enum class Where { memory, rocks, rocks_reopened };

class StoreTest : public ::testing::TestWithParam<Where> {
 protected:
  StoreTest() { open(); }

  void open() {
    if (GetParam() == Where::memory) {
      store_ = make_memory_store(random_);
      return;
    }
    auto lock = lock_state(folder_ / "state", seconds(0), clock_);
    ASSERT_TRUE(lock.ok()) << lock.error().message;
    lock_ = std::move(*lock);
    auto store = open_store(folder_ / "state", *lock_, random_, clock_);
    ASSERT_TRUE(store.ok()) << store.error().message;
    store_ = std::move(*store);
  }

  // To write with.
  Store& store() { return *store_; }
  // To read with: all that was written, by whichever way.
  const StoreReader& read() {
    if (GetParam() == Where::rocks_reopened) {
      store_.reset();
      lock_.reset();
      open();
    }
    return *store_;
  }

  void commit(const Transition& transition) {
    Status committed = store().commit(transition);
    ASSERT_TRUE(committed.ok()) << committed.error().message;
  }

  TempFolder folder_;
  LogicalClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<StateLock> lock_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreTest,
                         ::testing::Values(Where::memory, Where::rocks, Where::rocks_reopened),
                         [](const auto& param) -> std::string {
                           switch (param.param) {
                             case Where::memory:
                               return "memory";
                             case Where::rocks:
                               return "rocks";
                             case Where::rocks_reopened:
                               return "rocks_reopened";
                           }
                           return "";
                         });

TEST_P(StoreTest, BeginsEmpty) {
  const StoreHead head = read().head();
  EXPECT_FALSE(head.lineage.is_nil());
  EXPECT_EQ(head.epoch, Epoch{0});
  EXPECT_EQ(head.serial, Serial{0});
  EXPECT_EQ(head.batch, 0u);
  EXPECT_EQ(head.digest.size(), 64u);
  EXPECT_TRUE(read().applied()->empty());
  EXPECT_TRUE(read().open_intents()->empty());
  EXPECT_TRUE(read().history()->empty());
  EXPECT_TRUE(read().journal(PlanId{"p"})->empty());
  EXPECT_FALSE(read().plan_record(PlanId{"p"})->has_value());
  EXPECT_FALSE(read().last_observation()->has_value());
}

TEST_P(StoreTest, KeepsEveryKindOfResource) {
  Transition transition;
  transition.put_domains = {domain(1), domain(2)};
  AppliedPool pool;
  pool.spec.address = {Kind::pool, "data"};
  pool.spec.devices = {"phy:/dev/sda"};
  transition.put_pools = {pool};
  AppliedVdisk vdisk;
  vdisk.spec.address = {Kind::vdisk, "web1"};
  vdisk.extents = {{StoreId{"s"}, sectors(0), sectors(8)}, {StoreId{"s"}, sectors(64), sectors(8)}};
  transition.put_vdisks = {vdisk};
  NetworkSpec network;
  network.address = {Kind::network, "lan"};
  network.bridge = "xenbr0";
  transition.put_networks = {network};
  transition.generations = {{domain_address(1), 2}};
  commit(transition);

  auto applied = read().applied();
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(applied->domains.size(), 2u);
  EXPECT_EQ(encode(applied->domains.at(domain_address(1))), encode(domain(1)));
  EXPECT_EQ(encode(applied->pools.at(pool.spec.address)), encode(pool));
  EXPECT_EQ(encode(applied->vdisks.at(vdisk.spec.address)), encode(vdisk));
  EXPECT_EQ(encode(applied->networks.at(network.address)), encode(network));
  EXPECT_EQ(applied->next_generation.at(domain_address(1)), 2u);
}

TEST_P(StoreTest, ReplacesAndErases) {
  commit(
      {.put_domains = {domain(1), domain(2), domain(3)}, .generations = {{domain_address(1), 5}}});
  Transition change;
  change.put_domains = {domain(2, 7), domain(3, 8)};
  change.erase = {domain_address(1), domain_address(3), domain_address(99)};
  commit(change);
  auto applied = read().applied();
  EXPECT_EQ(applied->domains.count(domain_address(1)), 0u);
  EXPECT_EQ(applied->domains.at(domain_address(2)).generation, 7u);
  EXPECT_EQ(applied->domains.at(domain_address(3)).generation, 8u);  // erased, then put
  EXPECT_EQ(applied->next_generation.at(domain_address(1)), 5u);     // kept for ever
}

TEST_P(StoreTest, SerialCountsOnlyWhatChangesTheApplied) {
  const std::pair<Transition, uint64_t> table[] = {
      {{.put_domains = {domain(1)}}, 1},
      {{.put_domains = {domain(1)}}, 1},  // the same again
      {{.intents = {intent("p", 1)}}, 1},
      {{.outcomes = {outcome("p", 1)}, .epoch = Epoch{3}}, 1},
      {{.put_domains = {domain(1, 2)}, .intents = {intent("p", 2)}}, 2},
      {{.plan = PlanRecord{.id = PlanId{"p"}}, .observed = Observation()}, 2},
      {{.generations = {{domain_address(1), 3}}}, 3},
      {{.erase = {domain_address(8)}}, 3},  // was not there
      {{.erase = {domain_address(1)}}, 4},
      {{}, 4},
  };
  uint64_t batch = 0;
  std::string digest = store().head().digest;
  for (const auto& [transition, serial] : table) {
    commit(transition);
    const StoreHead head = read().head();
    EXPECT_EQ(head.batch, ++batch);
    EXPECT_EQ(head.serial, Serial{serial}) << "transition " << batch;
    EXPECT_EQ(head.epoch, Epoch{batch >= 4 ? 3u : 0u});
    EXPECT_NE(head.digest, digest);
    digest = head.digest;
  }
}

TEST_P(StoreTest, IntentsAreOpenUntilTheyHaveAnOutcome) {
  Intent early = intent("p", 3, 500);
  commit({.intents = {intent("p", 1), intent("p", 2), early}});
  commit({.intents = {intent("q", 1)}});
  Outcome failed = outcome("p", 1);
  failed.kind = OutcomeKind::failed;
  failed.message = "no memory \xff";
  commit({.outcomes = {failed}});

  auto open = read().open_intents();
  ASSERT_TRUE(open.ok());
  ASSERT_EQ(open->size(), 3u);
  EXPECT_EQ((*open)[0].intent.id, early.id);  // in the order of their beginning
  EXPECT_EQ((*open)[1].intent.id, intent("q", 1).id);
  EXPECT_EQ((*open)[2].intent.id, intent("p", 2).id);
  EXPECT_FALSE((*open)[0].outcome.has_value());

  auto journal = read().journal(PlanId{"p"});
  ASSERT_EQ(journal->size(), 3u);
  EXPECT_EQ(encode((*journal)[0].intent), encode(early));
  ASSERT_TRUE((*journal)[1].outcome.has_value());
  EXPECT_EQ(encode(*(*journal)[1].outcome), encode(failed));
  EXPECT_FALSE((*journal)[2].outcome.has_value());
  EXPECT_TRUE(read().journal(PlanId{"p-1"})->empty());
  EXPECT_TRUE(read().journal(PlanId{""})->empty());
}

TEST_P(StoreTest, IntentAndOutcomeMayComeTogether) {
  commit({.intents = {intent("p", 1)}, .outcomes = {outcome("p", 1)}});
  EXPECT_TRUE(read().open_intents()->empty());
  EXPECT_TRUE(read().journal(PlanId{"p"})->at(0).outcome.has_value());
}

TEST_P(StoreTest, OperationBegunAgainIsOpenAgain) {
  commit({.intents = {intent("p", 1)}});
  commit({.outcomes = {outcome("p", 1)}});
  commit({.intents = {intent("p", 1)}});
  EXPECT_EQ(read().open_intents()->size(), 1u);
  EXPECT_FALSE(read().journal(PlanId{"p"})->at(0).outcome.has_value());
}

TEST_P(StoreTest, OutcomeOfNothingIsRefusedAndNothingWritten) {
  commit({.intents = {intent("p", 1)}});
  const std::string digest = store().head().digest;
  Status refused = store().commit({.put_domains = {domain(1)}, .outcomes = {outcome("p", 2)}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::state_corrupt);
  EXPECT_EQ(store().head().digest, digest);
  EXPECT_TRUE(read().applied()->domains.empty());
  commit({.outcomes = {outcome("p", 1)}});  // a refused transition spoils nothing
  Outcome second = outcome("p", 1);
  second.kind = OutcomeKind::abandoned;
  commit({.outcomes = {second}});
  EXPECT_EQ(read().journal(PlanId{"p"})->at(0).outcome->kind, OutcomeKind::abandoned);
}

TEST_P(StoreTest, HistoryIsNewestFirstWhateverTheClockSaid) {
  PlanRecord first{.id = PlanId{"z"}, .begun = Time{{9000}}};
  PlanRecord second{.id = PlanId{"a"}, .begun = Time{{1000}}};
  commit({.plan = first});
  commit({.plan = second});
  first.ended = Time{{9500}};
  first.steps_done = 4;
  commit({.plan = first});
  auto history = read().history();
  ASSERT_EQ(history->size(), 2u);
  EXPECT_EQ((*history)[0].id, second.id);
  EXPECT_EQ(encode((*history)[1]), encode(first));
  EXPECT_EQ(encode(**read().plan_record(first.id)), encode(first));
}

TEST_P(StoreTest, WordsAreKeptInTheOrderInWhichTheyWereSaid) {
  OperatorWord burnt;
  burnt.host = HostName{"xen2"};
  burnt.who = "ann@dom0";
  burnt.why = "burnt";
  burnt.at = Time{{9000}};
  OperatorWord back = burnt;
  back.kind = WordKind::unfenced;
  back.at = Time{{1000}};  // whatever the clock said
  commit({.words = {burnt}});
  commit({.words = {back, burnt}});
  auto words = read().words();
  ASSERT_TRUE(words.ok());
  ASSERT_EQ(words->size(), 3u);
  EXPECT_EQ(encode((*words)[0]), encode(burnt));
  EXPECT_EQ(encode((*words)[1]), encode(back));
  EXPECT_EQ(read().head().serial.value, 0u) << "nothing applied has changed";
  EXPECT_TRUE(fenced_hosts(*words).contains(burnt.host));
  if (GetParam() == Where::memory) return;
  auto report = verify_store(folder_ / "state");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->damage, std::vector<std::string>{});
}

TEST_P(StoreTest, LastObservationReplacesTheOneBefore) {
  Observation observation;
  observation.at = Time{{1}};
  observation.hosts[HostName{"xen1"}].boot_id = "b";
  commit({.observed = observation});
  observation.at = Time{{2}};
  commit({.observed = observation});
  EXPECT_EQ(encode(**read().last_observation()), encode(observation));
}

TEST_P(StoreTest, VdisksMayTakeOverTheExtentsOfExpiredOnes) {
  AppliedVdisk old;
  old.spec.address = {Kind::vdisk, "old"};
  old.extents = {{StoreId{"s"}, sectors(0), sectors(8)}};
  old.expired = Time{{5}};
  AppliedVdisk young = old;
  young.spec.address = {Kind::vdisk, "young"};
  young.expired.reset();
  commit({.put_vdisks = {old}});
  commit({.put_vdisks = {young, old, young}});
  young.extents = {{StoreId{"s"}, sectors(8), sectors(8)}};
  commit({.put_vdisks = {young}});
  commit({.erase = {old.spec.address}});
  auto applied = read().applied();
  ASSERT_EQ(applied->vdisks.size(), 1u);
  EXPECT_EQ(encode(applied->vdisks.begin()->second), encode(young));
  if (GetParam() == Where::memory) return;
  auto report = verify_store(folder_ / "state");
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->damage, std::vector<std::string>{});
}

// One history gives one digest, in memory and in RocksDB.
TEST_P(StoreTest, DigestIsAFunctionOfLineageAndTransitions) {
  SeededRandom random(1);
  std::unique_ptr<Store> twin = make_memory_store(random);
  ASSERT_EQ(twin->head().lineage, store().head().lineage);
  for (uint64_t number = 1; number <= 20; ++number) {
    const Transition transition = testing::numbered_transition(number, 10);
    commit(transition);
    ASSERT_TRUE(twin->commit(transition).ok());
  }
  EXPECT_EQ(read().head().digest, twin->head().digest);
  EXPECT_EQ(read().head().serial, twin->head().serial);
}

// --- The store in a folder

TEST(StoreFolder, IsClosedToOthers) {
  TempFolder folder;
  const std::string path = folder / "a/b/state";
  LogicalClock clock;
  SeededRandom random(1);
  auto lock = lock_state(path, seconds(0), clock);
  ASSERT_TRUE(lock.ok());
  auto store = open_store(path, **lock, random, clock);
  ASSERT_TRUE(store.ok());
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_TRUE(testing::read_bytes(path + "/FORMAT").starts_with("format 1\nhv "));
  EXPECT_FALSE(std::filesystem::exists(path + "/db/LOG"));  // RocksDB keeps no log of its own
}

TEST(StoreFolder, OpenFolderIsClosedWhenTheStoreIsMade) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "state");
  chmod((folder / "state").c_str(), 0755);
  LogicalClock clock;
  SeededRandom random(1);
  auto lock = lock_state(folder / "state", seconds(0), clock);
  ASSERT_TRUE(open_store(folder / "state", **lock, random, clock).ok());
  struct stat status;
  ASSERT_EQ(stat((folder / "state").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST(StoreFolder, ReaderSeesNothingWhereThereIsNoStore) {
  TempFolder folder;
  for (const std::string& path : {folder / "absent", folder.path()}) {
    auto reader = open_store_reader(path);
    ASSERT_TRUE(reader.ok());
    EXPECT_EQ(*reader, nullptr);
    EXPECT_EQ(verify_store(path).error().code, Code::state_unreadable);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "absent"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StoreFolder, ReaderSeesTheMomentItWasOpened) {
  TempFolder folder;
  LogicalClock clock;
  SeededRandom random(1);
  auto lock = lock_state(folder.path(), seconds(0), clock);
  auto store = open_store(folder.path(), **lock, random, clock);
  ASSERT_TRUE((*store)->commit({.put_domains = {domain(1)}}).ok());
  auto before = open_store_reader(folder.path());
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE((*store)->commit({.put_domains = {domain(2)}, .sync = false}).ok());
  auto after = open_store_reader(folder.path());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ((*before)->applied()->domains.size(), 1u);
  EXPECT_EQ((*before)->head().batch, 1u);
  EXPECT_EQ((*after)->applied()->domains.size(), 2u);
  EXPECT_EQ((*after)->head().digest, (*store)->head().digest);
}

// hv died between making the database and saying so in FORMAT.
TEST(StoreFolder, HalfMadeStoresAreFinished) {
  TempFolder folder;
  LogicalClock clock;
  SeededRandom random(1);
  auto lock = lock_state(folder.path(), seconds(0), clock);
  std::filesystem::create_directories(folder / "db.new");
  testing::write_bytes(folder / "db.new/MANIFEST-000001", "half");
  std::string lineage;
  {
    auto store = open_store(folder.path(), **lock, random, clock);
    ASSERT_TRUE(store.ok()) << store.error().message;
    ASSERT_TRUE((*store)->commit({.put_domains = {domain(1)}}).ok());
    lineage = to_string((*store)->head().lineage);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "db.new"));
  std::filesystem::remove(folder / "FORMAT");
  EXPECT_EQ((*open_store_reader(folder.path()))->applied()->domains.size(), 1u);
  auto store = open_store(folder.path(), **lock, random, clock);
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(to_string((*store)->head().lineage), lineage);
  EXPECT_EQ((*store)->applied()->domains.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(folder / "FORMAT"));
}

}  // namespace
}  // namespace hv
