// Translations: typed declarations that compile to the same resources, files in which libxlutil
// reads the same settings, and what xend printed. Longer than other files: a table each.
#include "compiler/translate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/clock.h"
#include "compiler/compiler_test_support.h"
#include "lang/format.h"

#if HV_LIBXLUTIL
extern "C" {
#include <libxlutil.h>
}
#endif

namespace hv::compiler {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path corpus() {
  if (const char* given = std::getenv("HV_CORPUS")) return given;
  return fs::path(HV_SOURCE_DIR) / "../shared/corpus";
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// A resource in all that a plan looks at: everything but its places and its root file.
std::string shown(const Resource& resource) {
  std::ostringstream out;
  out << to_string(address_of(resource)) << "\n";
  if (const auto* domain = std::get_if<DomainSpec>(&resource)) {
    out << domain->name << " on " << domain->host.text << " "
        << (domain->uuid ? to_string(*domain->uuid) : "") << " " << to_string(domain->state)
        << " sharing " << domain->sharing.value_or(-1) << " disk " << domain->sets_disk << " vif "
        << domain->sets_vif << "\n";
    for (const auto& [name, value] : domain->attributes) {
      const Secret* secret = value.get<Secret>();
      out << name << " = " << value.data.index() << " "
          << (secret != nullptr ? secret->text : to_human(value)) << "\n";
    }
    for (const Vbd& vbd : domain->vbds) {
      out << "vbd " << vbd.device << "|" << vbd.source << "|" << vbd.backend << "|" << vbd.format
          << "|" << vbd.script << "|" << to_string(vbd.mode) << vbd.cdrom << vbd.removable;
      for (const auto& [key, value] : vbd.options) out << "|" << key << "=" << value;
      out << "\n";
    }
    for (const Vif& vif : domain->vifs) {
      out << "vif " << (vif.network ? to_string(*vif.network) : "");
      for (const auto& [key, value] : vif.settings) out << "|" << key << "=" << value;
      out << "\n";
    }
    const Lifecycle& life = domain->lifecycle;
    out << life.protect << to_string(life.on_restart_needed) << to_string(life.stop)
        << life.stop_timeout.count;
    for (const std::string& name : life.ignore) out << " " << name;
  } else if (const auto* vdisk = std::get_if<VdiskSpec>(&resource)) {
    out << to_string(vdisk->pool) << vdisk->size.count << " "
        << (vdisk->expiry ? vdisk->expiry->count : -1);
  } else if (const auto* pool = std::get_if<PoolSpec>(&resource)) {
    out << pool->host.text << pool->extent.count << to_string(pool->scrub);
    for (const std::string& device : pool->devices) out << " " << device;
  } else if (const auto* network = std::get_if<NetworkSpec>(&resource)) {
    out << network->host.text << network->bridge << network->mtu.value_or(-1)
        << network->vlan.value_or(-1);
  }
  return out.str();
}

std::vector<std::string> shown(const DesiredGraph& graph) {
  std::vector<std::string> all;
  for (const Resource& resource : graph.resources()) all.push_back(shown(resource));
  for (const ShareGrant& grant : graph.grants) {
    std::string text =
        grant.source + (grant.vdisk ? to_string(*grant.vdisk) : "") + " " + grant.filesystem;
    for (const Address& domain : grant.domains) text += " " + to_string(domain);
    all.push_back(text);
  }
  for (const Moved& moved : graph.moved)
    all.push_back(to_string(moved.from) + " -> " + to_string(moved.to));
  return all;
}

// The declarations that `setup` is translated to must mean what it means.
void expect_same_as_vm(const Case& setup, const std::string& what) {
  const Compiled before = compile_setup(setup);
  const Translated vm = translate_setup(setup, Language::vm);
  ASSERT_TRUE(vm.text) << what << "\n" << vm.complaints();
  Case again;
  again.hosts = setup.hosts;
  again.default_host = setup.default_host;
  again.files["main.vm"] = *vm.text;
  const Compiled after = compile_setup(again);
  EXPECT_TRUE(after.ok()) << what << "\n" << after.complaints() << *vm.text;
  EXPECT_EQ(shown(after.graph), shown(before.graph)) << what << "\n" << *vm.text;
}

// ---- to vm --------------------------------------------------------------------------------------

TEST(TranslateToVm, EverythingOfAFleet) {
  Case setup;
  setup.files["main.vm"] = R"(
pool fast on xen1:
    devices = ["phy:/dev/sda10", "phy:/dev/sdb1"]
    extent = 32MiB
pool slow on "xen-2":
    devices = ["phy:/dev/sdc"]
network lan on xen1:
    bridge = "xenbr0"
    mtu = 9000
vdisk shared in fast:
    size = 1GiB
    expiry = 7d
    shareable = ("ocfs2", [domain.web0, domain.web1])
vdisk "odd name" in pool.fast:
    size = 512MiB
template small:
    vcpus = 2
    memory = 512MiB
for i in range(2):
    domain f"web{i}"(small) on xen1:
        maxmem = memory * 2
        extra = "console=hvc0 \"quoted\" \\ back\ttab\nline \x01"
        vncpasswd = "geheim"
        cpus = ["0-1", "2"]
        rtc_timeoffset = 90s
        boot = "dc"
        disk = [vbd(shared, "xvda", "w!"), vbd(vdisk["odd name"], "xvdb", "r", discard=True),
                "phy:vg0/logs%d,xvdf,w" % i, "tap:aio:/x.img,xvdg,r", "/y.qcow2,qcow2,xvdh,w",
                "vdev=hdc,cdrom", "vdev=xvdi,direct-io-safe,target=rbd:pool/a=b,c",
                "file:/z.iso,hdd:cdrom,r"] if i == 0 else []
        vif = [vif(network=lan, mac="00:16:3e:00:00:0%d" % i), "bridge=br1,rate=10Mb/s", ""]
        lifecycle:
            protect = i == 0
            on_restart_needed = "defer"
            stop = "destroy"
            stop_timeout = 90s
            ignore = ["memory", "vcpus"]
domain "This is VM 3" on "xen-2":
    name = "called otherwise"
    uuid = "c7fc1023-7e6c-4d5c-9a3c-0e3a9a0b1c2d"
    state = "halted"
    sharing = 1
    memory = 64
shareable("phy:/dev/sdq", "gfs2", [domain.web0, domain["This is VM 3"]])
moved domain.www0 -> domain.web0
)";
  expect_same_as_vm(setup, "fleet");
  const Translated vm = translate_setup(setup, Language::vm);
  ASSERT_TRUE(vm.text);
  for (const char* line :
       {"pool fast:\n", "pool slow on \"xen-2\":\n", "vdisk shared in fast:\n",
        "    shareable = (\"ocfs2\", [domain.web0, domain.web1])\n", "    vncpasswd = \"geheim\"\n",
        "    maxmem = 1GiB\n", "vbd(vdisk.shared, \"xvda\", \"w!\"),\n",
        "vbd(vdisk[\"odd name\"], \"xvdb\", \"r\", discard=True),\n",
        "vbd(\"phy:vg0/logs0\", \"xvdf\", \"w\"),\n",
        "vif(network=lan, mac=\"00:16:3e:00:00:00\"),\n", "moved domain.www0 -> domain.web0\n"})
    EXPECT_NE(vm.text->find(line), std::string::npos) << line << "in\n" << *vm.text;
}

TEST(TranslateToVm, TheDefaultHostIsLeftOut) {
  Case setup;
  setup.files["main.vm"] = "name = 'web'\nmemory = 128\nkernel = '/k'\ndisk = ['phy:a,xvda,w']\n";
  EXPECT_EQ(translate_setup(setup, Language::vm).text,
            "domain web:\n    memory = 128MiB\n    kernel = \"/k\"\n"
            "    disk = [vbd(\"phy:a\", \"xvda\", \"w\")]\n");
  setup.host = HostName{"xen-2"};
  EXPECT_TRUE(translate_setup(setup, Language::vm).text->starts_with("domain web on \"xen-2\":\n"));
}

TEST(TranslateToVm, AFileThatLacksAParameterIsRefusedByItsName) {
  Case setup;
  setup.files["main.vm"] = "name = 'vm%d' % vmid\nmemory = 64\n";
  const Translated refused = translate_setup(setup, Language::vm);
  EXPECT_FALSE(refused.text);
  EXPECT_NE(refused.complaints().find("`vmid`"), std::string::npos) << refused.complaints();
  setup.params["vmid"] = {"3"};
  // -p binds a string, which `%d` does not take, as in xm.
  setup.files["main.vm"] = "name = 'vm%d' % int(vmid)\nmemory = 64\n";
  EXPECT_EQ(translate_setup(setup, Language::vm).text, "domain vm3:\n    memory = 64MiB\n");
}

TEST(TranslateToVm, EveryAttributeThatATableKnows) {
  // One domain file a key, with a value that fits its type.
  int keys = 0;
  for (const Attribute& attribute : Schema::builtin().attributes(Kind::domain)) {
    if (!attribute.legacy_key || attribute.name == "name") continue;
    std::string value;
    switch (attribute.type) {
      case AttributeType::boolean:
      case AttributeType::number:
        value = "1";
        break;
      case AttributeType::integer:
        value = "1";
        break;
      case AttributeType::size:
      case AttributeType::duration:
        value = "128";
        break;
      case AttributeType::uuid:
        value = "'c7fc1023-7e6c-4d5c-9a3c-0e3a9a0b1c2d'";
        break;
      case AttributeType::mac:
        value = "'00:16:3e:01:02:03'";
        break;
      case AttributeType::ip:
        value = "'10.0.0.1'";
        break;
      case AttributeType::choice:
        value = "'" + std::string(attribute.choices[0]) + "'";
        break;
      case AttributeType::vbd_list:
        value = "['phy:a,xvda,w!', 'file:/b.iso,hdc:cdrom,r']";
        break;
      case AttributeType::vif_list:
        value = "['', 'bridge=br0']";
        break;
      case AttributeType::cpu_list:
        value = "['0', '1-2']";
        break;
      case AttributeType::raw:
        value = "['a', ['b', 'c']]";
        break;
      case AttributeType::string_list:
        value = attribute.name == "pci"       ? "['03:00.0']"
                : attribute.name == "vscsi"   ? "['/dev/sdb,0:0:0:0']"
                : attribute.name == "channel" ? "['connection=pty,name=a']"
                : attribute.name == "usbctrl" ? "['type=pv']"
                : attribute.name == "usbdev"  ? "['hostbus=1']"
                : attribute.name == "vtpm"    ? "['backend=t']"
                                              : "['x=1']";
        break;
      case AttributeType::string:
      case AttributeType::path:
      case AttributeType::secret:
      case AttributeType::reference:
      case AttributeType::reference_list:
        value = "'some \"text\"'";
        break;
    }
    ++keys;
    Case setup;
    setup.files["main.vm"] =
        "name = 'a'\nmemory = 64\n" + std::string(attribute.name) + " = " + value + "\n";
    expect_same_as_vm(setup, setup.files["main.vm"]);
  }
  EXPECT_GT(keys, 200);
}

std::vector<std::string> files_of_corpus() {
  std::vector<std::string> files;
  if (!fs::exists(corpus() / "files")) return files;
  for (const auto& entry : fs::directory_iterator(corpus() / "files"))
    files.push_back(entry.path().filename());
  std::sort(files.begin(), files.end());
  return files;
}

Case case_of(const std::string& file) {
  Case setup;
  setup.files[file] = slurp(corpus() / "files" / file);
  setup.roots = {file};
  setup.root_params = {{"vmid", "3"}, {"vmmem", "2048"}};
  return setup;
}

TEST(TranslateToVm, RealFilesMeanTheSame) {
  const std::vector<std::string> files = files_of_corpus();
  if (files.empty()) GTEST_SKIP() << "skipped: no corpus is here";
  int compared = 0;
  for (const std::string& file : files) {
    const Case setup = case_of(file);
    if (!compile_setup(setup).ok()) continue;
    expect_same_as_vm(setup, file);
    ++compared;
  }
  std::printf("%d real files mean the same as declarations\n", compared);
  EXPECT_GT(compared, 100);
}

TEST(TranslateToVm, TheExamplesMeanTheSame) {
  int compared = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(HV_SOURCE_DIR) / "examples")) {
    const std::string extension = entry.path().extension();
    if (!entry.is_regular_file() || (extension != ".vm" && extension != ".cfg")) continue;
    Case setup;
    for (const auto& beside : fs::directory_iterator(entry.path().parent_path()))
      if (beside.is_regular_file()) setup.files[beside.path().filename()] = slurp(beside.path());
    setup.roots = {entry.path().filename()};
    if (!compile_setup(setup).ok()) continue;
    expect_same_as_vm(setup, entry.path());
    ++compared;
  }
  EXPECT_GE(compared, 2);
}

