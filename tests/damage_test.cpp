// The store and the simulated host's database, damaged in every file: told, never a crash, never a
// machine forgotten.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/process.h"

namespace hv::testing {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Every error on stderr is of the state (07xx) or of a simulated host's database (0804).
bool says_damage(const Finished& finished) {
  return finished.code == 1 &&
         (contains(finished.err, "error[HV070") || contains(finished.err, "error[HV0804]"));
}

struct Damage {
  std::string what;
  bool of_tables;  // done to RocksDB's many tables too
  std::function<void(const fs::path&)> does;
};

void flip(const fs::path& path, std::size_t thousandth) {
  std::string bytes = file_text(path);
  if (bytes.empty()) return;
  bytes[std::min(bytes.size() - 1, bytes.size() * thousandth / 1000)] ^= 0x20;
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

const std::vector<Damage>& damages() {
  static const std::vector<Damage> all = {
      {"first byte flipped", true, [](const fs::path& path) { flip(path, 0); }},
      {"a byte at a third flipped", true, [](const fs::path& path) { flip(path, 333); }},
      {"a byte at three quarters flipped", false, [](const fs::path& path) { flip(path, 750); }},
      {"last byte flipped", true, [](const fs::path& path) { flip(path, 1000); }},
      {"cut to half", false,
       [](const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); }},
      {"emptied", false, [](const fs::path& path) { fs::resize_file(path, 0); }},
      {"removed", true, [](const fs::path& path) { fs::remove(path); }},
      {"a folder in its place", false,
       [](const fs::path& path) {
         fs::remove(path);
         fs::create_directory(path);
       }},
  };
  return all;
}

class Damaged : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.copy_from(example("quickstart"));
    ASSERT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0);
    // Something in the write-ahead log, too: a command that died.
    folder_.write("fleet.vm", folder_.read("edited/fleet.vm"));
    Process process(folder_.command({"apply", "--yes", "-q"}));
    std::this_thread::sleep_for(Milliseconds(250));
    process.signal(SIGKILL);
    process.wait();
    listed_ = folder_.hv({"state", "list"}).out;
    verified_ = folder_.hv({"state", "verify"}).out;
    ASSERT_TRUE(contains(verified_, "sound: ")) << verified_;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / ".hv"))
      if (entry.is_regular_file()) names.push_back(fs::relative(entry.path(), folder_.path()));
    std::sort(names.begin(), names.end());
    return names;
  }
  void try_damage(const std::string& file, const Damage& damage);

  Folder folder_;
  std::string listed_, verified_;
  std::atomic<int> told_ = 0;
};

void Damaged::try_damage(const std::string& file, const Damage& damage) {
  const Folder copy;
  copy.copy_from(folder_.path());
  damage.does(copy / file);
  const std::string what = file + ": " + damage.what + "\n";
  const Finished verify = copy.hv({"state", "verify"});
  EXPECT_EQ(verify.signal, 0) << what << verify.all();
  EXPECT_TRUE(says_damage(verify) || (verify.code == 0 && verify.out == verified_))
      << what << verify.all();
  const Finished list = copy.hv({"state", "list"});
  EXPECT_TRUE(says_damage(list) || (list.code == 0 && list.out == listed_)) << what << list.all();
  if (contains(file, "/sim/")) {
    const Finished plan = copy.hv({"plan"});
    EXPECT_TRUE(says_damage(plan) || plan.code == 0) << what << plan.all();
  }
  const Finished apply = copy.hv({"apply", "--yes"});
  EXPECT_EQ(apply.signal, 0) << what << apply.all();
  // What only writing reads is found in the middle: of the state it is said so; a host that cannot
  // write its own database is gone.
  const bool told =
      says_damage(apply) || (apply.code == 1 && contains(apply.err, "error[HV0801]") &&
                             contains(apply.err, "is damaged"));
  EXPECT_TRUE(told || apply.code == 0) << what << apply.all();
  // What could be applied is what was declared, each machine once.
  if (apply.code == 0) {
    const Finished status = copy.hv({"status", "--format", "json"});
    EXPECT_EQ(status.code, 0) << what << status.all();
    EXPECT_TRUE(contains(status.out, "\"unmanaged\": []")) << what << apply.all() << status.out;
    EXPECT_EQ(copy.hv({"plan", "--detailed-exitcode"}).code, 0) << what;
    EXPECT_FALSE(contains(apply.out, "domain.mail")) << what << "made anew: " << apply.out;
  }
  if (verify.code != 0 || told) ++told_;
}

