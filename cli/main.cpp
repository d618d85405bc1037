// hv: the command line, from words to Options to one command.
#include <CLI/CLI.hpp>
#include <functional>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

struct CommandLine {
  CLI::App app{"hv: virtual machines as declared — compiled, proved safe, and made so"};
  Options options;
  std::vector<std::string> params;
  std::string lock_timeout;
  std::function<int(const Options&)> run;
};

void common(CLI::App* command, CommandLine& line) {
  Options& o = line.options;
  command->add_option("-p", line.params, "a parameter: -p name=value (value @FILE reads a file)")
      ->take_all()
      ->expected(1);
  command->add_option("--host", o.host, "the host of what names none");
  command->add_option("-C", o.directory, "work in this folder");
  command->add_option("--color", o.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command->add_flag("-q,--quiet", o.quiet, "results and errors only");
  command->add_flag("-v,--verbose", o.verbose, "tell more, twice for all");
  command->add_option("--log-format", o.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
}

CLI::App* command(CommandLine& line, CLI::App& parent, const std::string& name,
                  const std::string& what, const std::string& example,
                  std::function<int(const Options&)> run) {
  CLI::App* sub = parent.add_subcommand(name, what);
  sub->footer("Example: " + example);
  common(sub, line);
  sub->callback([&line, run = std::move(run)] { line.run = run; });
  return sub;
}

void paths(CLI::App* sub, Options& o) {
  sub->add_option("PATH", o.paths, "sources in place of the project's; - is standard input");
}

void format(CLI::App* sub, Options& o, std::vector<std::string> allowed) {
  sub->add_option("--format", o.format, "how the answer is written")
      ->check(CLI::IsMember(std::move(allowed)));
}

void planning(CLI::App* sub, CommandLine& line) {
  Options& o = line.options;
  sub->add_option("--target", o.targets, "change only this address")->take_all()->expected(1);
  sub->add_option("--replace", o.replace, "make this domain anew")->take_all()->expected(1);
  sub->add_flag("--destroy", o.destroy, "remove what is declared");
  sub->add_option_function<std::string>(
         "--refresh",
         [&o](const std::string& text) {
           if (text != "true" && text != "false")
             throw CLI::ValidationError("--refresh", "is true or false");
           o.refresh = text == "true";
         },
         "false: plan from the last look at the hosts")
      ->expected(1);
  sub->add_option("--max-destroy", o.max_destroy, "a count or a percentage");
  sub->add_flag("--prune", o.prune, "with PATHs: remove what they no longer declare");
  sub->add_flag("--take-over", o.take_over, "take over what another source or store has");
  sub->add_option("--i-have-powered-off", o.powered_off, "this host is off: your word is recorded")
      ->take_all()
      ->expected(1);
  sub->add_option("--lock-timeout", line.lock_timeout, "wait so long for another command: 30s");
}

void build(CommandLine& line) {
  Options& o = line.options;
  CLI::App& app = line.app;
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "this help");
  app.footer("`hv help COMMAND` tells more. In a new folder: hv init");
  command(line, app, "init", "start a project", "hv init rack1", run_init)
      ->add_option("DIR", o.paths, "the folder; the working directory without it")
      ->expected(0, 1);
  CLI::App* check = command(line, app, "check", "compile and validate, nothing live",
                            "hv check web.cfg", run_check);
  paths(check, o);
  format(check, o, {"text", "json"});
  check->add_option("--dump", o.dump, "tokens, tree or desired")
      ->check(CLI::IsMember({"tokens", "tree", "desired"}));
  CLI::App* show =
      command(line, app, "show", "the desired state in full", "hv show --format json", run_show);
  paths(show, o);
  format(show, o, {"text", "json"});
  CLI::App* lint = command(line, app, "lint", "sharing safety", "hv lint --live", run_lint);
  paths(lint, o);
  format(lint, o, {"text", "json", "sarif"});
  lint->add_flag("--live", o.live, "also what runs now");
  CLI::App* plan = command(line, app, "plan", "what would change",
                           "hv plan -o next.plan --detailed-exitcode", run_plan);
  paths(plan, o);
  format(plan, o, {"text", "json"});
  planning(plan, line);
  plan->add_option("-o", o.output, "save the plan for `hv apply FILE`");
  plan->add_flag("--detailed-exitcode", o.detailed_exitcode, "exit 2 if there are changes");
  CLI::App* apply = command(line, app, "apply", "make it so; an argument may be a saved plan",
                            "hv apply --yes", run_apply);
  paths(apply, o);
  planning(apply, line);
  apply->add_flag("--yes", o.yes, "do not ask");
  CLI::App* destroy =
      command(line, app, "destroy", "remove what is declared", "hv destroy web.cfg", run_destroy);
  paths(destroy, o);
  planning(destroy, line);
  destroy->add_flag("--yes", o.yes, "do not ask");
  CLI::App* status = command(line, app, "status", "live against desired",
                             "hv status --detailed-exitcode", run_status);
  paths(status, o);
  format(status, o, {"text", "json"});
  status->add_flag("--detailed-exitcode", o.detailed_exitcode, "exit 2 if there is drift");
  CLI::App* state = app.add_subcommand("state", "the store: list, show, verify");
  state->require_subcommand(1);
  command(line, *state, "list", "every resource of the state", "hv state list", run_state_list);
  command(line, *state, "show", "one resource in full", "hv state show domain.web0", run_state_show)
      ->add_option("ADDRESS", o.paths, "such as domain.web0")
      ->required();
  command(line, *state, "verify", "walk every record and its digest", "hv state verify",
          run_state_verify);
  command(line, app, "explain", "long help on a code or an attribute", "hv explain HV0203",
          run_explain)
      ->add_option("WHAT", o.paths, "a code or an attribute");
  command(line, app, "version", "which hv this is", "hv version", run_version);
  command(line, app, "completion", "completion for a shell", "hv completion bash", run_completion)
      ->add_option("SHELL", o.paths, "bash, zsh or fish");
  CLI::App* help = app.add_subcommand("help", "help on a command");
  help->add_option("COMMAND", o.paths, "such as plan");
  help->callback([&line] {
    line.run = [&line](const Options& options) {
      CLI::App* about = &line.app;
      for (const std::string& word : options.paths) {
        CLI::App* next = nullptr;
        for (CLI::App* each : about->get_subcommands([](CLI::App*) { return true; }))
          if (each->get_name() == word) next = each;
        if (next == nullptr) {
          print_error("hv: there is no command `" + word + "`; `hv help` lists them\n");
          return static_cast<int>(kUsage);
        }
        about = next;
      }
      print(about->help());
      return static_cast<int>(kDone);
    };
  });
}

// name=value of every -p; false for one without `=`.
bool take_params(CommandLine& line) {
  for (const std::string& text : line.params) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      print_error("hv: `-p " + text + "` has no value; write -p name=value\n");
      return false;
    }
    line.options.params[text.substr(0, equals)].push_back(text.substr(equals + 1));
  }
  if (!line.lock_timeout.empty()) {
    const std::optional<Duration> timeout = parse_duration(line.lock_timeout);
    if (!timeout) {
      print_error("hv: `--lock-timeout " + line.lock_timeout + "` is no duration; write 30s\n");
      return false;
    }
    line.options.lock_timeout = *timeout;
  }
  return true;
}

}  // namespace

int run(int argc, char** argv) {
  CommandLine line;
  build(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    CLI::App* about = &line.app;
    while (!about->get_subcommands().empty()) about = about->get_subcommands().front();
    print(about->help());
    return kDone;
  } catch (const CLI::ParseError& error) {
    print_error("hv: " + std::string(error.what()) + "\n");
    print_error("`hv help` lists the commands, `hv help COMMAND` tells what one takes\n");
    return kUsage;
  }
  if (!line.run) {
    print(line.app.help());
    return kDone;
  }
  if (!take_params(line)) return kUsage;
  set_up_logs(line.options);
  return line.run(line.options);
}

}  // namespace hv::cli

int main(int argc, char** argv) {
  return hv::cli::run(argc, argv);
}
