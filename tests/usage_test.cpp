// Words and streams: usage, help, explain, completion, colours, and output that cannot be written.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <regex>
#include <sstream>

#include "base/codes.h"
#include "tests/process.h"

namespace hv::testing {
namespace {

const std::vector<std::string> kCommands = {"init",  "check",   "fmt",     "show",    "convert",
                                            "lint",  "plan",    "apply",   "destroy", "status",
                                            "state", "explain", "version", "help",    "completion"};
constexpr const char* kWeb =
    "name = 'web'\nmemory = 128\nkernel = '/boot/vmlinuz'\ndisk = ['file:/srv/web.img,xvda,w']\n";

TEST(Usage, VersionIsOneLine) {
  const Folder folder;
  for (const std::string word : {"version", "--version"}) {
    const Finished finished = folder.hv({word});
    EXPECT_EQ(finished.code, 0);
    EXPECT_EQ(finished.out.substr(0, 3), "hv ");
    EXPECT_EQ(std::count(finished.out.begin(), finished.out.end(), '\n'), 1);
    EXPECT_EQ(finished.err, "");
  }
}

struct Misuse {
  std::vector<std::string> words;
  std::string message, help;
};

TEST(Usage, WrongWordsSayWhatIsMeant) {
  const Misuse cases[] = {
      {{"frobnicate"}, "there is no command `frobnicate`", "`hv help` lists the commands"},
      {{"aply"}, "there is no command `aply`", "did you mean `hv apply`?"},
      {{"-q", "aply", "--yes"}, "there is no command `aply`", "did you mean `hv apply`?"},
      {{"statee", "list"}, "there is no command `statee`", "did you mean `hv state`?"},
      {{"state"}, "`hv state` needs one of its commands", "`hv state --help`"},
      {{"state", "lst"}, "there is no command `lst`", "did you mean `hv state list`?"},
      {{"state", "show"}, "ADDRESS is required", "`hv state show --help`"},
      {{"state", "show", "x"}, "`ADDRESS` takes an address such as domain.web0, not `x`", ""},
      {{"help", "plam"}, "there is no command `plam`", "did you mean `hv plan`?"},
      {{"version", "x"}, "`hv version` has no use for `x`", "`hv version --help`"},
      {{"plan", "--bogus"}, "`hv plan` has no option `--bogus`", "`hv plan --help`"},
      {{"plan", "--detailed-exit-code"}, "has no option", "did you mean `--detailed-exitcode`?"},
      {{"plan", "--fromat=json"}, "has no option `--fromat=json`", "did you mean `--format`?"},
      {{"plan", "-x"}, "`hv plan` has no option `-x`", "help"},
      {{"plan", "--yes"}, "`hv plan` has no option `--yes`", ""},
      {{"plan", "--format", "yaml"}, "`--format` takes text|json, not `yaml`", "`hv plan --help`"},
      {{"plan", "--format"}, "`--format` needs a value", ""},
      {{"plan", "-o"}, "`-o` needs a value", ""},
      {{"plan", "-p", "vmid"}, "`-p vmid` has no value", "write -p name=value"},
      {{"plan", "-p", "=1"}, "`-p =1` has no value", "write -p name=value"},
      {{"plan", "--target", "web0"}, "`--target` takes an address such as domain.web0", ""},
      {{"plan", "--replace", "rack.web0"}, "`--replace` takes an address", ""},
      {{"plan", "--max-destroy", "some"}, "`--max-destroy` takes a count or a percentage", ""},
      {{"plan", "--max-destroy", "-1"}, "", ""},
      {{"plan", "--refresh=maybe"}, "`--refresh` takes true or false, not `maybe`", ""},
      {{"plan", "--lock-timeout", "soon"}, "`--lock-timeout` takes a duration such as 30s", ""},
      {{"--color", "sometimes", "plan"}, "`--color` takes auto|always|never", ""},
      {{"check", "--dump", "everything"}, "`--dump` takes tokens|tree|typed|desired", ""},
      {{"explain"}, "say what to explain", "hv explain HV0203"},
      {{"completion"}, "say for which shell", "hv completion bash"},
      {{"completion", "tcsh"}, "say for which shell", "hv completion bash"},
  };
  const Folder folder;
  for (const Misuse& each : cases) {
    const Finished finished = folder.hv(each.words);
    const std::string what = ::testing::PrintToString(each.words) + "\n" + finished.all();
    EXPECT_EQ(finished.code, 64) << what;
    EXPECT_EQ(finished.out, "") << what;
    EXPECT_EQ(finished.err.rfind("error[HV0901]: ", 0), 0u) << what;
    EXPECT_NE(finished.err.find(each.message), std::string::npos) << what;
    EXPECT_NE(finished.err.find("= help: "), std::string::npos) << what;
    EXPECT_NE(finished.err.find(each.help), std::string::npos) << what;
  }
}

TEST(Usage, CommonOptionsStandBeforeOrAfterTheCommand) {
  const Folder folder;
  folder.write("in/web.cfg", kWeb);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-C", "in", "check", "web.cfg"},
        {"check", "-C", "in", "web.cfg"},
        {"check", "web.cfg", "-C", "in"}}) {
    const Finished finished = folder.hv(words);
    EXPECT_EQ(finished.code, 0) << finished.all();
    EXPECT_EQ(finished.out, "ok: 1 file, 1 resource, 1 domain\n");
  }
  EXPECT_EQ(folder.hv({"-C", "out", "check", "web.cfg"}).code, 1);
}

