// The xl driver without a Xen: what it writes, reads and quotes, and its script on a host whose
// `xl` is fake_xen.sh. What only a hypervisor can prove is in tests/xen. Longer because the
// driver's three scripts and their readers are proved against one fixture.
#include "hv/drivers/xl/xl.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "hv/drivers/effect.h"
#include "hv/drivers/sim/test_host.h"
#include "hv/drivers/xl/backend.h"
#include "hv/drivers/xl/claim_text.h"
#include "hv/drivers/xl/domain_file.h"
#include "hv/drivers/xl/host_shell.h"
#include "hv/drivers/xl/look.h"
#include "hv/drivers/xl/look_text.h"
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

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

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

TEST(ShellScript, TellsWhatSshSaysOfAChangedKey) {
  std::string folder = (std::filesystem::temp_directory_path() / "hv-ssh-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string program = folder + "/ssh";
  std::ofstream(program) << "#!/bin/sh\ncat >/dev/null\nprintf '@@@@@@\\n@  KEY HAS CHANGED! @\\n"
                            "@@@@@@\\nmore\\n' >&2\nexit 255\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const std::string before = getenv("PATH");
  setenv("PATH", (folder + ":" + before).c_str(), 1);
  XlConfig config;
  config.host = HostName{"xen1"};
  config.address = "ssh://root@xen1";
  const auto end = HostShell(config).run("true", {}, "", seconds(20));
  setenv("PATH", before.c_str(), 1);
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().code, Code::host_unreachable);
  EXPECT_EQ(end.error().message, "the host `xen1` does not answer: KEY HAS CHANGED!");
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
  for (const char* option :
       {"BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes",
        "UserKnownHostsFile=\"/known\"", "IdentityFile=\"/id\"", "ControlPath=/tmp/c/%C"})
    EXPECT_NE(std::find(words.begin(), words.end(), option), words.end()) << option;
  const auto end = run_process({"sh", "-c", words.back()}, "", seconds(10));
  EXPECT_EQ(end->output, "it's|$HOME|");
}

// `ssh -G` says what it would do, and speaks to nobody.
TEST(ShellScript, KeysMayLieInFoldersOfAnyName) {
  for (const char* folder :
       {"/plain", "/two  blanks", "/it's", "/a\"b", "/a\\b", "/a #b", "/50%"}) {
    XlConfig config;
    config.address = "ssh://root@xen1";
    config.known_hosts = std::string(folder) + "/known";
    config.identity = std::string(folder) + "/id";
    std::vector<std::string> words = ssh_arguments(config, "", {"true"});
    words.insert(words.begin() + 1, {"-G", "-F", "/dev/null"});
    const auto end = run_process(words, "", seconds(20));
    if (!end.ok()) GTEST_SKIP() << "skipped: no ssh here";
    EXPECT_EQ(end->code, 0) << folder << ": " << end->errors;
    // What begins with `%` it shows as it was written, in newer versions as it is meant.
    std::string said = end->output;
    for (std::size_t at; (at = said.find("%%")) != std::string::npos;) said.erase(at, 1);
    for (const std::string& line :
         {"userknownhostsfile " + config.known_hosts, "identityfile " + config.identity})
      EXPECT_NE(("\n" + said).find("\n" + line + "\n"), std::string::npos) << line << "\n" << said;
  }
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
  const Extent below{StoreId{"file:wwn:5@0:inode 12"}, sectors(0), sectors(9), true};
  const Extent named{StoreId{"name:/img/base"}, sectors(0), sectors(9), false};
  claim.beneath = {{{below, named}, AccessMode::read, false},
                   {{below}, AccessMode::read, true},
                   {{named}, AccessMode::write, true},
                   {{below}, AccessMode::write_shared, true}};
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
  ASSERT_EQ(again->beneath.size(), claim.beneath.size());
  for (std::size_t i = 0; i < claim.beneath.size(); ++i) {
    EXPECT_EQ(again->beneath[i].extents, claim.beneath[i].extents) << i;
    EXPECT_EQ(again->beneath[i].mode, claim.beneath[i].mode) << i;
    EXPECT_EQ(again->beneath[i].by_host, claim.beneath[i].by_host) << i;
  }
}

TEST(ClaimText, ThatEndsBehindAllDisksIsNone) {
  const std::string text =
      "hv.claim/1 00000000-0000-4000-8000-000000000001 00000000-0000-4000-8000-000000000002 7 "
      "00000000-0000-4000-8000-000000000003 domain.web xvda w 1 a@8+" +
      std::to_string(INT64_MAX - 8);
  ASSERT_TRUE(claim_from(text));
  EXPECT_FALSE(claim_from(replaced(text, "@8+", "@9+")));
}

