// The smaller strings inside strings: CPU sets, PCI and USB devices, framebuffers, SCSI, TPM,
// serial ports and channels, as xl.cfg(5), xl's own parser and xm have them — each with positions.
//
// Pure functions; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lang/disk_string.h"

namespace hv::lang {

enum class DeviceGrammar : uint8_t {
  cpu_set,         // "0-3,^2", "node:1", "all"
  pci,             // "0000:03:00.0@1f,msitranslate=1"
  usb_controller,  // "type=pv,version=2,ports=4"
  usb_device,      // "hostbus=1,hostaddr=3"
  framebuffer,     // "vnc=1,vnclisten=0.0.0.0"
  scsi,            // "/dev/sdb,0:0:0:0"
  tpm,             // "backend=vtpm,uuid=…"
  serial,          // "pty", "tcp:127.0.0.1:4555,server"
  channel,         // "connection=pty,name=org.qemu.guest_agent.0"
};
inline constexpr DeviceGrammar kDeviceGrammars[] = {
    DeviceGrammar::cpu_set,    DeviceGrammar::pci,         DeviceGrammar::usb_controller,
    DeviceGrammar::usb_device, DeviceGrammar::framebuffer, DeviceGrammar::scsi,
    DeviceGrammar::tpm,        DeviceGrammar::serial,      DeviceGrammar::channel};

struct DeviceString {
  std::map<std::string, std::string> settings;  // of `key=value` parts, and "device" of the first
  std::vector<StringMistake> mistakes;          // it means nothing
  std::vector<StringMistake> ignored;           // xl reads over it without a word
};
DeviceString parse_device_string(DeviceGrammar grammar, std::string_view text);

}  // namespace hv::lang
