// Logs: what hv does inside, for those who look after it, on stderr (-v, -vv, --log-format json).
#pragma once

#include <string_view>

#include "cli/options.h"

namespace hv::cli {

void set_up_logs(const Options& options);
void log_info(std::string_view text);
void log_debug(std::string_view text);

}  // namespace hv::cli
