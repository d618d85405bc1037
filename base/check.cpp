#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hv {

void check_failed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr, "bug: %s:%d: %s — %s\n", file, line, condition, message);
  std::abort();
}

}  // namespace hv
