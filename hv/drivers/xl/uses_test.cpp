// What dom0 has open: the words of look.sh, and look.sh itself on this machine.
#include "hv/drivers/xl/uses.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hv/drivers/xl/process.h"

namespace hv {
namespace {

namespace fs = std::filesystem;

TEST(Uses, AreReadAsTheyAreTold) {
  const auto uses = read_uses(
      "mount\t/dev/sda2\text4\t/\trw,errors=remount-ro\n"
      "mount\t/dev/sda2\text4\t/jail\trw\n"
      "mount\t/dev/sdb1\text4\t/old\tro\n"
      "mount\t/dev/sdb2\text4\t/older\tro,noload\n"
      "mount\t/dev/sdb3\txfs\t/data\trw,logdev=/dev/sdc1\n"
      "mount\t/dev/sdd\tocfs2\t/cluster\trw\n"
      "swap\t/dev/mapper/vg-swap\n"
      "pool\ttank\t/dev/sde1\n"
      "open\tw\t/img/a.img\tqemu-nbd\n"
      "open\tr\t/dev/sdf\tdd\n"
      "mount\tnone\ttmpfs\t/tmp\trw\n"
      "rubbish\n\n");
  const std::vector<HostUse> expected = {
      {"/dev/sda2", "ext4 mounted on /", AccessMode::write},
      {"/dev/sdb1", "ext4 mounted on /old read-only", AccessMode::write},  // may replay its journal
      {"/dev/sdb2", "ext4 mounted on /older read-only", AccessMode::read},
      {"/dev/sdb3", "xfs mounted on /data", AccessMode::write},
      {"/dev/sdc1", "xfs mounted on /data uses it", AccessMode::write},
      {"/dev/sdd", "ocfs2 mounted on /cluster", AccessMode::write_shared},
      {"/dev/mapper/vg-swap", "swap space", AccessMode::write},
      {"/dev/sde1", "the ZFS pool tank", AccessMode::write},
      {"/img/a.img", "open in qemu-nbd", AccessMode::write},
      {"/dev/sdf", "open in dd", AccessMode::read},
  };
  EXPECT_EQ(uses, expected);
  EXPECT_TRUE(read_uses("").empty());
}

class Here : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/sys/class/block")) GTEST_SKIP() << "sysfs is not mounted here";
    if (::geteuid() != 0) GTEST_SKIP() << "loop devices need root";
    std::string pattern = (fs::temp_directory_path() / "hv-uses-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    image_ = folder_ + "/a.img";
    std::ofstream(image_).put('\0');
    fs::resize_file(image_, 8 << 20);
  }
  void TearDown() override {
    for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
  }
  static bool shell(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  std::string loop() {
    const auto end = run_process({"losetup", "-f", "--show", image_}, "", seconds(10));
    if (!end.ok() || end->code != 0) return {};
    std::string name = end->output.substr(0, end->output.find('\n'));
    undo_.push_back([name] { shell("losetup -d " + name); });
    return name;
  }
  // What one look tells of the image, "what mode".
  std::vector<std::string> look() const {
    const char* path = getenv("PATH");
    const auto end =
        run_process({"env", "PATH=" + folder_ + "/bin:" + (path == nullptr ? "" : path), "bash",
                     std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/look.sh", folder_ + "/state"},
                    "", seconds(60));
    EXPECT_TRUE(end.ok());
    const std::size_t begin = end->output.find("\036uses\n");
    EXPECT_NE(begin, std::string::npos) << end->output;
    if (begin == std::string::npos) return {};
    const std::string rest = end->output.substr(begin + 6);
    std::vector<std::string> told;
    for (const HostUse& use : read_uses(rest.substr(0, rest.find('\036'))))
      if (use.source == image_) told.push_back(use.what + " " + std::string(to_string(use.mode)));
    return told;
  }
  std::string folder_, image_;
  std::vector<std::function<void()>> undo_;
};

using Told = std::vector<std::string>;

TEST_F(Here, AMountIsSeenWhileItIsThere) {
  const std::string point = folder_ + "/mnt";
  fs::create_directories(point);
  if (!shell("mkfs.ext4 -q -F '" + image_ + "'")) GTEST_SKIP() << "mkfs.ext4 is missing";
  const std::string disk = loop();
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  EXPECT_EQ(look(), Told());
  if (!shell("mount -t ext4 " + disk + " '" + point + "'"))
    GTEST_SKIP() << "mounting is not allowed";
  undo_.push_back([point] { shell("umount '" + point + "'"); });
  EXPECT_EQ(look(), Told{"ext4 mounted on " + point + " w"}) << "by its file, not by its number";
  ASSERT_TRUE(shell("umount '" + point + "'"));
  EXPECT_EQ(look(), Told());
}

TEST_F(Here, WhatAProcessHasOpenIsSeen) {
  const std::string disk = loop();
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  const int writer = ::open(disk.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  EXPECT_EQ(look(), Told{"open in host_uses_test w"});
  ::close(writer);
  const int reader = ::open(disk.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(look(), Told{"open in host_uses_test r"});
  ::close(reader);
  EXPECT_EQ(look(), Told());
}

// Started with one pipe to its standard input: it ends when that is closed.
class Holder {
 public:
  explicit Holder(const std::vector<std::string>& words) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[0], 0);
      std::vector<std::string> copies = words;
      std::vector<char*> arguments;
      for (std::string& word : copies) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[0]);
    end_ = ends[1];
  }
  ~Holder() {
    ::close(end_);
    ::waitpid(child_, nullptr, 0);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  pid_t child_ = 0;
  int end_ = 0;
};

// A guest's disk is open in what serves it to the guest: that is the guest's access, for as long as
// the guest is there.
TEST_F(Here, WhatServesAGuestIsNoUseOfTheHost) {
  const std::string disk = loop();
  if (disk.empty()) GTEST_SKIP() << "this machine gives no loop device";
  fs::create_directories(folder_ + "/bin");
  for (const auto& [name, text] : std::map<std::string, std::string>{
           {"xl", "[ \"$2\" != -l ] || echo '[{\"domid\": 3, \"config\": {}}]'"},
           {"xenstore-ls", ":"}}) {
    const std::string file = folder_ + "/bin/" + name;
    std::ofstream(file) << "#!/bin/bash\n" << text << "\n";
    fs::permissions(file, fs::perms::owner_all);
  }
  const std::string script = "exec 7<>" + disk + "; : >'" + folder_ + "/ready'; read -r _";
  const auto wait_for = [&] {
    for (int i = 0; i < 200 && !fs::exists(folder_ + "/ready"); ++i) ::usleep(20000);
    return fs::remove(folder_ + "/ready");
  };
  {
    const Holder qemu({"bash", "-c", script, "-xen-domid", "3"});
    ASSERT_TRUE(wait_for());
    EXPECT_EQ(look(), Told());
  }
  {
    const Holder qemu({"bash", "-c", script, "-xen-domid", "4"});
    ASSERT_TRUE(wait_for());
    EXPECT_EQ(look(), Told{"open in bash w"}) << "its machine is gone";
  }
  const Holder other({"bash", "-c", script, "-domid", "3"});
  ASSERT_TRUE(wait_for());
  EXPECT_EQ(look(), Told{"open in bash w"});
}

}  // namespace
}  // namespace hv
