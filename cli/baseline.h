// Baseline: findings of lint that are known and put up with, each with its reason.
//
// A file of the project, hv.baseline/1. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hv/model/plan.h"
#include "report/report.h"

namespace hv::cli {

using Baseline = std::map<std::string, std::string>;  // reason by finding

Result<Baseline> read_baseline(std::string_view text);

// The same for a finding as long as the same two meet through the same names; where a file moves
// its lines or sectors move on the disk, it stays.
std::string id_of(const Finding& finding);

// One mark for each finding. Accepted ones become notes that say why; the others say their id.
// `unused`: the entries of the baseline that mean nothing any more.
std::vector<FindingMark> accept(const Baseline& baseline, std::vector<Finding>& findings,
                                std::vector<std::string>& unused);

}  // namespace hv::cli
