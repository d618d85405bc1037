// hv: the command line, from words to Options to one command.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace hv::cli {
namespace {

// Only these words, and the nearest where it is another.
void one_of(CLI::Option* option, std::vector<std::string> words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : "|") + word;
  option->type_name(all);
  option->check(
      [words = std::move(words), all](const std::string& given) -> std::string {
        if (std::find(words.begin(), words.end(), given) != words.end()) return {};
        return "takes " + all + ", not `" + given + "`";
      },
      "");
}

// May be given again: each time it takes one word, and leaves the PATHs alone.
CLI::Option* repeated(CLI::Option* option) {
  return option->take_all()->expected(1)->allow_extra_args(false);
}

void many_addresses(CLI::Option* option) {
  repeated(option)->type_name("ADDRESS")->check(
      [](const std::string& given) -> std::string {
        if (parse_address(given)) return {};
        return "takes an address such as domain.web0, not `" + given + "`";
      },
      "");
}

struct CommandLine {
  CLI::App app{"hv: virtual machines as declared — compiled, proved safe, and made so", "hv"};
  Options options;
  std::vector<std::string> params;
  std::string lock_timeout, latency;
  std::function<int(const Options&)> run;
};

constexpr const char* kCommon = "Everywhere";

// These stand before the command or after it.
void common(CommandLine& line) {
  Options& o = line.options;
  CLI::App& app = line.app;
  repeated(app.add_option("-p", line.params, "a parameter; @FILE as value reads a file"))
      ->type_name("NAME=VALUE");
  app.add_option("--host", o.host, "the host of what names none")->type_name("HOST");
  app.add_option("-C", o.directory, "work in this folder")->type_name("DIR");
  one_of(app.add_option("--color", o.color, "colours"), {"auto", "always", "never"});
  app.add_flag("-q,--quiet", o.quiet, "results and errors only");
  app.add_flag("-v,--verbose", o.verbose, "tell more, twice for all");
  one_of(app.add_option("--log-format", o.log_format, "of what -v tells"), {"text", "json"});
  for (CLI::Option* each : app.get_options())
    if (each != app.get_help_ptr()) each->group(kCommon);
}

CLI::App* command(CommandLine& line, CLI::App& parent, const std::string& name,
                  const std::string& what, const std::string& example,
                  std::function<int(const Options&)> run) {
  CLI::App* sub = parent.add_subcommand(name, what);
  sub->footer("Example: " + example);
  sub->fallthrough();
  sub->callback([&line, run = std::move(run)] { line.run = run; });
  return sub;
}

void paths(CLI::App* sub, Options& o) {
  sub->add_option("PATH", o.paths, "sources in place of the project's; - is standard input")
      ->type_name("");
}

void format(CLI::App* sub, Options& o, std::vector<std::string> allowed) {
  one_of(sub->add_option("--format", o.format, "how the answer is written"), std::move(allowed));
}

CLI::Option* duration(CLI::Option* option) {
  return option->type_name("TIME")->check(
      [](const std::string& given) -> std::string {
        if (parse_duration(given)) return {};
        return "takes a duration such as 30s, not `" + given + "`";
      },
      "");
}

CLI::Option* lock_timeout(CLI::App* sub, CommandLine& line) {
  return duration(
      sub->add_option("--lock-timeout", line.lock_timeout, "wait so long for another command"));
}

void planning(CLI::App* sub, CommandLine& line) {
  Options& o = line.options;
  many_addresses(sub->add_option("--target", o.targets, "change only this"));
  many_addresses(sub->add_option("--replace", o.replace, "make this domain anew"));
  sub->add_flag("--destroy", o.destroy, "remove what is declared");
  sub->add_option_function<std::string>(
         "--refresh", [&o](const std::string& text) { o.refresh = text == "true"; },
         "false: plan from the last look at the hosts")
      ->expected(1)
      ->type_name("true|false")
      ->check(
          [](const std::string& given) -> std::string {
            return given == "true" || given == "false" ? ""
                                                       : "takes true or false, not `" + given + "`";
          },
          "");
  sub->add_option("--max-destroy", o.max_destroy, "so much may be taken away")
      ->type_name("N|N%")
      ->check(
          [](const std::string& given) -> std::string {
            if (parse_budget(given)) return {};
            return "takes a count or a percentage, 3 or 10%, not `" + given + "`";
          },
          "");
  sub->add_flag("--prune", o.prune, "with PATHs: remove what they no longer declare");
  sub->add_flag("--take-over", o.take_over, "take over what another source or store has");
  repeated(sub->add_option("--i-have-powered-off", o.powered_off,
                           "this host is off: your word is recorded"))
      ->type_name("HOST");
  lock_timeout(sub, line);
}

