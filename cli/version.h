// The version of hv; part of every plan's digest.
#pragma once

namespace hv::cli {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace hv::cli
