// The xl driver without a Xen: what it writes, reads and quotes, and its script on a host whose
// `xl` is fake_xen.sh. What only a hypervisor can prove is in tests/xen. Longer because the
// driver's three scripts and their readers are proved against one fixture.
#include "hv/drivers/xl/xl.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "hv/drivers/effect.h"
#include "hv/drivers/sim/test_host.h"
#include "hv/drivers/xl/claim_text.h"
#include "hv/drivers/xl/domain_file.h"
#include "hv/drivers/xl/host_shell.h"
#include "hv/drivers/xl/look.h"
#include "hv/drivers/xl/process.h"

namespace hv {
namespace {

using testing::disk;
using testing::interface;
using testing::machine;
using testing::uuid_of;

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// ---- processes and quoting

const char* const kNasty[] = {
    "",   "plain", "two words", "it's",        "a'b'c",    "$HOME `id` $(id) \\",
    "\"", "*",     "-n",        "line\nbreak", "\xff\xfe", "; rm -rf /",
    "'",  "''"};

TEST(ShellQuoting, IsReadBackByEveryShellAsItWas) {
  for (const char* shell : {"sh", "bash"})
    for (const char* text : kNasty) {
      const auto end =
          run_process({shell, "-c",
                       "printf %s " + shell_quoted(text) + " && printf '|%s' " + shell_quoted("x")},
                      "", seconds(10));
      ASSERT_TRUE(end.ok());
      EXPECT_EQ(end->output, std::string(text) + "|x") << shell;
    }
}

TEST(ShellScript, GetsItsArgumentsAndItsInputAsTheyAre) {
  HostShell here((XlConfig()));
  for (const char* text : kNasty) {
    const auto end = here.run("printf '%s|' \"$@\"; cat\n\n", {text, "last"}, text, seconds(10));
    ASSERT_TRUE(end.ok());
    EXPECT_EQ(end->output, std::string(text) + "|last|" + text);
    EXPECT_EQ(end->code, 0);
  }
}

TEST(ShellScript, GoesThroughALoginShellAsOneLine) {
  XlConfig config;
  config.address = "ssh://root@xen1:2222";
  config.identity = "/id";
  config.known_hosts = "/known";
  const auto words = ssh_arguments(config, "/tmp/c", {"printf", "%s|", "it's", "$HOME"});
  EXPECT_EQ(words.front(), "ssh");
  EXPECT_EQ(words[words.size() - 3], "--") << "an address is never an option";
  EXPECT_EQ(words[words.size() - 2], "ssh://root@xen1:2222");
  for (const char* option : {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
                             "UserKnownHostsFile=/known", "ControlPath=/tmp/c/%C"})
    EXPECT_NE(std::find(words.begin(), words.end(), option), words.end()) << option;
  const auto end = run_process({"sh", "-c", words.back()}, "", seconds(10));
  EXPECT_EQ(end->output, "it's|$HOME|");
}

TEST(Process, CarriesMuchBothWays) {
  const std::string much(3 << 20, 'x');
  const auto end = run_process({"sh", "-c", "cat; echo done >&2; exit 7"}, much, seconds(30));
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->output, much);
  EXPECT_EQ(end->errors, "done\n");
  EXPECT_EQ(end->code, 7);
}

TEST(Process, DoesNotMindAReaderThatIsGone) {
  const auto end = run_process({"true"}, std::string(1 << 20, 'x'), seconds(10));
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->code, 0);
}

TEST(Process, IsKilledWithItsChildrenAtItsTime) {
  const auto began = std::chrono::steady_clock::now();
  const auto end = run_process({"sh", "-c", "sleep 60 & sleep 60"}, "", milliseconds(200));
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->code, 128 + 9);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(Process, ThatDoesNotExistIsAnError) {
  EXPECT_FALSE(run_process({"/no/such/program"}, "", seconds(1)).ok());
}

TEST(Process, InheritsNoDescriptor) {
  const auto end = run_process({"sh", "-c", "ls /proc/self/fd | wc -l"}, "", seconds(10));
  EXPECT_EQ(end->output, "4\n") << "its three, and the one ls reads with";
}

// ---- claims

TEST(ClaimText, IsReadBackAsItWas) {
  Claim claim;
  claim.project = uuid_of("p");
  claim.lineage = uuid_of("l");
  claim.epoch = Epoch{7};
  claim.uuid = uuid_of("u");
  claim.address = {Kind::domain, "This is VM 3%"};
  claim.device = "";
  claim.mode = AccessMode::write_shared;
  claim.permitted = 2;
  claim.extents = {{StoreId{"name:/a b@c+d?"}, sectors(1), sectors(2), true},
                   {StoreId{"name:x"}, sectors(0), sectors(int64_t{1} << 62), false}};
  claim.sharers = {{Kind::domain, "b"}, {Kind::domain, "with=c d"}};
  const std::string text = claim_text(claim);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto again = claim_from(text + "\n");
  ASSERT_TRUE(again);
  EXPECT_EQ(claim_text(*again), text);
  EXPECT_EQ(again->address, claim.address);
  EXPECT_EQ(again->device, "");
  EXPECT_EQ(again->extents, claim.extents);
  EXPECT_EQ(again->mode, claim.mode);
  EXPECT_EQ(again->sharers, claim.sharers);
}