// As an earlier hv wrote it: the disk only.
TEST(ClaimText, OfBeforeWhatLiesBelowWasWrittenIsRead) {
  const auto claim = claim_from(
      "hv.claim/1 00000000-0000-4000-8000-000000000001 00000000-0000-4000-8000-000000000002 7 "
      "00000000-0000-4000-8000-000000000003 domain.web xvda w 1 name:vg/web@0+8? "
      "with=domain.b\n");
  ASSERT_TRUE(claim);
  EXPECT_EQ(claim->extents.size(), 1u);
  EXPECT_EQ(claim->sharers.size(), 1u);
  EXPECT_TRUE(claim->beneath.empty());
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
  EXPECT_FALSE(claim_from(text + " host-w="));
  EXPECT_FALSE(claim_from(text + " behind-r=s@1"));
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
                "rtc_timeoffset = \"-5\"\n"
                "vcpus = 2\n"
                "cmdline = 'root=/dev/xvda ro \"quiet\"'\n"
                "disk = [\n"
                "  \"vdev=xvda,access=rw,backendtype=phy,target=/dev/vg0/a,b\",\n"
                "  \"vdev=xvdb,access=ro,target=/img/c\",\n"
                "]\n"
                "vif = [\n"
                "  \"bridge=xenbr0,mac=00:16:3e:00:00:01\",\n"
                "]\n");
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
    {"whether an interface is trusted",
     [](DomainSpec& s) {
       s.vifs = {interface("", "b")};
       s.vifs[0].settings["trusted"] = "0";
     },
     "`trusted`"},
    {"a removable disk that is no CD drive",
     [](DomainSpec& s) {
       s.vbds = {disk("xvda phy:/dev/sda w")};
       s.vbds[0].removable = true;
     },
     "removable"},
    {"addresses of xm's firewall", [](DomainSpec& s) { s.attributes.set("ipaddr", "10.0.0.1"); },
     "xl does not know `ipaddr`"},
    {"what no schema knows", [](DomainSpec& s) { s.attributes.set("of_tomorrow", 1); },
     "hv does not know `of_tomorrow`"},
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
  EXPECT_EQ(web0.vbds[0].physical, "/guests/web0.img") << "what the kernel has open";
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
  EXPECT_EQ(hypervisor_version(real_look()), "4.17.7");
  for (const char* text : {"", "\nxen_version", "\nxen_version :\n", "xen_caps : x"})
    EXPECT_EQ(hypervisor_version(text), "") << text;
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
  // A guest that is shut down holds what it has, whatever the reason.
  for (const char* letters : {"---s--", "---sw-", "---sS-", "---s?-", "---sc-", "--psrd"})
    EXPECT_TRUE(look_at(replaced(real, "--p---", letters)).domains.at(1).dying) << letters;
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

// What somebody saves at this moment is suspended: to make it again would tear it out of his hands.
TEST(XlLook, ASuspendedMachineIsNotGoingDown) {
  const HostObservation seen = look_at(replaced(real_look(), "--p---", "---ss-"));
  EXPECT_FALSE(seen.domains.at(1).dying);
  EXPECT_EQ(seen.domains.at(1).state, PowerState::paused);
}

TEST(XlLook, ALineOfTheListThatIsNotUnderstoodMakesTheHostUnreadable) {
  const HostObservation seen = look_at(replaced(real_look(), "--p---", "--X---"));
  EXPECT_FALSE(seen.reachable);
  EXPECT_NE(seen.reason.find("xl list: web1"), std::string::npos) << seen.reason;
}

// What the kernel still has is held by its name, so that nobody else gets the sectors.
TEST(XlLook, WhatXenstoreHasForgottenIsHeldByItsName) {
  const std::string vdisk = to_string(uuid_of("vdisk"));
  const auto open = [&](const std::string& line) {
    std::string text = real_look();
    text = replaced(text, "\036backends\n", "\036backends\nvbd-99-51712 " + line + "\n");
    return look_at(replaced(text, "\036end",
                            "\036sizes\nsda1 2048 8:17\nloop1 8192 7:1\nmapper/vg0-a 64 253:10\n"
                            "mapper/hv-11111111-1111-4111-8111-111111111111-xvda 64 253:11 sdb\n"
                            "mapper/hv-vd-" +
                                vdisk + " 64 253:12\n\036end"));
  };
  struct Case {
    const char* line;
    std::string source;
    AccessMode mode;
  };
  const Case cases[] = {
      {"w 8:11", "/dev/sda1", AccessMode::write},
      {"r 8:11", "/dev/sda1", AccessMode::read},
      {"w 7:1", "/guests/web0.img", AccessMode::write},
      {"w fd:a", "/dev/mapper/vg0-a", AccessMode::write},
      {"w fd:b", "/dev/sdb", AccessMode::write},
      {"w fd:c", "/dev/mapper/hv-vd-" + vdisk, AccessMode::write},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.line);
    const HostObservation seen = open(one.line);
    ASSERT_EQ(seen.domains.size(), 3u) << seen.reason;
    EXPECT_EQ(seen.domains[2].name, "(gone 99)");
    EXPECT_EQ(seen.domains[2].vbds.at(0).vbd.source, one.source);
    EXPECT_EQ(seen.domains[2].vbds.at(0).vbd.mode, one.mode);
  }
  const HostObservation seen = open("w 8:99");
  EXPECT_FALSE(seen.reachable);
  EXPECT_NE(seen.reason.find("8:99 open for vbd-99-51712"), std::string::npos) << seen.reason;
}

TEST(XlLook, TellsTheDeviceThatABackendHasOpen) {
  std::string text = replaced(real_look(), "/51712/physical-device = \"7:1\"",
                              "/51712/physical-device = \"8:11\"");
  text = replaced(text, "\036end", "\036sizes\nsda1 2048 8:17\nsdb 64 8:16\n\036end");
  EXPECT_EQ(look_at(text).domains.at(0).vbds.at(0).physical, "/dev/sda1");
  for (const char* number : {"", "8", "8:", ":1", "x:1", "8:1 ", "100000000:1"})
    EXPECT_EQ(device_number(number), "") << number;
  EXPECT_EQ(device_number("fd:1f"), "253:31");
}

// What starts at boot is to have the machine's disks, all of them.
TEST(XlLook, WhatStartsWithoutADiskIsNotWhatWasAskedFor) {
  const std::string real = real_look();
  const std::string uuid = to_string(look_at(real).domains.at(0).uuid);
  const std::string first = "  \"vdev=xvda,access=rw,target=/guests/web0.img\",\n";
  const std::string second = "  \"vdev=xvdb,access=ro,target=/guests/rescue.img\",\n";
  const auto starts = [&](const std::string& disks) {
    const HostObservation seen = look_at(replaced(
        real, "\036end", "\036auto " + uuid + " linked\ndisk = [\n" + disks + "]\n\036end"));
    return *seen.domains.at(0).attributes.get<bool>("autostart");
  };
  EXPECT_TRUE(starts(first + second));
  EXPECT_FALSE(starts(first));
  EXPECT_FALSE(starts(""));
}

TEST(XlLook, AnInterfaceWhoseScriptFailedIsNone) {
  const std::string real = real_look();
  const std::size_t vif = real.find("/backend/vif/");
  ASSERT_NE(vif, std::string::npos);
  std::string text = real;
  const std::string status = "hotplug-status = \"connected\"";
  const std::size_t at = text.find(status, vif);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, status.size(), "hotplug-status = \"error\"");
  EXPECT_EQ(look_at(text).domains.at(0).vifs.size(), 0u);
}

