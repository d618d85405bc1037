// The numbers that the protocol has for things.
//
// Pure; any thread.
#pragma once

#include "base/diagnostics.h"
#include "lsp/answers.h"
#include "lsp/index.h"

namespace hv::lsp {

enum class Failure : int {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  not_initialized = -32002,
  cancelled = -32800,
};

int protocol_number(Severity severity);
int protocol_number(OutlineKind kind);
int protocol_number(ItemKind kind);

}  // namespace hv::lsp
