// What others have start at boot, or lies saved, as a look tells it: files that look.sh finds, on a
// host whose `xl` is fake_xen.sh, and their disks as latent accesses.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "hv/drivers/sim/test_host.h"
#include "hv/drivers/xl/xl.h"

namespace hv {
namespace {

using testing::uuid_of;

std::string number(uint32_t value, bool big_endian = false) {
  std::string bytes;
  for (int i = 0; i < 4; ++i)
    bytes += static_cast<char>(value >> (big_endian ? 24 - 8 * i : 8 * i) & 0xff);
  return bytes;
}

constexpr uint32_t kByteOrder = 0x01020304, kJson = 1, kStream2 = 2;

// As `xl save` begins a file.
std::string save_file(const std::string& configuration, uint32_t flags = kJson | kStream2,
                      bool big_endian = false) {
  const auto length = static_cast<uint32_t>(configuration.size());
  std::string file("Xen saved domain, xl format\n \0 \r", 32);
  for (const uint32_t value : {kByteOrder, flags, 0u, length + 4, length})
    file += number(value, big_endian);
  return file + configuration;
}

std::string configuration(const std::string& name, const Uuid& uuid, const std::string& disks) {
  return "{\n    \"c_info\": {\"type\": \"pv\", \"name\": \"" + name + "\", \"uuid\": \"" +
         to_string(uuid) + "\"},\n    \"b_info\": {\"max_memkb\": 65536},\n    \"disks\": [" +
         disks + "]\n}\n" + std::string(1, '\0');
}

class XlOthers : public ::testing::Test {
 protected:
  XlOthers() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hvxl.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"bin", "xen", "hv/xen-auto", "hv/xen-save", "hv/auto"})
      std::filesystem::create_directories(folder_ + "/" + name);
    for (const char* name : {"xl", "xenstore-exists", "xenstore-list", "xenstore-ls"})
      std::filesystem::create_symlink(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/fake_xen.sh",
                                      folder_ + "/bin/" + name);
    const char* path = getenv("PATH");
    old_path_ = path == nullptr ? "" : path;
    setenv("PATH", (folder_ + "/bin:" + old_path_).c_str(), 1);
    setenv("FAKE_XEN", (folder_ + "/xen").c_str(), 1);
    XlConfig config;
    config.host = HostName{"xen1"};
    config.state = folder_ + "/hv";
    driver_ = make_xl_driver(config, Schema::builtin(), system_clock());
  }
  ~XlOthers() override {
    setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file, std::ios::binary) << text;
  }
  void write_auto(const std::string& text) { write("hv/xen-auto/db.cfg", text); }
  void write_save(const std::string& bytes) { write("hv/xen-save/db", bytes); }
  // A machine that runs, with these of the disks "DEVICE SOURCE MODE" (domid 5).
  void run(const std::string& name, const std::vector<std::array<std::string, 3>>& disks) {
    write("xen/" + to_string(uuid_of(name)), "5 " + name + " r-----\n");
    std::string store;
    for (const auto& [device, source, mode] : disks) {
      const std::string node = "/local/domain/0/backend/vbd/5/" + device + "/";
      for (const auto& [key, value] : {std::pair("dev", device == "1" ? "xvda" : "xvdb"),
                                       {"params", source.c_str()},
                                       {"mode", mode.c_str()}})
        store += node + key + " = \"" + value + "\"\n";
    }
    write("xen/store", store);
  }
  HostObservation look() {
    HostObservation seen = driver_->observe();
    EXPECT_TRUE(seen.reachable) << seen.reason;
    return seen;
  }
  // "autostart db xvda /img/a w, …", a UUID that is not nil with its name's beginning.
  std::string latent() {
    std::string text;
    for (const LatentAccess& one : look().latent) {
      text += (text.empty() ? "" : ", ") + one.what + " " + one.name;
      if (!one.uuid.is_nil()) text += one.uuid == uuid_of("db") ? " (its UUID)" : " (another UUID)";
      if (!one.vbd.device.empty())
        text += " " + one.vbd.device + " " + one.vbd.source + " " +
                std::string(to_string(one.vbd.mode));
    }
    return text;
  }
  std::string path(const std::string& file) const { return folder_ + "/" + file; }

  std::string folder_, old_path_;
  std::unique_ptr<Driver> driver_;
};

const std::string kDisks =
    "disk = [\n  \"vdev=xvda,access=rw,target=/img/a\",\n  "
    "\"vdev=xvdb,access=ro,target=/img/b\",\n]\n";
const std::string kFile = "name = \"db\"\n" + kDisks;
const std::string kBoth = "autostart db xvda /img/a w, autostart db xvdb /img/b r";