// ---- to xl --------------------------------------------------------------------------------------

TEST(TranslateToXl, AFilesOwnWords) {
  Case setup;
  setup.files["main.vm"] =
      "name = 'web'\nmemory = '0x80'\nmaxmem = 0400\nvcpus = 1 + 1\nvncpasswd = 0123\n"
      "extra = 'a \"b\" \\\\ c' + '\\n'\nacpi = True\nrtc_timeoffset = -60\ncpu_weight = 512.5\n"
      "disk = [('phy:sda3', 'xvda', 'w'), 'phy:b,xvdb,r']\nvif = ['']*2\nprivate = 7\n"
      "cpu_cap = 50\non_xend_start = 'start'\n";
  const Translated xl = translate_setup(setup, Language::xl);
  EXPECT_EQ(
      xl.text,
      "name = \"web\"\nmemory = \"0x80\"\nmaxmem = 0400\nvcpus = 2\nvncpasswd = 0123\n"
      "extra = \"a \\\"b\\\" \\\\ c\\n\"\nacpi = 1\nrtc_timeoffset = \"-60\"\n"
      "cpu_weight = 512\ndisk = [\"phy:/dev/sda3,xvda,w\", \"phy:b,xvdb,r\"]\nvif = [\"\", \"\"]\n"
      "cap = 50\n\n# xl has no words for:\n# on_xend_start = \"start\"\n");
  EXPECT_NE(xl.complaints().find("xl has no `on_xend_start`"), std::string::npos);
}

