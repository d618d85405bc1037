// An interface's settings as values: what `rate` means, and when two words for a setting are one.
//
// Pure functions over text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hv {

// So many bytes may be sent in each interval: what xl makes of "10Mb/s@50ms", and the backend
// keeps.
struct VifRate {
  uint64_t bytes = 0;
  uint32_t microseconds = 50'000;
  auto operator<=>(const VifRate&) const = default;
};
// Read as xl reads it: K, M and G count thousands, a bare interval is seconds, and none is 50 ms.
std::optional<VifRate> vif_rate(std::string_view text);
// A text that means it, in whole bits where there are: "10Mb/s", "1500B/s@20ms".
std::string to_string(const VifRate& rate);

// Whether an interface with the one has the other.
bool same_vif_setting(std::string_view key, const std::string& a, const std::string& b);

}  // namespace hv
