// The order of drafted steps: topological, the riskiest first where the graph leaves it free.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

namespace hv {

struct Order {
  std::vector<std::size_t> order;
  std::vector<std::size_t> cycle;  // not empty: there is no order; the nodes of one circle
};

// `after[i]`: what must come before i. Of what may come next, the smallest (risk, index) does.
Order topological_order(const std::vector<std::set<std::size_t>>& after,
                        const std::vector<int>& risk);

}  // namespace hv