// Where xl makes dom0 smaller for a machine, dom0's memory is free too, but for what it needs.
TEST(XlLook, MemoryThatDom0WouldGiveIsFree) {
  const std::string real = real_look();
  const Bytes given = look_at(real).memory_total;
  const auto with = [&](const std::string& said, bool told_at_boot) {
    std::string text = replaced(real, "\036list\n", "\036balloon\n" + said + "\036list\n");
    if (!told_at_boot) text = replaced(text, "dom0_mem=", "dom0_max=");
    std::string line = "Domain-0                                     0   512 ";
    text = replaced(text, line, "Domain-0                                     0  4096 ");
    return look_at(text).memory_total - given;
  };
  EXPECT_EQ(with("", true), Bytes());
  EXPECT_EQ(with("autoballoon auto\n", true), Bytes());
  EXPECT_EQ(with("autoballoon off\n", false), Bytes());
  EXPECT_EQ(with("autoballoon 0\n", false), Bytes());
  for (const Bytes more : {with("", false), with("autoballoon auto\n", false),
                           with("autoballoon on\n", true), with("autoballoon 1\n", true)})
    EXPECT_EQ(more, mib(4096 - 512));
}

// `xl config-update` by hand: told, and its disks are held.
TEST(XlLook, APendingConfigurationIsToldAndHeld) {
  const std::string real = real_look();
  const HostObservation before = look_at(real);
  const std::string mark = "\036updated userdata-d." +
                           std::to_string(before.domains[0].domid.value) + "." +
                           to_string(before.domains[0].uuid) + ".xl\n";
  const auto with = [&](const std::string& told) {
    return look_at(replaced(real, "\036end", mark + told + "\n\036end")).latent;
  };
  std::vector<LatentAccess> latent = with("");
  ASSERT_EQ(latent.size(), 1u) << "told, also where it cannot be read";
  EXPECT_EQ(latent[0].what, kPendingUpdate);
  EXPECT_EQ(latent[0].name, "web0");
  EXPECT_TRUE(latent[0].vbd.device.empty());
  latent = with(R"({"c_info": {"name": "web0"}, "disks": [
      {"pdev_path": "/guests/web0.img", "vdev": "xvda", "readwrite": 1},
      {"pdev_path": "/img/old", "vdev": "xvdf", "readwrite": 1}]})");
  ASSERT_EQ(latent.size(), 2u);
  EXPECT_EQ(latent[1].vbd.source, "/img/old");
  EXPECT_EQ(latent[1].uuid, before.domains[0].uuid);
}

