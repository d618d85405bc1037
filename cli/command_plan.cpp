// hv plan: what would change. Reads only.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {

int run_plan(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  session.show_diagnostics();
  if (!ok || !session.open_reader() || !session.open_drivers(false) || !session.observe())
    return kFailed;
  Scope scope = session.scope_from_options(options.destroy);
  scope.no_budget = options.destroy;
  std::optional<PlanRequest> request = session.plan_request(scope);
  if (!request) return kUsage;
  Result<Plan> plan = make_plan(*request);
  if (!plan.ok()) {
    session.fail(plan.error());
    return kFailed;
  }
  plan->paths = options.paths;
  if (!options.output.empty()) {
    // Written beside and renamed: a reader never sees half a plan.
    const std::string partial = options.output + ".partial";
    std::ofstream file(partial, std::ios::binary | std::ios::trunc);
    file << plan_json(*plan, true);
    file.close();
    if (!file || std::rename(partial.c_str(), options.output.c_str()) != 0) {
      session.fail(Error{Code::file_unreadable, "cannot write `" + options.output + "`", {}});
      return kFailed;
    }
  }
  if (options.format == "json") {
    print(plan_json(*plan, false));
  } else {
    print(plan_text(*plan, session.style(STDOUT_FILENO)));
    if (!session.open_intents.empty() && !options.quiet)
      print_error("note: " + std::to_string(session.open_intents.size()) +
                  " operations of an interrupted apply are not settled; they count as held, and "
                  "`hv apply` settles them first\n");
    if (!options.output.empty() && !options.quiet)
      print_error("saved: `hv apply " + options.output + "` carries out exactly this\n");
  }
  if (!plan->applicable) return kFailed;
  const bool changes = !plan->nothing_to_do() || !plan->drift.empty();
  return options.detailed_exitcode && changes ? kChanges : kDone;
}

}  // namespace hv::cli
