#include "lang/vif_string.h"

#include <algorithm>
#include <cctype>

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

// "10Mb/s", "1MB/s@20ms"; the interval's unit may be left out, as libxlutil has it.
bool is_rate(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0) ++i;
  if (i == 0) return false;
  if (i < text.size() && (text[i] == 'K' || text[i] == 'M' || text[i] == 'G')) ++i;
  if (i >= text.size() || (text[i] != 'b' && text[i] != 'B')) return false;
  ++i;
  if (text.substr(i, 2) != "/s") return false;
  i += 2;
  if (i == text.size()) return true;
  if (text[i] != '@') return false;
  const std::string_view interval = text.substr(i + 1);
  const std::size_t digits = interval.find_first_not_of("0123456789");
  if (interval.empty() || digits == 0) return false;
  const std::string_view unit = digits == interval.npos ? "" : interval.substr(digits);
  return unit.empty() || unit == "u" || unit == "m" || unit == "us" || unit == "ms" || unit == "s";
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