TEST(ClaimText, ThatIsCutAnywhereIsNoClaimOrAnEarlierEnd) {
  Claim claim;
  claim.project = claim.lineage = claim.uuid = uuid_of("x");
  claim.address = {Kind::domain, "web"};
  claim.device = "xvda";
  claim.extents = {{StoreId{"s"}, sectors(11), sectors(22), false}};
  const std::string text = claim_text(claim);
  const std::size_t extents = text.rfind(' ');
  for (std::size_t i = 0; i < extents; ++i)
    EXPECT_FALSE(claim_from(text.substr(0, i)) && i < extents - 1) << text.substr(0, i);
  for (const char* bad : {"", "hv.claim/2 a", "rubbish", "hv.claim/1"})
    EXPECT_FALSE(claim_from(bad));
  EXPECT_FALSE(claim_from(text + "x"));
  EXPECT_FALSE(claim_from(text + " s@1"));
  EXPECT_FALSE(claim_from(text + " s@-1+2"));
  EXPECT_FALSE(claim_from(text + " with="));
  EXPECT_FALSE(claim_from(text + " with=nobody"));
}

TEST(ClaimFile, IsPlainAndOneForEachDevice) {
  std::set<std::string> names;
  for (const char* device : {"", "xvda", "xvda_", "a/b", "a.b", "a_47_b", "../../x", "*"}) {
    const std::string name = claim_file(uuid_of("u"), device);
    EXPECT_EQ(
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"),
        std::string::npos);
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

// ---- what xl is given

TEST(DomainFile, HoldsEverythingThatWasSet) {
  DomainSpec spec = machine("it's web", mib(512), {"xvda phy:/dev/vg0/a,b w", "xvdb /img/c r"});
  spec.attributes.set("vcpus", 2);
  spec.attributes.set("on_crash", "preserve");
  spec.attributes.set("root", "/dev/xvda");
  spec.attributes.set("extra", "ro \"quiet\"");
  spec.attributes.set("nomigrate", true);
  spec.attributes.set("cpus", List{Value("0-1"), Value("2")});
  spec.attributes.set("rtc_timeoffset", seconds(-5));
  spec.attributes.set("description", "not for xl");
  spec.vifs.push_back(interface("00:16:3e:00:00:01", "xenbr0"));
  const auto file = domain_file(spec, uuid_of("web"), Schema::builtin());
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(*file,
            "name = \"it's web\"\n"
            "uuid = \"" +
                to_string(uuid_of("web")) +
                "\"\n"
                "cpus = [\"0-1\", \"2\"]\n"
                "kernel = \"/boot/vmlinuz\"\n"
                "maxmem = 2048\n"
                "memory = 512\n"
                "nomigrate = 1\n"
                "on_crash = \"preserve\"\n"
                "rtc_timeoffset = -5\n"
                "vcpus = 2\n"
                "cmdline = 'root=/dev/xvda ro \"quiet\"'\n"
                "disk = [\n"
                "  \"vdev=xvda,access=rw,backendtype=phy,target=/dev/vg0/a,b\",\n"
                "  \"vdev=xvdb,access=ro,target=/img/c\" ]\n"
                "vif = [\n"
                "  \"bridge=xenbr0,mac=00:16:3e:00:00:01\" ]\n");
}

struct RefusedCase {
  const char* what;
  void (*change)(DomainSpec&);
  const char* words;
};
const RefusedCase kRefused[] = {
    {"both quotes", [](DomainSpec& s) { s.attributes.set("extra", "a'b\"c"); },
     "both kinds of quotes"},
    {"a line end", [](DomainSpec& s) { s.attributes.set("extra", "a\nb"); }, "control character"},
    {"a backslash", [](DomainSpec& s) { s.attributes.set("extra", "a\\b"); }, "backslash"},
    {"half a MiB", [](DomainSpec& s) { s.attributes.set("memory", kib(512)); },
     "whole number of MiB"},
    {"an attribute of xm", [](DomainSpec& s) { s.attributes.set("machine_address_size", 36); },
     "xl does not know `machine_address_size`"},
    {"autostart", [](DomainSpec& s) { s.attributes.set("autostart", true); }, "autostart"},
    {"a virtual disk", [](DomainSpec& s) { s.vbds = {disk("xvda vd:logs w")}; }, "virtual disk"},
    {"w!", [](DomainSpec& s) { s.vbds = {disk("xvda phy:/dev/sda w!")}; }, "shared for writing"},
    {"a backend xl has not",
     [](DomainSpec& s) {
       s.vbds = {disk("xvda phy:/dev/sda w")};
       s.vbds[0].backend = "blktap3";
     },
     "xl does not know"},
    {"a comma in a device",
     [](DomainSpec& s) {
       s.vbds = {disk("xvda phy:/dev/sda w")};
       s.vbds[0].device = "xvda,access=rw";
     },
     "misread"},
    {"a comma at the end", [](DomainSpec& s) { s.vbds = {disk("xvda phy:/dev/sda, w")}; },
     "misread"},
    {"an interface's rate",
     [](DomainSpec& s) {
       s.vifs = {interface("", "b")};
       s.vifs[0].settings["rate"] = "1Mb/s";
     },
     "`rate`"},
    {"a comma in a bridge", [](DomainSpec& s) { s.vifs = {interface("", "b,script=x")}; },
     "misread"},
};

TEST(DomainFile, RefusesWhatXlWouldMisreadOrHvCouldNotKeep) {
  for (const RefusedCase& one : kRefused) {
    DomainSpec spec = machine("web");
    one.change(spec);
    const auto file = domain_file(spec, uuid_of("web"), Schema::builtin());
    ASSERT_FALSE(file.ok()) << one.what;
    EXPECT_NE(file.error().message.find(one.words), std::string::npos)
        << one.what << ": " << file.error().message;
  }
}

// ---- what xl says

TEST(XlList, NamesMayHoldAnything) {
  const auto domains = read_list(
      "Name                                        ID   Mem VCPUs\tState\tTime(s)   UUID  Reason\n"
      "Domain-0                                     0   512     2     r-----     110.1 "
      "00000000-0000-0000-0000-000000000000        -                -\n"
      "This is VM 3 64 1 r----- 1.0                12   100     1     --ps--       0.0 "
      "6f0d3a52-5c1e-4d0b-9f6e-0a4c1d2b7e93        0                -\n"
      "(null)                                       7     0     1     --p--d       3.5 "
      "6f0d3a52-5c1e-4d0b-9f6e-0a4c1d2b7e94        -                -\n"
      "libxl: warning\n");
  ASSERT_EQ(domains.size(), 3u);
  EXPECT_EQ(domains[1].name, "This is VM 3 64 1 r----- 1.0");
  EXPECT_EQ(domains[1].domid, 12u);
  EXPECT_EQ(domains[1].memory_mib, 100);
  EXPECT_EQ(domains[1].state, "--ps--");
  EXPECT_EQ(domains[2].name, "(null)");
  EXPECT_EQ(domains[2].seconds, 3.5);
}

TEST(XenStore, ValuesAreUnescaped) {
  const auto entries = read_store(
      "/a/b = \"plain\"\n/a/c = \"a \\\"b\\\" \\\\ \\n \\303\\244 \\x41\"\nrubbish\n/a/d = \"\"\n");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].second, "plain");
  EXPECT_EQ(entries[1].second, "a \"b\" \\ \n \xc3\xa4 A");
  EXPECT_EQ(entries[2].second, "");
}