// One operation on declared domains.
CLI::App* power(CommandLine& line, const std::string& name, const std::string& what, PowerAsk ask) {
  const std::string more = ask == PowerAsk::migrate ? " --to xen2" : "";
  CLI::App* sub =
      command(line, line.app, name, what, "hv " + name + " domain.web0" + more + " --yes",
              [ask](const Options& options) { return run_power(options, ask); });
  sub->add_option("ADDRESS", line.options.addresses, "such as domain.web0")
      ->type_name("")
      ->required();
  sub->add_flag("--yes", line.options.yes, "do not ask");
  lock_timeout(sub, line);
  return sub;
}

void hosts(CommandLine& line, CLI::App& host) {
  Options& o = line.options;
  format(command(line, host, "list", "the hosts and what is known of them", "hv host list",
                 run_host_list),
         o, {"text", "json"});
  CLI::App* fence = command(line, host, "fence", "vouch that hosts which do not answer are off",
                            "hv host fence xen2 --reason \"burnt\" --yes", run_host_fence);
  CLI::App* unfence =
      command(line, host, "unfence", "take that back", "hv host unfence xen2", run_host_unfence);
  for (CLI::App* each : {fence, unfence})
    each->add_option("HOST", o.paths, "hosts of the project")->type_name("")->required();
  CLI::App* unclaim = command(line, host, "unclaim", "remove the dead claims of another project",
                              "hv host unclaim xen1 3f0c21d4 --yes", run_host_unclaim);
  unclaim->add_option("HOST", o.claim_host, "where the claims are")->type_name("")->required();
  unclaim->add_option("PROJECT", o.claim_project, "its UUID, or the beginning of it")
      ->type_name("")
      ->required();
  for (CLI::App* each : {fence, unfence, unclaim}) {
    each->add_option("--reason", o.reason, "recorded with your name")->type_name("TEXT");
    if (each != unfence) each->add_flag("--yes", o.yes, "do not ask");
    lock_timeout(each, line);
  }
}

int wrong_usage(const Options& options, const std::string& message, const std::string& advice) {
  Session(options).fail(Error{Code::wrong_usage, message, advice});
  return kUsage;
}

std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

// "hv state show".
std::string full_name(const CLI::App& app) {
  return (app.get_parent() == nullptr ? "" : full_name(*app.get_parent()) + " ") + app.get_name();
}

// A command's own options, and below them those of every command.
std::string help_text(CommandLine& line, const CLI::App& about) {
  // Not about.help(): that of a command which was parsed would come instead.
  std::string text =
      about.get_formatter()->make_help(&about, full_name(about), CLI::AppFormatMode::Normal);
  if (about.get_parent() == nullptr) {
    const std::size_t gap = text.find("\n\n\n");
    return gap == std::string::npos ? text : text.erase(gap, 1);
  }
  std::vector<const CLI::Option*> everywhere;
  for (const CLI::Option* each : line.app.get_options())
    if (each->get_group() == kCommon) everywhere.push_back(each);
  const std::string group = CLI::Formatter().make_group(kCommon, false, everywhere);
  const std::string example = about.get_footer();
  const std::size_t at = text.rfind(example);
  return at == std::string::npos ? text + group : text.insert(at, group.substr(1) + "\n");
}

std::string advice_on_commands(CLI::App& parent, const std::string& word) {
  std::vector<std::string_view> names;
  for (const CLI::App* each : commands_of(parent)) names.push_back(each->get_name());
  if (const auto near = nearest(word, names))
    return "did you mean `" + full_name(parent) + " " + std::string(*near) + "`?";
  return parent.get_parent() == nullptr ? "`hv help` lists the commands"
                                        : "`hv help " + parent.get_name() + "` lists them";
}

int help(CommandLine& line, const Options& options) {
  CLI::App* about = &line.app;
  for (const std::string& word : options.paths) {
    const std::vector<CLI::App*> all = commands_of(*about);
    const auto next = std::find_if(all.begin(), all.end(),
                                   [&](const CLI::App* each) { return each->get_name() == word; });
    if (next == all.end())
      return wrong_usage(options, "there is no command `" + word + "`",
                         advice_on_commands(*about, word));
    about = *next;
  }
  print(help_text(line, *about));
  return kDone;
}

