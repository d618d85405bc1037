#include "hv/drivers/xl/backend.h"

#include <charconv>
#include <limits>
#include <tuple>

#include "hv/drivers/xl/look_text.h"

namespace hv {

std::vector<Backend> backends_of(std::string_view store) {
  std::map<std::tuple<uint64_t, std::string, uint64_t>, Backend> found;
  for (const auto& [path, value] : read_store(store)) {
    constexpr std::string_view kRoot = "/local/domain/0/backend/";
    if (!path.starts_with(kRoot)) continue;
    std::vector<std::string> parts;
    std::string rest = path.substr(kRoot.size());
    for (std::size_t slash; parts.size() < 3 && (slash = rest.find('/')) != std::string::npos;) {
      parts.push_back(rest.substr(0, slash));
      rest.erase(0, slash + 1);
    }
    if (parts.size() < 2) continue;
    // The node itself counts too: one without keys is a device that is coming or going.
    const bool node = parts.size() == 2;
    const auto domid = number_in(parts[1]), device = number_in(node ? rest : parts[2]);
    if (!domid || !device) continue;
    Backend& backend =
        found[{static_cast<uint64_t>(*domid), parts[0], static_cast<uint64_t>(*device)}];
    backend.kind = parts[0];
    backend.domid = static_cast<uint64_t>(*domid);
    backend.device = static_cast<uint64_t>(*device);
    if (!node) backend.keys[rest] = value;
  }
  std::vector<Backend> all;
  for (auto& [key, backend] : found) all.push_back(std::move(backend));
  return all;
}

std::optional<VifRate> rate_of(const Backend& backend) {
  const std::string text = backend.get("rate");
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) return std::nullopt;
  const auto bytes = number_in(text.substr(0, comma)),
             microseconds = number_in(text.substr(comma + 1));
  if (!bytes || !microseconds || *bytes < 0 || *microseconds <= 0 ||
      *microseconds > std::numeric_limits<uint32_t>::max())
    return std::nullopt;
  return VifRate{static_cast<uint64_t>(*bytes), static_cast<uint32_t>(*microseconds)};
}

bool is_disk(const Backend& backend) {
  return backend.kind == "vbd" || backend.kind == "qdisk" || backend.kind == "tap" ||
         backend.kind == "tap2" || backend.kind == "vbd3";
}

std::string device_number(std::string_view words) {
  const std::size_t colon = words.find(':');
  const auto part = [](std::string_view text) -> std::optional<uint32_t> {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  };
  if (colon == std::string_view::npos) return "";
  const auto major = part(words.substr(0, colon)), minor = part(words.substr(colon + 1));
  return major && minor ? std::to_string(*major) + ":" + std::to_string(*minor) : "";
}

ObservedVbd vbd_of(const Backend& backend) {
  ObservedVbd seen;
  seen.vbd.device = backend.get("dev");
  if (seen.vbd.device.empty()) seen.vbd.device = device_of_number(backend.device);
  std::string source = backend.get("params");
  // qdisk's and tap's are "aio:/path".
  if (backend.kind != "vbd")
    if (const std::size_t colon = source.find(':'); colon != std::string::npos)
      source.erase(0, colon + 1);
  seen.vbd.source = source;
  seen.vbd.mode = backend.get("mode").starts_with('w') ? AccessMode::write : AccessMode::read;
  seen.vbd.cdrom = backend.get("device-type") == "cdrom";
  seen.vbd.removable = backend.get("removable") == "1";
  // Initialised (2: the guest has not come yet), 3 or 4 (connected).
  const std::string state = backend.get("state");
  const bool opened = backend.kind != "vbd" || (backend.get("hotplug-status") == "connected" &&
                                                !backend.get("physical-device").empty());
  seen.connected =
      opened && backend.get("online") != "0" && (state == "2" || state == "3" || state == "4");
  return seen;
}

}  // namespace hv
