// hv apply, hv destroy, and hv stop and its like: make it so. Settles what an interrupted apply
// left, plans, shows, asks, acts.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/apply.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

ApplyOptions apply_options(Session& session, const Options& options) {
  ApplyOptions apply;
  apply.parallel = session.parallel();
  apply.interrupted = [] { return interrupted(); };
  apply.who = who();
  apply.take_over = options.take_over;
  return apply;
}

// Settles open intents; false if something cannot be settled in a way that stops everything.
bool settle(Session& session, const Options& options) {
  ApplyContext context{*session.store, session.drivers, *session.schema, session.project,
                       session.clock,  session.random,  session.storage};
  const bool had_open = !session.open_intents.empty();
  const std::map<HostName, OperatorWord> fenced = session.fenced;
  Result<std::vector<Settled>> settled = recover(context, apply_options(session, options));
  if (!settled.ok()) {
    session.fail(settled.error());
    return false;
  }
  if (had_open && !options.quiet) {
    print_error("An earlier apply was interrupted; settled by what is true on the hosts:\n");
    for (const Settled& each : *settled) {
      const char* word = "";
      switch (each.result) {
        case Settled::Result::done:
          word = "done";
          break;
        case Settled::Result::undone:
          word = "undone";
          break;
        case Settled::Result::redo:
          word = "to be done again";
          break;
        case Settled::Result::unknown:
          word = "unknown, held";
          break;
      }
      print_error("  " + each.what + ": " + word + (each.why.empty() ? "" : " — " + each.why) +
                  "\n");
    }
    print_error("\n");
  }
  if (!session.open_store()) return false;  // read again what recovery wrote
  for (const auto& [host, word] : fenced)
    if (!session.fenced.contains(host) && !options.quiet)
      print_error("note: " + host.text + " answers again and holds what it has; it was fenced on " +
                  to_human(word.at) + ", on the word of " + word.who + "\n");
  return true;
}

// Who says of a host that it is off, for this plan, has said so.
bool record_words(Session& session, const Options& options) {
  Transition transition;
  for (const std::string& name : options.powered_off) {
    const HostObservation* host = session.observation.find(HostName{name});
    if ((host != nullptr && host->reachable) || session.fenced.contains(HostName{name})) continue;
    OperatorWord word;
    word.host = HostName{name};
    word.who = who();
    word.why = "--i-have-powered-off";
    word.at = session.clock.now();
    transition.words.push_back(std::move(word));
  }
  if (transition.words.empty()) return true;
  Status written = session.store->commit(transition);
  if (!written.ok()) session.fail(written.error());
  return written.ok();
}

int carry_out(Session& session, const Plan& plan, const Options& options) {
  ApplyContext context{*session.store, session.drivers, *session.schema, session.project,
                       session.clock,  session.random,  session.storage};
  ApplyOptions apply = apply_options(session, options);
  ProgressLines lines(plan, options);
  apply.progress = [&](const StepEvent& event) { lines(event); };
  catch_interrupts();
  const Time begun = session.clock.now();
  Result<ApplyReport> report = apply_plan(plan, context, apply);
  lines.finish();
  if (!report.ok()) {
    session.fail(report.error());
    return kFailed;
  }
  const std::string took = to_human(since(begun, session.clock.now()));
  if (report->ok()) {
    if (!options.quiet)
      print_error("Applied " + std::to_string(report->succeeded) +
                  (report->succeeded == 1 ? " step in " : " steps in ") + took + ".\n");
    return kDone;
  }
  for (const StepFailure& failure : report->failures)
    session.fail(Error{failure.code, failure.what + ": " + failure.why, failure.help});
  if (report->skipped != 0)
    print_error("Therefore not done: " + std::to_string(report->skipped) +
                (report->skipped == 1 ? " step" : " steps") + " of " +
                std::to_string(plan.steps.size()) + ".\n");
  if (report->interrupted) {
    print_error(
        "Interrupted: what ran was finished, nothing else was started. `hv apply` goes "
        "on from here.\n");
    return kInterrupted;
  }
  print_error("Next: `hv plan` shows what is left.\n");
  return kFailed;
}

std::optional<std::string> plan_file(const Options& options) {
  if (options.paths.size() != 1 || options.paths[0] == "-") return std::nullopt;
  if (disk_files().what(options.paths[0]) != Files::What::file) return std::nullopt;
  Result<std::string> text = disk_files().read(options.paths[0]);
  if (!text.ok() || !looks_like_plan(*text)) return std::nullopt;
  return std::move(*text);
}

// The plan in `options`' one PATH, and `options` as they were when it was made.
Result<Plan> take_saved_plan(const std::string& text, Options& options) {
  Result<Plan> plan = read_plan(text);
  if (!plan.ok()) return plan;
  const bool asks_more = !options.params.empty() || options.host || !options.targets.empty() ||
                         !options.replace.empty() || !options.powered_off.empty() ||
                         options.max_destroy || options.destroy || options.prune ||
                         options.take_over;
  if (asks_more)
    return Error{Code::wrong_usage, "a saved plan is carried out as it was made",
                 "say these options to `hv plan -o FILE`"};
  const PlanScope& scope = plan->scope;
  options.paths = plan->paths;
  for (const std::string& text_of_one : scope.params) {
    const std::size_t equals = text_of_one.find('=');
    if (equals != std::string::npos)
      options.params[text_of_one.substr(0, equals)].push_back(text_of_one.substr(equals + 1));
  }
  if (scope.host) options.host = scope.host->text;
  for (const Address& each : scope.targets) options.targets.push_back(to_string(each));
  for (const Address& each : scope.replace) options.replace.push_back(to_string(each));
  for (const HostName& each : scope.powered_off) options.powered_off.push_back(each.text);
  if (parse_budget(scope.max_destroy)) options.max_destroy = scope.max_destroy;
  options.destroy = scope.destroy;
  options.prune = scope.prune;
  options.take_over = scope.take_over;
  return plan;
}

