// Disk strings: xl-disk-configuration(5) and xm's older forms, as libxlutil reads them.
//
// A little language of its own, parsed with positions, so that a mistake can be underlined inside
// the string that holds it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hv::lang {

// A mistake at bytes [begin, end) of the string.
struct StringMistake {
  uint32_t begin = 0;
  uint32_t end = 0;
  std::string message;
  std::string help;
};

struct DiskString {
  std::string target;   // libxl's pdev_path; empty for an empty drive
  std::string vdev;     // in the guest
  std::string backend;  // "phy", "tap", "qdisk", "file", "vd"; empty: left open
  std::string format;   // "raw", "qcow", "qcow2", "vhd", "qed", "empty"; empty: left open
  std::string script;
  enum class Access : uint8_t { read, write, write_shared } access = Access::write;
  bool removable = false;
  bool cdrom = false;
  std::map<std::string, std::string> options;  // discard, colo-…, backend domain, …
  // Where each part stands in the string, for diagnostics; (0,0) where it does not stand there.
  std::pair<uint32_t, uint32_t> target_at, vdev_at, access_at;
};

struct DiskResult {
  std::optional<DiskString> disk;  // nothing where it cannot be understood
  std::vector<StringMistake> mistakes;
};
DiskResult parse_disk_string(std::string_view text);

}  // namespace hv::lang
