// hv check, hv show: compile and look, nothing live.
#include <unistd.h>

#include <algorithm>

#include "base/render.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "compiler/translate.h"
#include "lang/dump.h"
#include "lang/parse.h"

namespace hv::cli {
namespace {

int dump_files(Session& session, const Options& options) {
  const std::vector<Root> roots =
      options.paths.empty()
          ? project_roots(session.project, disk_files(), session.diagnostics)
          : path_roots(options.paths, session.working_directory, disk_files(), session.diagnostics);
  for (const Root& root : roots) {
    Result<std::string> text =
        root.path == "-" ? read_standard_input(kLargestInput) : disk_files().read(root.path);
    if (!text.ok()) {
      session.fail(text.error(), root.path);
      continue;
    }
    const FileId file = session.sources.add(root.path, std::move(*text));
    if (options.dump == "tokens") {
      print(lang::dump_tokens(file, session.sources));
    } else {
      const lang::SyntaxTree tree = lang::parse(file, session.sources, session.diagnostics);
      print(lang::dump_tree(tree, session.sources));
    }
  }
  session.show_diagnostics();
  return session.diagnostics.has_errors() ? kFailed : kDone;
}

}  // namespace

int run_check(const Options& options) {
  Session session(options);
  const bool dumps = options.dump == "tokens" || options.dump == "tree" || options.dump == "typed";
  session.keeps_diagnostics = !dumps && (options.format == "json" || options.format == "sarif");
  const bool loaded = session.load_project();
  if (dumps && !loaded) return kFailed;
  if (dumps && options.dump != "typed") return dump_files(session, options);
  if (dumps) {
    print(session.types_of_sources());
    session.show_diagnostics();
    return session.diagnostics.has_errors() ? kFailed : kDone;
  }
  if (loaded) session.compile_sources();
  const bool failed = session.diagnostics.has_errors();
  if (options.format == "json") {
    print(render_json(session.diagnostics, session.sources));
    return failed ? kFailed : kDone;
  }
  if (options.format == "sarif") {
    print(diagnostics_sarif(session.diagnostics, session.sources));
    return failed ? kFailed : kDone;
  }
  session.show_diagnostics();
  if (failed) {
    const std::size_t errors = session.diagnostics.error_count();
    print_error(std::to_string(errors) + (errors == 1 ? " error\n" : " errors\n"));
    return kFailed;
  }
  if (options.dump == "desired") {
    print(desired_json(session.desired, *session.schema));
  } else if (!options.quiet) {
    std::size_t domains = 0;
    for (const Resource& resource : session.desired.resources())
      if (address_of(resource).kind == Kind::domain) ++domains;
    const std::size_t all = session.desired.resources().size();
    const auto standard_input = std::count(options.paths.begin(), options.paths.end(), "-");
    const std::size_t files =
        session.desired.inputs.size() + static_cast<std::size_t>(std::min<long>(1, standard_input));
    print("ok: " + std::to_string(files) + (files == 1 ? " file, " : " files, ") +
          std::to_string(all) + (all == 1 ? " resource, " : " resources, ") +
          std::to_string(domains) + (domains == 1 ? " domain\n" : " domains\n"));
  }
  return kDone;
}

int run_show(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  std::optional<std::string> text;
  if (ok && options.format == "json")
    text = desired_json(session.desired, *session.schema);
  else if (ok && options.format == "vm")
    text = show_vm(session.desired, session.project.default_host(), *session.schema);
  else if (ok && options.format == "xl")
    text = show_xl(session.desired, *session.schema, session.diagnostics);
  else if (ok)
    text = desired_text(session.desired, *session.schema);
  session.show_diagnostics();
  if (!text) return kFailed;
  print(*text);
  return kDone;
}

}  // namespace hv::cli