// What CLI11 could not read, in our words.
int explain_misuse(CommandLine& line, const CLI::ParseError& error) {
  CLI::App* at = &line.app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const std::string command = full_name(*at);
  const std::string more = at == &line.app ? "`hv help` lists the commands"
                                           : "`" + command + " --help` tells what it takes";
  const std::vector<std::string> unknown = line.app.remaining(true);
  if (unknown.empty() || error.get_name() == "ValidationError") {
    if (error.get_name() == "RequiredError" && !commands_of(*at).empty())
      return wrong_usage(line.options, "`" + command + "` needs one of its commands", more);
    // CLI11 says "--format: takes …" and "-o: 1 required FILE missing".
    std::string what = error.what();
    const std::size_t colon = what.find(": ");
    if (colon != std::string::npos)
      what = "`" + what.substr(0, colon) + "` " +
             (what.ends_with(" missing") ? "needs a value" : what.substr(colon + 2));
    return wrong_usage(line.options, what, more);
  }
  const std::string& word = unknown.front();
  if (!word.starts_with('-')) {
    if (commands_of(*at).empty())
      return wrong_usage(line.options, "`" + command + "` has no use for `" + word + "`", more);
    return wrong_usage(line.options, "there is no command `" + word + "`",
                       advice_on_commands(*at, word));
  }
  std::vector<std::string> options;
  for (CLI::App* each = at; each != nullptr; each = each->get_parent())
    for (const CLI::Option* option : each->get_options()) {
      for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
      for (const std::string& name : option->get_snames()) options.push_back("-" + name);
    }
  const std::vector<std::string_view> names(options.begin(), options.end());
  const auto near = nearest(word.substr(0, word.find('=')), names);
  return wrong_usage(line.options, "`" + command + "` has no option `" + word + "`",
                     near ? "did you mean `" + std::string(*near) + "`?" : more);
}

void build(CommandLine& line) {
  Options& o = line.options;
  CLI::App& app = line.app;
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "this help");
  app.footer("`hv help COMMAND` tells more.\nExample: hv init rack1");
  common(line);
  app.set_version_flag("--version", "hv " + std::string(kVersion), "which hv this is");
  command(line, app, "init", "start a project", "hv init rack1", run_init)
      ->add_option("DIR", o.paths, "the folder; the working directory without it")
      ->expected(0, 1)
      ->type_name("");
  CLI::App* check = command(line, app, "check", "compile and validate, nothing live",
                            "hv check web.cfg", run_check);
  paths(check, o);
  format(check, o, {"text", "json", "sarif"});
  one_of(check->add_option("--dump", o.dump, "what a phase made of the sources"),
         {"tokens", "tree", "typed", "desired"});
  CLI::App* fmt = command(line, app, "fmt", "format sources", "hv fmt --check", run_fmt);
  paths(fmt, o);
  fmt->add_flag("--check", o.check, "write nothing; exit 1 where a file would change");
  fmt->add_flag("--diff", o.diff, "write nothing; show what would change");
  command(line, app, "lsp", "language server on stdio", "hv lsp < /dev/null", run_lsp);
  CLI::App* show =
      command(line, app, "show", "the desired state in full", "hv show --format json", run_show);
  paths(show, o);
  format(show, o, {"text", "json", "vm", "xl"});
  CLI::App* convert = command(line, app, "convert", "a file in another language, to stdout",
                              "hv convert web.cfg --to vm", run_convert);
  convert->add_option("FILE", o.paths, "a source, or `-`")->required()->expected(1);
  one_of(
      convert->add_option("--from", o.from, "what xend printed is sxp; the others tell themselves"),
      {"sxp"});
  one_of(convert->add_option("--to", o.to, "the language to write"), {"vm", "xl"});
  CLI::App* lint = command(line, app, "lint", "sharing safety", "hv lint --live", run_lint);
  paths(lint, o);
  format(lint, o, {"text", "json", "sarif"});
  lint->add_flag("--live", o.live, "also what runs now");
  lint->add_option("--baseline", o.baseline, "findings that are known and put up with");
  CLI::App* inventory = command(line, app, "inventory", "gather the storage facts of a host",
                                "hv inventory local -o local.json", run_inventory);
  inventory->add_option("HOST", o.paths, "a host of the project")->required()->expected(1);
  inventory->add_option("-o", o.output, "write to this file");
  CLI::App* plan = command(line, app, "plan", "what would change",
                           "hv plan -o next.plan --detailed-exitcode", run_plan);
  paths(plan, o);
  format(plan, o, {"text", "json"});
  planning(plan, line);
  plan->add_option("-o", o.output, "save the plan for `hv apply FILE`")->type_name("FILE");
  plan->add_flag("--detailed-exitcode", o.detailed_exitcode, "exit 2 if there are changes");
  CLI::App* apply = command(line, app, "apply", "make it so; an argument may be a saved plan",
                            "hv apply --yes", run_apply);
  paths(apply, o);
  planning(apply, line);
  apply->add_flag("--yes", o.yes, "do not ask");
  CLI::App* destroy = command(line, app, "destroy", "remove what is declared",
                              "hv destroy web.cfg --yes", run_destroy);
  paths(destroy, o);
  planning(destroy, line);
  destroy->add_flag("--yes", o.yes, "do not ask");
  CLI::App* status = command(line, app, "status", "live against desired",
                             "hv status --detailed-exitcode", run_status);
  paths(status, o);
  format(status, o, {"text", "json"});
  status->add_flag("--detailed-exitcode", o.detailed_exitcode, "exit 2 if there is drift");
  CLI::App* adopt = command(line, app, "adopt", "declare what runs, and take it over",
                            "hv adopt web0 -o adopted.vm", run_adopt);
  adopt->add_option("NAME", o.paths, "machines; without one all that are not declared")
      ->type_name("");
  adopt->add_option("-o", o.output, "the file; adopted.vm without it")->type_name("FILE");
  lock_timeout(adopt, line);
  power(line, "start", "start declared domains that are off", PowerAsk::start);
  power(line, "stop", "stop domains; declared to run, they are drift then", PowerAsk::stop);
  power(line, "restart", "stop and start, with what waits for a restart", PowerAsk::restart);
  power(line, "save", "save domains to their hosts' disks; they keep what they hold",
        PowerAsk::save);
  power(line, "restore", "let saved domains go on where they were", PowerAsk::restore);
  power(line, "migrate", "let domains go to another host while they run", PowerAsk::migrate)
      ->add_option("--to", line.options.migrate_to, "where they go to")
      ->type_name("HOST")
      ->required();
  power(line, "pause", "pause domains", PowerAsk::pause);
  power(line, "unpause", "let paused domains go on", PowerAsk::unpause);
  CLI::App* host = app.add_subcommand("host", "the hosts: list, fence, unfence, unclaim");
  host->footer("Example: hv host list");
  host->fallthrough();
  host->require_subcommand(1);
  hosts(line, *host);
  CLI::App* sim = command(line, app, "sim", "a simulated host as a process of its own",
                          "hv sim --listen lab.sock", run_sim);
  sim->add_option("--listen", o.listen, "where several hv reach it: `address = \"unix:PATH\"`")
      ->type_name("PATH")
      ->required();
  duration(sim->add_option("--latency", line.latency, "each answer is late by up to this"));
  CLI::App* state = app.add_subcommand("state", "the store: list, show, verify");
  state->footer("Example: hv state list");
  state->fallthrough();
  state->require_subcommand(1);
  command(line, *state, "list", "every resource of the state", "hv state list", run_state_list);
  many_addresses(command(line, *state, "show", "one resource in full", "hv state show domain.web0",
                         run_state_show)
                     ->add_option("ADDRESS", o.paths, "such as domain.web0")
                     ->required());
  command(line, *state, "verify", "walk every record and its digest", "hv state verify",
          run_state_verify);
  command(line, app, "explain", "long help on a code or an attribute", "hv explain HV0203",
          run_explain)
      ->add_option("WHAT", o.paths, "a code, an attribute, or `codes` for a page of all codes")
      ->type_name("");
  command(line, app, "version", "which hv this is", "hv version", run_version);
  command(line, app, "completion", "completion for a shell", "hv completion bash", run_completion)
      ->add_option("SHELL", o.paths, "bash, zsh or fish")
      ->type_name("");
  command(line, app, "help", "help on a command", "hv help plan",
          [&line](const Options& options) { return help(line, options); })
      ->add_option("COMMAND", o.paths, "such as plan")
      ->type_name("");
}

