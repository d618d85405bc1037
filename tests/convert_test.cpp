// hv convert as people run it: streams, exit codes, standard input.
#include <gtest/gtest.h>

#include "tests/process.h"

namespace hv::testing {
namespace {

constexpr const char* kWeb =
    "name = 'web'\nmemory = 64 * 2\nkernel = '/boot/vmlinuz'\nnics = 1\n"
    "disk = ['phy:/dev/sda7,xvda,w']\n";

TEST(Convert, ToDeclarationsAndBackToXl) {
  const Folder folder;
  folder.write("web.cfg", kWeb);
  const Finished vm = folder.hv({"convert", "web.cfg"});
  EXPECT_EQ(vm.code, 0) << vm.all();
  EXPECT_EQ(vm.out,
            "domain web:\n    memory = 128MiB\n    kernel = \"/boot/vmlinuz\"\n"
            "    disk = [vbd(\"phy:/dev/sda7\", \"xvda\", \"w\")]\n    vif = [vif()]\n");
  EXPECT_EQ(vm.err, "");
  folder.write("web.vm", vm.out);
  const Finished check = folder.hv({"check", "web.vm"});
  EXPECT_EQ(check.code, 0) << check.all();
  const Finished xl = folder.hv({"convert", "web.vm", "--to", "xl"});
  EXPECT_EQ(xl.code, 0) << xl.all();
  EXPECT_EQ(xl.out,
            "name = \"web\"\nkernel = \"/boot/vmlinuz\"\nmemory = 128\n"
            "disk = [\"phy:/dev/sda7,xvda,w\"]\nvif = [\"\"]\n");
}

TEST(Convert, WhatXlHasNoWordsForIsAComment) {
  const Folder folder;
  folder.write("web.cfg", kWeb);
  const Finished xl = folder.hv({"convert", "web.cfg", "--to", "xl"});
  EXPECT_EQ(xl.code, 0);
  EXPECT_NE(xl.err.find("warning[HV0229]: xl has no `nics`"), std::string::npos) << xl.err;
  EXPECT_NE(xl.out.find("\n# xl has no words for:\n# nics = 1\n"), std::string::npos) << xl.out;
}

TEST(Convert, FromXend) {
  const Folder folder;
  folder.write("web.sxp",
               "(domain (domid 3) (name web) (memory 128)\n"
               " (image (linux (kernel /boot/vmlinuz)))\n"
               " (device (vbd (uname phy:/dev/sda7) (dev xvda) (mode w))))\n");
  const Finished vm = folder.hv({"convert", "web.sxp", "--from", "sxp", "--to", "vm"});
  EXPECT_EQ(vm.code, 0) << vm.all();
  EXPECT_EQ(
      vm.out,
      "domain web:\n    type = \"pv\"\n    memory = 128MiB\n"
      "    kernel = \"/boot/vmlinuz\"\n    disk = [vbd(\"phy:/dev/sda7\", \"xvda\", \"w\")]\n");
  folder.write("bad.sxp", "(domain (name web)");
  const Finished bad = folder.hv({"convert", "bad.sxp", "--from", "sxp"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_EQ(bad.out, "");
  EXPECT_NE(bad.err.find("error[HV0108]"), std::string::npos) << bad.err;
}

TEST(Convert, MistakesGiveNoText) {
  const Folder folder;
  folder.write("bad.cfg", "name = 'web'\nmemory = 'lots'\n");
  folder.write("lacks.cfg", "name = 'web' + vmid\nmemory = 64\n");
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"convert", "bad.cfg"}, "error[HV0204]"},
      {{"convert", "lacks.cfg", "--to", "xl"}, "`vmid`"},
      {{"convert", "missing.cfg"}, "missing.cfg"}};
  for (const auto& [words, says] : cases) {
    const Finished finished = folder.hv(words);
    EXPECT_EQ(finished.code, 1) << finished.all();
    EXPECT_EQ(finished.out, "");
    EXPECT_NE(finished.err.find(says), std::string::npos) << finished.err;
  }
  const Finished given = folder.hv({"convert", "lacks.cfg", "--to", "xl", "-p", "vmid=7"});
  EXPECT_EQ(given.code, 0) << given.all();
  EXPECT_EQ(given.out, "name = \"web7\"\nmemory = 64\n");
  EXPECT_EQ(folder.hv({"convert"}).code, 64);
  EXPECT_EQ(folder.hv({"convert", "bad.cfg", "--to", "toml"}).code, 64);
}

}  // namespace
}  // namespace hv::testing
