// read_look: what look.sh says of a Xen host, as an observation. Pure.
//
// Tolerant of what versions 4.11 to 4.20 add or leave out, never of what it does not understand
// where that could hide an access: a claim that cannot be read makes the whole look unreadable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hv/model/observation.h"

namespace hv {

// A row of `xl list -v`. Names may hold blanks.
struct ListedDomain {
  std::string name;
  uint64_t domid = 0;
  int64_t memory_mib = 0;
  int64_t vcpus = 0;
  std::string state;  // "r-----", "--ps--"
  double seconds = 0;
  std::string uuid;
};
std::vector<ListedDomain> read_list(std::string_view text);

// `key = "value"` lines of xenstore-ls -f, with its escapes undone.
std::vector<std::pair<std::string, std::string>> read_store(std::string_view text);

// "xvda" for 51712, as the guest calls the device; "" for a number of no known kind.
std::string device_of_number(uint64_t number);
// And back; nothing for a name that xl does not number ("d0p1" and the like are not read).
std::optional<uint64_t> number_of_device(std::string_view device);

// What the host calls its hypervisor, "4.17.7"; "" where it does not say.
std::string hypervisor_version(std::string_view text);

// `reachable` is false, with a reason, where the text cannot be understood. Virtual disks of
// `project` are told by their names, those of others as the devices that they are.
HostObservation read_look(std::string_view text, const HostName& host, Time at,
                          const Uuid& project = {});

}  // namespace hv
