// The smaller strings inside strings: what each takes, and where its mistakes stand.
#include "lang/device_strings.h"

#include <gtest/gtest.h>

#include <random>

namespace hv::lang {
namespace {

using Grammar = DeviceGrammar;

TEST(DeviceStringTest, WhatTheManualHasIsTaken) {
  struct Case {
    Grammar grammar;
    std::string_view text, settings;
  };
  for (const Case& c : std::initializer_list<Case>{
           {Grammar::cpu_set, "all", ""},
           {Grammar::cpu_set, "0-3,5,^1", ""},
           {Grammar::cpu_set, "nodes:0-3,^node:2", ""},
           {Grammar::cpu_set, "nodes:1, 2, 6-7", ""},
           {Grammar::cpu_set, "1,nodes:0-2,^3", ""},
           {Grammar::cpu_set, "", ""},
           {Grammar::pci, "03:00.0", "device=03:00.0;"},
           {Grammar::pci, "0000:03:00.*@1f,seize=1", "device=0000:03:00.*@1f;seize=1;"},
           {Grammar::pci, "bdf=3:0.0,vslot=10,rdm_policy=strict",
            "bdf=3:0.0;rdm_policy=strict;vslot=10;"},
           {Grammar::pci, "name=gpu,permissive=0,", "name=gpu;permissive=0;"},
           {Grammar::usb_controller, "type=pv,version=2,ports=8", "ports=8;type=pv;version=2;"},
           {Grammar::usb_device, "hostbus=1,hostaddr=3", "hostaddr=3;hostbus=1;"},
           {Grammar::usb_device, "type=hostdev, controller=0,port=1",
            "controller=0;port=1;type=hostdev;"},
           {Grammar::framebuffer, "vnc=1,vnclisten=0.0.0.0,vncdisplay=3,keymap=de",
            "keymap=de;vnc=1;vncdisplay=3;vnclisten=0.0.0.0;"},
           {Grammar::framebuffer, "type=vnc, vncunused=1", "type=vnc;vncunused=1;"},
           {Grammar::framebuffer, "", ""},
           {Grammar::scsi, "/dev/sdb,0:0:0:0", "device=/dev/sdb;place=0:0:0:0;"},
           {Grammar::scsi, "/dev/sdx, 0:0:0:0", "device=/dev/sdx;place=0:0:0:0;"},
           {Grammar::scsi, "2:0:1:0,0:0:1:0,dom1", "backend=dom1;device=2:0:1:0;place=0:0:1:0;"},
           {Grammar::scsi, "2:host,1:host", "device=2:host;place=1:host;"},
           {Grammar::tpm, "backend=vtpm,uuid=ac0a5b9e-cbe2-4c07-b43b-1d69e46fb839",
            "backend=vtpm;uuid=ac0a5b9e-cbe2-4c07-b43b-1d69e46fb839;"},
           {Grammar::tpm, "instance=1,backend=0", "backend=0;instance=1;"},
           {Grammar::serial, "pty", "device=pty;"},
           {Grammar::serial, "tcp:127.0.0.1:4555,server,nowait",
            "device=tcp:127.0.0.1:4555,server,nowait;"},
           {Grammar::serial, "/dev/ttyS0", "device=/dev/ttyS0;"},
           {Grammar::channel, "connection=pty,name=org.qemu.guest_agent.0",
            "connection=pty;name=org.qemu.guest_agent.0;"},
           {Grammar::channel, "connection=socket,path=/run/a,name=agent",
            "connection=socket;name=agent;path=/run/a;"}}) {
    const DeviceString device = parse_device_string(c.grammar, c.text);
    std::string settings;
    for (const auto& [key, value] : device.settings) settings += key + "=" + value + ";";
    EXPECT_EQ(settings, c.settings) << c.text;
    EXPECT_TRUE(device.mistakes.empty()) << c.text << ": " << device.mistakes[0].message;
    EXPECT_TRUE(device.ignored.empty()) << c.text << ": " << device.ignored[0].message;
  }
}

TEST(DeviceStringTest, MistakesPointIntoTheString) {
  struct Case {
    Grammar grammar;
    std::string_view text, at, message, help;
  };
  for (const Case& c : std::initializer_list<Case>{
           {Grammar::cpu_set, "0-3,x", "x", "`x` is no CPU and no range of CPUs",
            "for example 0-3,^2 or node:1 or all"},
           {Grammar::cpu_set, "5-2", "5-2", "the range 5-2 runs backwards", "write 2-5"},
           {Grammar::cpu_set, "0-3,^all", "^all", "all CPUs cannot be taken away",
            "for example 0-3,^2 or node:1 or all"},
           {Grammar::cpu_set, "node:1-", "1-", "`1-` is no CPU and no range of CPUs",
            "for example 0-3,^2 or node:1 or all"},
           {Grammar::pci, "", "", "`` is no address of a PCI device",
            "for example 03:00.0 or 0000:03:00.0"},
           {Grammar::pci, "03:00", "03:00", "`03:00` is no address of a PCI device",
            "for example 03:00.0 or 0000:03:00.0"},
           {Grammar::pci, "03:20.0", "20", "`20` is no part of a PCI device's address",
            "a device is a hex number up to 1f"},
           {Grammar::pci, "03:00.8", "8", "`8` is no part of a PCI device's address",
            "a function is a number up to 7, or `*`"},
           {Grammar::pci, "03:00.0@1ff", "1ff", "`1ff` is no part of a PCI device's address",
            "a slot is a hex number up to 1f"},
           {Grammar::pci, "03:00.0,sieze=1", "sieze", "unknown parameter `sieze`",
            "did you mean `seize`?"},
           {Grammar::pci, "seize=1", "seize=1", "the PCI device is not named",
            "for example 03:00.0 or 0000:03:00.0"},
           {Grammar::pci, "03:00.0,name=x", "03:00.0,name=x",
            "the PCI device is named twice, by address and by name", ""},
           {Grammar::pci, "03:00.0,rdm_policy=strikt", "strikt", "`rdm_policy` cannot be `strikt`",
            "did you mean `strict`?"},
           {Grammar::usb_controller, "type=pv,prots=3", "prots", "unknown parameter `prots`",
            "did you mean `ports`?"},
           {Grammar::usb_device, "1.3", "1.3", "`1.3` is no `key=value`",
            "known are `controller`, `hostaddr`, `hostbus`, `port`, `type`"},
           {Grammar::scsi, "/dev/sdb", "/dev/sdb", "a SCSI device has two parts or three, not 1",
            "for example `/dev/sdb,0:0:0:0`"},
           {Grammar::scsi, "/dev/sdb,0:0:0", "0:0:0", "`0:0:0` is no place of a SCSI device",
            "host:channel:target:lun, for example 0:0:0:0"},
           {Grammar::scsi, ",0:0:0:0", "", "the SCSI device of the host is not named",
            "for example `/dev/sdb,0:0:0:0`"},
           {Grammar::tpm, "backend=a,uuid=7", "7", "`7` is no UUID", ""},
           {Grammar::channel, "connection=tcp", "tcp", "`connection` cannot be `tcp`",
            "it is one of `pty`, `socket`"},
           {Grammar::channel, "name=agent", "name=agent", "the channel has no `connection`",
            "for example `connection=pty,name=org.qemu.guest_agent.0`"},
           {Grammar::channel, "connection=socket,name=a", "connection=socket,name=a",
            "a channel to a socket needs its `path`",
            "for example `connection=socket,path=/run/guest.sock,name=agent`"}}) {
    const DeviceString device = parse_device_string(c.grammar, c.text);
    ASSERT_EQ(device.mistakes.size(), 1u) << c.text;
    const StringMistake& mistake = device.mistakes[0];
    EXPECT_EQ(mistake.message, c.message) << c.text;
    EXPECT_EQ(mistake.help, c.help) << c.text;
    EXPECT_EQ(c.text.substr(mistake.begin, mistake.end - mistake.begin), c.at) << c.text;
  }
}

TEST(DeviceStringTest, WhatXlReadsOverIsToldApart) {
  struct Case {
    Grammar grammar;
    std::string_view text, at, help;
  };
  for (const Case& c : std::initializer_list<Case>{
           {Grammar::framebuffer, "vnc=1,vnclsiten=::", "vnclsiten", "did you mean `vnclisten`?"},
           {Grammar::framebuffer, "vnc=yes", "yes", "xl reads what C's atoi makes of it"},
           {Grammar::framebuffer, "vnc", "vnc",
            "known are `display`, `keymap`, `monitor`, `opengl`, `sdl`, `serial`, `type`, "
            "`videoram`, `vnc`, `vncdisplay`, `vnclisten`, `vncpasswd`, `vncunused`, `xauthority`"},
           {Grammar::pci, "03:00.0,seize=2", "2", "xl reads what C's atoi makes of it"},
           {Grammar::usb_device, "hostbus=one", "one", "xl reads what C's atoi makes of it"},
           {Grammar::serial, "pyt", "pyt", "did you mean `pty`?"},
           {Grammar::serial, "fiel:/srv/x", "fiel", "did you mean `file`?"}}) {
    const DeviceString device = parse_device_string(c.grammar, c.text);
    EXPECT_TRUE(device.mistakes.empty()) << c.text;
    ASSERT_EQ(device.ignored.size(), 1u) << c.text;
    EXPECT_EQ(device.ignored[0].help, c.help) << c.text;
    EXPECT_EQ(
        c.text.substr(device.ignored[0].begin, device.ignored[0].end - device.ignored[0].begin),
        c.at);
  }
}

TEST(DeviceStringTest, NoBytesBreakThem) {
  static constexpr std::string_view kPieces[] = {"0",       "-",     "^",    "all",
                                                 "node:",   ",",     "=",    " ",
                                                 "03:00.0", "@1f",   "bdf",  "seize=",
                                                 "1",       "vnc",   "type", "host",
                                                 "0:0:0:",  "pty",   "tcp:", "connection=pty",
                                                 "\xff",    "name=", "uuid", "*",
                                                 ".",       ":"};
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    const std::size_t length = random() % 9;
    for (std::size_t i = 0; i < length; ++i) text += kPieces[random() % std::size(kPieces)];
    for (const Grammar grammar : kDeviceGrammars) {
      const DeviceString device = parse_device_string(grammar, text);
      for (const auto* mistakes : {&device.mistakes, &device.ignored})
        for (const StringMistake& mistake : *mistakes)
          ASSERT_TRUE(mistake.begin <= mistake.end && mistake.end <= text.size()) << text;
    }
  }
}

}  // namespace
}  // namespace hv::lang