TEST_F(XlOthers, HostsWithoutSuchFilesAreAskedNothing) {
  EXPECT_EQ(latent(), "");
  std::filesystem::remove_all(path("hv/xen-auto"));
  std::filesystem::remove_all(path("hv/xen-save"));
  EXPECT_EQ(latent(), "");
  std::ifstream calls(path("xen/calls"));
  for (std::string line; std::getline(calls, line);)
    EXPECT_EQ(line.find("create"), std::string::npos) << line;
}

TEST_F(XlOthers, WhatStartsAtBootHoldsItsDisks) {
  write_auto(kFile);
  EXPECT_EQ(latent(), kBoth) << "a UUID by chance is none";
  EXPECT_EQ(latent(), kBoth);
  // Capitals, as people write them.
  std::string uuid = to_string(uuid_of("db"));
  std::transform(uuid.begin(), uuid.end(), uuid.begin(), toupper);
  write_auto("name = \"db\"\nuuid = \"" + uuid + "\"\n" + kDisks);
  EXPECT_EQ(latent(),
            "autostart db (its UUID) xvda /img/a w, autostart db (its UUID) xvdb /img/b r");
  write_auto("name = \"db\"\n");
  EXPECT_EQ(latent(), "") << "no disks";
}

TEST_F(XlOthers, ALinkIsWhatItLeadsTo) {
  write("db.cfg", kFile);
  std::filesystem::create_symlink(path("db.cfg"), path("hv/xen-auto/10 db"));
  EXPECT_EQ(latent(), kBoth);
  std::filesystem::remove(path("db.cfg"));
  EXPECT_EQ(latent(), "autostart " + path("hv/xen-auto/10 db")) << "and leads nowhere";
}

TEST_F(XlOthers, HvsOwnFilesAreNotTheirs) {
  const std::string own = "hv/auto/" + to_string(uuid_of("db")) + ".cfg";
  write(own, kFile);
  std::filesystem::create_symlink(path(own),
                                  path("hv/xen-auto/" + to_string(uuid_of("db")) + ".cfg"));
  EXPECT_EQ(latent(), "autostart " + to_string(uuid_of("db")) +
                          " (its UUID) xvda /img/a w, autostart " + to_string(uuid_of("db")) +
                          " (its UUID) xvdb /img/b r")
      << "told once, as hv's";
}

TEST_F(XlOthers, AMachineThatRunsHasWhatItHas) {
  run("db", {{"1", "/img/a", "w"}, {"2", "/img/b", "r"}});
  for (const std::string& uuid : {std::string(), "uuid = \"" + to_string(uuid_of("db")) + "\"\n"}) {
    write_auto(uuid + kFile);
    run("db", {{"1", "/img/a", "w"}, {"2", "/img/b", "r"}});
    EXPECT_EQ(latent(), "");
    run("db", {{"1", "/img/a", "w"}});
    EXPECT_EQ(latent(), "autostart db (its UUID) xvdb /img/b r");
    run("db", {{"1", "/img/a", "r"}, {"2", "/img/b", "r"}});
    EXPECT_EQ(latent(), "autostart db (its UUID) xvda /img/a w") << "it would write";
  }
  // By its name, and yet another machine.
  write_auto("uuid = \"" + to_string(uuid_of("other")) + "\"\n" + kFile);
  EXPECT_EQ(latent(),
            "autostart db (another UUID) xvda /img/a w, autostart db (another UUID) xvdb /img/b r");
}

TEST_F(XlOthers, WhatXlCannotReadIsToldAndTheHostIsRead) {
  std::string told;
  for (const std::string& text : {std::string(), std::string("rubbish\n"), std::string(4096, '\0'),
                                  std::string("name = \"a\\\"\n")}) {
    const std::string file = "hv/xen-auto/" + std::string(1 + told.size() / 16, 'x');
    write(file, text);
    told += (told.empty() ? "" : ", ") + std::string("autostart ") + path(file);
  }
  EXPECT_EQ(latent(), told);
  // Neither the name of a file nor what is in it makes a section of its own.
  std::filesystem::remove_all(path("hv/xen-auto"));
  std::filesystem::create_directories(path("hv/xen-auto"));
  write(
      "hv/xen-auto/\x1e"
      "file claims\n\x1e"
      "end",
      "rubbish\n");
  write("hv/xen-auto/0",
        "name = \"\x1e"
        "end\"\n" +
            kDisks);
  EXPECT_EQ(latent(), "autostart end xvda /img/a w, autostart end xvdb /img/b r, autostart " +
                          path("hv/xen-auto/?file claims??end"));
}