TEST(DeviceNumbers, AreLibxls) {
  const std::pair<const char*, uint64_t> table[] = {
      {"xvda", 51712},     {"xvdb", 51728},      {"xvda1", 51713}, {"xvdp15", 51967},
      {"xvdq", 268439552}, {"xvdaa", 268442112}, {"sda", 2048},    {"sdb3", 2067},
      {"hda", 768},        {"hdb", 832},         {"hdc", 5632},    {"hdd1", 5697}};
  for (const auto& [name, number] : table) {
    EXPECT_EQ(number_of_device(name), number) << name;
    EXPECT_EQ(device_of_number(number), name);
  }
  for (const char* name :
       {"", "x", "xvd", "xvd1", "sdq", "hde", "d0p1", "xvda0", "xvda999", "vda", "xvdA"})
    EXPECT_FALSE(number_of_device(name)) << name;
}

// A look at a real Xen 4.17 that ran two machines: web0 after its start, web1 created and paused.
std::string real_look() {
  return read_file(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/fixtures/xen-4.17.look");
}

HostObservation look_at(const std::string& text) {
  return read_look(text, HostName{"xen1"}, Time{{1}});
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

TEST(XlLook, ReadsARealHost) {
  const HostObservation seen = look_at(real_look());
  ASSERT_TRUE(seen.reachable) << seen.reason;
  EXPECT_EQ(seen.host.text, "xen1");
  EXPECT_FALSE(seen.simulated);
  EXPECT_EQ(seen.cpus, 2);
  EXPECT_EQ(seen.boot_id.size(), 36u);
  EXPECT_FALSE(seen.host_id.empty());
  ASSERT_EQ(seen.domains.size(), 2u) << "dom0 is none of them";
  const ObservedDomain& web0 = seen.domains[0];
  EXPECT_EQ(web0.name, "web0");
  EXPECT_EQ(web0.state, PowerState::running);
  EXPECT_FALSE(web0.never_ran);
  EXPECT_EQ(web0.memory, mib(100));
  EXPECT_EQ(web0.memory_max, mib(120));
  EXPECT_EQ(web0.vcpus, 1);
  EXPECT_EQ(web0.vcpus_max, 2);
  EXPECT_EQ(*web0.attributes.get<std::string>("type"), "pv");
  EXPECT_EQ(*web0.attributes.get<std::string>("kernel"), "/guests/vmlinuz");
  EXPECT_EQ(*web0.attributes.get<std::string>("on_crash"), "preserve");
  EXPECT_EQ(*web0.attributes.get<std::string>("on_reboot"), "restart");
  EXPECT_EQ(*web0.attributes.get<std::string>("on_poweroff"), "destroy");
  EXPECT_EQ(*web0.attributes.get<int64_t>("cpu_weight"), 256);
  ASSERT_EQ(web0.vbds.size(), 2u);
  EXPECT_EQ(web0.vbds[0].vbd.device, "xvda");
  EXPECT_EQ(web0.vbds[0].vbd.source, "/guests/web0.img");
  EXPECT_EQ(web0.vbds[0].vbd.mode, AccessMode::write);
  EXPECT_TRUE(web0.vbds[0].connected);
  EXPECT_NE(web0.vbds[0].physical.find("/dev/loop"), std::string::npos);
  EXPECT_EQ(web0.vbds[1].vbd.mode, AccessMode::read);
  ASSERT_EQ(web0.vifs.size(), 1u);
  EXPECT_EQ(web0.vifs[0].settings.at("bridge"), "xenbr0");
  EXPECT_EQ(web0.vifs[0].settings.at("mac").size(), 17u);
  const ObservedDomain& web1 = seen.domains[1];
  EXPECT_EQ(web1.state, PowerState::paused);
  EXPECT_TRUE(web1.never_ran);
  EXPECT_TRUE(web1.vbds.at(0).connected) << "verified before it runs";
  EXPECT_EQ(seen.claims.size(), 4u);
  EXPECT_EQ(seen.projects.size(), 1u);
  EXPECT_EQ(*seen.bridges, std::vector<std::string>{"xenbr0"});
  EXPECT_TRUE(seen.latent.empty());
  EXPECT_EQ(seen.memory_total, seen.memory_free + mib(200));
}

TEST(XlLook, WhatIsUnclearHolds) {
  const std::string real = real_look();
  const std::string uuid = to_string(look_at(real).domains[1].uuid);
  // Forgotten by xenstore, known to the kernel.
  HostObservation seen = look_at(replaced(real, "\036backends\n", "\036backends\nvbd-99-51712\n"));
  ASSERT_EQ(seen.domains.size(), 3u);
  EXPECT_TRUE(seen.domains[2].dying);
  EXPECT_EQ(seen.domains[2].vbds[0].vbd.device, "xvda");
  EXPECT_FALSE(seen.domains[2].vbds[0].connected);
  // A guest that is shut down holds what it has.
  seen = look_at(replaced(real, "--p---", "--ps--"));
  EXPECT_TRUE(seen.domains[1].dying);
  EXPECT_FALSE(seen.domains[1].never_ran);
  EXPECT_EQ(seen.domains[1].vbds.size(), 2u);
  // Not ours to call it never run.
  EXPECT_FALSE(look_at(replaced(real, "\036fresh\n" + uuid, "\036fresh\n")).domains[1].never_ran);
  // A device whose script failed, or which is going.
  seen = look_at(replaced(real, "hotplug-status = \"connected\"", "hotplug-status = \"error\""));
  EXPECT_FALSE(seen.domains[0].vbds[0].connected);
  seen = look_at(replaced(real, "/online = \"1\"", "/online = \"0\""));
  EXPECT_FALSE(seen.domains[0].vbds[0].connected);
}

TEST(XlLook, WhatAnotherRestartWouldBringIsLatent) {
  std::string text = real_look();
  const std::size_t kept = text.find("\036kept userdata-d.");
  ASSERT_NE(kept, std::string::npos);
  const std::size_t disks = text.find("\"disks\": [", kept);
  ASSERT_NE(disks, std::string::npos);
  text.insert(disks + 10, "{\"pdev_path\": \"/img/old\", \"vdev\": \"xvdf\", \"readwrite\": 1},");
  const HostObservation seen = look_at(text);
  ASSERT_EQ(seen.latent.size(), 1u);
  EXPECT_EQ(seen.latent[0].vbd.device, "xvdf");
  EXPECT_EQ(seen.latent[0].vbd.source, "/img/old");
  EXPECT_EQ(seen.latent[0].what, "restart configuration");
}

// An xl that stays to start its machine again: the machine is there and whole, or nobody knows.
TEST(XlLook, AMachineBetweenTwoLivesMakesTheHostUnreadable) {
  const std::string real = real_look();
  const std::string web0 = to_string(look_at(real).domains[0].uuid);
  const auto watched = [&](const std::string& line) {
    return look_at(replaced(real, "\036backends\n", "\036monitors\n" + line + "\n\036backends\n"));
  };
  EXPECT_TRUE(watched("99 3 " + web0 + " web0").reachable);
  EXPECT_TRUE(watched("99 3 - renamed since").reachable) << "known by its number";
  EXPECT_TRUE(watched("99 - - web0").reachable) << "known by its name";
  const HostObservation gone = watched("99 2 " + to_string(uuid_of("another")) + " two words");
  EXPECT_FALSE(gone.reachable);
  EXPECT_NE(gone.reason.find("`two words` is being restarted by xl (process 99 there)"),
            std::string::npos)
      << gone.reason;
  // Built, but not whole yet: paused, and libxl has no configuration.
  std::string half = replaced(real, "\036backends\n", "\036monitors\n99 5 - web1\n\036backends\n");
  EXPECT_TRUE(look_at(half).reachable);
  EXPECT_FALSE(look_at(replaced(half, "\"domid\": 5,", "\"domid\": 77,")).reachable);
}

// After its start a guest runs for a moment with all the processors it can have.
TEST(XlLook, AYoungGuestHasTheProcessorsItIsToHave) {
  const std::string real = real_look();
  std::string two = replaced(real, "web0                                         3   100     1",
                             "web0                                         3   100     2");
  EXPECT_EQ(look_at(two).domains[0].vcpus, 2);
  const std::string told =
      "\036processors\n/local/domain/3/cpu/0/availability = \"online\"\n"
      "/local/domain/3/cpu/1/availability = \"offline\"\n\036backends\n";
  two = replaced(two, "\036backends\n", told);
  EXPECT_EQ(look_at(two).domains[0].vcpus, 1);
  two = replaced(two, "-b----      19.8", "-b----    6019.8");
  EXPECT_EQ(look_at(two).domains[0].vcpus, 2) << "it is the guest's will, or somebody's hand";
}

TEST(XlLook, ADeviceOfASharersOwnIsWhatIsBelowIt) {
  const std::string own = "/var/lib/hv/own/x.xvda";
  std::string text =
      replaced(real_look(), "params = \"/guests/web0.img\"", "params = \"" + own + "\"");
  EXPECT_EQ(look_at(text).domains[0].vbds[0].vbd.source, own);
  text =
      replaced(text, "\036backends\n", "\036own\n" + own + " /guests/shared.img\n\036backends\n");
  EXPECT_EQ(look_at(text).domains[0].vbds[0].vbd.source, "/guests/shared.img");
}

TEST(XlLook, ThatCannotBeUnderstoodIsAnUnreadableHost) {
  const std::string real = real_look();
  const std::size_t end = real.find("\036end");
  struct Case {
    std::string text;
    const char* reason;
  };
  const Case cases[] = {
      {"", "ends in the middle"},
      {real.substr(0, end), "ends in the middle"},
      {replaced(real, "hv.claim/1", "hv.claim/9"), "a claim cannot be read"},
      {replaced(real, "\036long\n[", "\036long\n"), "gives no list"},
      {"\036list\nxl: cannot open libxl\n\036long\n[]\n\036end\n", "xl: cannot open libxl"},
  };
  for (const Case& one : cases) {
    const HostObservation seen = look_at(one.text);
    EXPECT_FALSE(seen.reachable);
    EXPECT_TRUE(seen.domains.empty());
    EXPECT_NE(seen.reason.find(one.reason), std::string::npos) << seen.reason;
  }
  for (std::size_t i = 0; i < end; i += 97) EXPECT_FALSE(look_at(real.substr(0, i)).reachable);
}

// ---- hostop.sh on a host of files

class XlScript : public ::testing::Test {
 protected:
  XlScript() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hvxl.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(folder_ + "/bin");
    std::filesystem::create_directories(xen());
    for (const char* name : {"xl", "xenstore-exists", "xenstore-ls", "losetup"})
      std::filesystem::create_symlink(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/fake_xen.sh",
                                      folder_ + "/bin/" + name);
    const char* path = getenv("PATH");
    old_path_ = path == nullptr ? "" : path;
    setenv("PATH", (folder_ + "/bin:" + old_path_).c_str(), 1);
    setenv("FAKE_XEN", xen().c_str(), 1);
    config_.host = HostName{"xen1"};
    config_.state = folder_ + "/hv";
    config_.answer_within = seconds(20);
    caller_ = {uuid_of("project"), uuid_of("lineage"), Epoch{1}, Serial{1}};
    reopen();
  }
  ~XlScript() override {
    setenv("PATH", old_path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  std::string xen() const { return folder_ + "/xen"; }
  void reopen() { driver_ = make_xl_driver(config_, Schema::builtin(), system_clock()); }
  void tell(const std::string& file, const std::string& text) {
    std::ofstream(xen() + "/" + file) << text;
  }
  void untell(const std::string& file) { std::filesystem::remove(xen() + "/" + file); }
  // How often `xl WORD` was called.
  int calls(const std::string& word, const std::string& program = "xl ") const {
    std::istringstream lines(read_file(xen() + "/calls"));
    int count = 0;
    for (std::string line; std::getline(lines, line);) count += line.starts_with(program + word);
    return count;
  }
  OperationResult wait(const OperationId& id) {
    for (int i = 0; i < 200; ++i) {
      driver_->poll();
      const OperationResult result = driver_->result(id);
      if (result.state != OperationState::running) return result;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return {OperationState::running, "", false};
  }
  Operation operation(Op op) const {
    Operation made;
    made.op = op;
    made.uuid = uuid_of("web");
    made.domain = machine("web");
    made.timeout = seconds(1);
    made.memory = mib(64);
    made.vbd = disk("xvdb /img/b w");
    return made;
  }
  OperationResult run(const std::string& id, const Operation& what) {
    const Status begun = driver_->begin(OperationId{id}, caller_, what);
    if (!begun.ok()) return {OperationState::failed, "not begun: " + begun.error().message, false};
    return wait(OperationId{id});
  }

  std::string folder_, old_path_;
  XlConfig config_;
  Caller caller_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(XlScript, CreatesOnceRunsAndEnds) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  OperationResult result = run("p-1-1", operation(Op::domain_create));
  ASSERT_EQ(result.state, OperationState::succeeded) << result.message;
  EXPECT_TRUE(std::filesystem::exists(config_.state + "/fresh/" + to_string(uuid_of("web"))));
  result = run("p-1-2", operation(Op::domain_create));
  EXPECT_EQ(result.state, OperationState::failed);
  EXPECT_EQ(result.message, "a machine of that UUID is there already") << "Xen would not say so";
  EXPECT_EQ(calls("create"), 1);
  EXPECT_EQ(run("p-2-1", operation(Op::domain_unpause)).state, OperationState::succeeded);
  EXPECT_FALSE(std::filesystem::exists(config_.state + "/fresh/" + to_string(uuid_of("web"))));
  EXPECT_EQ(run("p-3-1", operation(Op::domain_memory)).state, OperationState::succeeded);
  EXPECT_NE(read_file(xen() + "/calls").find("xl mem-set 1 65536k"), std::string::npos);
  EXPECT_EQ(run("p-4-1", operation(Op::domain_shutdown)).state, OperationState::succeeded);
  EXPECT_EQ(calls("destroy"), 0);
  EXPECT_EQ(run("p-5-1", operation(Op::domain_pause)).message, "no such domain");
  EXPECT_EQ(run("p-5-2", operation(Op::domain_destroy)).message, "no such domain");
}

TEST_F(XlScript, AShutdownThatIsIgnoredEndsByForce) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  tell("deaf", "");
  EXPECT_EQ(run("p-1-1", operation(Op::domain_shutdown)).state, OperationState::succeeded);
  EXPECT_EQ(calls("destroy 5"), 1);
}

TEST_F(XlScript, TellsTheHostsOwnWords) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell("fail", "libxl: error: first of all\nlibxl: error: and then\nlast\n");
  const OperationResult result = run("p-1-1", operation(Op::domain_create));
  EXPECT_EQ(result.state, OperationState::failed);
  EXPECT_EQ(result.message, "libxl: error: first of all");
  EXPECT_FALSE(result.retryable);
  EXPECT_FALSE(std::filesystem::exists(config_.state + "/fresh/" + to_string(uuid_of("web"))));
}

TEST_F(XlScript, TheSameIdTwiceStartsNothingNew) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  EXPECT_EQ(run("p-1-1", operation(Op::domain_create)).state, OperationState::succeeded);
  reopen();
  EXPECT_EQ(run("p-1-1", operation(Op::domain_create)).state, OperationState::succeeded);
  EXPECT_EQ(calls("create"), 1);
}

TEST_F(XlScript, WhatADeadHvBeganGoesOnAndIsWaitedFor) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell("slow", "0.25");
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::domain_create)).ok());
  reopen();  // the first hv has died
  EXPECT_EQ(driver_->result(OperationId{"p-1-1"}).state, OperationState::running);
  Caller next = caller_;
  next.epoch = Epoch{2};
  ASSERT_TRUE(driver_->enter(next, false).ok());
  EXPECT_TRUE(std::filesystem::exists(xen() + "/" + to_string(uuid_of("web"))))
      << "entering came back before the create had ended";
  EXPECT_EQ(calls("create"), 1);
  reopen();
  EXPECT_EQ(driver_->result(OperationId{"p-1-1"}).state, OperationState::unknown) << "forgotten";
}

