// HostShell: runs one of hv's own scripts on a host, here or through OpenSSH.
//
// A script travels on standard input before its own input; its arguments are quoted one by one. The
// connection is shared by all calls of one HostShell and closed with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "hv/drivers/xl/process.h"
#include "hv/drivers/xl/xl.h"

namespace hv {

// 'it'\''s': what every POSIX shell reads as the text itself, whatever is in it.
std::string shell_quoted(std::string_view text);

// The arguments of OpenSSH for a call to `address` ("ssh://…", checked by hv.toml's reader).
std::vector<std::string> ssh_arguments(const XlConfig& config, const std::string& control_folder,
                                       const std::vector<std::string>& command);

class HostShell {
 public:
  explicit HostShell(const XlConfig& config);
  ~HostShell();
  HostShell(const HostShell&) = delete;
  HostShell& operator=(const HostShell&) = delete;

  // How the script ended. An Error (Code::host_unreachable) where the host did not answer: then the
  // script may have run, in part or whole, and may yet.
  Result<ProcessEnd> run(std::string_view script, const std::vector<std::string>& arguments,
                         const std::string& input, Duration within);

 private:
  const XlConfig config_;
  std::string control_folder_;
};

}  // namespace hv
