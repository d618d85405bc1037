#include "hv/drivers/xl/configuration.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace hv {
namespace {

using Json = nlohmann::json;

enum class Take : uint8_t {
  no,         // read elsewhere, or of this life of the machine only
  no_if_off,  // libxl says "False" of every machine
  truth,
  text,
  text_as_list,
  texts,
  number,
  choice,   // an enumeration of libxl's, which xl spells with `-`
  seconds,  // 32 bits, and may be negative
};

struct Row {
  std::string_view path;  // without "type.hvm" and the like: they moved between the versions
  std::string_view attribute;
  Take take;
};

// Sorted by path.
constexpr std::array kRows = {
    Row{"b_info.acpi", "acpi", Take::truth},
    Row{"b_info.acpi_firmware", "acpi_firmware", Take::text},
    Row{"b_info.acpi_laptop_slate", "acpi_laptop_slate", Take::truth},
    Row{"b_info.acpi_s3", "acpi_s3", Take::truth},
    Row{"b_info.acpi_s4", "acpi_s4", Take::truth},
    Row{"b_info.apic", "apic", Take::truth},
    Row{"b_info.arch_arm.clock_frequency", "", Take::no},
    Row{"b_info.arch_arm.gic_version", "gic_version", Take::choice},
    Row{"b_info.arch_x86.msr_relaxed", "", Take::no_if_off},
    Row{"b_info.avail_vcpus", "", Take::no},
    Row{"b_info.bios", "bios", Take::choice},
    Row{"b_info.boot", "boot", Take::text},
    Row{"b_info.bootloader", "", Take::no},
    Row{"b_info.bootloader_args", "bootloader_args", Take::texts},
    Row{"b_info.claim_mode", "", Take::no},
    Row{"b_info.cmdline", "", Take::no},
    Row{"b_info.device_model", "device_model_override", Take::text},
    Row{"b_info.device_model_user", "device_model_user", Take::text},
    Row{"b_info.device_model_version", "device_model_version", Take::choice},
    Row{"b_info.device_tree", "device_tree", Take::text},
    Row{"b_info.disable_migrate", "nomigrate", Take::truth},
    Row{"b_info.dm_restrict", "dm_restrict", Take::truth},
    Row{"b_info.e820_host", "e820_host", Take::truth},
    Row{"b_info.event_channels", "max_event_channels", Take::number},
    Row{"b_info.extra", "device_model_args", Take::texts},
    Row{"b_info.extra_hvm", "device_model_args_hvm", Take::texts},
    Row{"b_info.extra_pv", "device_model_args_pv", Take::texts},
    Row{"b_info.firmware", "firmware_override", Take::text},
    Row{"b_info.gfx_passthru", "gfx_passthru", Take::truth},
    Row{"b_info.hpet", "hpet", Take::truth},
    Row{"b_info.iommu_memkb", "", Take::no},
    Row{"b_info.kernel", "", Take::no},
    Row{"b_info.keymap", "keymap", Take::text},
    Row{"b_info.localtime", "localtime", Take::truth},
    Row{"b_info.max_grant_frames", "max_grant_frames", Take::number},
    Row{"b_info.max_grant_version", "max_grant_version", Take::number},
    Row{"b_info.max_maptrack_frames", "max_maptrack_frames", Take::number},
    Row{"b_info.max_memkb", "", Take::no},
    Row{"b_info.max_vcpus", "", Take::no},
    Row{"b_info.nested_hvm", "nestedhvm", Take::truth},
    Row{"b_info.nographic", "nographic", Take::truth},
    Row{"b_info.numa_placement", "", Take::no},
    Row{"b_info.nx", "nx", Take::truth},
    Row{"b_info.pae", "pae", Take::truth},
    Row{"b_info.ramdisk", "", Take::no},
    Row{"b_info.rtc_timeoffset", "rtc_timeoffset", Take::seconds},
    Row{"b_info.sched_params", "", Take::no},
    Row{"b_info.sdl.display", "display", Take::text},
    Row{"b_info.sdl.enable", "sdl", Take::truth},
    Row{"b_info.sdl.opengl", "opengl", Take::truth},
    Row{"b_info.sdl.xauthority", "xauthority", Take::text},
    Row{"b_info.serial", "serial", Take::text_as_list},
    Row{"b_info.serial_list", "serial", Take::texts},
    Row{"b_info.smbios_firmware", "smbios_firmware", Take::text},
    Row{"b_info.soundhw", "soundhw", Take::text},
    Row{"b_info.spice.agent_mouse", "spiceagent_mouse", Take::truth},
    Row{"b_info.spice.clipboard_sharing", "spice_clipboard_sharing", Take::truth},
    Row{"b_info.spice.disable_ticketing", "spicedisable_ticketing", Take::truth},
    Row{"b_info.spice.enable", "spice", Take::truth},
    Row{"b_info.spice.host", "spicehost", Take::text},
    Row{"b_info.spice.image_compression", "spice_image_compression", Take::text},
    Row{"b_info.spice.port", "spiceport", Take::number},
    Row{"b_info.spice.streaming_video", "spice_streaming_video", Take::text},
    Row{"b_info.spice.tls_port", "spicetls_port", Take::number},
    Row{"b_info.spice.usbredirection", "spiceusbredirection", Take::number},
    Row{"b_info.spice.vdagent", "spicevdagent", Take::truth},
    Row{"b_info.system_firmware", "bios_path_override", Take::text},
    Row{"b_info.target_memkb", "", Take::no},
    Row{"b_info.timer_mode", "timer_mode", Take::text},
    Row{"b_info.tsc_mode", "tsc_mode", Take::text},
    Row{"b_info.usb", "usb", Take::truth},
    Row{"b_info.usbdevice", "usbdevice", Take::text_as_list},
    Row{"b_info.usbdevice_list", "usbdevice", Take::texts},
    Row{"b_info.vcpu_hard_affinity", "", Take::no},
    Row{"b_info.vcpu_soft_affinity", "", Take::no},
    Row{"b_info.viridian", "viridian", Take::truth},
    Row{"b_info.vnc.display", "vncdisplay", Take::number},
    Row{"b_info.vnc.enable", "vnc", Take::truth},
    Row{"b_info.vnc.findunused", "vncunused", Take::truth},
    Row{"b_info.vnc.listen", "vnclisten", Take::text},
    Row{"b_info.vpt_align", "vpt_align", Take::truth},
    Row{"b_info.xen_platform_pci", "xen_platform_pci", Take::truth},
    Row{"c_info.domid", "", Take::no},
    Row{"c_info.driver_domain", "driver_domain", Take::truth},
    Row{"c_info.hap", "hap", Take::truth},
    Row{"c_info.name", "", Take::no},
    Row{"c_info.oos", "oos", Take::truth},
    Row{"c_info.passthrough", "passthrough", Take::text},
    Row{"c_info.pool_name", "", Take::no},
    Row{"c_info.poolid", "", Take::no},
    Row{"c_info.run_hotplug_scripts", "", Take::no},
    Row{"c_info.ssid_label", "seclabel", Take::text},
    Row{"c_info.type", "", Take::no},
    Row{"c_info.uuid", "", Take::no},
    Row{"disks.backend_domid", "", Take::no},
    Row{"disks.colo_enable", "", Take::no_if_off},
    Row{"disks.colo_restore_enable", "", Take::no_if_off},
    Row{"disks.format", "", Take::no},
    Row{"disks.is_cdrom", "", Take::no},
    Row{"disks.pdev_path", "", Take::no},
    Row{"disks.readwrite", "", Take::no},
    Row{"disks.script", "", Take::no},
    Row{"disks.vdev", "", Take::no},
    Row{"nics.backend_domid", "", Take::no},
    Row{"nics.backend_domname", "", Take::no},
    Row{"nics.bridge", "", Take::no},
    Row{"nics.devid", "", Take::no},
    Row{"nics.gatewaydev", "", Take::no},
    Row{"nics.ifname", "", Take::no},
    Row{"nics.ip", "", Take::no},
    Row{"nics.mac", "", Take::no},
    Row{"nics.model", "", Take::no},
    Row{"nics.mtu", "", Take::no},
    Row{"nics.nictype", "", Take::no},
    Row{"nics.rate_bytes_per_interval", "", Take::no},
    Row{"nics.rate_interval_usecs", "", Take::no},
    Row{"nics.script", "", Take::no},
    Row{"nics.vlan", "", Take::no},
    Row{"on_crash", "", Take::no},
    Row{"on_poweroff", "", Take::no},
    Row{"on_reboot", "", Take::no},
    Row{"on_soft_reset", "", Take::no},
    Row{"on_watchdog", "", Take::no},
};
static_assert(std::ranges::is_sorted(kRows, {}, &Row::path));

const Row* row_of(std::string_view path) {
  const auto* found = std::ranges::lower_bound(kRows, path, {}, &Row::path);
  return found != kRows.end() && found->path == path ? found : nullptr;
}

// As libxl writes what was never set.
bool says_nothing(const Json& value) {
  if (value.is_object() || value.is_array())
    return std::all_of(value.begin(), value.end(), says_nothing);
  return value.is_null() || value == "" || value == "<default>";
}

std::optional<bool> truth(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<int64_t>() != 0;
  if (value == "True") return true;
  if (value == "False") return false;
  return std::nullopt;
}

std::optional<List> texts(const Json& value) {
  if (!value.is_array()) return std::nullopt;
  List list;
  for (const Json& item : value) {
    if (!item.is_string()) return std::nullopt;
    list.emplace_back(item.get<std::string>());
  }
  return list;
}

// "0000:03:00.0@7,permissive=1": as `pci` has it; nothing where more is said than these words can.
std::optional<std::string> pci_words(const Json& device) {
  if (!device.is_object()) return std::nullopt;
  int64_t domain = 0, bus = 0, slot = 0, function = 0, virtual_slot = 0;
  std::string options;
  for (const auto& [key, value] : device.items()) {
    const bool whole = value.is_number_integer();
    const std::optional<bool> yes = truth(value);
    if (key == "domain" && whole) {
      domain = value.get<int64_t>();
    } else if (key == "bus" && whole) {
      bus = value.get<int64_t>();
    } else if (key == "dev" && whole) {
      slot = value.get<int64_t>();
    } else if (key == "func" && whole) {
      function = value.get<int64_t>();
    } else if (key == "vdevfn" && whole) {
      virtual_slot = value.get<int64_t>();
    } else if (key == "vfunc_mask") {
      if (value != 1) return std::nullopt;  // "03:00.*", which is several
    } else if ((key == "msitranslate" || key == "permissive" || key == "seize" ||
                key == "power_mgmt") &&
               yes) {
      options += "," + key + (*yes ? "=1" : "=0");
    } else if (key == "rdm_policy" && value.is_string()) {
      options += ",rdm_policy=" + value.get<std::string>();
    } else if (!says_nothing(value)) {
      return std::nullopt;
    }
  }
  std::array<char, 64> address{};
  std::snprintf(address.data(), address.size(), "%04x:%02x:%02x.%x", static_cast<unsigned>(domain),
                static_cast<unsigned>(bus), static_cast<unsigned>(slot),
                static_cast<unsigned>(function));
  std::string text = address.data();
  if (virtual_slot != 0) {
    if (virtual_slot % 8 != 0 || virtual_slot > 0xff) return std::nullopt;
    std::snprintf(address.data(), address.size(), "@%x", static_cast<unsigned>(virtual_slot / 8));
    text += address.data();
  }
  return text + options;
}

class Rest {
 public:
  explicit Rest(const Json& config) {
    walk(config, "", "");
    if (!untaken_.empty()) attributes_.set(kUntaken, std::move(untaken_));
  }
  Attributes take() { return std::move(attributes_); }