TEST(TranslateToXl, ADeclaredDomain) {
  Case setup;
  setup.files["main.vm"] =
      "pool fast on xen1:\n    devices = ['phy:/dev/sda1']\nvdisk root in fast:\n    size = 1GiB\n"
      "domain web on xen1:\n    type = 'pvh'\n    memory = 1GiB\n    acpi = False\n"
      "    rtc_timeoffset = 1m\n    vncpasswd = 'x'\n    serial = ['pty']\n    sharing = 1\n"
      "    disk = [vbd(root, 'xvda', 'w'), vbd('/a', 'xvdb', 'r', format='qcow2')]\n"
      "    vif = [vif(bridge='br0', mac='00:16:3e:00:00:01')]\n";
  const Translated xl = translate_setup(setup, Language::xl);
  EXPECT_EQ(xl.text,
            "name = \"web\"\nacpi = 0\nmemory = 1024\nrtc_timeoffset = 60\nserial = [\"pty\"]\n"
            "type = \"pvh\"\nvncpasswd = \"x\"\n"
            "disk = [\"vd:root,xvda,w\", \"format=qcow2,vdev=xvdb,access=r,target=/a\"]\n"
            "vif = [\"bridge=br0,mac=00:16:3e:00:00:01\"]\n\n"
            "# xl has no words for:\n# sharing = 1\n");
  EXPECT_NE(xl.complaints().find("xl has no virtual disks"), std::string::npos);
  setup.files["main.vm"] += "domain other on xen1:\n    memory = 64\n";
  const Translated two = translate_setup(setup, Language::xl);
  EXPECT_FALSE(two.text);
  EXPECT_EQ(two.first_message(), "2 domains are declared, and a file of xl is one");
  setup.files["main.vm"] = "pool fast on xen1:\n    devices = ['phy:/dev/sda1']\n";
  EXPECT_EQ(translate_setup(setup, Language::xl).first_message(),
            "no domain is declared, and a file of xl is one domain");
}

