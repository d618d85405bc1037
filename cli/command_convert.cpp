// hv convert: a file in another language, to stdout.
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "compiler/translate.h"

namespace hv::cli {

int run_convert(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  TranslateRequest request;
  if (!session.ask_for_sources(request.compile) || session.diagnostics.has_errors()) {
    session.show_diagnostics();
    return kFailed;
  }
  request.from = options.from == "sxp" ? Language::sxp : Language::vm;
  request.to = options.to == "xl" ? Language::xl : Language::vm;
  const std::optional<std::string> text = translate(request, session.sources, session.diagnostics);
  session.show_diagnostics();
  if (!text) return kFailed;
  print(*text);
  return kDone;
}

}  // namespace hv::cli