std::string example_of(const std::string& help) {
  const std::size_t at = help.find("Example: hv ");
  if (at == std::string::npos) return "";
  return help.substr(at + 12, help.find('\n', at) - at - 12);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text)
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  return words;
}

// In a project with web.cfg beside it, applied: the examples are typed as they stand.
TEST(Help, EveryCommandHasAnExampleThatWorks) {
  const Folder folder;
  ASSERT_EQ(folder.hv({"init", "."}).code, 0);
  folder.write("web.cfg", kWeb);
  ASSERT_EQ(folder.hv({"apply", "--yes", "-q"}).code, 0);
  std::vector<std::vector<std::string>> commands = {
      {"state", "list"}, {"state", "show"}, {"state", "verify"}};
  for (const std::string& command : kCommands) commands.push_back({command});
  for (std::vector<std::string> command : commands) {
    std::vector<std::string> asked = {"help"};
    asked.insert(asked.end(), command.begin(), command.end());
    const Finished help = folder.hv(asked);
    ASSERT_EQ(help.code, 0) << help.all();
    const std::string example = example_of(help.out);
    ASSERT_NE(example, "") << help.out;
    for (std::size_t i = 0; i < command.size(); ++i)
      EXPECT_EQ(split(example)[i], command[i]) << "the example is of another command";
    EXPECT_NE(help.out.find("Usage: hv " + command[0]), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("  -C DIR"), std::string::npos) << help.out;
    command.push_back("--help");
    EXPECT_EQ(folder.hv(command).out, help.out);
    const Finished finished = folder.hv(split(example));
    EXPECT_TRUE(finished.code == 0 || finished.code == 2) << example << "\n" << finished.all();
  }
  EXPECT_TRUE(folder.has("rack1/hv.toml")) << "hv init's example makes a project";
}

TEST(Help, ListsEveryCommand) {
  const Folder folder;
  const Finished plain = folder.hv({});
  EXPECT_EQ(plain.code, 0);
  for (const std::string& command : kCommands)
    EXPECT_NE(plain.out.find("\n  " + command + " "), std::string::npos) << command;
  EXPECT_EQ(folder.hv({"--help"}).out, plain.out);
  EXPECT_EQ(folder.hv({"help"}).out, plain.out);
}