TEST(XlLook, WhatAnotherRestartWouldBringIsLatent) {
  const std::string one_more =
      "{\"pdev_path\": \"/img/old\", \"vdev\": \"xvdf\", \"readwrite\": 1},";
  const std::string real = real_look();
  const auto with_one_more = [&](std::string text, const char* section) {
    const std::size_t disks = text.find("\"disks\": [", text.find(section));
    EXPECT_NE(disks, std::string::npos);
    return text.insert(disks + 10, one_more);
  };
  const HostObservation seen = look_at(with_one_more(real, "\036long\n"));
  ASSERT_EQ(seen.latent.size(), 1u);
  EXPECT_EQ(seen.latent[0].vbd.device, "xvdf");
  EXPECT_EQ(seen.latent[0].vbd.source, "/img/old");
  EXPECT_EQ(seen.latent[0].what, "restart configuration");
  const std::string kept = with_one_more(real, "\036kept userdata-d.");
  EXPECT_TRUE(look_at(kept).latent.empty()) << "libxl leaves out what xenstore does not know";
  // It all counts where xl says nothing of the machine.
  const std::size_t list = kept.find("\036long\n"), end = kept.find('\036', list + 1);
  const HostObservation untold =
      look_at(kept.substr(0, list) + "\036long\n[]\n" + kept.substr(end));
  EXPECT_TRUE(std::any_of(untold.latent.begin(), untold.latent.end(),
                          [](const LatentAccess& it) { return it.vbd.source == "/img/old"; }));
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

TEST(XlLook, TellsAnInterfacesSettings) {
  std::string text = replaced(
      real_look(), "\"bridge\": \"xenbr0\",",
      "\"bridge\": \"xenbr0\", \"script\": \"vif-route\", \"gatewaydev\": \"eth0\", \"mtu\": 1400,"
      "\"ifname\": \"web0\", \"backend_domname\": \"net\", \"vlan\": \"10p/20\",");
  const std::string handle = "/local/domain/0/backend/vif/3/0/handle = \"0\"\n";
  text =
      replaced(text, handle, handle + "/local/domain/0/backend/vif/3/0/rate = \"62500,50000\"\n");
  const auto settings = look_at(text).domains[0].vifs.at(0).settings;
  for (const auto& [key, value] : {std::pair("script", "vif-route"),
                                   {"gatewaydev", "eth0"},
                                   {"mtu", "1400"},
                                   {"vifname", "web0"},
                                   {"vlan", "10p/20"},
                                   {"rate", "10Mb/s"},
                                   {"backend", "net"}})
    EXPECT_EQ(settings.count(key) == 0 ? "" : settings.at(key), value) << key;
  EXPECT_EQ(look_at(real_look()).domains[0].vifs.at(0).settings.count("script"), 0u);
  Vif vif;
  vif.settings = settings;
  const auto words = vif_words(vif);
  ASSERT_TRUE(words.ok());
  EXPECT_EQ(words->size(), settings.size()) << "what is told can be asked for";
  EXPECT_EQ(settings.count("type"), 0u) << "such a machine has no choice";
  const std::size_t web0 = text.find("\"domid\": 3");
  ASSERT_NE(web0, std::string::npos);
  text.replace(text.find("\"type\": \"pv\"", web0), 12, "\"type\": \"hvm\"");
  EXPECT_EQ(look_at(text).domains[0].vifs.at(0).settings["type"], "vif");
  text = replaced(text, "vif/3/0/type = \"vif\"", "vif/3/0/type = \"vif_ioemu\"");
  EXPECT_EQ(look_at(text).domains[0].vifs.at(0).settings["type"], "ioemu");
  for (const char* strange : {"", ",", "1", "1,0", "-1,5", "x,5", "1,5000000000"})
    EXPECT_EQ(look_at(replaced(text, "62500,50000", strange))
                  .domains[0]
                  .vifs.at(0)
                  .settings.count("rate"),
              0u)
        << strange;
}

// Recorded on Xen 4.17: web0 pinned by hand, each of its two processors otherwise.
TEST(XlLook, ReadsWhereProcessorsMayRun) {
  const std::string recorded =
      "\036affinity\n"
      "Name                                ID  VCPU   CPU State   Time(s) Affinity (Hard / Soft)\n"
      "Domain-0                             0     0    1   r--     257.8  all / all\n"
      "web0                                 3     0    1   -b-      68.2  1 / all\n"
      "web0                                 3     1    -   --p       1.6  all / 0\n"
      "web1                                 5     0    1   -b-      63.3  0-1 / all\n"
      "web1                                 5     1    -   --p       2.7  0-1 / all\n"
      "\036backends\n";
  const HostObservation seen = look_at(replaced(real_look(), "\036backends\n", recorded));
  EXPECT_EQ(*seen.domains[0].attributes.find("cpus"), Value(List{Value("1"), Value("all")}));
  EXPECT_EQ(*seen.domains[0].attributes.find("cpus_soft"), Value(List{Value("all"), Value("0")}));
  EXPECT_EQ(*seen.domains[1].attributes.find("cpus"), Value("0-1"));
  EXPECT_EQ(*seen.domains[1].attributes.find("cpus_soft"), Value("all"));
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
    for (const char* name : {"xl", "xenstore-exists", "xenstore-list", "xenstore-ls",
                             "xenstore-read", "xenstore-write", "losetup"})
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
    // What was begun on the host ends by itself, and may write its end yet.
    std::error_code busy;
    for (int i = 0; i < 20; ++i) {
      std::filesystem::remove_all(folder_, busy);
      if (!std::filesystem::exists(folder_)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
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

// A list that cannot be had is not an empty one: nothing is taken to be gone.
TEST_F(XlScript, WithoutAListNothingIsTakenToBeGone) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  tell("unlisted", "");
  int number = 0;
  for (const Op op : {Op::domain_create, Op::domain_shutdown, Op::domain_destroy, Op::domain_save,
                      Op::domain_restore, Op::vbd_detach, Op::domain_unpause}) {
    const OperationResult result = run("p-" + std::to_string(++number) + "-1", operation(op));
    EXPECT_EQ(result.state, OperationState::failed) << to_string(op);
    EXPECT_NE(result.message.find("xl list fails"), std::string::npos) << result.message;
  }
  EXPECT_TRUE(driver_->drop_claims(caller_, uuid_of("web"), std::nullopt).ok());
  EXPECT_FALSE(driver_->observe().reachable);
}

// A machine is listed no more before the kernel has let go of its disks.
TEST_F(XlScript, AMachineIsGoneWhenItsDisksAre) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  const std::string held = config_.state + "/xen-devices/vbd-5-51712";
  for (const Op op : {Op::domain_destroy, Op::domain_shutdown}) {
    tell(to_string(uuid_of("web")), "5 web r-----\n");
    std::filesystem::create_directories(held);
    const OperationId id{"p-1-" + std::string(to_string(op))};
    ASSERT_TRUE(driver_->begin(id, caller_, operation(op)).ok());
    for (int i = 0; i < 200 && std::filesystem::exists(xen() + "/" + to_string(uuid_of("web")));
         ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    EXPECT_EQ(driver_->result(id).state, OperationState::running) << to_string(op);
    std::filesystem::remove_all(held);
    EXPECT_EQ(wait(id).state, OperationState::succeeded) << to_string(op);
  }
}

// Before 4.15 xl takes a disk by force: the guest is asked first.
TEST_F(XlScript, NoDiskIsTakenByForce) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  const std::string backend = "/local/domain/0/backend/vbd/5/51728/";
  const auto store = [&](const std::string& state) {
    tell("store", backend + "state = \"" + state + "\"\n" + backend + "online = \"1\"\n");
  };
  int number = 0;
  const auto detach = [&] {
    return run("p-" + std::to_string(++number) + "-1", operation(Op::vbd_detach));
  };
  store("4");
  EXPECT_EQ(detach().state, OperationState::succeeded);
  EXPECT_EQ(calls("", "xenstore-write"), 0) << "4.17 asks by itself";
  for (const char* version : {"4.14.6", "4.11.4-pre", "4.11"}) {
    tell("version", version);
    store("4");
    EXPECT_EQ(detach().state, OperationState::succeeded) << version;
  }
  EXPECT_EQ(calls(backend + "online 0", "xenstore-write "), 3);
  EXPECT_EQ(calls(backend + "state 5", "xenstore-write "), 3);
  const int before = calls("block-detach");
  store("3");
  const OperationResult refused = detach();
  EXPECT_EQ(refused.state, OperationState::failed);
  EXPECT_NE(refused.message.find("by force"), std::string::npos) << refused.message;
  EXPECT_EQ(calls("block-detach"), before);
  tell("version", "5.0.1");
  EXPECT_EQ(detach().state, OperationState::succeeded);
}

// A disk that qemu serves has its backend elsewhere, and the file is open for as long as qemu
// flushes.
TEST_F(XlScript, ADiskThatQemuServesIsReleasedWhenItsFileIs) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  const std::string image = folder_ + "/b.qcow2";
  std::ofstream(image) << "x";
  tell("store", "/local/domain/0/backend/qdisk/5/51728/params = \"qcow2:" + image + "\"\n");
  std::ofstream(folder_ + "/served.sh") << "exec 3<\"$1\"; while :; do sleep 0.1; done\n";
  const pid_t qemu = fork();
  if (qemu == 0) {
    execlp("bash", "bash", (folder_ + "/served.sh").c_str(), image.c_str(), "-xen-domid", "5",
           nullptr);
    _exit(1);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::vbd_detach)).ok());
  for (int i = 0; i < 200 && calls("block-detach") == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_EQ(driver_->result(OperationId{"p-1-1"}).state, OperationState::running);
  kill(qemu, SIGKILL);
  waitpid(qemu, nullptr, 0);
  const OperationResult result = wait(OperationId{"p-1-1"});
  EXPECT_EQ(result.state, OperationState::succeeded) << result.message;
}

