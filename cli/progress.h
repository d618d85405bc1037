// Progress: the lines of an apply as it runs, on a terminal with a bar, elsewhere one line a step.
#pragma once

#include <map>
#include <string>

#include "cli/options.h"
#include "reconciler/apply.h"

namespace hv::cli {

class ProgressLines {
 public:
  ProgressLines(const Plan& plan, const Options& options);
  void operator()(const StepEvent& event);
  void finish();  // takes the bar away

 private:
  void draw_bar();
  void clear_bar();
  std::size_t total_ = 0;
  std::size_t ended_ = 0;
  std::map<StepId, const Step*> running_;
  bool bar_ = false;
  bool drawn_ = false;
  bool color_ = false;
  bool quiet_ = false;
};

}  // namespace hv::cli
