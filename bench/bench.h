// What the benchmarks share: ratios, which hold on a busy machine where times do not.
#pragma once

#include <string>

namespace hv::bench {

// To be printed at the end: the CPU time of one benchmark over that of another of the same run.
// Names as Google Benchmark prints them, "Sweep/1000000". Called before main begins.
struct Ratio {
  Ratio(std::string what, std::string of, std::string over, double aim);
};

}  // namespace hv::bench
