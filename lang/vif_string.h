// Interface strings: xl-network-configuration(5), "mac=…,bridge=…", with positions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lang/disk_string.h"

namespace hv::lang {

struct VifString {
  std::map<std::string, std::string> settings;  // mac lower case with colons
};
struct VifResult {
  std::optional<VifString> vif;
  std::vector<StringMistake> mistakes;
};
VifResult parse_vif_string(std::string_view text);

}  // namespace hv::lang