TEST_F(Damaged, AnywhereIsToldAndNothingIsLost) {
  const std::vector<std::string> names = files();
  ASSERT_GT(names.size(), 10u);
  std::vector<std::pair<std::string, const Damage*>> cases;
  for (std::size_t i = 0; i < names.size(); ++i) {
    // RocksDB's own notes of its options: 36 kB of text that nothing reads back.
    if (contains(names[i], "OPTIONS-") && i % 4 != 0) continue;
    const bool table = names[i].ends_with(".sst");
    for (const Damage& damage : damages())
      if (damage.of_tables || !table) cases.emplace_back(names[i], &damage);
  }
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] {
      for (std::size_t mine = next++; mine < cases.size(); mine = next++)
        try_damage(cases[mine].first, *cases[mine].second);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(told_, 20) << "the damage was not where anybody looks";
}

TEST_F(Damaged, ANewerFormatIsRefusedByName) {
  const std::string format = folder_.read(".hv/FORMAT");
  std::string newer = format;
  const std::size_t digit = newer.find_first_of("0123456789");
  ASSERT_NE(digit, std::string::npos) << format;
  newer[digit] = '9';
  folder_.write(".hv/FORMAT", newer);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"plan"},
                                                {"status"},
                                                {"apply", "--yes"},
                                                {"state", "verify"},
                                                {"state", "list"},
                                                {"destroy", "--yes"}}) {
    const Finished finished = folder_.hv(words);
    EXPECT_EQ(finished.code, 1) << finished.all();
    EXPECT_TRUE(contains(finished.err, "error[HV0703]: ")) << finished.all();
    EXPECT_TRUE(contains(finished.err, "= help: ")) << finished.all();
  }
  EXPECT_EQ(folder_.hv({"check"}).code, 0) << "check opens no store";
  folder_.write(".hv/FORMAT", format);
  EXPECT_EQ(folder_.hv({"state", "verify"}).code, 0) << "and it was left as it was";
}

// As root nothing is forbidden, so that these hold for everybody.
TEST(StateFolder, ThatCannotBeOneIsTold) {
  struct Case {
    std::string name, state;
    std::function<void(const Folder&)> prepare;
  };
  const Case cases[] = {
      {"a file in its place", ".hv", [](const Folder& f) { f.write(".hv", "not a folder\n"); }},
      {"below a file", "taken/deep", [](const Folder& f) { f.write("taken", ""); }},
      {"a link to nowhere", ".hv",
       [](const Folder& f) { fs::create_symlink("/proc/nowhere/at/all", f / ".hv"); }},
      {"where nothing can be made", "/proc/hv-state", [](const Folder&) {}},
      {"the lock is a folder", ".hv",
       [](const Folder& f) { fs::create_directories(f / ".hv/lock"); }},
      {"the database is a file", ".hv", [](const Folder& f) { f.write(".hv/db", ""); }},
  };
  for (const Case& each : cases) {
    const Folder folder;
    folder.write("hv.toml", "[project]\nsources = [\"a.cfg\"]\nstate = \"" + each.state +
                                "\"\n[hosts.lab]\ndriver = \"sim\"\n");
    folder.write("a.cfg", "name = 'a'\nmemory = 64\nkernel = '/k'\n");
    each.prepare(folder);
    const Finished apply = folder.hv({"apply", "--yes"});
    EXPECT_EQ(apply.code, 1) << each.name << apply.all();
    EXPECT_TRUE(contains(apply.err, "error[HV070")) << each.name << "\n" << apply.all();
    const Finished plan = folder.hv({"plan"});
    EXPECT_EQ(plan.signal, 0) << each.name;
    EXPECT_TRUE(plan.code == 0 || contains(plan.err, "error[HV070")) << each.name << plan.all();
    EXPECT_EQ(folder.hv({"check"}).code, 0) << "check opens no store";
  }
}

}  // namespace
}  // namespace hv::testing
