// Reads one [hosts.NAME] table of hv.toml; part of parse_project.
#pragma once

#include <optional>

#include "hv/schema/project.h"
#include "hv/schema/table_reader.h"
#include "hv/schema/toml.h"

namespace hv {

// Mistakes are reported and what they set is left at its default; nothing where it is no table.
std::optional<HostConfig> read_host_config(const TomlEntry& entry, ReaderCodes codes,
                                           Diagnostics& diagnostics);

}  // namespace hv
