// HV_CHECK: our own bugs stop the program at once, in release builds too.
//
// A condition that only a mistake in hv can break is checked here; what a user or the world can
// get wrong is a Diagnostic (base/diagnostics.h) or an Error (base/result.h), never a check.
#pragma once

namespace hv {

// Prints "bug: FILE:LINE: CONDITION — MESSAGE" and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const char* message);

}  // namespace hv

#define HV_CHECK(condition, message)                                 \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::hv::check_failed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