TEST(TranslateToXl, AFileOf2004BecomesOneThatXlReads) {
  Case setup;
  setup.files["main.vm"] =
      "image = '/boot/xen-linux'\nmem_size = 64\ndomain_name = 'old one'\n"
      "vbd_list = [('phy:hda3', 'sda1', 'w')]\ncmdline_root = 'root=/dev/sda1 ro'\n"
      "cmdline_ip = 'ip=10.0.0.3'\ncmdline_extra = '4'\n";
  const Translated xl = translate_setup(setup, Language::xl);
  EXPECT_EQ(xl.text,
            "name = \"old one\"\ncmdline = \"ip=10.0.0.3 root=/dev/sda1 ro 4\"\n"
            "kernel = \"/boot/xen-linux\"\nmemory = 64\ndisk = [\"phy:/dev/hda3,sda1,w\"]\n");
  EXPECT_EQ(xl.complaints(), "");
}

#if HV_LIBXLUTIL
// What libxlutil reads in a text, one line a key that xl knows.
std::optional<std::vector<std::string>> read_by_xl(const std::string& text) {
  std::FILE* null = std::fopen("/dev/null", "w");
  XLU_Config* config = xlu_cfg_init(null, "test");
  std::vector<std::string> read;
  const bool taken = xlu_cfg_readdata(config, text.data(), static_cast<int>(text.size())) == 0;
  std::function<std::string(const XLU_ConfigList*, int)> items = [&](const XLU_ConfigList* list,
                                                                     int count) {
    std::string out = "[";
    for (int i = 0; i < count; ++i) {
      XLU_ConfigValue* item = xlu_cfg_get_listitem2(list, i);
      char* one = nullptr;
      XLU_ConfigList* nested = nullptr;
      if (xlu_cfg_value_get_string(config, item, &one, 1) == 0) {
        out += "<" + std::string(one) + ">";
      } else if (xlu_cfg_value_get_list(config, item, &nested, 1) == 0) {
        int inside = 0;
        while (xlu_cfg_get_listitem2(nested, inside) != nullptr) ++inside;
        out += items(nested, inside);
      }
    }
    return out + "]";
  };
  if (taken) {
    for (const Attribute& attribute : Schema::builtin().attributes(Kind::domain)) {
      if (attribute.generations.find("xl") == std::string_view::npos) continue;
      const std::string name(attribute.name);
      const char* one = nullptr;
      XLU_ConfigList* list = nullptr;
      int count = 0;
      if (xlu_cfg_get_string(config, name.c_str(), &one, 1) == 0)
        read.push_back(name + " = " + one);
      else if (xlu_cfg_get_list(config, name.c_str(), &list, &count, 1) == 0)
        read.push_back(name + " = " + items(list, count));
    }
  }
  xlu_cfg_destroy(config);
  std::fclose(null);
  if (!taken) return std::nullopt;
  return read;
}