TEST_F(XlScript, AnOlderEpochIsRefusedAtTheDoorAndInTheQueue) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  Caller next = caller_;
  next.epoch = Epoch{2};
  // Two wait for one machine; the second has not begun to act when the epoch rises.
  tell("slow", "0.25");
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::domain_create)).ok());
  ASSERT_TRUE(driver_->enter(next, false).ok());
  untell("slow");
  const Status late = driver_->begin(OperationId{"p-2-1"}, caller_, operation(Op::domain_destroy));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Code::host_fenced);
  EXPECT_EQ(driver_->put_claims(caller_, {Claim{}}).error().code, Code::host_fenced);
  EXPECT_EQ(driver_->drop_claims(caller_, uuid_of("web"), std::nullopt).error().code,
            Code::host_fenced);
  EXPECT_EQ(driver_->enter(caller_, false).error().code, Code::host_fenced);
  EXPECT_EQ(driver_->enter(caller_, true).error().code, Code::host_fenced);
  Caller other = next;
  other.lineage = uuid_of("another store");
  EXPECT_EQ(driver_->enter(other, false).error().code, Code::host_fenced);
  EXPECT_TRUE(driver_->enter(other, true).ok());
  EXPECT_EQ(driver_->enter(next, false).error().code, Code::host_fenced);
  EXPECT_EQ(calls("destroy"), 0);
}

