// Visit: one step of a walk over nested values, which may be deep, shared and circular.
//
// Lives on the stack of the walk. One thread.
#pragma once

#include "compiler/value.h"

namespace hv::compiler {

// Values that share parts can be small and their text long beyond bound.
inline constexpr std::size_t kLongestText = std::size_t{16} << 20;

// `go_on` is false where the walk is too deep or too long: then it gives up, and the program ends.
struct Visit {
  static thread_local int depth;
  bool go_on;
  Visit() {
    Meter::work += 4;
    if (++depth > 400) Meter::exhaust();
    go_on = !Meter::exhausted();
  }
  ~Visit() { --depth; }
};

}  // namespace hv::compiler