TEST(TranslateToXl, LibxlutilReadsTheSameInRealFiles) {
  const std::vector<std::string> files = files_of_corpus();
  if (files.empty()) GTEST_SKIP() << "skipped: no corpus is here";
  int compared = 0, readable = 0;
  std::size_t settings = 0;
  for (const std::string& file : files) {
    const Case setup = case_of(file);
    if (!compile_setup(setup).ok()) continue;
    const Translated xl = translate_setup(setup, Language::xl);
    ASSERT_TRUE(xl.text) << file << xl.complaints();
    const auto after = read_by_xl(*xl.text);
    ASSERT_TRUE(after) << file << "\n" << *xl.text;
    ++readable;
    const auto before = read_by_xl(setup.files.begin()->second);
    if (!before) continue;
    ++compared;
    settings += before->size();
    std::vector<std::string> expected = *before;
    // A file without a name is called after itself, which xl does not do.
    EXPECT_EQ(*after, expected) << file << "\n" << *xl.text;
  }
  std::printf("%d files that xl reads, %d of them as before (%zu settings)\n", readable, compared,
              settings);
  EXPECT_GT(compared, 100);
}

TEST(TranslateToXl, LibxlutilReadsEveryTextAsItIs) {
  for (const char* text :
       {"plain", "", " blanks ", "a\\\\b", "tab\\there", "line\\nline", "q\\\"q", "it's",
        "#no comment", "bell\\x07", "r\\rr", "\xc3\xa9", "$x %s ; = , ["}) {
    Case setup;
    setup.files["main.vm"] =
        "name = 'a'\nmemory = 64\nextra = \"" + std::string(text) + "\"\nboot = [\"x\"][0]\n";
    const Compiled ours = compile_setup(setup);
    const Translated xl = translate_setup(setup, Language::xl);
    ASSERT_TRUE(xl.text && ours.ok()) << text << ours.complaints();
    const auto read = read_by_xl(*xl.text);
    ASSERT_TRUE(read) << *xl.text;
    EXPECT_NE(std::find(read->begin(), read->end(),
                        "extra = " + *ours.domain("a")->attributes.get<std::string>("extra")),
              read->end())
        << *xl.text;
  }
}
#endif

// ---- from sxp -----------------------------------------------------------------------------------

