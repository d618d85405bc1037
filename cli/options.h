// Options: the command line as values, filled by cli/main.cpp and read by the commands.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace hv::cli {

// The contract's exit codes.
enum Exit : int { kDone = 0, kFailed = 1, kChanges = 2, kUsage = 64, kInterrupted = 130 };

struct Options {
  std::vector<std::string> paths;                          // PATH… or the command's own arguments
  std::vector<std::string> addresses;                      // of the one-operation commands
  std::map<std::string, std::vector<std::string>> params;  // -p
  std::optional<std::string> host;
  std::string directory;       // -C
  std::string color = "auto";  // auto, always, never
  bool quiet = false;
  int verbose = 0;
  std::string log_format = "text";
  std::string format = "text";
  std::string dump;
  std::string from;       // convert
  std::string to = "vm";  // convert
  std::string migrate_to;
  std::string output;    // -o
  std::string baseline;  // lint
  bool yes = false;
  bool detailed_exitcode = false;
  bool destroy = false;
  bool refresh = true;
  bool prune = false;
  bool take_over = false;
  bool live = false;
  bool check = false;  // fmt
  bool diff = false;
  std::vector<std::string> targets, replace, powered_off;
  std::optional<std::string> max_destroy;
  Duration lock_timeout = seconds(0);
  std::string reason;  // host fence, unfence, unclaim
  std::string claim_host, claim_project;
  std::string listen;  // sim
  Duration latency = seconds(0);
};

}  // namespace hv::cli