TEST_F(XlScript, NobodyEntersUnasked) {
  EXPECT_EQ(
      driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::domain_create)).error().code,
      Code::host_fenced);
  EXPECT_EQ(calls("create"), 0);
}

TEST_F(XlScript, OperationsOnOneMachineDoNotMeet) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell("slow", "0.2");
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::domain_create)).ok());
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-2"}, caller_, operation(Op::domain_create)).ok());
  const OperationResult first = wait(OperationId{"p-1-1"}), second = wait(OperationId{"p-1-2"});
  EXPECT_NE(first.state, second.state) << "one of them finds the other's machine";
  EXPECT_EQ(calls("create"), 1);
}

TEST_F(XlScript, AnOperationNobodyWorksOnIsUnknown) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  EXPECT_EQ(driver_->result(OperationId{"never"}).state, OperationState::unknown);
  // As after a power cut between begin and end.
  std::filesystem::create_directories(config_.state + "/op/p-9-1");
  std::ofstream(config_.state + "/op/p-9-1/asked") << "x 1 y\n";
  EXPECT_EQ(wait(OperationId{"p-9-1"}).state, OperationState::unknown);
}

// Where sharing is permitted a disk is attached as a device of its own, and that goes with it.
TEST_F(XlScript, ASharerHasADeviceOfItsOwn) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  const std::string image = folder_ + "/shared.img", uuid = to_string(uuid_of("web"));
  std::ofstream(image) << "x";
  Operation create = operation(Op::domain_create);
  create.domain->vbds = {disk("xvda " + image + " w"), disk("xvdb " + image + " r")};
  for (Vbd& vbd : create.domain->vbds) vbd.backend = "file";
  Claim claim;
  claim.uuid = create.uuid;
  claim.device = "xvda";
  claim.permitted = 1;
  create.claims = {claim};
  EXPECT_EQ(run("p-1-1", create).state, OperationState::succeeded);
  const std::string file = read_file(config_.state + "/op/p-1-1/" + uuid + ".cfg");
  const std::string own = config_.state + "/own/" + uuid + ".xvda";
  EXPECT_NE(file.find("vdev=xvda,format=raw,access=rw,backendtype=phy,target=" + own),
            std::string::npos)
      << file;
  EXPECT_NE(file.find("target=" + image), std::string::npos) << "the other as it is\n" << file;
  EXPECT_EQ(std::filesystem::read_symlink(own), "/dev/loop7");
  EXPECT_EQ(calls("losetup --find", ""), 1);
  EXPECT_EQ(run("p-1-2", operation(Op::domain_destroy)).state, OperationState::succeeded);
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(own)));
  EXPECT_EQ(calls("losetup --detach /dev/loop7", ""), 1);
  // What a sharer cannot have of its own.
  create.domain->vbds[0].format = "qcow2";
  const Status refused = driver_->begin(OperationId{"p-1-3"}, caller_, create);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("only raw files and devices"), std::string::npos);
}