// An interface whose script failed stays in xenstore: it goes before the next one comes, and when
// this one fails.
TEST_F(XlScript, AnInterfaceThatFailedIsTakenAway) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  const std::string vif = "/local/domain/0/backend/vif/5/";
  tell("store", vif + "0/mac = \"00:16:3e:00:00:07\"\n" + vif + "1/mac = \"00:16:3E:00:00:01\"\n");
  Operation attach = operation(Op::vif_attach);
  attach.vif = interface("00:16:3e:00:00:01", "xenbr0");
  EXPECT_EQ(run("p-1-1", attach).state, OperationState::succeeded);
  EXPECT_EQ(calls("network-detach 5 1"), 1);
  tell("fail", "vif-bridge: no such bridge\n");
  EXPECT_EQ(run("p-2-1", attach).message, "vif-bridge: no such bridge");
  EXPECT_EQ(calls("network-detach 5 1"), 3);
  EXPECT_EQ(calls("network-detach"), 3);
  attach.vif->settings["backend"] = "driver";
  EXPECT_EQ(run("p-3-1", attach).state, OperationState::failed);
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
  tell("slow", "0.6");
  ASSERT_TRUE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(Op::domain_create)).ok());
  // What has not begun to act when the epoch rises is refused, so that is waited for.
  for (int i = 0; i < 200 && calls("list -v") == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
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

TEST_F(XlScript, PinsAndReadsItBack) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(to_string(uuid_of("web")), "5 web r-----\n");
  Operation pin = operation(Op::domain_schedule);
  pin.settings.set("cpus", "0-3,^2");
  pin.settings.set("cpus_soft", List{Value("1"), Value("")});
  ASSERT_EQ(run("p-1-1", pin).state, OperationState::succeeded);
  const std::string said = read_file(xen() + "/calls");
  EXPECT_NE(said.find("xl vcpu-pin 5 all 0-3,^2 -\nxl vcpu-pin 5 all - all\n"
                      "xl vcpu-pin 5 0 - 1\nxl vcpu-pin 5 1 - all\n"),
            std::string::npos)
      << said;
  EXPECT_EQ(calls("sched"), 0) << "neither weight nor cap was named";
  pin.settings = Attributes();
  pin.settings.set("cpus", Value());
  pin.settings.set("cap", 50);
  ASSERT_EQ(run("p-1-2", pin).state, OperationState::succeeded);
  EXPECT_EQ(calls("vcpu-pin 5 all all -"), 1);
  EXPECT_EQ(calls("sched-credit2 -d 5 -c 50"), 1);
  // Nothing is believed.
  pin.settings = Attributes();
  pin.settings.set("cpus", "1");
  HostObservation seen = driver_->observe();
  ASSERT_TRUE(seen.reachable) << seen.reason;
  EXPECT_EQ(read_effect(pin, seen).state, EffectState::absent);
  tell("affinity", "1 / all\n");
  EXPECT_EQ(read_effect(pin, driver_->observe()).state, EffectState::present);
}

// ---- saved machines

class XlSaved : public XlScript {
 protected:
  void SetUp() override {
    ASSERT_TRUE(driver_->enter(caller_, false).ok());
    ASSERT_EQ(run("p-1-1", operation(Op::domain_create)).state, OperationState::succeeded);
    ASSERT_EQ(run("p-1-2", operation(Op::domain_unpause)).state, OperationState::succeeded);
    tell("store",
         "/local/domain/0/backend/vbd/1/51712/params = \"/img/a\"\n"
         "/local/domain/0/backend/vbd/1/51712/mode = \"w\"\n"
         "/local/domain/0/backend/vbd/1/51712/dev = \"xvda\"\n");
  }
  std::string image(const char* kind) const {
    return config_.state + "/saved/" + to_string(uuid_of("web")) + "." + kind;
  }
  bool there(const char* kind) const { return std::filesystem::exists(image(kind)); }
  OperationResult run_next(Op op) { return run("p-2-" + std::to_string(++number_), operation(op)); }
  std::optional<ObservedDomain> web() {
    const HostObservation seen = driver_->observe();
    EXPECT_TRUE(seen.reachable) << seen.reason;
    EXPECT_LE(seen.domains.size(), 1u);
    const ObservedDomain* found = find_domain(seen, uuid_of("web"));
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  int number_ = 0;
};

TEST_F(XlSaved, GoesOnAsItWas) {
  ASSERT_EQ(run_next(Op::domain_save).state, OperationState::succeeded);
  untell("store");
  EXPECT_TRUE(there("image"));
  EXPECT_FALSE(there("in-use"));
  auto saved = web();
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->state, PowerState::saved);
  EXPECT_EQ(saved->domid.value, 0u);
  EXPECT_FALSE(saved->dying);
  EXPECT_EQ(saved->memory, mib(64));
  ASSERT_EQ(saved->vbds.size(), 1u) << "it holds what it had";
  EXPECT_EQ(saved->vbds[0].vbd.source, "/img/a");
  EXPECT_EQ(run_next(Op::domain_save).message, "no such domain");
  EXPECT_EQ(run_next(Op::domain_create).message, "a save file of this machine is there");
  ASSERT_EQ(run_next(Op::domain_restore).state, OperationState::succeeded);
  EXPECT_TRUE(there("in-use")) << "until it runs";
  EXPECT_EQ(web()->state, PowerState::paused);
  EXPECT_TRUE(web()->never_ran);
  EXPECT_EQ(run_next(Op::domain_restore).message, "a machine of its UUID is there");
  ASSERT_EQ(run_next(Op::domain_unpause).state, OperationState::succeeded);
  EXPECT_FALSE(there("in-use"));
  EXPECT_FALSE(there("about"));
  EXPECT_EQ(web()->state, PowerState::running);
  EXPECT_EQ(run_next(Op::domain_unrestore).message, "no such save file");
}

