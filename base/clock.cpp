#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

#include "base/check.h"

namespace hv {
namespace {

class SystemClock final : public Clock {
 public:
  Time now() override {
    timespec at{};
    HV_CHECK(clock_gettime(CLOCK_REALTIME, &at) == 0, "the system has no clock");
    return Time{{at.tv_sec * 1000 + at.tv_nsec / 1'000'000}};
  }
  void sleep(Duration duration) override {
    timespec wait{duration.count / 1000, duration.count % 1000 * 1'000'000};
    nanosleep(&wait, nullptr);
  }
};

class SystemRandom final : public Random {
 public:
  uint64_t next() override {
    uint64_t value = 0;
    HV_CHECK(getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value),
             "the kernel gave no random bytes");
    return value;
  }
};

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

uint64_t SeededRandom::next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace hv
