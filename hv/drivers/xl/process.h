// run_process: a program with arguments, its input and its whole output, and an end to waiting.
//
// The program gets no descriptor of ours but its three, and is out of reach of the terminal's
// Ctrl-C.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace hv {

struct ProcessEnd {
  int code = 0;  // 128 + the signal's number where one ended it
  bool timed_out = false;
  std::string output, errors;
};

// An Error where the program cannot be started. After `within` it is killed with all its children.
Result<ProcessEnd> run_process(const std::vector<std::string>& arguments, const std::string& input,
                               Duration within);

}  // namespace hv