TEST(Explain, KnowsEveryCode) {
  const Folder folder;
  for (const CodeInfo& code : all_codes()) {
    const Finished finished = folder.hv({"explain", std::string(code.id)});
    EXPECT_EQ(finished.code, 0) << code.id;
    EXPECT_EQ(finished.out.rfind("# " + std::string(code.id) + ": ", 0), 0u) << finished.out;
    EXPECT_GT(std::count(finished.out.begin(), finished.out.end(), '\n'), 5) << finished.out;
  }
  EXPECT_EQ(folder.hv({"explain", "hv0203"}).out, folder.hv({"explain", "HV0203"}).out);
  EXPECT_NE(folder.hv({"explain", "memory"}).out.find("domain.memory"), std::string::npos);
  EXPECT_EQ(folder.hv({"explain", "vdisk.size"}).out.find("vdisk.size"), 0u);
  const std::string page = folder.hv({"explain", "codes"}).out;
  for (const CodeInfo& code : all_codes())
    EXPECT_NE(page.find("| " + std::string(code.id) + " | "), std::string::npos) << code.id;
  const Finished unknown = folder.hv({"explain", "memroy"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("did you mean `memory`?"), std::string::npos) << unknown.err;
}

// The first words of the list in `hv help`.
std::vector<std::string> commands_in_help(const Folder& folder) {
  std::istringstream lines(folder.hv({"help"}).out);
  std::vector<std::string> commands;
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) listed = false;
    if (listed) commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Subcommands:") listed = true;
  }
  return commands;
}

TEST(Completion, KnowsEveryCommandAndParses) {
  const Folder folder;
  const std::vector<std::string> commands = commands_in_help(folder);
  for (const std::string& command : kCommands)
    EXPECT_EQ(std::count(commands.begin(), commands.end(), command), 1) << command;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Finished script = folder.hv({"completion", shell});
    EXPECT_EQ(script.code, 0);
    for (const std::string& command : commands)
      EXPECT_TRUE(std::regex_search(script.out, std::regex("[ \"]" + command + "[ \"\n]")))
          << shell << " " << command;
    folder.write("hv." + shell, script.out);
  }
  EXPECT_EQ(std::system(("bash -n " + folder / "hv.bash").c_str()), 0);
  // What bash offers after `hv st` and `hv state v`.
  folder.write(
      "ask.bash",
      "source hv.bash\n"
      "ask() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _hv; echo ${COMPREPLY[*]}; }\n"
      "test \"$(ask hv st)\" = 'status start stop state' && test \"$(ask hv state v)\" = verify\n");
  EXPECT_EQ(std::system(("cd " + folder.path() + " && bash ask.bash").c_str()), 0);
}

// ---- streams

class Streams : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.write("web.cfg", kWeb);
    folder_.write("wrong.cfg", "name = 'a'\nmemory = 'much'\nkernel = '/k'\n");
  }
  Finished with(const std::vector<std::string>& words,
                const std::map<std::string, std::string>& environment,
                std::optional<unsigned short> columns = {}) {
    Command command = folder_.command(words);
    command.environment = environment;
    command.terminal_columns = columns;
    return run(command);
  }
  static bool colored(const Finished& finished) {
    return finished.all().find("\x1b[") != std::string::npos;
  }
  Folder folder_;
};

TEST_F(Streams, ColourIsForTerminalsOnly) {
  const std::vector<std::string> plan = {"plan", "web.cfg"}, wrong = {"check", "wrong.cfg"};
  for (const auto& words : {plan, wrong}) {
    EXPECT_FALSE(colored(with(words, {})));
    EXPECT_TRUE(colored(with(words, {}, 80)));
    EXPECT_FALSE(colored(with(words, {{"NO_COLOR", "1"}}, 80)));
    EXPECT_TRUE(colored(with(words, {{"NO_COLOR", ""}}, 80))) << "empty counts as not set";
    EXPECT_FALSE(colored(with(words, {{"TERM", "dumb"}}, 80)));
    std::vector<std::string> asked = words;
    asked.insert(asked.end(), {"--color", "always"});
    EXPECT_TRUE(colored(with(asked, {{"NO_COLOR", "1"}})));
    asked.back() = "never";
    EXPECT_FALSE(colored(with(asked, {}, 80)));
  }
}

TEST_F(Streams, ColourCarriesNothingOfItsOwn) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"plan", "web.cfg"}, {"check", "wrong.cfg"}}) {
    std::vector<std::string> asked = words;
    asked.insert(asked.end(), {"--color", "always"});
    std::string text = folder_.hv(asked).all();
    for (std::size_t at = 0; (at = text.find("\x1b[")) != std::string::npos;)
      text.erase(at, text.find('m', at) - at + 1);
    EXPECT_EQ(text, folder_.hv(words).all());
  }
}

