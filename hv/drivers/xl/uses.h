// What dom0 has open, from the lines that look.sh prints of it.
//
// Pure text.
#pragma once

#include <string_view>
#include <vector>

#include "hv/model/observation.h"

namespace hv {

// Each access once.
std::vector<HostUse> read_uses(std::string_view text);

}  // namespace hv
