// hv fmt as people run it: which files, what it says, what it leaves alone.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/process.h"

namespace hv::testing {
namespace {

constexpr const char* kUgly = "domain web:\n  memory=1GiB\n  kernel = '/k'\n";
constexpr const char* kNeat = "domain web:\n    memory = 1GiB\n    kernel = \"/k\"\n";

TEST(Fmt, RewritesWhatIsNotNeatAndNamesIt) {
  const Folder folder;
  folder.write("a.vm", kUgly);
  folder.write("b.vm", kNeat);
  folder.write("c.cfg", "  memory = 64  \r\n");
  ASSERT_EQ(::chmod((folder / "a.vm").c_str(), 0640), 0);
  const Finished first = folder.hv({"fmt", "."});
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.out, "a.vm\nc.cfg\n");
  EXPECT_EQ(first.err, "");
  EXPECT_EQ(folder.read("a.vm"), kNeat);
  EXPECT_EQ(folder.read("c.cfg"), "memory = 64\n");
  struct stat about {};
  ASSERT_EQ(::stat((folder / "a.vm").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0640u);
  const Finished again = folder.hv({"fmt", "."});
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(again.out, "");
  std::size_t entries = 0;  // no draft stays behind
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++entries;
  EXPECT_EQ(entries, 3u);
}

TEST(Fmt, CheckAndDiffWriteNothing) {
  const Folder folder;
  folder.write("a.vm", kUgly);
  const Finished check = folder.hv({"fmt", "--check", "a.vm"});
  EXPECT_EQ(check.code, 1);
  EXPECT_EQ(check.out, "a.vm\n");
  const Finished diff = folder.hv({"fmt", "--diff", "a.vm"});
  EXPECT_EQ(diff.code, 0);
  EXPECT_EQ(diff.out,
            "--- a.vm\n+++ a.vm\n@@ -1,3 +1,3 @@\n domain web:\n-  memory=1GiB\n-  kernel = '/k'\n"
            "+    memory = 1GiB\n+    kernel = \"/k\"\n");
  EXPECT_EQ(folder.hv({"fmt", "--diff", "--check", "a.vm"}).code, 1);
  EXPECT_EQ(folder.read("a.vm"), kUgly);
  folder.write("a.vm", kNeat);
  EXPECT_EQ(folder.hv({"fmt", "--check", "a.vm"}).code, 0);
  EXPECT_EQ(folder.hv({"fmt", "--diff", "a.vm"}).out, "");
}

TEST(Fmt, StandardInput) {
  const Folder folder;
  const Finished finished = folder.hv({"fmt", "-"}, kUgly);
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, kNeat);
  const Finished check = folder.hv({"fmt", "--check", "-"}, kUgly);
  EXPECT_EQ(check.code, 1);
  EXPECT_EQ(check.out, "");
  EXPECT_EQ(folder.hv({"fmt", "-"}, "").out, "");
}

TEST(Fmt, AFileWithErrorsIsLeftAloneAndTheOthersAreNot) {
  const Folder folder;
  folder.write("a.vm", "domain web\n  memory=1GiB\n");
  folder.write("b.vm", kUgly);
  const Finished finished = folder.hv({"fmt", "a.vm", "b.vm"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_EQ(finished.out, "b.vm\n");
  EXPECT_NE(finished.err.find("a.vm:1:11"), std::string::npos) << finished.err;
  EXPECT_EQ(folder.read("a.vm"), "domain web\n  memory=1GiB\n");
  EXPECT_EQ(folder.read("b.vm"), kNeat);
  EXPECT_EQ(folder.hv({"fmt", "none.vm"}).code, 1);
}

TEST(Fmt, AReadOnlyFileStays) {
  const Folder folder;
  folder.write("a.vm", kUgly);
  ASSERT_EQ(::chmod((folder / "a.vm").c_str(), 0444), 0);
  const Finished finished = folder.hv({"fmt", "a.vm"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_NE(finished.err.find("HV0902"), std::string::npos) << finished.err;
  EXPECT_EQ(folder.read("a.vm"), kUgly);
}

TEST(Fmt, ALinkStaysALink) {
  const Folder folder;
  folder.write("real.vm", kUgly);
  ASSERT_EQ(::symlink("real.vm", (folder / "link.vm").c_str()), 0);
  EXPECT_EQ(folder.hv({"fmt", "link.vm"}).code, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.vm"));
  EXPECT_EQ(folder.read("real.vm"), kNeat);
}

TEST(Fmt, AProjectIsItsSourcesAndWhatTheyImport) {
  const Folder folder;
  EXPECT_EQ(folder.hv({"fmt"}).code, 1);
  folder.write("hv.toml", "[project]\nsources = [\"main.vm\"]\n[hosts.local]\ndriver = \"sim\"\n");
  folder.write("main.vm", "from 'lib.vm' import base\ndomain web(base):\n  vcpus=1\n");
  folder.write("lib.vm", "template base:\n  kernel = '/k'\n");
  folder.write("other.vm", kUgly);
  folder.write("sub/x", "");
  const Finished finished = folder.hv({"fmt", "-C", folder.path()});
  EXPECT_EQ(finished.code, 0) << finished.err;
  EXPECT_EQ(finished.out, "main.vm\nlib.vm\n");
  EXPECT_EQ(folder.read("lib.vm"), "template base:\n    kernel = \"/k\"\n");
  EXPECT_EQ(folder.read("other.vm"), kUgly);
}

TEST(Fmt, WhatInitWritesIsNeat) {
  const Folder folder;
  ASSERT_EQ(folder.hv({"init", "."}).code, 0);
  const Finished finished = folder.hv({"fmt", "--diff", "--check"});
  EXPECT_EQ(finished.code, 0) << finished.out << finished.err;
}

}  // namespace
}  // namespace hv::testing
