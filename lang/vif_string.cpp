#include "lang/vif_string.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "base/diagnostics.h"

namespace hv::lang {
namespace {

constexpr std::string_view kKeys[] = {
    "accel", "backend", "bridge",  "devid", "forwarddev", "gatewaydev", "gateway",
    "id",    "ip",      "mac",     "model", "mtu",        "netdev",     "policy",
    "rate",  "script",  "trusted", "type",  "vifname",    "vlan",
};

// "00:16:3e:…" in lower case, from twelve hex digits, bare or in pairs with one separator.
std::optional<std::string> normal_mac(std::string_view text) {
  if (text.size() != 12 && text.size() != 17) return std::nullopt;
  const std::size_t stride = text.size() == 17 ? 3 : 2;
  if (stride == 3 && text[2] != ':' && text[2] != '-') return std::nullopt;
  std::string mac;
  for (std::size_t i = 0; i < text.size(); i += stride) {
    for (std::size_t j = i; j < i + 2; ++j) {
      const auto digit = static_cast<unsigned char>(text[j]);
      if (std::isxdigit(digit) == 0) return std::nullopt;
      mac += static_cast<char>(std::tolower(digit));
    }
    if (i + 2 >= text.size()) break;
    if (stride == 3 && text[i + 2] != text[2]) return std::nullopt;
    mac += ':';
  }
  return mac;
}

// "10Mb/s", "1MB/s@20ms"; the interval's unit may be left out, as libxlutil has it: it is seconds.
bool is_rate(std::string_view text) {
  // Digits, read by strtoull with base 0: 010 is eight.
  const auto number = [&](uint64_t& n) {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    if (count == 0) return false;
    errno = 0;
    n = std::strtoull(std::string(text.substr(0, count)).c_str(), nullptr, 0);
    text.remove_prefix(count);
    return errno == 0;
  };
  uint64_t rate = 0;
  if (!number(rate)) return false;
  uint64_t scale = 1;
  if (text.starts_with('K')) scale = 1000;
  if (text.starts_with('M')) scale = 1'000'000;
  if (text.starts_with('G')) scale = 1'000'000'000;
  if (scale > 1) text.remove_prefix(1);
  if (__builtin_mul_overflow(rate, scale, &rate)) return false;
  if (text.starts_with("b/s"))
    rate /= 8;
  else if (!text.starts_with("B/s"))
    return false;
  text.remove_prefix(3);
  if (rate == 0) return false;
  if (text.empty()) return true;
  if (text[0] != '@') return false;
  text.remove_prefix(1);
  uint64_t interval = 0;
  if (!number(interval) || interval == 0) return false;
  uint64_t microseconds = 1'000'000;
  if (text == "u" || text == "us")
    microseconds = 1;
  else if (text == "m" || text == "ms")
    microseconds = 1000;
  else if (!text.empty() && text != "s")
    return false;
  return !__builtin_mul_overflow(interval, microseconds, &interval) && interval <= UINT32_MAX;
}

}  // namespace

VifResult parse_vif_string(std::string_view text) {
  VifResult result;
  VifString vif;
  const auto mistake = [&](std::size_t begin, std::size_t end, std::string message,
                           std::string help) {
    result.mistakes.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                               std::move(message), std::move(help)});
  };
  std::size_t at = 0;
  while (at < text.size()) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == ',')) ++at;
    if (at >= text.size()) break;
    std::size_t end = std::min(text.find(',', at), text.size());
    // xl takes blanks round the parts away.
    std::size_t stop = end;
    while (stop > at && (text[stop - 1] == ' ' || text[stop - 1] == '\t')) --stop;
    const std::size_t equals = text.find('=', at);
    if (equals == std::string_view::npos || equals >= stop) {
      mistake(at, stop, "`" + std::string(text.substr(at, stop - at)) + "` is no `key=value`",
              "for example `mac=00:16:3e:01:02:03,bridge=xenbr0`");
      at = end + 1;
      continue;
    }
    std::string_view key = text.substr(at, equals - at);
    while (key.ends_with(' ')) key.remove_suffix(1);
    std::size_t value_begin = equals + 1;
    while (value_begin < stop && text[value_begin] == ' ') ++value_begin;
    const std::string value(text.substr(value_begin, stop - value_begin));
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) {
      std::string help =
          "known are mac, bridge, ip, script, model, type, vifname, rate, backend, "
          "mtu, vlan";
      if (auto near = nearest(key, kKeys)) help = "did you mean `" + std::string(*near) + "`?";
      mistake(at, at + key.size(), "unknown interface parameter `" + std::string(key) + "`", help);
    } else if (key == "mac") {
      auto mac = normal_mac(value);
      if (mac)
        vif.settings["mac"] = *mac;
      else
        mistake(value_begin, stop, "`" + value + "` is no MAC address",
                "six pairs of hex digits, as in 00:16:3e:01:02:03");
    } else if (key == "rate" && !is_rate(value)) {
      mistake(value_begin, stop, "`" + value + "` is no rate", "for example 10Mb/s or 1MB/s@20ms");
    } else if ((key == "mtu" || key == "devid" || key == "vlan" || key == "trusted") &&
               (value.empty() || value.find_first_not_of("0123456789") != std::string::npos) &&
               !(key == "vlan" && !value.empty())) {
      mistake(value_begin, stop, "`" + std::string(key) + "` is a number, not `" + value + "`", "");
    } else {
      vif.settings[std::string(key == "netdev" ? "gatewaydev" : key)] = value;
    }
    at = end + 1;
  }
  if (result.mistakes.empty()) result.vif = std::move(vif);
  return result;
}

}  // namespace hv::lang
