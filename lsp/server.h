// The language server: the protocol over two file descriptors, one message after the other.
//
// One thread. Diagnostics are sent once no message waits, so that typing is not held up; a request
// that was cancelled while it waited is answered so. A malformed message is answered, never fatal.
#pragma once

#include "compiler/compile.h"

namespace hv::lsp {

struct ServerOptions {
  int input = 0;
  int output = 1;
  bool is_dom0 = false;          // what the default host of a folder without hv.toml is
  const Files* files = nullptr;  // null: the disk
  int64_t steps = CompileRequest{}.steps;
};

// Until `exit` or the end of the input. 0 after a `shutdown`, else 1.
int serve(const ServerOptions& options);

}  // namespace hv::lsp