// The line breaks in the middle of an order: half a file is no file.
TEST_F(XlScript, AnOrderThatIsCutShortIsNoOrder) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  HostShell here(config_);
  const std::string script = read_file(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/hostop.sh");
  const auto order = [&](const std::string& verb, std::vector<std::string> words,
                         const std::string& input) {
    words.insert(words.begin(), {config_.state, verb, "100"});
    return here.run(script, words, input, seconds(20))->code;
  };
  const std::string project = to_string(caller_.project), lineage = to_string(caller_.lineage),
                    uuid = to_string(uuid_of("web"));
  EXPECT_EQ(order("begin", {"p-1-1", project, lineage, "1", uuid, "create"}, "name = \"web\"\n"),
            92);
  EXPECT_EQ(order("claim", {project, lineage, "1"}, "x hv.claim/1"), 92);
  EXPECT_EQ(driver_->result(OperationId{"p-1-1"}).state, OperationState::unknown);
  EXPECT_EQ(calls("create"), 0);
  EXPECT_FALSE(std::filesystem::exists(config_.state + "/claims/" + project + "/x"));
}

TEST_F(XlScript, ClaimsAreKeptByProject) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  Claim claim;
  claim.uuid = uuid_of("web");
  claim.address = {Kind::domain, "web"};
  std::vector<Claim> claims;
  for (const char* device : {"xvda", "xvdb", ""}) {
    claim.device = device;
    claims.push_back(claim);
  }
  ASSERT_TRUE(driver_->put_claims(caller_, claims).ok());
  const std::string place = config_.state + "/claims/" + to_string(caller_.project);
  const auto count = [&] {
    return std::distance(std::filesystem::directory_iterator(place),
                         std::filesystem::directory_iterator());
  };
  EXPECT_EQ(count(), 3);
  const auto kept = claim_from(read_file(place + "/" + claim_file(claim.uuid, "xvdb")));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->project, caller_.project) << "filled in by the driver";
  EXPECT_EQ(kept->epoch, caller_.epoch);
  ASSERT_TRUE(driver_->drop_claims(caller_, claim.uuid, "xvdb").ok());
  EXPECT_EQ(count(), 2);
  ASSERT_TRUE(driver_->drop_claims(caller_, uuid_of("other"), std::nullopt).ok());
  EXPECT_EQ(count(), 2);
  ASSERT_TRUE(driver_->drop_claims(caller_, claim.uuid, std::nullopt).ok());
  EXPECT_EQ(count(), 0);
}

