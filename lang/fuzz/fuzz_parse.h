// A fuzz entry over bytes: whatever they are, parsing them ends, says at most so much, and leaves a
// tree whose places lie in the text.
#pragma once

#include <cstdint>
#include <span>

namespace hv::lang {

// Aborts (HV_CHECK) where an invariant is broken; returns 0, as libFuzzer wants it.
int fuzz_one(std::span<const uint8_t> bytes);

}  // namespace hv::lang