TEST_F(XlSaved, ThatNeverRanMayBeSavedAsBefore) {
  ASSERT_EQ(run_next(Op::domain_save).state, OperationState::succeeded);
  ASSERT_EQ(run_next(Op::domain_restore).state, OperationState::succeeded);
  ASSERT_EQ(run_next(Op::domain_unrestore).state, OperationState::succeeded);
  EXPECT_TRUE(there("image"));
  EXPECT_EQ(web()->state, PowerState::saved);
  EXPECT_EQ(run_next(Op::domain_unrestore).state, OperationState::succeeded) << "twice is once";
  // Somebody let it run: its image is of the past.
  ASSERT_EQ(run_next(Op::domain_restore).state, OperationState::succeeded);
  tell(to_string(uuid_of("web")), "2 web r-----\n");
  EXPECT_EQ(run_next(Op::domain_unrestore).message, "the machine has run");
  EXPECT_TRUE(std::filesystem::exists(xen() + "/" + to_string(uuid_of("web"))));
  // And ended it.
  untell(to_string(uuid_of("web")));
  EXPECT_EQ(web()->state, PowerState::saved);
  EXPECT_TRUE(web()->dying) << "never used again";
  EXPECT_EQ(run_next(Op::domain_restore).message, "the save file was used");
  EXPECT_EQ(run_next(Op::domain_unrestore).message, "the save file was used");
  EXPECT_EQ(calls("restore"), 2);
  ASSERT_EQ(run_next(Op::domain_destroy).state, OperationState::succeeded);
  EXPECT_FALSE(web());
  EXPECT_FALSE(there("about"));
}

TEST_F(XlSaved, WhatFailsLeavesItAsItWas) {
  tell("fail", "libxl: error: no space left\n");
  EXPECT_EQ(run_next(Op::domain_save).message, "libxl: error: no space left");
  EXPECT_FALSE(there("image") || there("in-use") || there("partial"));
  EXPECT_EQ(web()->state, PowerState::running);
  untell("fail");
  ASSERT_EQ(run_next(Op::domain_save).state, OperationState::succeeded);
  tell("fail", "libxl: error: no memory\n");
  EXPECT_EQ(run_next(Op::domain_restore).state, OperationState::failed);
  EXPECT_TRUE(there("image"));
  EXPECT_FALSE(web()->dying);
  untell("fail");
  ASSERT_EQ(run_next(Op::domain_restore).state, OperationState::succeeded);
}

// hv's host lost its power after the image was whole and before the machine was known to be gone.
TEST_F(XlSaved, AnImageOfAMachineThatMayHaveRunIsNotUsed) {
  ASSERT_EQ(run_next(Op::domain_save).state, OperationState::succeeded);
  std::filesystem::rename(image("image"), image("in-use"));
  EXPECT_TRUE(web()->dying);
  EXPECT_EQ(run_next(Op::domain_restore).message, "the save file was used");
  std::filesystem::rename(image("in-use"), image("image"));
  std::filesystem::remove(image("about"));
  const HostObservation seen = driver_->observe();
  EXPECT_FALSE(seen.reachable);
  EXPECT_NE(seen.reason.find("what lies saved there cannot be read"), std::string::npos);
}

TEST_F(XlSaved, ADeviceOfItsOwnComesBackWithIt) {
  const std::string shared = folder_ + "/shared.img", uuid = to_string(uuid_of("web"));
  const std::string own = config_.state + "/own/" + uuid + ".xvdb";
  std::ofstream(shared) << "x";
  Operation attach = operation(Op::vbd_attach);
  attach.vbd = disk("xvdb " + shared + " w");
  attach.vbd->backend = "file";
  Claim claim;
  claim.uuid = attach.uuid;
  claim.device = "xvdb";
  claim.permitted = 1;
  attach.claims = {claim};
  ASSERT_EQ(run("p-3-1", attach).state, OperationState::succeeded);
  tell("store", "/local/domain/0/backend/vbd/1/51728/params = \"" + own + "\"\n" +
                    "/local/domain/0/backend/vbd/1/51728/dev = \"xvdb\"\n");
  ASSERT_EQ(run_next(Op::domain_save).state, OperationState::succeeded);
  untell("store");
  EXPECT_EQ(calls("losetup --detach /dev/loop7", ""), 1);
  ASSERT_EQ(web()->vbds.size(), 1u);
  EXPECT_EQ(web()->vbds[0].vbd.source, shared);
  ASSERT_EQ(run_next(Op::domain_restore).state, OperationState::succeeded);
  EXPECT_EQ(calls("losetup --find --show " + shared, ""), 2);
  EXPECT_TRUE(std::filesystem::is_symlink(std::filesystem::symlink_status(own)));
  ASSERT_EQ(run_next(Op::domain_destroy).state, OperationState::succeeded);
  EXPECT_EQ(calls("losetup --detach /dev/loop7", ""), 2);
  EXPECT_FALSE(std::filesystem::exists(own + ".of"));
}

// ---- what starts at boot