TEST(TranslateFromSxp, WhatXmListPrinted) {
  Case setup;
  setup.roots = {"web.sxp"};
  setup.files["web.sxp"] = R"sxp(
# xm list -l web
(domain
    (domid 3)
    (on_crash restart)
    (uuid 5c5fc4ba-5b0c-9a7a-7e1c-5b6c0e8f7a11)
    (bootloader_args -q)
    (vcpus 2)
    (name 'web one')
    (on_poweroff destroy)
    (on_reboot restart)
    (cpus ((0 1) (2)))
    (maxmem 512)
    (memory 256)
    (shadow_memory 0)
    (cpu_weight 256)
    (cpu_cap 50)
    (features )
    (on_xend_start ignore)
    (on_xend_stop ignore)
    (start_time 1300000000.5)
    (cpu_time 12.25)
    (online_vcpus 2)
    (image
        (linux
            (kernel /boot/vmlinuz)
            (ramdisk /boot/initrd)
            (root '/dev/xvda ro')
            (args 'console=hvc0 4')
            (notes (FEATURES 'x'))))
    (status 2)
    (state -b----)
    (store_mfn 1234)
    (device (vif (bridge xenbr0) (mac 00:16:3e:0a:0b:0c) (script /etc/xen/scripts/vif-bridge)
                 (uuid aa) (backend 0)))
    (device (vbd (uname phy:/dev/vg/web) (dev xvda:disk) (mode w) (backend 0) (driver paravirtualised)))
    (device (tap (uname tap:aio:/srv/a.img) (dev xvdb) (mode r)))
    (device (console (protocol vt100) (location 2)))
    (device (vkbd (backend 0)))
    (device (vfb (vnc 1) (vnclisten 0.0.0.0) (vncunused 1) (location 0.0.0.0:5900)))
    (device (pci (dev (domain 0x0000) (bus 0x01) (slot 0x13) (func 0x0) (vdevfn 0x100)
                      (opts ((msitranslate 1)))) (uuid bb)))
    (device (frobnicator (x 1))))
)sxp";
  const Translated vm = translate_setup(setup, Language::vm, Language::sxp);
  EXPECT_EQ(vm.text, R"(domain "web one":
    uuid = "5c5fc4ba-5b0c-9a7a-7e1c-5b6c0e8f7a11"
    type = "pv"
    vcpus = 2
    memory = 256MiB
    maxmem = 512MiB
    kernel = "/boot/vmlinuz"
    ramdisk = "/boot/initrd"
    root = "/dev/xvda ro"
    extra = "console=hvc0 4"
    bootloader_args = ["-q"]
    cap = 50
    cpu_weight = 256
    cpus = ["0,1", "2"]
    on_crash = "restart"
    on_poweroff = "destroy"
    on_reboot = "restart"
    on_xend_start = "ignore"
    on_xend_stop = "ignore"
    pci = ["0000:01:13.0,msitranslate=1"]
    shadow_memory = 0B
    vfb = ["vnc=1,vnclisten=0.0.0.0,vncunused=1"]
    disk = [vbd("phy:/dev/vg/web", "xvda", "w"), vbd("/srv/a.img", "xvdb", "r")]
    vif = [
        vif(bridge="xenbr0", mac="00:16:3e:0a:0b:0c", script="/etc/xen/scripts/vif-bridge"),
    ]
)");
  EXPECT_EQ(vm.complaints(), "HV0229 web.sxp:43: `frobnicator` is not translated\n");
  const Translated xl = translate_setup(setup, Language::xl, Language::sxp);
  ASSERT_TRUE(xl.text);
  EXPECT_NE(xl.text->find("disk = [\"phy:/dev/vg/web,xvda:disk,w\""), std::string::npos)
      << *xl.text;
}

