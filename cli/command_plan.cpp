// hv plan: what would change. Reads only.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {

namespace {

// What `hv apply FILE` needs to make this plan again; false if it cannot be saved.
bool note_scope(Session& session, const Options& options, Plan& plan) {
  plan.paths = options.paths;
  if (std::find(options.paths.begin(), options.paths.end(), "-") != options.paths.end()) {
    session.fail(Error{Code::wrong_usage, "a plan of standard input cannot be saved",
                       "write the source to a file first"});
    return false;
  }
  if (plan.project_id == Uuid{}) {
    // Its machines would be other ones at apply: until there is a store, nothing else names them.
    session.fail(Error{Code::wrong_usage, "a project without an id has no plans to save yet",
                       "`hv init` writes one; a first `hv apply` does as well"});
    return false;
  }
  PlanScope& scope = plan.scope;
  for (const auto& [name, values] : options.params)
    for (const std::string& value : values) {
      const auto known = plan.params.find(name);
      const bool secret = known != plan.params.end() && known->second == "(secret)";
      if (secret && !value.starts_with('@')) {
        session.fail(Error{Code::wrong_usage,
                           "a plan holds no secrets, and `-p " + name + "` is one",
                           "write it to a file and give -p " + name + "=@FILE"});
        return false;
      }
      scope.params.push_back(name + "=" + value);
    }
  if (options.host) scope.host = HostName{*options.host};
  for (const std::string& text : options.targets) scope.targets.push_back(*parse_address(text));
  for (const std::string& text : options.replace) scope.replace.push_back(*parse_address(text));
  for (const std::string& host : options.powered_off) scope.powered_off.push_back(HostName{host});
  scope.max_destroy = options.max_destroy.value_or("");
  scope.destroy = options.destroy;
  scope.prune = options.prune;
  scope.take_over = options.take_over;
  return true;
}

// Written beside and renamed: a reader never sees half a plan.
bool save(Session& session, const Options& options, const Plan& plan) {
  const std::string partial = options.output + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << plan_json(plan, true);
  file.close();
  if (file && std::rename(partial.c_str(), options.output.c_str()) == 0) return true;
  const int why = errno;
  std::remove(partial.c_str());
  session.fail(Error{
      Code::file_unreadable, "cannot write `" + options.output + "`: " + std::strerror(why), {}});
  return false;
}

}  // namespace

int run_plan(const Options& options) {
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  session.show_diagnostics();
  if (!ok || !session.load_inventories() || !session.open_reader() ||
      !session.open_drivers(false) || !session.observe())
    return kFailed;
  Scope scope = session.scope_from_options(options.destroy);
  scope.no_budget = options.destroy;
  const PlanRequest request = session.plan_request(scope);
  Result<Plan> plan = make_plan(request);
  if (!plan.ok()) {
    session.fail(plan.error());
    return kFailed;
  }
  // A refused plan is shown but not saved: nothing may apply it.
  const bool saves = !options.output.empty() && plan->applicable;
  if (saves && !note_scope(session, options, *plan)) return kUsage;
  if (saves && !save(session, options, *plan)) return kFailed;
  if (options.format == "json") {
    print(plan_json(*plan, false));
  } else {
    print(plan_text(*plan, session.style(STDOUT_FILENO), &session.sources, session.parallel()));
    session.note_open_intents();
    if (saves && !options.quiet)
      print_error("saved: `hv apply " + options.output + "` carries out exactly this\n");
  }
  if (!plan->applicable || leaves_undone(*plan)) return kFailed;
  return options.detailed_exitcode && !plan->nothing_to_do() ? kChanges : kDone;
}

}  // namespace hv::cli