 private:
  // `path` is how a row calls it, `shown` how the host does.
  void walk(const Json& object, const std::string& path, const std::string& shown) {
    for (const auto& [key, value] : object.items()) {
      if (says_nothing(value)) continue;
      const std::string long_name = shown.empty() ? key : shown + "." + key;
      const std::string short_name = key.starts_with("type.") ? path
                                     : path.empty()           ? key
                                                              : path + "." + key;
      if (const Row* row = row_of(short_name)) {
        if (!taken(*row, value)) untaken_.emplace_back(long_name);
      } else if (special(short_name, value)) {
        continue;
      } else if (value.is_object()) {
        walk(value, short_name, long_name);
      } else if (short_name == "disks" || short_name == "nics") {
        for (std::size_t i = 0; i < value.size(); ++i)
          if (value[i].is_object())
            walk(value[i], short_name, long_name + "[" + std::to_string(i) + "]");
      } else {
        untaken_.emplace_back(long_name);
      }
    }
  }

  bool set(const Row& row, std::optional<Value> value) {
    if (value) attributes_.set(row.attribute, std::move(*value));
    return value.has_value();
  }

  bool taken(const Row& row, const Json& value) {
    const bool words = value.is_string(), whole = value.is_number_integer();
    switch (row.take) {
      case Take::no:
        return true;
      case Take::no_if_off:
        return truth(value) == false;
      case Take::truth:
        return set(row, truth(value));
      case Take::text:
        return words && set(row, Value(value.get<std::string>()));
      case Take::text_as_list:
        return words && set(row, Value(List{Value(value.get<std::string>())}));
      case Take::texts:
        return set(row, texts(value));
      case Take::number:
        return whole && set(row, Value(value.get<int64_t>()));
      case Take::choice: {
        if (!words) return false;
        std::string text = value.get<std::string>();
        std::replace(text.begin(), text.end(), '_', '-');
        return set(row, Value(std::move(text)));
      }
      case Take::seconds:
        return whole && set(row, Value(seconds(static_cast<int32_t>(value.get<int64_t>()))));
    }
    return false;
  }