class XlBoot : public XlScript {
 protected:
  std::string uuid_ = to_string(uuid_of("web"));
  std::string link() const { return config_.state + "/xen-auto/" + uuid_ + ".cfg"; }
  std::string file() const { return config_.state + "/auto/" + uuid_ + ".cfg"; }
  bool linked() const { return std::filesystem::exists(link()); }
  OperationResult run_next(const Operation& what) {
    return run("p-2-" + std::to_string(++number_), what);
  }
  OperationResult create() {
    Operation what = operation(Op::domain_create);
    what.domain->attributes.set("autostart", true);
    what.domain->vbds = {disk("xvda /img/a w")};
    return run_next(what);
  }
  HostObservation look() {
    HostObservation seen = driver_->observe();
    EXPECT_TRUE(seen.reachable) << seen.reason;
    return seen;
  }
  bool seen_at_boot() {
    const HostObservation seen = look();
    const ObservedDomain* web = find_domain(seen, uuid_of("web"));
    return web != nullptr && *web->attributes.find("autostart") == Value(true);
  }
  int number_ = 0;
};

TEST_F(XlBoot, IsLinkedOnceItRunsAndAsLong) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  ASSERT_EQ(create().state, OperationState::succeeded);
  EXPECT_FALSE(linked()) << "nobody has looked at it yet";
  EXPECT_TRUE(seen_at_boot());
  ASSERT_EQ(run_next(operation(Op::domain_unpause)).state, OperationState::succeeded);
  EXPECT_TRUE(linked());
  EXPECT_EQ(read_file(link()), read_file(file()));
  EXPECT_TRUE(seen_at_boot());
  ASSERT_EQ(run_next(operation(Op::domain_save)).state, OperationState::succeeded);
  EXPECT_FALSE(linked()) << "it would be started beside its image";
  ASSERT_EQ(run_next(operation(Op::domain_restore)).state, OperationState::succeeded);
  EXPECT_FALSE(linked());
  ASSERT_EQ(run_next(operation(Op::domain_unpause)).state, OperationState::succeeded);
  EXPECT_TRUE(linked());
  ASSERT_EQ(run_next(operation(Op::domain_shutdown)).state, OperationState::succeeded);
  EXPECT_FALSE(linked());
  EXPECT_FALSE(std::filesystem::exists(file()));
}

TEST_F(XlBoot, HasWhatTheMachineHas) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  ASSERT_EQ(create().state, OperationState::succeeded);
  ASSERT_EQ(run_next(operation(Op::domain_unpause)).state, OperationState::succeeded);
  const std::string before = read_file(file());
  EXPECT_EQ(before.find("autostart"), std::string::npos) << "xl does not know it";
  ASSERT_EQ(run_next(operation(Op::vbd_attach)).state, OperationState::succeeded);
  EXPECT_NE(read_file(file()).find("\n  \"vdev=xvdb,access=rw,target=/img/b\",\n"),
            std::string::npos)
      << read_file(file());
  Operation vif = operation(Op::vif_attach);
  vif.vif = interface("00:16:3e:00:00:01", "xenbr0");
  ASSERT_EQ(run_next(vif).state, OperationState::succeeded);
  EXPECT_NE(read_file(file()).find("mac=00:16:3e:00:00:01"), std::string::npos);
  vif.op = Op::vif_detach;
  ASSERT_EQ(run_next(vif).state, OperationState::succeeded);
  ASSERT_EQ(run_next(operation(Op::vbd_detach)).state, OperationState::succeeded);
  EXPECT_EQ(read_file(file()), before);
  Operation memory = operation(Op::domain_memory);
  memory.memory = mib(80);
  ASSERT_EQ(run_next(memory).state, OperationState::succeeded);
  EXPECT_NE(read_file(file()).find("memory = 80\n"), std::string::npos);
  Operation rename = operation(Op::domain_rename);
  rename.name = "it's";
  ASSERT_EQ(run_next(rename).state, OperationState::succeeded);
  EXPECT_NE(read_file(file()).find("name = \"it's\"\n"), std::string::npos);
}

// What followed another key, or was nowhere, gets a line of its own; what is unset has none.
TEST_F(XlBoot, HasWhatWasChangedLive) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  Operation create = operation(Op::domain_create);
  create.domain->attributes.set("autostart", true);
  create.domain->attributes.set("memory", Value());
  create.domain->attributes.set("maxvcpus", 4);
  create.domain->attributes.set("cap", 20);
  ASSERT_EQ(run_next(create).state, OperationState::succeeded);
  ASSERT_EQ(run_next(operation(Op::domain_unpause)).state, OperationState::succeeded);
  const auto lines = [&](const std::string& key) {
    std::istringstream text(read_file(file()));
    std::string found;
    for (std::string line; std::getline(text, line);)
      if (line.starts_with(key + " ")) found += line + "|";
    return found;
  };
  Operation what = operation(Op::domain_memory);
  what.memory = mib(80);
  ASSERT_EQ(run_next(what).state, OperationState::succeeded);
  EXPECT_EQ(lines("memory"), "memory = 80|");
  EXPECT_EQ(lines("maxmem"), "maxmem = 2048|");
  what = operation(Op::domain_vcpus);
  what.vcpus = 3;
  ASSERT_EQ(run_next(what).state, OperationState::succeeded);
  EXPECT_EQ(lines("vcpus"), "vcpus = 3|");
  what = operation(Op::domain_schedule);
  what.settings.set("cpu_weight", 512);
  what.settings.set("cap", Value());
  what.settings.set("cpus", List{Value("0-1"), Value("2")});
  what.settings.set("cpus_soft", "0-3,^2");
  ASSERT_EQ(run_next(what).state, OperationState::succeeded);
  EXPECT_EQ(lines("cpu_weight"), "cpu_weight = 512|");
  EXPECT_EQ(lines("cap"), "");
  EXPECT_EQ(lines("cpus"), "cpus = [\"0-1\", \"2\"]|");
  EXPECT_EQ(lines("cpus_soft"), "cpus_soft = \"0-3,^2\"|");
  what.settings = Attributes();
  what.settings.set("cpu_weight", 256);
  what.settings.set("cap", 50);
  what.settings.set("cpus", Value());
  ASSERT_EQ(run_next(what).state, OperationState::succeeded);
  EXPECT_EQ(lines("cpu_weight"), "cpu_weight = 256|");
  EXPECT_EQ(lines("cap"), "cap = 50|");
  EXPECT_EQ(lines("cpus"), "");
  EXPECT_EQ(lines("cpus_soft"), "cpus_soft = \"0-3,^2\"|");
  EXPECT_TRUE(linked());
  // What xl refuses is not in it.
  tell("fail", "no\n");
  what.settings.set("cap", 70);
  EXPECT_EQ(run_next(what).state, OperationState::failed);
  EXPECT_EQ(lines("cap"), "cap = 50|");
}

