// hv lsp: the language server on standard input and output.
#include <unistd.h>

#include <csignal>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "lsp/server.h"

namespace hv::cli {

int run_lsp(const Options& options) {
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    print_error("hv: there is no folder `" + options.directory + "`\n");
    return kFailed;
  }
  if (is_terminal(STDIN_FILENO)) {
    print_error(
        "hv: an editor starts `hv lsp` and speaks the Language Server Protocol with it;\n"
        "docs/editors.md says how to tell yours\n");
    return kUsage;
  }
  std::signal(SIGPIPE, SIG_IGN);
  return lsp::serve({STDIN_FILENO, STDOUT_FILENO, is_dom0()});
}

}  // namespace hv::cli
