// The commands: one function each, one small file a group; the answer is the exit code.
#pragma once

#include "cli/options.h"
#include "reconciler/plan.h"

namespace hv::cli {

int run_init(const Options& options);
int run_check(const Options& options);
int run_fmt(const Options& options);
int run_lsp(const Options& options);
int run_show(const Options& options);
int run_convert(const Options& options);
int run_lint(const Options& options);
int run_inventory(const Options& options);
int run_plan(const Options& options);
int run_apply(const Options& options);
int run_destroy(const Options& options);
int run_power(const Options& options, PowerAsk power);  // start, stop, save, …
int run_adopt(const Options& options);
int run_host_list(const Options& options);
int run_host_fence(const Options& options);
int run_host_unfence(const Options& options);
int run_host_unclaim(const Options& options);
int run_sim(const Options& options);
int run_status(const Options& options);
int run_state_list(const Options& options);
int run_state_show(const Options& options);
int run_state_verify(const Options& options);
int run_explain(const Options& options);
int run_version(const Options& options);
int run_completion(const Options& options);

}  // namespace hv::cli
