#include "hv/drivers/xl/host_shell.h"

#include <stdlib.h>

#include <filesystem>

namespace hv {
namespace {

// Reads the script's length, the script and no byte more, so that the rest is the script's own
// input. The script finds its text in hv_script.
constexpr std::string_view kReader =
    "LC_ALL=C; IFS= read -r n && IFS= read -r -N \"$n\" hv_script && eval \"$hv_script\"";

// What ssh itself ends with; hv's scripts never do.
constexpr int kNoConnection = 255;

// ssh frames its warning of a changed host key with `@`.
std::string first_line(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" @\r\n");
  if (begin == std::string::npos) return "";
  const std::string line = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  return line.substr(0, line.find_last_not_of(" @") + 1);
}

// A file's name as a value of ssh_config(5), which splits at blanks, takes quotes away and expands
// what begins with `%`.
std::string ssh_file(const std::string& path) {
  std::string value = "\"";
  for (const char c : path) {
    if (c == '"' || c == '\\') value += '\\';
    if (c == '%') value += '%';
    value += c;
  }
  return value + "\"";
}

}  // namespace

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted + "'";
}

std::vector<std::string> ssh_arguments(const XlConfig& config, const std::string& control_folder,
                                       const std::vector<std::string>& command) {
  std::vector<std::string> arguments = {"ssh", "-T", "-a", "-x"};
  const auto option = [&](const std::string& text) {
    arguments.push_back("-o");
    arguments.push_back(text);
  };
  option("BatchMode=yes");
  option("StrictHostKeyChecking=yes");
  option("ConnectTimeout=10");
  option("ServerAliveInterval=5");
  option("ServerAliveCountMax=3");
  if (!control_folder.empty()) {
    option("ControlMaster=auto");
    option("ControlPath=" + control_folder + "/%C");
    option("ControlPersist=30");
  }
  if (!config.known_hosts.empty()) option("UserKnownHostsFile=" + ssh_file(config.known_hosts));
  if (!config.identity.empty()) {
    option("IdentitiesOnly=yes");
    option("IdentityFile=" + ssh_file(config.identity));
  }
  arguments.push_back("--");
  arguments.push_back(config.address);  // OpenSSH takes ssh://user@host:port as it is
  // ssh joins what follows with blanks and gives it to the login shell there.
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + shell_quoted(word);
  arguments.push_back(line);
  return arguments;
}

HostShell::HostShell(const XlConfig& config) : config_(config) {
  if (config_.address.empty()) return;
  // Short, because the path of a socket may have 107 characters; 0700, because who can open the
  // socket has the connection.
  char folder[] = "/tmp/hv-ssh.XXXXXX";
  if (mkdtemp(folder) != nullptr) control_folder_ = folder;
}

HostShell::~HostShell() {
  if (control_folder_.empty()) return;
  std::error_code ignored;
  if (!std::filesystem::is_empty(control_folder_, ignored)) {
    std::vector<std::string> end = ssh_arguments(config_, control_folder_, {});
    end.pop_back();
    end.insert(end.begin() + 1, {"-O", "exit"});
    const Result<ProcessEnd> ended = run_process(end, "", seconds(5));
    (void)ended;  // it ends by itself a little later
  }
  std::filesystem::remove_all(control_folder_, ignored);
}

Result<ProcessEnd> HostShell::run(std::string_view script,
                                  const std::vector<std::string>& arguments,
                                  const std::string& input, Duration within) {
  std::vector<std::string> command = {"bash", "-c", std::string(kReader), "hv"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const bool remote = !config_.address.empty();
  if (remote) command = ssh_arguments(config_, control_folder_, command);
  std::string sent = std::to_string(script.size()) + "\n";
  sent += script;
  sent += input;
  ProcessEnd end = TRY(run_process(command, sent, within));
  if (end.timed_out)
    return Error{Code::host_unreachable,
                 "the host `" + config_.host.text + "` did not answer within " + to_human(within),
                 ""};
  if (remote && end.code == kNoConnection) {
    const std::string why = first_line(end.errors);
    return Error{
        Code::host_unreachable,
        "the host `" + config_.host.text + "` does not answer" + (why.empty() ? "" : ": " + why),
        "`" + config_.address + "` must let hv in without a question, its host key known"};
  }
  return end;
}

}  // namespace hv