// The answer is lost: that is a failure, told where it can be.
TEST_F(Streams, OutputThatCannotBeWrittenIsAFailure) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"plan", "web.cfg"}, {"show", "web.cfg"}, {"version"}, {"help"}}) {
    Command command = folder_.command(words);
    command.output = Command::Stream::full_disk;
    const Finished full = run(command);
    EXPECT_EQ(full.code, 1);
    EXPECT_EQ(full.err, "hv: cannot write to standard output: No space left on device\n");
    command.output = Command::Stream::closed;
    const Finished closed = run(command);
    EXPECT_EQ(closed.code, 1);
    EXPECT_EQ(closed.err, "hv: cannot write to standard output: Bad file descriptor\n");
    command.output = Command::Stream::broken_pipe;
    const Finished broken = run(command);
    EXPECT_EQ(broken.code, 1);
    EXPECT_EQ(broken.signal, 0);
    EXPECT_EQ(broken.err, "") << "a reader that has left has seen what it wanted";
  }
}

// Nobody listening is no reason to stop half way, and no file of the store is taken for stdout.
TEST_F(Streams, AnApplyIsFinishedThoughNobodyListens) {
  for (const Command::Stream output :
       {Command::Stream::broken_pipe, Command::Stream::closed, Command::Stream::full_disk}) {
    folder_.remove(".hv");
    Command command = folder_.command({"apply", "--yes", "web.cfg"});
    command.output = output;
    EXPECT_EQ(run(command).code, 1);
    const Finished verified = folder_.hv({"state", "verify"});
    EXPECT_EQ(verified.code, 0) << verified.all();
    const Finished plan = folder_.hv({"plan", "web.cfg", "--detailed-exitcode"});
    EXPECT_EQ(plan.code, 0) << plan.all();
  }
}

TEST_F(Streams, StandardInputIsASource) {
  const Finished checked = folder_.hv({"check", "-"}, kWeb);
  EXPECT_EQ(checked.out, "ok: 1 file, 1 resource, 1 domain\n") << checked.err;
  const Finished wrong = folder_.hv({"check", "-"}, "name = 'a'\nmemory = 'much'\n");
  EXPECT_EQ(wrong.code, 1);
  EXPECT_NE(wrong.err.find("--> <stdin>:2:10"), std::string::npos) << wrong.err;
  const Finished empty = folder_.hv({"check", "-"}, "");
  EXPECT_EQ(empty.out, "ok: 1 file, 0 resources, 0 domains\n") << empty.err;
}

TEST_F(Streams, StandardInputThatCannotBeReadIsAnError) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"check", "-"}, {"plan", "-"}, {"check", "--dump", "tree", "-"}}) {
    Command command = folder_.command(words);
    command.input_from = Command::Input::folder;
    const Finished folder = run(command);
    EXPECT_EQ(folder.code, 1);
    EXPECT_NE(folder.err.find("error[HV0401]: cannot read standard input: Is a directory"),
              std::string::npos)
        << folder.err;
    command.input_from = Command::Input::closed;
    const Finished closed = run(command);
    EXPECT_EQ(closed.code, 1);
    EXPECT_NE(closed.err.find("error[HV0401]: cannot read standard input"), std::string::npos)
        << closed.err;
  }
}

TEST_F(Streams, QuietSaysErrorsAndResultsOnly) {
  EXPECT_EQ(folder_.hv({"check", "-q", "web.cfg"}).all(), "");
  const Finished applied = folder_.hv({"apply", "-q", "--yes", "web.cfg"});
  EXPECT_EQ(applied.code, 0);
  EXPECT_EQ(applied.all(), "");
  EXPECT_NE(folder_.hv({"check", "-q", "wrong.cfg"}).err, "");
}

TEST_F(Streams, LogsAreJsonLinesOnRequest) {
  const Finished finished =
      folder_.hv({"apply", "--yes", "-q", "-v", "-v", "--log-format", "json", "web.cfg"});
  EXPECT_EQ(finished.code, 0);
  EXPECT_EQ(finished.out, "");
  for (std::size_t at = 0; at < finished.err.size();) {
    const std::size_t end = finished.err.find('\n', at);
    EXPECT_EQ(finished.err[at], '{') << finished.err;
    EXPECT_EQ(finished.err[end - 1], '}') << finished.err;
    at = end + 1;
  }
}

}  // namespace
}  // namespace hv::testing
