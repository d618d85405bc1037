// A thread with room for the recursion that walks trees and calls functions, up to Budget::depth.
//
// The caller waits for it.
#pragma once

#include "compiler/callback.h"

namespace hv::compiler {

void run_on_large_stack(Callback<void()> work);

}  // namespace hv::compiler
