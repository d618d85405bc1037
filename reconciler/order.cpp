#include "reconciler/order.h"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/strong_components.hpp>
#include <queue>

namespace hv {
namespace {

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS>;

// A circle within one strong component: walk forward until a node comes again.
std::vector<std::size_t> circle(const Graph& graph) {
  std::vector<int> component(boost::num_vertices(graph));
  boost::strong_components(graph, component.data());
  std::vector<int> size(component.size() + 1, 0);
  for (const int each : component) ++size[static_cast<std::size_t>(each)];
  for (std::size_t start = 0; start < component.size(); ++start) {
    const bool loops = boost::edge(start, start, graph).second;
    if (size[static_cast<std::size_t>(component[start])] < 2 && !loops) continue;
    std::vector<std::size_t> path;
    std::vector<bool> seen(component.size(), false);
    std::size_t at = start;
    while (!seen[at]) {
      seen[at] = true;
      path.push_back(at);
      for (auto [edge, end] = boost::out_edges(at, graph); edge != end; ++edge) {
        const std::size_t next = boost::target(*edge, graph);
        if (component[next] == component[start]) {
          at = next;
          break;
        }
      }
    }
    while (path.front() != at) path.erase(path.begin());
    return path;
  }
  return {};
}

}  // namespace

Order topological_order(const std::vector<std::set<std::size_t>>& after,
                        const std::vector<int>& risk) {
  Graph graph(after.size());
  std::vector<std::size_t> open(after.size(), 0);
  for (std::size_t i = 0; i < after.size(); ++i)
    for (const std::size_t before : after[i]) {
      boost::add_edge(before, i, graph);
      ++open[i];
    }
  using Next = std::pair<int, std::size_t>;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> ready;
  for (std::size_t i = 0; i < after.size(); ++i)
    if (open[i] == 0) ready.push({risk[i], i});
  Order result;
  while (!ready.empty()) {
    const std::size_t i = ready.top().second;
    ready.pop();
    result.order.push_back(i);
    for (auto [edge, end] = boost::out_edges(i, graph); edge != end; ++edge) {
      const std::size_t next = boost::target(*edge, graph);
      if (--open[next] == 0) ready.push({risk[next], next});
    }
  }
  if (result.order.size() != after.size()) result.cycle = circle(graph);
  return result;
}

}  // namespace hv
