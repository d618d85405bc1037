// Backends in dom0's xenstore: the devices that it serves, as the kernel and xl keep them there.
// Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hv/model/observation.h"
#include "hv/model/vif_rate.h"

namespace hv {

struct Backend {
  uint64_t domid = 0, device = 0;
  std::string kind;  // "vbd", "qdisk", "vif"
  std::map<std::string, std::string> keys;
  std::string get(const std::string& key) const {
    auto found = keys.find(key);
    return found == keys.end() ? "" : found->second;
  }
};
// Of `xenstore-ls -f`: /local/domain/0/backend/KIND/DOMID/DEVICE/KEY.
std::vector<Backend> backends_of(std::string_view store);
bool is_disk(const Backend& backend);
// "253:3" of "fd:3", as the kernel and xenstore tell numbers of devices; "" of what is none.
std::string device_number(std::string_view words);
// `connected`: the backend has the real device open and is not going. Without `physical`.
ObservedVbd vbd_of(const Backend& backend);
// Of an interface, "BYTES,MICROSECONDS".
std::optional<VifRate> rate_of(const Backend& backend);

}  // namespace hv
