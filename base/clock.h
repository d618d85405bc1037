// Clock and Random: time and chance, always passed in, so that a test can replay both.
#pragma once

#include <cstdint>

#include "base/units.h"

namespace hv {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() = 0;
  // Returns once `duration` has passed (a logical clock jumps), or earlier on a signal.
  virtual void sleep(Duration duration) = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;  // uniform over all 64-bit values
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
};

Clock& system_clock();
Random& system_random();  // the kernel's; used for ids

// Moves only when told to, or when somebody sleeps on it. For tests and simulation.
class LogicalClock final : public Clock {
 public:
  explicit LogicalClock(Time start = Time{{1'000'000'000'000}}) : now_(start) {}
  Time now() override { return now_; }
  void sleep(Duration duration) override { now_ = now_ + duration; }

 private:
  Time now_;
};

// SplitMix64: the same seed gives the same sequence on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override;

 private:
  uint64_t state_;
};

}  // namespace hv
