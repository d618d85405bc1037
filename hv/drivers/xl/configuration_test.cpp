// What `xl list -l` says beyond what is compared: taken as the attribute that xl.cfg(5) has for it,
// or named. The spellings are what `xl create --dryrun` of Xen 4.17 makes of those attributes.
#include "hv/drivers/xl/configuration.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "hv/drivers/xl/look.h"
#include "hv/schema/schema.h"

namespace hv {
namespace {

Attributes rest_of(const std::string& config) {
  auto all = rest_of_configurations("[{\"domid\": 7, \"config\": " + config + "}]");
  return all.contains(7) ? all[7] : Attributes();
}

List words(std::initializer_list<const char*> texts) {
  List list;
  for (const char* text : texts) list.emplace_back(text);
  return list;
}

struct TakenCase {
  const char* config;
  const char* attribute;
  Value value;
};
const TakenCase kTaken[] = {
    {R"({"b_info": {"type.hvm": {"boot": "dc"}}})", "boot", "dc"},
    {R"({"b_info": {"type.hvm": {"vnc": {"enable": "True"}}}})", "vnc", true},
    {R"({"b_info": {"type.hvm": {"vnc": {"listen": "0.0.0.0"}}}})", "vnclisten", "0.0.0.0"},
    {R"({"b_info": {"type.hvm": {"vnc": {"display": 3}}}})", "vncdisplay", 3},
    {R"({"b_info": {"type.hvm": {"sdl": {"enable": "False"}}}})", "sdl", false},
    {R"({"b_info": {"type.hvm": {"spice": {"port": 6000}}}})", "spiceport", 6000},
    {R"({"b_info": {"type.hvm": {"vga": {"kind": "std"}}}})", "vga", "stdvga"},
    {R"({"b_info": {"type.hvm": {"vga": {"kind": "qxl"}}}})", "vga", "qxl"},
    {R"({"b_info": {"type.hvm": {"bios": "ovmf"}}})", "bios", "ovmf"},
    {R"({"b_info": {"type.hvm": {"serial_list": ["pty"]}}})", "serial", words({"pty"})},
    {R"({"b_info": {"type.hvm": {"serial": "pty"}}})", "serial", words({"pty"})},
    {R"({"b_info": {"type.hvm": {"usbdevice_list": ["tablet", "mouse"]}}})", "usbdevice",
     words({"tablet", "mouse"})},
    {R"({"b_info": {"type.hvm": {"viridian": "True"}}})", "viridian", true},
    {R"({"b_info": {"nested_hvm": "True"}})", "nestedhvm", true},
    {R"({"b_info": {"type.hvm": {"nested_hvm": "True"}}})", "nestedhvm", true},
    {R"({"b_info": {"acpi": "False"}})", "acpi", false},
    {R"({"b_info": {"apic": false}})", "apic", false},
    {R"({"b_info": {"type.pv": {"e820_host": "True"}}})", "e820_host", true},
    {R"({"b_info": {"disable_migrate": "True"}})", "nomigrate", true},
    {R"({"b_info": {"device_model_version": "qemu_xen"}})", "device_model_version", "qemu-xen"},
    {R"({"b_info": {"extra": ["-x", "a b"]}})", "device_model_args", words({"-x", "a b"})},
    {R"({"b_info": {"rtc_timeoffset": 4294967291}})", "rtc_timeoffset", seconds(-5)},
    {R"({"b_info": {"rtc_timeoffset": 5}})", "rtc_timeoffset", seconds(5)},
    {R"({"b_info": {"video_memkb": 32768}})", "videoram", mib(32)},
    {R"({"b_info": {"shadow_memkb": 9216}})", "shadow_memory", mib(9)},
    {R"({"b_info": {"irqs": [5, 7]}})", "irqs", List{Value(5), Value(7)}},
    {R"({"c_info": {"hap": "False"}})", "hap", false},
    {R"({"c_info": {"ssid_label": "a:b:c"}})", "seclabel", "a:b:c"},
    {R"({"c_info": {"passthrough": "share_pt"}})", "passthrough", "share_pt"},
    {R"({"c_info": {"driver_domain": "True"}})", "driver_domain", true},
    {R"({"pcidevs": [{"bus": 3, "vfunc_mask": 1}]})", "pci", words({"0000:03:00.0"})},
    {R"({"pcidevs": [{"domain": 1, "dev": 31, "func": 7, "bus": 255, "vfunc_mask": 1,
                      "msitranslate": true, "permissive": true, "rdm_policy": "strict"},
                     {"bus": 5, "vdevfn": 56, "vfunc_mask": 1, "seize": false}]})",
     "pci",
     words(
         {"0001:ff:1f.7,msitranslate=1,permissive=1,rdm_policy=strict", "0000:05:00.0@7,seize=0"})},
};

TEST(XlConfiguration, WhatAnAttributeMeansIsTaken) {
  for (const TakenCase& one : kTaken) {
    const Attributes rest = rest_of(one.config);
    ASSERT_EQ(rest.size(), 1u) << one.config;
    const Value* value = rest.find(one.attribute);
    ASSERT_NE(value, nullptr) << one.config << " has " << rest.begin()->name;
    EXPECT_TRUE(*value == one.value) << one.config << ": " << to_human(*value);
    const Attribute* attribute = Schema::builtin().find(Kind::domain, one.attribute);
    ASSERT_NE(attribute, nullptr) << one.attribute;
    EXPECT_FALSE(attribute->observed) << one.attribute << " would be compared with what it was";
    if (attribute->type == AttributeType::choice)
      EXPECT_NE(choice_from(*attribute, *value->get<std::string>()), std::nullopt);
  }
}

