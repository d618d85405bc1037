// hv explain, version, completion: what hv knows of itself.
#include <span>
#include <utility>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/version.h"

namespace hv {
// The pages of docs/errors/, built in.
std::span<const std::pair<std::string_view, std::string_view>> error_pages();
}  // namespace hv

namespace hv::cli {
namespace {

// Every code of the registry, as a page.
std::string page_of_codes() {
  static constexpr const char* kPhases[] = {"",
                                            "Text and syntax",
                                            "Names, types and attributes",
                                            "Evaluation",
                                            "Project, files and imports",
                                            "Storage and sharing",
                                            "Planning",
                                            "State",
                                            "Hosts and apply",
                                            "The command line"};
  std::string page =
      "# Everything hv can complain about\n\n`hv explain HV0203` says more of one.\n";
  std::size_t phase = 0;
  for (const CodeInfo& code : all_codes()) {
    const std::size_t of = static_cast<std::size_t>(code.code) / 100;
    if (of != phase) {
      phase = of;
      page +=
          "\n## " + std::string(kPhases[phase]) + "\n\n| code | usually | what |\n|---|---|---|\n";
    }
    page += "| " + std::string(code.id) + " | " + std::string(to_string(code.severity)) + " | " +
            std::string(code.title) + " |\n";
  }
  return page;
}

}  // namespace

int run_explain(const Options& options) {
  Session session(options);
  if (options.paths.size() != 1) {
    session.fail(Error{Code::wrong_usage, "say what to explain: a code or an attribute",
                       "for example `hv explain HV0203` or `hv explain memory`"});
    return kUsage;
  }
  const std::string& what = options.paths[0];
  if (what == "codes") {
    print(page_of_codes());
    return kDone;
  }
  if (std::optional<Code> code = code_from_id(what)) {
    const std::string page = std::string(info(*code).id) + ".md";
    for (const auto& [name, text] : error_pages())
      if (name == page) {
        print(text);
        return kDone;
      }
    print(std::string(info(*code).id) + ": " + std::string(info(*code).title) + "\n");
    return kDone;
  }
  bool found = false;
  for (const Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network}) {
    const std::string qualifier = std::string(to_string(kind)) + ".";
    const Attribute* attribute = Schema::builtin().find(
        kind, what.starts_with(qualifier) ? what.substr(qualifier.size()) : what);
    if (attribute == nullptr) continue;
    if (found) print("\n");
    print(std::string(to_string(kind)) + "." + describe(*attribute));
    found = true;
  }
  if (found) return kDone;
  std::vector<std::string_view> candidates = Schema::builtin().names(Kind::domain);
  for (const CodeInfo& code : all_codes()) candidates.push_back(code.id);
  Error error{Code::wrong_usage, "there is no code and no attribute `" + what + "`", {}};
  if (auto near = nearest(what, candidates))
    error.help = "did you mean `" + std::string(*near) + "`?";
  session.fail(error);
  return kFailed;
}

int run_version(const Options&) {
  print("hv " + std::string(kVersion) + "\n");
  return kDone;
}

int run_completion(const Options& options) {
  static constexpr const char* kWords =
      "init check fmt lsp show convert lint inventory plan apply destroy status adopt start stop "
      "restart save restore migrate "
      "pause unpause host sim state explain version completion help";
  const std::string shell = options.paths.empty() ? "" : options.paths[0];
  const std::string words = kWords;
  if (shell == "bash") {
    print(
        "_hv() {\n"
        "  local word=\"${COMP_WORDS[COMP_CWORD]}\"\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"" +
        words +
        "\" -- \"$word\"));\n"
        "  elif [ \"${COMP_WORDS[1]}\" = state ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
        "    COMPREPLY=($(compgen -W \"list show verify\" -- \"$word\"));\n"
        "  else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
        "}\n"
        "complete -o filenames -F _hv hv\n");
    return kDone;
  }
  if (shell == "zsh") {
    print(
        "#compdef hv\n"
        "_hv() {\n"
        "  if (( CURRENT == 2 )); then compadd " +
        words +
        "\n"
        "  elif [[ ${words[2]} == state ]] && (( CURRENT == 3 )); then compadd list show verify\n"
        "  else _files; fi\n"
        "}\n"
        "compdef _hv hv\n");
    return kDone;
  }
  if (shell == "fish") {
    print("complete -c hv -n __fish_use_subcommand -f -a \"" + words +
          "\"\n"
          "complete -c hv -n \"__fish_seen_subcommand_from state\" -f -a \"list show verify\"\n");
    return kDone;
  }
  Session session(options);
  session.fail(Error{Code::wrong_usage, "say for which shell: bash, zsh or fish",
                     "for example `hv completion bash > /etc/bash_completion.d/hv`"});
  return kUsage;
}

}  // namespace hv::cli