TEST_F(XlScript, NothingAFileSaysIsReadByAShell) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  Operation rename = operation(Op::domain_rename);
  rename.name = "$(touch " + folder_ + "/pwned); `touch " + folder_ + "/pwned` 'x'";
  EXPECT_EQ(run("p-1-1", rename).state, OperationState::succeeded);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/pwned"));
  EXPECT_NE(read_file(xen() + "/calls").find("xl rename 5 " + rename.name), std::string::npos);
  const Status bad = driver_->begin(OperationId{"../../x"}, caller_, operation(Op::domain_pause));
  EXPECT_FALSE(bad.ok());
}

TEST_F(XlScript, WhatItCannotDoItRefuses) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  const auto& can = driver_->capabilities().operations;
  for (const Op op : {Op::vdisk_create, Op::vdisk_enlarge, Op::vdisk_expire, Op::pool_initialise,
                      Op::vbd_enlarge, Op::claim_put, Op::domain_verify, Op::record_state}) {
    EXPECT_FALSE(can.contains(op)) << to_string(op);
    EXPECT_FALSE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(op)).ok())
        << to_string(op);
  }
  Operation pin = operation(Op::domain_schedule);
  pin.settings.set("cpus", "0");
  EXPECT_FALSE(driver_->begin(OperationId{"p-1-1"}, caller_, pin).ok());
  Operation nothing;
  nothing.uuid = uuid_of("web");
  for (const Op op : can) {
    nothing.op = op;
    const bool needs_more = op == Op::domain_create || op == Op::domain_memory ||
                            op == Op::domain_vcpus || op == Op::domain_rename ||
                            op == Op::vbd_attach || op == Op::vbd_detach || op == Op::vif_attach ||
                            op == Op::vif_detach;
    if (needs_more) {
      EXPECT_FALSE(driver_->begin(OperationId{"p-2-1"}, caller_, nothing).ok()) << to_string(op);
    }
  }
}

TEST(XlHost, WithoutXenIsUnreadableAndSaysWhy) {
  XlConfig config;
  config.host = HostName{"xen1"};
  auto driver = make_xl_driver(config, Schema::builtin(), system_clock());
  const HostObservation seen = driver->observe();
  EXPECT_FALSE(seen.reachable);
  EXPECT_FALSE(seen.reason.empty());
  config.address = "ssh://nobody@127.0.0.1:1";
  driver = make_xl_driver(config, Schema::builtin(), system_clock());
  EXPECT_FALSE(driver->observe().reachable);
  EXPECT_EQ(driver->enter(Caller{}, false).error().code, Code::host_unreachable);
}

}  // namespace
}  // namespace hv