// name=value of every -p; false for one without `=`.
bool take_params(CommandLine& line) {
  for (const std::string& text : line.params) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      wrong_usage(line.options, "`-p " + text + "` has no value", "write -p name=value");
      return false;
    }
    line.options.params[text.substr(0, equals)].push_back(text.substr(equals + 1));
  }
  if (!line.lock_timeout.empty()) line.options.lock_timeout = *parse_duration(line.lock_timeout);
  if (!line.latency.empty()) line.options.latency = *parse_duration(line.latency);
  return true;
}

int run(int argc, char** argv) {
  CommandLine line;
  build(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    CLI::App* about = &line.app;
    while (!about->get_subcommands().empty()) about = about->get_subcommands().front();
    print(help_text(line, *about));
    return kDone;
  } catch (const CLI::CallForVersion& version) {
    print(std::string(version.what()) + "\n");
    return kDone;
  } catch (const CLI::ParseError& error) {
    return explain_misuse(line, error);
  }
  if (!line.run) {
    print(help_text(line, line.app));
    return kDone;
  }
  if (!take_params(line)) return kUsage;
  set_up_logs(line.options);
  return line.run(line.options);
}

}  // namespace
}  // namespace hv::cli

int main(int argc, char** argv) {
  hv::cli::prepare_streams();
  return hv::cli::exit_code(hv::cli::run(argc, argv));
}