TEST_F(XlOthers, WhatLiesSavedHoldsItsDisks) {
  const std::string text =
      configuration("db", uuid_of("db"),
                    "{\"pdev_path\": \"/img/a\", \"vdev\": \"xvda\", \"format\": \"raw\", "
                    "\"readwrite\": 1}, {\"vdev\": \"hdc\", \"is_cdrom\": 1}");
  const std::string told = "save file db (its UUID) xvda /img/a w, save file db (its UUID) hdc  r";
  for (const bool big : {false, true}) {
    write_save(save_file(text, kJson | kStream2, big) + std::string(3 << 20, '\xee'));
    EXPECT_EQ(latent(), told) << big;
  }
  run("db", {{"1", "/img/a", "w"}});
  EXPECT_EQ(latent(), "save file db (its UUID) hdc  r");
  // Whatever its machine has: what it was may come back.
  write_save(save_file(configuration("db", uuid_of("db"),
                                     "{\"pdev_path\": \"/img/a\", \"vdev\": \"xvda\", "
                                     "\"format\": \"raw\", \"readwrite\": 1}")));
  EXPECT_EQ(latent(), "save file db (its UUID)");
  EXPECT_EQ(look().latent.at(0).file, path("hv/xen-save/db"));
  write_save("what xendomains leaves alone");
  EXPECT_EQ(latent(), "");
}

TEST_F(XlOthers, ASaveFileThatCannotBeReadIsTold) {
  const std::string text = configuration("db", uuid_of("db"), ""), whole = save_file(text);
  write_save(whole);
  EXPECT_EQ(latent(), "save file db (its UUID)") << "a machine without disks";
  const auto with = [&](std::size_t at, uint32_t value) {
    std::string bytes = whole;
    return bytes.replace(at, 4, number(value));
  };
  std::string no_json = text, marks = text;
  no_json[0] = '[';
  marks.replace(marks.find("db"), 2,
                "\x1e"
                "end\n");
  struct Case {
    const char* what;
    std::string bytes;
  };
  const Case cases[] = {
      {"only its name", whole.substr(0, 16)},
      {"cut before the flags", whole.substr(0, 36)},
      {"cut before the length", whole.substr(0, 48)},
      {"cut in the configuration", whole.substr(0, whole.size() - 20)},
      {"another byte order", with(32, 0x02010403)},
      {"a domain file, as before Xen 4.5", save_file("name = \"db\"\n", 0)},
      {"a huge length", with(48, 0xffffffff)},
      {"more than is optional", with(44, 4)},
      {"no configuration at all", with(48, 0)},
      {"no object", save_file(no_json)},
      {"marks of a look", save_file(marks)},
      {"nothing but NULs", save_file(std::string(64, '\0'))},
      {"disks that are none", save_file(configuration("db", uuid_of("db"), "7"))},
      {"deep", save_file(std::string(100000, '['))},
  };
  for (const Case& one : cases) write("hv/xen-save/" + std::string(one.what), one.bytes);
  const HostObservation seen = look();
  for (const Case& one : cases)
    EXPECT_EQ(std::count_if(seen.latent.begin(), seen.latent.end(),
                            [&](const LatentAccess& latent) {
                              return latent.what == "save file" && latent.vbd.device.empty() &&
                                     latent.name == path("hv/xen-save/" + std::string(one.what));
                            }),
              1)
        << one.what;
  EXPECT_EQ(seen.latent.size(), 1 + std::size(cases));
}

TEST_F(XlOthers, XendomainsSaysWhereTheyAre) {
  std::filesystem::create_directories(path("other"));
  write("other/db", kFile);
  write("saves", "");
  write("hv/xendomains", "# XENDOMAINS_AUTO=/nowhere\nXENDOMAINS_AUTO=\"" + path("other") + "\"\n");
  write_auto("name = \"no longer\"\n" + kDisks);
  EXPECT_EQ(latent(), kBoth);
  write("hv/xendomains", "XENDOMAINS_AUTO=  # none\nXENDOMAINS_AUTO=\"\"\n");
  EXPECT_EQ(latent(), "");
  write_auto(kFile);
  write("hv/xendomains",
        "XENDOMAINS_AUTO=$(touch pwned)/x\nXENDOMAINS_AUTO=/a;touch pwned\nXENDOMAINS_AUTO=`id`\n"
        "XENDOMAINS_AUTO='\nXENDOMAINS_AUTO=relative\nXENDOMAINS_AUTO='/x\" y\n");
  EXPECT_EQ(latent(), kBoth);
  EXPECT_FALSE(std::filesystem::exists("pwned"));
  // Saved by hand counts wherever xendomains saves.
  std::filesystem::remove(path("hv/xen-auto/db.cfg"));
  std::filesystem::remove(path("other/db"));
  const std::string disk = "{\"pdev_path\": \"/img/a\", \"vdev\": \"xvda\"}";
  write("other/web", save_file(configuration("web", uuid_of("db"), disk)));
  write_save(save_file(configuration("db", uuid_of("db"), disk)));
  write("hv/xendomains", "XENDOMAINS_SAVE=" + path("other") + "\nXENDOMAINS_AUTO=''\n");
  EXPECT_EQ(latent(),
            "save file db (its UUID) xvda /img/a r, save file web (its UUID) xvda /img/a r");
}

}  // namespace
}  // namespace hv