  // What takes more than a row. False: it is none of these, or cannot be read.
  bool special(const std::string& path, const Json& value) {
    if (path == "b_info.vga.kind" && value.is_string()) {
      const auto kind = value.get<std::string>();
      attributes_.set("vga", kind == "std" ? "stdvga" : kind);
      return true;
    }
    if ((path == "b_info.video_memkb" || path == "b_info.shadow_memkb") &&
        value.is_number_integer()) {
      const auto size = value.get<int64_t>();
      if (size > 0 && size % 1024 == 0)
        attributes_.set(path == "b_info.video_memkb" ? "videoram" : "shadow_memory", kib(size));
      return size >= 0 && size % 1024 == 0;
    }
    if (path == "disks.removable") return true;  // of every CD drive; of a disk it means nothing
    if (path == "b_info.irqs" && value.is_array()) {
      List list;
      for (const Json& irq : value) {
        if (!irq.is_number_integer()) return false;
        list.emplace_back(irq.get<int64_t>());
      }
      attributes_.set("irqs", std::move(list));
      return true;
    }
    if (path == "pcidevs" && value.is_array()) {
      List list;
      for (const Json& device : value) {
        std::optional<std::string> words = pci_words(device);
        if (!words) return false;
        list.emplace_back(std::move(*words));
      }
      attributes_.set("pci", std::move(list));
      return true;
    }
    return false;
  }

  Attributes attributes_;
  List untaken_;
};

}  // namespace

std::map<uint64_t, Attributes> rest_of_configurations(std::string_view json) {
  std::map<uint64_t, Attributes> rest;
  const Json list = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return rest;
  for (const Json& entry : list) {
    if (!entry.is_object() || !entry.contains("domid") || !entry.contains("config")) continue;
    const Json& domid = entry["domid"];
    const Json& config = entry["config"];
    if (domid.is_number_unsigned() && config.is_object())
      rest[domid.get<uint64_t>()] = Rest(config).take();
  }
  return rest;
}

}  // namespace hv