struct UntakenCase {
  const char* config;
  const char* names;  // "" where it is not worth a word
};
const UntakenCase kUntakenCases[] = {
    {"{}", ""},
    {R"({"b_info": {"claim_mode": "True", "type.pv": {}, "arch_arm": {}, "video_memkb": 0}})", ""},
    {R"({"b_info": {"arch_x86": {"msr_relaxed": "False"}}})", ""},
    {R"({"b_info": {"arch_x86": {"msr_relaxed": "True"}}})", "[b_info.arch_x86.msr_relaxed]"},
    {R"({"b_info": {"sched_params": {"weight": 256, "period": 10}}})", ""},
    {R"({"b_info": {"localtime": "<default>", "type.hvm": {"rdm": {}, "vga": {}, "boot": ""}}})",
     ""},
    {R"({"b_info": {"localtime": "perhaps"}})", "[b_info.localtime]"},
    {R"({"b_info": {"type.hvm": {"rdm": {"strategy": "host"}}}})",
     "[b_info.type.hvm.rdm.strategy]"},
    {R"({"b_info": {"type.hvm": {"vnc": {"passwd": "secret"}}}})", "[b_info.type.hvm.vnc.passwd]"},
    {R"({"b_info": {"cpuid": [{"leaf": 1}]}, "vtpms": [{"devid": 0}]})", "[b_info.cpuid, vtpms]"},
    {R"({"vfbs": [{"devid": 0, "vnc": {"enable": "True"}}], "vkbs": [{"devid": 0}]})",
     "[vfbs, vkbs]"},
    {R"({"p9s": [], "channels": null, "usbctrls": [{"version": 2}]})", "[usbctrls]"},
    {R"({"pcidevs": [{"bus": 3, "vfunc_mask": 255}]})", "[pcidevs]"},
    {R"({"pcidevs": [{"bus": 3, "vfunc_mask": 1, "name": "gpu"}]})", "[pcidevs]"},
    {R"({"disks": [{"vdev": "xvda", "readwrite": 1, "format": "raw", "pdev_path": "/a",
                    "is_cdrom": 1, "removable": 1, "colo_restore_enable": "False"}]})",
     ""},
    {R"({"disks": [{"vdev": "xvda"}, {"vdev": "xvdb", "discard_enable": "True"}]})",
     "[disks[1].discard_enable]"},
    {R"({"nics": [{"devid": 0, "mac": "00:16:3e:00:00:01", "bridge": "b", "nictype": "vif"}]})",
     ""},
    {R"({"nics": [{"coloft_forwarddev": "eth0"}]})", "[nics[0].coloft_forwarddev]"},
    {R"({"of_tomorrow": 1, "on_crash": "preserve"})", "[of_tomorrow]"},
};

TEST(XlConfiguration, WhatNoAttributeMeansIsNamed) {
  for (const UntakenCase& one : kUntakenCases) {
    const Attributes rest = rest_of(one.config);
    const Value* untaken = rest.find(kUntaken);
    EXPECT_EQ(untaken == nullptr ? "" : to_human(*untaken), one.names) << one.config;
    EXPECT_EQ(rest.size(), untaken == nullptr ? 0u : 1u) << one.config;
  }
}

TEST(XlConfiguration, WhatIsNoneSaysNothing) {
  for (const char* text : {"", "{}", "[", "[1, {}]", "[{\"domid\": -1, \"config\": {}}]",
                           "[{\"domid\": 7, \"config\": 3}]", "[{\"config\": {\"a\": 1}}]"})
    EXPECT_TRUE(rest_of_configurations(text).empty()) << text;
}

// Plain machines are known whole, whatever libxl adds by itself.
TEST(XlConfiguration, NothingOfARealHostsPlainMachinesIsUntaken) {
  std::ifstream in(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/fixtures/xen-4.17.look");
  std::ostringstream text;
  text << in.rdbuf();
  const HostObservation seen = read_look(text.str(), HostName{"xen1"}, Time{{1}});
  ASSERT_EQ(seen.domains.size(), 2u) << seen.reason;
  for (const ObservedDomain& domain : seen.domains)
    EXPECT_EQ(domain.attributes.find(kUntaken), nullptr)
        << to_human(*domain.attributes.find(kUntaken));
}

TEST(XlConfiguration, ReachesTheMachine) {
  std::ifstream in(std::string(HV_SOURCE_DIR) + "/hv/drivers/xl/fixtures/xen-4.17.look");
  std::ostringstream read;
  read << in.rdbuf();
  std::string text = read.str();
  const std::size_t at = text.find("\"name\": \"web0\"");
  ASSERT_NE(at, std::string::npos);
  text.insert(text.rfind("\"c_info\"", at),
              "\"pcidevs\": [{\"bus\": 3, \"vfunc_mask\": 1}], \"vtpms\": [{\"devid\": 0}], ");
  const HostObservation seen = read_look(text, HostName{"xen1"}, Time{{1}});
  ASSERT_EQ(seen.domains.size(), 2u) << seen.reason;
  const Attributes& web0 = seen.domains[0].attributes;
  ASSERT_NE(web0.find("pci"), nullptr);
  EXPECT_EQ(to_human(*web0.find("pci")), "[0000:03:00.0]");
  ASSERT_NE(web0.find(kUntaken), nullptr);
  EXPECT_EQ(to_human(*web0.find(kUntaken)), "[vtpms]");
  EXPECT_EQ(seen.domains[1].attributes.find("pci"), nullptr);
}

}  // namespace
}  // namespace hv