// As it was made, or from where an earlier run of it died.
Result<Plan> plan_of_file(const Plan& saved, const Session& session, const PlanRequest& request) {
  const std::optional<PlanRecord> begun = TRY(session.store->plan_record(saved.id));
  if (!begun) return make_again(saved, request);
  // What another plan did since, this one never saw.
  const std::vector<PlanRecord> history = TRY(session.store->history());
  if (!begun->ended && history.front().id != saved.id)
    return Error{Code::plan_stale,
                 "the saved plan no longer fits: it was begun, and the plan " +
                     history.front().id.text + " was carried out since",
                 "make it again with `hv plan -o FILE`, and look at it again"};
  Result<Plan> plan = resume(saved, *begun, request);
  if (plan.ok()) print_error("This plan was begun before; it goes on.\n\n");
  return plan;
}

}  // namespace

int apply(const Options& given, const Ask& ask) {
  const bool destroy_all = ask.destroy_all;
  Options options = given;
  if (!options.directory.empty()) {
    if (::chdir(options.directory.c_str()) != 0) {
      Session(given).fail(
          Error{Code::file_unreadable, "there is no folder `" + options.directory + "`", {}});
      return kFailed;
    }
    options.directory.clear();
  }
  std::optional<Plan> saved;
  if (ask.may_be_plan_file) {
    if (std::optional<std::string> text = plan_file(options)) {
      const std::string file = options.paths[0];
      Result<Plan> read = take_saved_plan(*text, options);
      if (!read.ok()) {
        Session(options).fail(read.error(), file);
        return read.error().code == Code::wrong_usage ? kUsage : kFailed;
      }
      saved = std::move(*read);
    }
  }
  Session session(options);
  if (!session.load_project()) return kFailed;
  const bool ok = session.compile_sources();
  session.show_diagnostics();
  if (!ok || !session.load_inventories()) return kFailed;
  if (!options.yes && !is_terminal(STDIN_FILENO)) {
    session.fail(Error{Code::wrong_usage, "nobody is there to ask: standard input is no terminal",
                       "look at the plan first, then add --yes"});
    return kUsage;
  }
  if (!session.lock() || !session.open_store() || !session.open_drivers(true)) return kFailed;
  if (!session.gather_again() || !settle(session, options)) return kFailed;
  session.observation = observe_all(session.drivers, session.clock);
  Scope scope = session.scope_from_options(destroy_all || options.destroy);
  scope.no_budget = destroy_all || options.destroy;
  scope.power = ask.power;
  scope.migrate_to = HostName{options.migrate_to};
  for (const auto& [address, power] : ask.power) scope.targets.push_back(address);
  for (const Address& address : ask.only) scope.targets.push_back(address);
  const PlanRequest request = session.plan_request(scope);
  Result<Plan> plan = saved ? plan_of_file(*saved, session, request) : make_plan(request);
  if (!plan.ok()) {
    session.fail(plan.error());
    return kFailed;
  }
  if (!options.quiet || !options.yes || !plan->applicable)
    print(plan_text(*plan, session.style(STDOUT_FILENO), &session.sources, session.parallel()));
  if (!plan->applicable) return kFailed;
  // What could not be planned was said above; the rest is done all the same.
  const int all_done = leaves_undone(*plan) ? kFailed : kDone;
  if (plan->nothing_to_do()) return all_done;
  if (!options.quiet || !options.yes) print("\n");
  if (!options.yes && !confirm(destroy_all ? "Destroy all this?" : "Apply this plan?")) {
    print_error("Nothing was changed.\n");
    return kFailed;
  }
  if (!record_words(session, options)) return kFailed;
  plan->scope.powered_off = {scope.powered_off.begin(), scope.powered_off.end()};
  const int done = carry_out(session, *plan, options);
  // What waited for this word of an operator is settled by it.
  if (done == kDone && !ask.power.empty() && !session.open_intents.empty() &&
      !settle(session, options))
    return kFailed;
  return done == kDone ? all_done : done;
}

int run_apply(const Options& options) {
  Ask ask;
  ask.may_be_plan_file = true;
  return apply(options, ask);
}

int run_destroy(const Options& options) {
  Ask ask;
  ask.destroy_all = true;
  return apply(options, ask);
}

int run_power(const Options& options, PowerAsk power) {
  Ask ask;
  for (const std::string& text : options.addresses) {
    const std::optional<Address> address = parse_address(text);
    if (!address || address->kind != Kind::domain) {
      Session(options).fail(Error{
          Code::wrong_usage,
          "`hv " + std::string(to_string(power)) + "` takes domains, such as domain.web0, not `" +
              text + "`",
          text.find('.') == std::string::npos ? "write `domain." + text + "`" : std::string()});
      return kUsage;
    }
    ask.power[*address] = power;
  }
  return apply(options, ask);
}

}  // namespace hv::cli
