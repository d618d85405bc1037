// hv adopt: what runs is declared and taken over, and the plan after it is empty. The strangers
// here were made by another project on the same simulated host; real ones are in tests/xen.
#include <gtest/gtest.h>

#include <filesystem>

#include "cli/domain_source.h"
#include "hv/drivers/xl/configuration.h"
#include "tests/process.h"

namespace hv::testing {
namespace {

namespace fs = std::filesystem;

std::string project(const std::string& id, const std::string& sources) {
  return "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7b" + id + "\"\nname = \"p" + id +
         "\"\nsources = [" + sources + "]\n[hosts.lab]\ndriver = \"sim\"\nmemory = \"4GiB\"\n";
}

constexpr const char* kStrangers =
    "domain web:\n    memory = 64MiB\n    maxmem = 96MiB\n    vcpus = 1\n    maxvcpus = 2\n"
    "    kernel = \"/boot/vmlinuz\"\n    cmdline = \"root=/dev/xvda1 quiet\"\n"
    "    on_crash = \"preserve\"\n    vif = [\"bridge=xenbr0\"]\n\n"
    "domain \"old box\":\n    memory = 32MiB\n    kernel = \"/boot/vmlinuz\"\n"
    "    state = \"paused\"\n\n"
    "domain claimed:\n    memory = 32MiB\n    kernel = \"/boot/vmlinuz\"\n"
    "    disk = [\"phy:/dev/sda,xvda,w\"]\n";

class Adopt : public ::testing::Test {
 protected:
  // Another project makes machines; its store is gone, the host with them stays.
  void SetUp() override {
    folder_.write("hv.toml", project("01", "\"a.vm\""));
    folder_.write("a.vm", kStrangers);
    const Finished made = folder_.hv({"apply", "--yes", "-q"});
    ASSERT_EQ(made.code, 0) << made.all();
    for (const auto& entry : fs::directory_iterator(folder_ / ".hv"))
      if (entry.path().filename() != "sim") fs::remove_all(entry.path());
    folder_.remove("a.vm");
    folder_.write("hv.toml", project("02", "\"adopted.vm\""));
  }
  Folder folder_;
};

TEST_F(Adopt, WhatIsNamedIsWrittenTakenOverAndInStep) {
  const Finished done = folder_.hv({"adopt", "web", "old box"});
  EXPECT_EQ(done.code, 0) << done.all();
  EXPECT_NE(done.out.find("Wrote 2 domains to adopted.vm."), std::string::npos) << done.all();
  const std::string file = folder_.read("adopted.vm");
  for (const char* words : {"domain web:", "domain \"old box\":", "maxmem", "\"preserve\"",
                            "bridge=xenbr0", "root=/dev/xvda1 quiet", "\"paused\"", "uuid"})
    EXPECT_NE(file.find(words), std::string::npos) << words << "\n" << file;
  EXPECT_EQ(folder_.hv({"fmt", "--check"}).code, 0);
  const Finished plan = folder_.hv({"plan", "--detailed-exitcode"});
  EXPECT_EQ(plan.code, 0) << plan.all() << file;
  EXPECT_EQ(folder_.hv({"state", "list"}).out, "domain.old box\ndomain.web\n");
  // From here on they are machines like others.
  EXPECT_EQ(folder_.hv({"stop", "domain.web", "--yes"}).code, 0);
  EXPECT_EQ(folder_.hv({"apply", "--yes", "-q"}).code, 0);
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
  const Finished again = folder_.hv({"adopt", "web"});
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.out.find("Nothing to adopt"), std::string::npos) << again.all();
}

TEST_F(Adopt, LeavesWhatAnotherProjectClaims) {
  const Finished asked = folder_.hv({"adopt", "claimed"});
  EXPECT_EQ(asked.code, 1);
  EXPECT_NE(asked.err.find("another project claims it"), std::string::npos) << asked.all();
  EXPECT_FALSE(folder_.has("adopted.vm"));
  // Not named, it does not keep the others from being adopted.
  const Finished all = folder_.hv({"adopt"});
  EXPECT_EQ(all.code, 0) << all.all();
  EXPECT_NE(all.err.find("`claimed` on lab cannot be adopted"), std::string::npos) << all.all();
  EXPECT_EQ(folder_.hv({"state", "list"}).out, "domain.old box\ndomain.web\n");
}

TEST_F(Adopt, RefusesAFileThatNoSourceTakesIn) {
  for (const char* sources : {"\"other.vm\"", "\"racks/\"", "\"*.cfg\""}) {
    folder_.write("hv.toml", project("02", sources));
    const Finished refused = folder_.hv({"adopt", "web"});
    EXPECT_EQ(refused.code, 1);
    EXPECT_NE(refused.err.find("add \"adopted.vm\" to `sources`"), std::string::npos)
        << refused.all();
    EXPECT_FALSE(folder_.has("adopted.vm"));
  }
  folder_.write("racks/first.vm", "# nothing yet\nx = 1\n");
  folder_.write("hv.toml", project("02", "\"racks/\""));
  const Finished done = folder_.hv({"adopt", "web", "-o", "racks/found.vm"});
  EXPECT_EQ(done.code, 0) << done.all();
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
}

TEST_F(Adopt, ASecondTimeAddsToTheFile) {
  ASSERT_EQ(folder_.hv({"adopt", "web"}).code, 0);
  const Finished more = folder_.hv({"adopt", "old box"});
  EXPECT_EQ(more.code, 0) << more.all();
  const std::string file = folder_.read("adopted.vm");
  EXPECT_LT(file.find("domain web:"), file.find("domain \"old box\":"));
  EXPECT_EQ(folder_.hv({"plan", "--detailed-exitcode"}).code, 0);
  const Finished nobody = folder_.hv({"adopt", "nobody"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_NE(nobody.err.find("no machine `nobody` runs"), std::string::npos) << nobody.all();
}

TEST_F(Adopt, WithoutAProjectTheFileIsNamed) {
  const Folder bare;
  bare.write("hv.toml",
             "[project]\nid = \"0b6c7f0e-6f3a-4c57-8d1c-4b8f4f6f7b03\"\nname = \"p\"\n"
             "sources = [\"a.vm\"]\n[hosts.local]\ndriver = \"sim\"\n");
  bare.write("a.vm", "domain web:\n    memory = 64MiB\n    kernel = \"/boot/vmlinuz\"\n");
  ASSERT_EQ(bare.hv({"apply", "--yes", "-q"}).code, 0);
  for (const auto& entry : fs::directory_iterator(bare / ".hv"))
    if (entry.path().filename() != "sim") fs::remove_all(entry.path());
  bare.remove("hv.toml");
  bare.remove("a.vm");
  const Finished done = bare.hv({"adopt"});
  EXPECT_EQ(done.code, 0) << done.all();
  const Finished plan = bare.hv({"plan", "adopted.vm", "--detailed-exitcode"});
  EXPECT_EQ(plan.code, 0) << plan.all();
}

TEST_F(Adopt, HostListTellsOfTheHost) {
  const Finished list = folder_.hv({"host", "list"});
  EXPECT_EQ(list.code, 0) << list.all();
  EXPECT_NE(list.out.find("lab"), std::string::npos) << list.all();
  EXPECT_NE(list.out.find("now"), std::string::npos) << list.all();
  folder_.write("hv.toml",
                project("02", "\"adopted.vm\"") +
                    "[hosts.far]\ndriver = \"xl\"\naddress = \"ssh://root@127.0.0.1:1\"\n");
  const Finished far = folder_.hv({"host", "list"});
  EXPECT_EQ(far.code, 1) << far.all();
  EXPECT_NE(far.out.find("never before"), std::string::npos) << far.all();
}

// As a Xen host tells of a machine with everything: what is taken is a declaration that hv reads.
TEST(AdoptedFromXen, IsReadBackAndSaysWhatIsMissing) {
  const auto rest = rest_of_configurations(R"([{"domid": 7, "config": {
    "c_info": {"type": "hvm", "hap": "False", "ssid_label": "a:b:c", "driver_domain": "True"},
    "b_info": {"tsc_mode": "native", "video_memkb": 32768, "shadow_memkb": 9216, "acpi": "False",
      "rtc_timeoffset": 4294967291, "localtime": "True", "disable_migrate": "True",
      "max_grant_frames": 64, "event_channels": 77, "device_model_version": "qemu_xen",
      "device_model": "/bin/dm", "extra": ["-x"], "irqs": [5], "nested_hvm": "True",
      "timer_mode": "one_missed_tick_pending", "cpuid": [{"leaf": 1}], "arch_arm": {},
      "type.hvm": {"firmware": "/x", "bios": "ovmf", "viridian": "True", "vga": {"kind": "std"},
        "vnc": {"enable": "True", "listen": "0.0.0.0", "display": 3, "passwd": "geheim"},
        "sdl": {"enable": "False"}, "spice": {"enable": "True", "port": 6000}, "boot": "dc",
        "keymap": "de", "gfx_passthru": "True", "soundhw": "hda", "usb": "True",
        "usbdevice_list": ["tablet"], "serial_list": ["pty"], "hpet": "False"}},
    "vtpms": [{"devid": 0}],
    "pcidevs": [{"bus": 3, "vfunc_mask": 1, "permissive": true}]}}])");
  ObservedDomain domain;
  domain.name = "web";
  domain.uuid = *parse_uuid("6f0d3a52-5c1e-4d0b-9f6e-0a4c1d2b7e93");
  domain.memory = domain.memory_max = mib(128);
  domain.vcpus = domain.vcpus_max = 1;
  domain.attributes = rest.at(7);
  domain.attributes.set("type", "hvm");
  domain.attributes.set("vncpasswd", Secret{"geheim"});
  EXPECT_EQ(cli::untaken_settings(domain), "b_info.cpuid, b_info.type.hvm.vnc.passwd, vtpms");
  const std::string text = cli::domain_source(domain, HostName{}, Schema::builtin());
  EXPECT_TRUE(text.starts_with("# Set there, and not written here: b_info.cpuid, ")) << text;
  EXPECT_EQ(text.find("geheim"), std::string::npos) << text;
  for (const char* line :
       {"pci = [\"0000:03:00.0,permissive=1\"]", "boot = \"dc\"", "acpi = False", "irqs = [5]",
        "vga = \"stdvga\"", "rtc_timeoffset = ", "viridian = True", "usbdevice = [\"tablet\"]"})
    EXPECT_NE(text.find("    " + std::string(line)), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(text.find("vnc = "), std::string::npos) << "as it would be anyway";
  Folder folder;
  folder.write("hv.toml", project("03", "\"a.vm\""));
  folder.write("a.vm", text);
  const Finished checked = folder.hv({"check"});
  EXPECT_EQ(checked.code, 0) << checked.all() << text;
  domain.attributes.set(kUntaken, List{Value("a\nvcpus = 9")});
  EXPECT_EQ(cli::untaken_settings(domain), "a?vcpus = 9");
  domain.attributes.erase(kUntaken);
  EXPECT_TRUE(cli::domain_source(domain, HostName{}, Schema::builtin()).starts_with("domain web:"));
}

}  // namespace
}  // namespace hv::testing
