// What damage does: every file of the database broken in every way that a disk, a copy or a person
// breaks it. The answer is always a diagnostic or a report, never a crash and never a fresh store.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "hv/model/codec.h"
#include "state/records.h"
#include "state/rocks_table.h"
#include "state/table_store.h"
#include "state/test_folder.h"
#include "state/test_process.h"

namespace hv {
namespace {

namespace fs = std::filesystem;
using testing::Actor;
using testing::domain;
using testing::read_bytes;
using testing::TempFolder;
using testing::write_bytes;

constexpr uint64_t kTransitions = 40;

// A store with `kTransitions`; `flushed`: closed as usual, else all of it is still in the log, as
// after a kill.
void make_store(const std::string& folder, bool flushed) {
  TempFolder scratch;
  const std::string made = scratch / "state";
  LogicalClock clock;
  SeededRandom random(1);
  auto lock = lock_state(made, seconds(0), clock);
  ASSERT_TRUE(lock.ok());
  auto store = open_store(made, **lock, random, clock);
  ASSERT_TRUE(store.ok());
  for (uint64_t number = 1; number <= kTransitions; ++number)
    ASSERT_TRUE((*store)->commit(testing::numbered_transition(number, 20)).ok());
  if (flushed) *store = nullptr;
  fs::copy(made, folder, fs::copy_options::recursive);
}

std::vector<std::string> files_with(const std::string& folder, const std::string& part) {
  std::vector<std::string> found;
  for (const auto& file : fs::directory_iterator(folder + "/db"))
    if (file.path().filename().string().find(part) != std::string::npos && file.file_size() > 0)
      found.push_back(file.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

// All that a reader can be asked for, as bytes; nothing if it complains anywhere.
std::optional<std::string> everything(const std::string& folder) {
  auto reader = open_store_reader(folder);
  if (!reader.ok() || *reader == nullptr) return std::nullopt;
  std::string text = (*reader)->head().digest;
  auto applied = (*reader)->applied();
  auto journal = (*reader)->journal(PlanId{"p"});
  auto open = (*reader)->open_intents();
  auto observed = (*reader)->last_observation();
  auto history = (*reader)->history();
  if (!applied.ok() || !journal.ok() || !open.ok() || !observed.ok() || !history.ok())
    return std::nullopt;
  for (const auto& [address, spec] : applied->domains) text += encode(spec);
  for (const JournalEntry& entry : *journal) text += encode(entry.intent);
  if (*observed) text += encode(**observed);
  return text;
}

bool is_known_damage(const Error& error) {
  return error.code == Code::state_corrupt || error.code == Code::state_unreadable;
}

enum class Seen { damage, whole };

// What verify, the reader and the writer say of the store in `folder`; they must not contradict
// each other, and none may make a fresh store.
Seen look(const std::string& folder, const std::string& whole) {
  auto report = verify_store(folder);
  if (!report.ok()) {
    EXPECT_TRUE(is_known_damage(report.error())) << report.error().message;
    EXPECT_FALSE(report.error().help.empty());
    return Seen::damage;
  }
  if (!report->damage.empty()) return Seen::damage;
  auto content = everything(folder);
  if (!content) return Seen::damage;
  EXPECT_EQ(*content == whole, true) << "another state, and nobody complains";
  return Seen::whole;
}

void expect_writer_agrees(const std::string& folder) {
  LogicalClock clock;
  SeededRandom random(2);
  auto lock = lock_state(folder, seconds(0), clock);
  ASSERT_TRUE(lock.ok());
  auto store = open_store(folder, **lock, random, clock);
  if (store.ok()) {
    EXPECT_GT((*store)->head().batch, 0u) << "a fresh store over a damaged one";
  } else {
    EXPECT_TRUE(is_known_damage(store.error())) << store.error().message;
    EXPECT_FALSE(store.error().help.empty());
  }
}

class Damage : public ::testing::Test {
 protected:
  void make(bool flushed) {
    make_store(folder_ / "sound", flushed);
    const auto content = everything(folder_ / "sound");
    ASSERT_TRUE(content.has_value());
    whole_ = *content;
    ASSERT_EQ(look(folder_ / "sound", whole_), Seen::whole);
  }
  // A fresh copy to break.
  std::string copy() {
    fs::remove_all(folder_ / "broken");
    fs::copy(folder_ / "sound", folder_ / "broken", fs::copy_options::recursive);
    return folder_ / "broken";
  }
  TempFolder folder_;
  std::string whole_;
};

struct Tally {
  int damage = 0, whole = 0;
};

// Flips a bit at some twenty-five places of each file whose name has `part`.
Tally flip_all(const std::string& sound, const std::string& part,
               const std::function<std::string()>& copy, const std::string& whole) {
  Tally tally;
  for (const std::string& file : files_with(sound, part)) {
    const std::string bytes = read_bytes(file);
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 25);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const std::string broken = copy();
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      write_bytes(broken + "/db/" + fs::path(file).filename().string(), flipped);
      switch (look(broken, whole)) {
        case Seen::damage:
          ++tally.damage;
          break;
        case Seen::whole:
          ++tally.whole;
          break;
      }
      if (at % 5 == 0) expect_writer_agrees(broken);
    }
  }
  return tally;
}

TEST_F(Damage, OfTablesIsFound) {
  make(/*flushed=*/true);
  const Tally tally = flip_all(
      folder_ / "sound", ".sst", [&] { return copy(); }, whole_);
  EXPECT_GT(tally.damage, 50);
  // Padding in a footer and names in the properties mean nothing to what is stored.
  EXPECT_LT(tally.whole, tally.damage / 4);
}

TEST_F(Damage, OfTheManifestIsFound) {
  make(/*flushed=*/true);
  const Tally tally = flip_all(
      folder_ / "sound", "MANIFEST", [&] { return copy(); }, whole_);
  EXPECT_GT(tally.damage, 20);
}

TEST_F(Damage, OfCurrentIsFound) {
  make(/*flushed=*/true);
  const Tally tally = flip_all(
      folder_ / "sound", "CURRENT", [&] { return copy(); }, whole_);
  EXPECT_EQ(tally.whole, 0);
  EXPECT_GT(tally.damage, 10);
}

// RocksDB takes a length that points behind the end for a torn end; the mark knows better.
TEST_F(Damage, OfTheLogIsFound) {
  make(/*flushed=*/false);
  const Tally tally = flip_all(
      folder_ / "sound", ".log", [&] { return copy(); }, whole_);
  EXPECT_GT(tally.damage, 20);
  EXPECT_EQ(tally.whole, 0);
}

TEST_F(Damage, GarbageInTheMiddleOfTheLogDropsNothingSilently) {
  make(/*flushed=*/false);
  const std::string file = files_with(folder_ / "sound", ".log").back();
  const std::string bytes = read_bytes(file);
  for (std::size_t at : {bytes.size() / 4, bytes.size() / 2, bytes.size() * 3 / 4}) {
    const std::string broken = copy();
    std::string garbled = bytes;
    for (std::size_t i = at; i < at + 40; ++i) garbled[i] = static_cast<char>(~garbled[i]);
    write_bytes(broken + "/db/" + fs::path(file).filename().string(), garbled);
    EXPECT_EQ(look(broken, whole_), Seen::damage);
    expect_writer_agrees(broken);
  }
}

// A power loss in the midst of a write leaves half a transition, which nobody was promised.
TEST_F(Damage, TornEndOfTheLogIsNormalUnlessItWasAcknowledged) {
  make(/*flushed=*/false);
  const std::string file = files_with(folder_ / "sound", ".log").back();
  const std::string bytes = read_bytes(file);
  for (std::size_t cut : {1u, 7u, 100u}) {
    const std::string broken = copy();
    write_bytes(broken + "/db/" + fs::path(file).filename().string(),
                bytes.substr(0, bytes.size() - cut));
    EXPECT_EQ(look(broken, whole_), Seen::damage);
    EXPECT_NE(verify_store(broken)->damage.front().find("39, but 40 were acknowledged"),
              std::string::npos);
    expect_writer_agrees(broken);
    for (const std::string& mark : {std::string(), std::string("rubbish"), std::string(72, 'x')}) {
      write_bytes(broken + "/mark", mark);
      auto report = verify_store(broken);
      ASSERT_TRUE(report.ok());
      EXPECT_EQ(report->damage, std::vector<std::string>{});
      EXPECT_EQ(report->head.batch, kTransitions - 1);
      LogicalClock clock;
      SeededRandom random(2);
      auto lock = lock_state(broken, seconds(0), clock);
      EXPECT_TRUE(open_store(broken, **lock, random, clock).ok());
    }
  }
}

TEST_F(Damage, DatabaseOfAnotherStateIsFound) {
  make(/*flushed=*/true);
  TempFolder other;
  LogicalClock clock;
  SeededRandom random(99);
  {
    auto lock = lock_state(other / "state", seconds(0), clock);
    auto store = open_store(other / "state", **lock, random, clock);
    for (uint64_t number = 1; number <= kTransitions + 5; ++number)
      ASSERT_TRUE((*store)->commit(testing::numbered_transition(number, 20)).ok());
  }
  const std::string broken = copy();
  fs::remove_all(broken + "/db");
  fs::copy(other / "state/db", broken + "/db", fs::copy_options::recursive);
  EXPECT_EQ(look(broken, whole_), Seen::damage);
  expect_writer_agrees(broken);
}

TEST_F(Damage, MissingAndReplacedFilesAreFound) {
  for (bool flushed : {true, false}) {
    fs::remove_all(folder_ / "sound");
    make(flushed);
    for (const std::string part : {".sst", "MANIFEST", "CURRENT", ".log"}) {
      for (const std::string& file : files_with(folder_ / "sound", part)) {
        const std::string name = "/db/" + fs::path(file).filename().string();
        SCOPED_TRACE(name + (flushed ? " flushed" : " not flushed"));
        std::string broken = copy();
        fs::remove(broken + name);
        EXPECT_EQ(look(broken, whole_), Seen::damage);
        expect_writer_agrees(broken);
        for (const std::string& bytes :
             {std::string(), std::string("rubbish\n"), std::string(5000, '\xff'),
              read_bytes(file).substr(0, read_bytes(file).size() / 2)}) {
          broken = copy();
          write_bytes(broken + name, bytes);
          EXPECT_EQ(look(broken, whole_), Seen::damage) << bytes.size() << " bytes";
          expect_writer_agrees(broken);
        }
      }
    }
  }
}

TEST_F(Damage, LostDatabaseIsNotReplacedByAFreshOne) {
  make(/*flushed=*/true);
  for (bool keep_empty_folder : {false, true}) {
    const std::string broken = copy();
    fs::remove_all(broken + "/db");
    if (keep_empty_folder) fs::create_directory(broken + "/db");
    EXPECT_EQ(open_store_reader(broken).error().code, Code::state_corrupt);
    LogicalClock clock;
    SeededRandom random(2);
    auto lock = lock_state(broken, seconds(0), clock);
    EXPECT_EQ(open_store(broken, **lock, random, clock).error().code, Code::state_corrupt);
    auto report = verify_store(broken);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->damage.size(), 1u);
    EXPECT_FALSE(fs::exists(broken + "/db/CURRENT"));
  }
}

TEST_F(Damage, FormatsAreRefusedByName) {
  make(/*flushed=*/true);
  const struct {
    std::string text;
    Code code;
  } table[] = {
      {"format 2\nhv 9.1.0\n", Code::state_newer_format},
      {"format 2000000000", Code::state_newer_format},
      {"format 99999999999999999999\n", Code::state_corrupt},
      {"format 0\n", Code::state_corrupt},
      {"format -1\n", Code::state_corrupt},
      {"format one\n", Code::state_corrupt},
      {"", Code::state_corrupt},
      {std::string(3000, '\0'), Code::state_corrupt},
  };
  for (const auto& row : table) {
    const std::string broken = copy();
    write_bytes(broken + "/FORMAT", row.text);
    auto reader = open_store_reader(broken);
    ASSERT_FALSE(reader.ok()) << row.text;
    EXPECT_EQ(reader.error().code, row.code) << row.text;
    LogicalClock clock;
    SeededRandom random(2);
    auto lock = lock_state(broken, seconds(0), clock);
    EXPECT_EQ(open_store(broken, **lock, random, clock).error().code, row.code);
  }
  const std::string broken = copy();
  write_bytes(broken + "/FORMAT", "format 2\nhv 9.1.0\n");
  const std::string message = open_store_reader(broken).error().message;
  for (const char* part : {"format 2", "hv 9.1.0", "format 1", "hv 0."})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_EQ(verify_store(broken).error().code, Code::state_newer_format);
}

// --- Records altered behind hv's back, with right check sums everywhere

std::vector<std::string> damage_after(const std::vector<state::TableWrite>& edits) {
  auto table = state::make_memory_table();
  state::Table* raw = table.get();
  SeededRandom random(1);
  EXPECT_TRUE(state::begin_store(raw, random).ok());
  auto store = state::store_over(std::move(table));
  for (uint64_t number = 1; number <= 12; ++number)
    EXPECT_TRUE((*store)->commit(testing::numbered_transition(number, 5)).ok());
  AppliedVdisk vdisk;
  vdisk.spec.address = {Kind::vdisk, "v"};
  vdisk.extents = {{StoreId{"s"}, sectors(0), sectors(8)}};
  EXPECT_TRUE(
      (*store)->commit({.put_vdisks = {vdisk}, .plan = PlanRecord{.id = PlanId{"p"}}}).ok());
  EXPECT_EQ(state::verify_table(*raw).damage, std::vector<std::string>{});
  EXPECT_EQ(state::verify_table(*raw).transitions, 13u);
  EXPECT_TRUE(raw->write(edits, true).ok());
  return state::verify_table(*raw).damage;
}

std::string link_key(uint64_t number) {
  return "c" + state::big_endian(number);
}

TEST(Alteration, OfAnyRecordIsFound) {
  namespace column = state::column;
  AppliedDomain richer = domain(3, 3);
  richer.spec.attributes.set("memory", gib(64));
  const std::string other = encode(domain(4, 4));
  const struct {
    const char* what;
    state::TableWrite edit;
  } table[] = {
      {"a domain altered", {column::applied, "r/domain.web3", encode(richer)}},
      {"a domain lost", {column::applied, "r/domain.web3", std::nullopt}},
      {"a domain added", {column::applied, "r/domain.web77", encode(domain(77))}},
      {"a domain under another name", {column::applied, "r/domain.web3", other}},
      {"a domain of rubbish", {column::applied, "r/domain.web3", "rubbish"}},
      {"an address of rubbish", {column::applied, "rubbish", "rubbish"}},
      {"an empty key", {column::applied, "", ""}},
      {"an identity added", {column::applied, "n/domain.web3", state::big_endian(9)}},
      {"an identity of rubbish", {column::applied, "n/domain.web3", "x"}},
      {"a vdisk lost", {column::vdisks, "vdisk.v", std::nullopt}},
      {"a vdisk of rubbish", {column::vdisks, "vdisk.v", "x"}},
      {"an extent added", {column::extents, "rubbish", "x"}},
      {"an outcome lost", {column::journal, "op-3-1", std::nullopt}},
      {"an outcome of rubbish", {column::journal, "op-3-1", "x"}},
      {"an intent lost", {column::journal, std::string("ip\0p-12-1", 9), std::nullopt}},
      {"an intent closed by hand", {column::journal, "pp-12-1", std::nullopt}},
      {"another kind of record", {column::journal, "zzz", ""}},
      {"history lost", {column::history, "p", std::nullopt}},
      {"history of rubbish", {column::history, "p", "x"}},
      {"an observation altered", {column::observed, "last", encode(Observation())}},
      {"an observation of rubbish", {column::observed, "last", "x"}},
      {"a link lost", {column::meta, link_key(5), std::nullopt}},
      {"the first link lost", {column::meta, link_key(1), std::nullopt}},
      {"the last link lost", {column::meta, link_key(13), std::nullopt}},
      {"a link of rubbish", {column::meta, link_key(5), "x"}},
      {"a link too many", {column::meta, link_key(14), "x"}},
      {"the head lost", {column::meta, "head", std::nullopt}},
      {"the head of rubbish", {column::meta, "head", "x"}},
  };
  for (const auto& row : table) EXPECT_FALSE(damage_after({row.edit}).empty()) << row.what;
  EXPECT_TRUE(damage_after({}).empty());
}

TEST(Alteration, OfOneBitInAnyLinkIsFound) {
  auto table = state::make_memory_table();
  state::Table* raw = table.get();
  SeededRandom random(1);
  ASSERT_TRUE(state::begin_store(raw, random).ok());
  auto store = state::store_over(std::move(table));
  for (uint64_t number = 1; number <= 3; ++number)
    ASSERT_TRUE((*store)->commit(testing::numbered_transition(number, 5)).ok());
  for (const std::string& key : {std::string("head"), link_key(1), link_key(2), link_key(3)}) {
    const std::string sound = **raw->get(state::column::meta, key);
    for (std::size_t at = 0; at < sound.size(); ++at) {
      std::string flipped = sound;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      ASSERT_TRUE(raw->write({{state::column::meta, key, flipped}}, true).ok());
      EXPECT_FALSE(state::verify_table(*raw).damage.empty()) << key << " " << at;
    }
    ASSERT_TRUE(raw->write({{state::column::meta, key, sound}}, true).ok());
  }
  EXPECT_TRUE(state::verify_table(*raw).damage.empty());
}

// A whole older store put in place of the newer one is a store: only the hosts can tell (their
// memory of the highest serial). But the two cannot be mixed.
TEST(Alteration, RecordsOfAnEarlierMomentAreFound) {
  EXPECT_FALSE(damage_after({{state::column::applied, "r/domain.web1", encode(domain(1, 1))},
                             {state::column::applied, "r/domain.web2", encode(domain(2, 2))}})
                   .empty());
}

TEST(Damaged, JournalIsAnErrorWhereItIsRead) {
  auto table = state::make_memory_table();
  state::Table* raw = table.get();
  SeededRandom random(1);
  ASSERT_TRUE(state::begin_store(raw, random).ok());
  auto store = state::store_over(std::move(table));
  ASSERT_TRUE(
      (*store)->commit({.put_domains = {domain(1)}, .intents = {testing::intent("p", 1)}}).ok());
  namespace column = state::column;
  ASSERT_TRUE(raw->write({{column::journal, std::string("ip\0p-1-1", 8), std::nullopt},
                          {column::applied, "r/domain.web1", "rubbish"},
                          {column::history, "p", "rubbish!!"},
                          {column::observed, "last", "rubbish"}},
                         true)
                  .ok());
  EXPECT_EQ((*store)->open_intents().error().code, Code::state_corrupt);
  EXPECT_EQ((*store)->history().error().code, Code::state_corrupt);
  EXPECT_EQ((*store)->plan_record(PlanId{"p"}).error().code, Code::state_corrupt);
  EXPECT_EQ((*store)->last_observation().error().code, Code::state_corrupt);
  auto applied = (*store)->applied();
  ASSERT_FALSE(applied.ok());
  EXPECT_NE(applied.error().message.find("domain.web1"), std::string::npos);
}

// --- Permission

TEST(Permission, OfOthersIsRefusedWithTheReason) {
  TempFolder folder;
  make_store(folder / "state", /*flushed=*/true);
  chmod((folder / "state").c_str(), geteuid() == 0 ? 0700 : 0);
  chmod(folder.path().c_str(), 0755);
  Actor actor({"open", folder / "state"});
  EXPECT_EQ(actor.line(), "HV0701 HV0701 HV0701 HV0701");
  chmod((folder / "state").c_str(), 0700);
}

TEST(Permission, OfTheDatabaseAloneIsRefusedToo) {
  TempFolder folder;
  make_store(folder / "state", /*flushed=*/true);
  const std::string database = folder / "state/db";
  chmod(folder.path().c_str(), 0755);
  chmod((folder / "state").c_str(), 0777);
  fs::permissions(folder / "state/lock", fs::perms::all);
  chmod((folder / "state/FORMAT").c_str(), 0644);
  chmod(database.c_str(), geteuid() == 0 ? 0700 : 0);
  Actor actor({"open", folder / "state"});
  EXPECT_EQ(actor.line(), "ok HV0701 HV0701 ok");
  chmod(database.c_str(), 0700);
}

TEST(Permission, OfOneFileIsRefusedToo) {
  TempFolder folder;
  make_store(folder / "state", /*flushed=*/true);
  chmod(folder.path().c_str(), 0755);
  for (const char* part : {"/", "/db/"})
    for (const auto& file : fs::directory_iterator(folder / ("state" + std::string(part))))
      chmod(file.path().c_str(), file.is_directory() ? 0777 : 0666);
  chmod((folder / "state").c_str(), 0777);
  for (const char* part : {"CURRENT", "MANIFEST", ".sst"})
    for (const std::string& file : files_with(folder / "state", part)) {
      chmod(file.c_str(), geteuid() == 0 ? 0600 : 0);
      Actor actor({"open", folder / "state"});
      EXPECT_EQ(actor.line(), "ok HV0701 HV0701 ok") << file;
      chmod(file.c_str(), 0666);
      fs::remove_all(folder / "state/sim");
    }
}

TEST(Permission, FileInPlaceOfAFolder) {
  TempFolder folder;
  write_bytes(folder / "state", "x");
  EXPECT_EQ(open_store_reader(folder / "state").error().code, Code::state_unreadable);
  EXPECT_EQ(verify_store(folder / "state").error().code, Code::state_unreadable);
  EXPECT_EQ(open_host_store(folder / "state", true).error().code, Code::state_unreadable);
  EXPECT_EQ(open_host_store(folder / "state", false).error().code, Code::state_unreadable);
  EXPECT_EQ(open_host_store(folder / "state/xen1", false).error().code, Code::state_unreadable);
}

}  // namespace
}  // namespace hv