// A disk that the guest does not let go is out of the file all the same: at boot it is not its.
TEST_F(XlBoot, LetsADiskGoBeforeTheMachineDoes) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  ASSERT_EQ(create().state, OperationState::succeeded);
  ASSERT_EQ(run_next(operation(Op::domain_unpause)).state, OperationState::succeeded);
  ASSERT_EQ(run_next(operation(Op::vbd_attach)).state, OperationState::succeeded);
  tell("held", "");
  ASSERT_TRUE(driver_->begin(OperationId{"p-3-1"}, caller_, operation(Op::vbd_detach)).ok());
  for (int i = 0; i < 200 && calls("block-detach") == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(read_file(file()).find("xvdb"), std::string::npos);
  EXPECT_EQ(driver_->result(OperationId{"p-3-1"}).state, OperationState::running);
  untell("held");
  EXPECT_EQ(wait(OperationId{"p-3-1"}).state, OperationState::succeeded);
}

TEST_F(XlBoot, ComesAndGoesLive) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  tell(uuid_, "5 web r-----\n");
  Operation boot = operation(Op::domain_schedule);
  boot.settings.set("autostart", true);
  boot.domain->vbds = {disk("xvda /img/a w")};
  EXPECT_FALSE(seen_at_boot());
  ASSERT_EQ(run_next(boot).state, OperationState::succeeded);
  EXPECT_TRUE(linked());
  EXPECT_EQ(read_effect(boot, look()).state, EffectState::present);
  // Its disk is not on the machine: it would be at the next boot.
  ASSERT_EQ(look().latent.size(), 1u);
  EXPECT_EQ(look().latent[0].what, "autostart");
  EXPECT_EQ(look().latent[0].vbd.source, "/img/a");
  EXPECT_EQ(look().latent[0].vbd.mode, AccessMode::write);
  // Somebody's hand.
  std::filesystem::remove(link());
  EXPECT_FALSE(seen_at_boot());
  EXPECT_TRUE(look().latent.empty());
  ASSERT_EQ(run_next(boot).state, OperationState::succeeded);
  EXPECT_TRUE(linked());
  boot.settings.set("autostart", Value());
  ASSERT_EQ(run_next(boot).state, OperationState::succeeded);
  EXPECT_FALSE(linked());
  EXPECT_EQ(read_effect(boot, look()).state, EffectState::present);
  // A machine that is gone by another hand, and is forgotten.
  boot.settings.set("autostart", true);
  ASSERT_EQ(run_next(boot).state, OperationState::succeeded);
  untell(uuid_);
  EXPECT_EQ(look().latent.size(), 1u);
  ASSERT_TRUE(driver_->drop_claims(caller_, uuid_of("web"), std::nullopt).ok());
  EXPECT_FALSE(linked());
  EXPECT_TRUE(look().latent.empty());
}

TEST_F(XlBoot, IsNotForWhatMayBeShared) {
  ASSERT_TRUE(driver_->enter(caller_, false).ok());
  Operation what = operation(Op::domain_create);
  what.domain->attributes.set("autostart", true);
  what.domain->vbds = {disk("xvda /img/a w")};
  Claim claim;
  claim.uuid = what.uuid;
  claim.device = "xvda";
  claim.permitted = 1;
  what.claims = {claim};
  Status refused = driver_->begin(OperationId{"p-1-1"}, caller_, what);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("cannot start at boot"), std::string::npos);
  // The plan says so, while nothing is done yet.
  ASSERT_FALSE(driver_->check(what).ok());
  EXPECT_EQ(driver_->check(what).error().message, refused.error().message);
  what.op = Op::domain_schedule;
  what.settings.set("autostart", true);
  EXPECT_FALSE(driver_->begin(OperationId{"p-1-2"}, caller_, what).ok());
  what.domain.reset();
  EXPECT_FALSE(driver_->begin(OperationId{"p-1-3"}, caller_, what).ok());
  what.settings.set("autostart", false);
  EXPECT_TRUE(driver_->check(what).ok());
  EXPECT_TRUE(driver_->begin(OperationId{"p-1-4"}, caller_, what).ok());
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
  for (const Op op : {Op::domain_migrate, Op::claim_put, Op::domain_verify, Op::record_state}) {
    EXPECT_FALSE(can.contains(op)) << to_string(op);
    EXPECT_FALSE(driver_->begin(OperationId{"p-1-1"}, caller_, operation(op)).ok())
        << to_string(op);
  }
  Operation schedule = operation(Op::domain_schedule);
  for (const auto& [name, value] : {std::pair("cpus", Value("nodes:0")),
                                    {"cpus", Value("0;reboot")},
                                    {"cpus_soft", Value(true)},
                                    {"cap", Value("much")},
                                    {"nice", Value(1)}}) {
    schedule.settings = Attributes();
    schedule.settings.set(name, value);
    const Status begun = driver_->begin(OperationId{"p-1-1"}, caller_, schedule);
    const Status known = driver_->check(schedule);
    ASSERT_FALSE(begun.ok() || known.ok()) << name;
    EXPECT_EQ(known.error().message, begun.error().message);
  }
  Operation nothing;
  nothing.uuid = uuid_of("web");
  for (const Op op : can) {
    nothing.op = op;
    const bool needs_more =
        op == Op::domain_create || op == Op::domain_memory || op == Op::domain_vcpus ||
        op == Op::domain_rename || op == Op::vbd_attach || op == Op::vbd_detach ||
        op == Op::vif_attach || op == Op::vif_detach || op == Op::vbd_enlarge ||
        op == Op::pool_initialise || op == Op::vdisk_create || op == Op::vdisk_enlarge;
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