TEST(TranslateFromSxp, MistakesHaveTheirPlaces) {
  const std::pair<const char*, const char*> cases[] = {
      {"(vm (name a) (memory x))", "HV0204 a.sxp:1: "},
      {"(vm (name a)\n (memory 64)", "HV0108 a.sxp:1: this `(` is never closed"},
      {"(vm (name a))\n)", "HV0109 a.sxp:2: a `)` that nothing opens"},
      {"(vm (name 'a))", "HV0106 a.sxp:1: this text is never closed"},
      {"(vm (name 'a\\xzz'))", "HV0107 a.sxp:1: an escape that names no character"},
      {"hello", "HV0101 a.sxp:1: no `(domain …)` and no `(vm …)` stands here"},
      {"(vm (name a) (device (vbd (uname phy:x) (dev xvda) (mode q))))", "HV0213 a.sxp:1: "},
      {"(vm (name a) (memory 64) (zzz 1))", "HV0229 a.sxp:1: `zzz` is not translated"}};
  for (const auto& [text, complaint] : cases) {
    Case setup;
    setup.roots = {"a.sxp"};
    setup.files["a.sxp"] = text;
    const Translated vm = translate_setup(setup, Language::vm, Language::sxp);
    EXPECT_NE(vm.complaints().find(complaint), std::string::npos) << text << "\n"
                                                                  << vm.complaints();
  }
  Case deep;
  deep.roots = {"a.sxp"};
  deep.files["a.sxp"] = std::string(100'000, '(');
  EXPECT_EQ(translate_setup(deep, Language::vm, Language::sxp).complaints(),
            "HV0120 a.sxp:1: lists nested more than 100 deep\n");
}

TEST(TranslateFromSxp, WhatXmSentToXendIsWhatTheFileSaid) {
  if (!fs::exists(corpus() / "xm_oracle.jsonl")) GTEST_SKIP() << "skipped: no corpus is here";
  std::istringstream in(slurp(corpus() / "xm_oracle.jsonl"));
  int compared = 0;
  std::size_t disks = 0, settings = 0;
  for (std::string line; std::getline(in, line);) {
    const json answer = json::parse(line);
    if (!answer["ok"].get<bool>()) continue;
    Case setup;
    setup.roots = {"a.sxp"};
    setup.files["a.sxp"] = answer["sxp"].get<std::string>();
    const Translated vm = translate_setup(setup, Language::vm, Language::sxp);
    ASSERT_TRUE(vm.text) << answer["file"] << vm.complaints();
    Case again;
    again.files["main.vm"] = *vm.text;
    const Compiled ours = compile_setup(again);
    ASSERT_TRUE(ours.ok()) << answer["file"] << ours.complaints() << *vm.text;
    const Case source = case_of(answer["file"].get<std::string>());
    const Compiled theirs = compile_setup(source);
    ASSERT_TRUE(theirs.ok());
    const auto& from_sxp = std::get<DomainSpec>(ours.graph.resources()[0]);
    const auto& from_file = std::get<DomainSpec>(theirs.graph.resources()[0]);
    ++compared;
    // xm kept the extension of a file that says no name, and made a kernel's path absolute.
    EXPECT_TRUE(from_sxp.name.starts_with(from_file.name)) << from_sxp.name;
    for (const char* name :
         {"memory", "maxmem", "vcpus", "kernel", "ramdisk", "root", "extra", "bootloader",
          "on_crash", "on_reboot", "on_poweroff", "acpi", "boot"}) {
      const Value* value = from_file.attributes.find(name);
      const Value* sent = from_sxp.attributes.find(name);
      if (value == nullptr || sent == nullptr) continue;
      ++settings;
      if (name == std::string_view("kernel"))
        EXPECT_TRUE(to_human(*sent).ends_with(to_human(*value))) << to_human(*sent);
      else
        EXPECT_EQ(to_human(*sent), to_human(*value)) << answer["file"] << " " << name;
    }
    ASSERT_EQ(from_sxp.vbds.size(), from_file.vbds.size()) << answer["file"] << *vm.text;
    for (std::size_t i = 0; i < from_file.vbds.size(); ++i, ++disks)
      EXPECT_TRUE(same_settings(from_sxp.vbds[i], from_file.vbds[i]))
          << answer["file"] << " " << from_sxp.vbds[i].written << " for "
          << from_file.vbds[i].written;
  }
  std::printf("%d files as xm sent them to xend: %zu settings and %zu disks\n", compared, settings,
              disks);
  EXPECT_GT(compared, 100);
}

// ---- formatting ---------------------------------------------------------------------------------

// `hv fmt` changes what a file looks like: everything it declares and prints stays, and what xl
// reads of a file that it could read.
void expect_same_when_formatted(const Case& setup, const std::string& what) {
  Case again = setup;
  for (auto& [path, text] : again.files) {
    SourceMap sources;
    Diagnostics told;
    const auto formatted = lang::format(sources.add(path, text), sources, told);
    if (formatted) text = *formatted;
  }
  const Compiled before = compile_setup(setup);
  const Compiled after = compile_setup(again);
  const std::string& text = again.files.begin()->second;
  ASSERT_EQ(after.ok(), before.ok()) << what << "\n" << after.complaints() << text;
  EXPECT_EQ(shown(after.graph), shown(before.graph)) << what << "\n" << text;
  EXPECT_EQ(after.printed(), before.printed()) << what << "\n" << text;
#if HV_LIBXLUTIL
  if (const auto read = read_by_xl(setup.files.begin()->second)) {
    EXPECT_EQ(read_by_xl(text), read) << what << "\n" << text;
  }
#endif
}

TEST(Formatting, RealFilesMeanTheSame) {
  const std::vector<std::string> files = files_of_corpus();
  if (files.empty()) GTEST_SKIP() << "skipped: no corpus is here";
  int compared = 0;
  for (const std::string& file : files) {
    const Case setup = case_of(file);
    if (!compile_setup(setup).ok()) continue;
    expect_same_when_formatted(setup, file);
    ++compared;
  }
  std::printf("%d real files mean the same when they are formatted\n", compared);
  EXPECT_GT(compared, 100);
}

// Programs that compile, in spacing that nobody would choose.
class UglyProgram {
 public:
  explicit UglyProgram(uint64_t seed) : random_(seed) {}

  std::string module() {
    block(0, {"param n~:~int(~1~..~9~)~=~" + number(), "size~=~" + number() + "~*~64MiB",
              "names~=~[~'a'~,^~\"b\"~,~]", "def f(~a~,~b~=~2~)~:~return a~+~b",
              "pool fast~:", ">devices~=~['phy:/dev/sda'];~extent~=~64MiB",
              "template t~:", ">vcpus~=~f(~" + number() + "~)", ">on_crash~=~'restart'"});
    for (uint64_t i = 0, blocks = 1 + random_.below(4); i < blocks; ++i) {
      const std::string name = "d" + std::to_string(i);
      switch (random_.below(3)) {
        case 0:
          block(0, {"domain " + name + "(t)~:", ">memory~=~size", ">if size~>~128MiB~:",
                    ">>extra~=~\"x=%d\"~%~f(n)", ">else~:", ">>_h~=~'''two\nlines'''",
                    ">>extra~=~_h", ">lifecycle~:", ">>protect~=~True"});
          break;
        case 1:
          block(0, {"for i in range(~n~)~:", ">vdisk f\"" + name + "-{i}\" in fast~:",
                    ">>size~=~(i~+~1)~*~1GiB",
                    ">domain f'" + name + "-{ i }'~:", ">>memory~=~64MiB~+~size~;~vcpus~=~i~+~1",
                    ">>disk~=~[~vbd(~vdisk[f\"" + name +
                        "-{i}\"]~,~'xvda'~,^~mode~=~\"w\"~)~,^~'phy:b%d,xvdb,r'~%~i~]"});
          break;
        default:
          block(0, {"domain '" + name + " x'~:", ">memory~=~1GiB",
                    ">vif~=~[~vif(~bridge~=~'br0'~)~]~*~2", ">cpus~=~\"0-\"~+~str(n)",
                    ">kernel~=~names[~-1~] if n~>~3 else r'/k\\d'"});
          break;
      }
    }
    line("print(~n~,~names~,~f(1~,~b~=~n~)~)");
    return std::move(text_);
  }

  std::string domain_file() {
    const std::size_t column = random_.below(3) == 0 ? random_.below(6) : 0;
    block(column, {"name~=~'old'~+~\"%02d\"~%~" + number(), "memory~=~" + number() + "~*~010",
                   "def f(a)~:", ">return `a`~+~'x'", "if memory~<>~64~:",
                   ">vcpus~=~" + number() + "~/~2~+~1", ">if vcpus~>~2~:", ">>on_crash~=~'restart'",
                   "else~:~vcpus~=~2", "disk~=~[~'phy:a,xvda,w'~,^~\"\"\"phy:b,xvdb,r\"\"\"~]",
                   "for i in 1~,~2~:", ">disk~+=~[~'phy:c%d,xvd%s,w'~%~(~i~,~'cde'[i]~)~]",
                   "extra~=~f(~'q'~)~;~root~=~\"/dev/xvda \\\nro\"", "print memory~,~vcpus"});
    return std::move(text_);
  }

 private:
  std::string number() { return std::to_string(1 + random_.below(9)); }
  std::string blanks() { return std::string(random_.below(3), ' '); }

  // `~` are blanks or none, `^` may be a comment and a new line: only inside brackets.
  void line(const std::string& pattern) {
    for (const char c : pattern) {
      if (c == '~')
        text_ += blanks();
      else if (c == '^')
        text_ += random_.below(2) == 0 ? "  # why\n" + blanks() : " ";
      else
        text_ += c;
    }
    if (random_.below(4) == 0) text_ += "  #c" + blanks();
    text_ += random_.below(5) == 0 ? "  \n\n" : "\n";
  }

  // `>` in front says how deep a line stands.
  void block(std::size_t column, const std::vector<std::string>& lines) {
    std::vector<std::size_t> columns{column};
    for (const std::string& each : lines) {
      const std::size_t depth = each.find_first_not_of('>');
      while (columns.size() <= depth) columns.push_back(columns.back() + 1 + random_.below(7));
      columns.resize(depth + 1);
      if (random_.below(6) == 0) text_ += blanks() + "# between\n";
      text_ += std::string(columns[depth], ' ');
      line(each.substr(depth));
    }
  }

  SeededRandom random_;
  std::string text_;
};

TEST(Formatting, GeneratedProgramsMeanTheSame) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    UglyProgram made(seed);
    Case setup;
    setup.files["main.vm"] = seed % 2 == 0 ? made.module() : made.domain_file();
    const std::string& text = setup.files["main.vm"];
    const Compiled before = compile_setup(setup);
    ASSERT_TRUE(before.ok()) << before.complaints() << text;
    expect_same_when_formatted(setup, "seed " + std::to_string(seed) + "\n" + text);
    expect_same_as_vm(setup, "seed " + std::to_string(seed) + "\n" + text);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace hv::compiler
