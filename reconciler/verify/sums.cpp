// A state of a plan says of each step whether it started and whether it succeeded. Two nodes a
// step, `started` and `succeeded`; a state is a set of nodes with all they require: success its own
// start, a start the success of all steps before it. A charge adds its amount on the start of its
// acquire and takes it off on the success of its release, so that the most there can be is the
// heaviest such set, which a minimum cut finds: what is worth having hangs on the source, what
// costs on the sink, requirements cannot be cut.

#include "reconciler/verify/sums.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

namespace hv {
namespace {

// Where everything fits even if nothing is ever released, the bound is as good as the peak; small
// plans are worked out all the same, for the number shown.
constexpr std::size_t kAlwaysExact = 2000;

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using VertexProperties = boost::property<
    boost::vertex_color_t, boost::default_color_type,
    boost::property<boost::vertex_distance_t, int64_t,
                    boost::property<boost::vertex_predecessor_t, Traits::edge_descriptor>>>;
using EdgeProperties = boost::property<
    boost::edge_capacity_t, int64_t,
    boost::property<boost::edge_residual_capacity_t, int64_t,
                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>;
using FlowGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS,
                                        VertexProperties, EdgeProperties>;

struct Account {
  int64_t at_once = 0;                                         // held at the beginning
  int64_t acquired = 0;                                        // by all steps together
  std::unordered_map<uint32_t, int64_t> on_start, on_success;  // by step
};

bool add(int64_t& sum, int64_t amount) {
  return !__builtin_add_overflow(sum, amount, &sum);
}

class PeakFinder {
 public:
  PeakFinder(const Account& account, const StepGraph& graph) : account_(account), graph_(graph) {
    // Only steps that carry an amount, and those they wait for, matter.
    std::vector<uint32_t> open;
    auto want = [&](uint32_t step) {
      if (places_.try_emplace(step, static_cast<uint32_t>(steps_.size())).second) {
        steps_.push_back(step);
        open.push_back(step);
      }
    };
    for (const auto& [step, amount] : account.on_start) want(step);
    for (const auto& [step, amount] : account.on_success) want(step);
    while (!open.empty()) {
      const uint32_t step = open.back();
      open.pop_back();
      for (uint32_t earlier : graph.before(step)) want(earlier);
    }
  }

  std::size_t steps() const { return steps_.size(); }

  // The peak, and the steps started in a state that has it.
  std::pair<int64_t, std::vector<uint32_t>> find() const {
    FlowGraph flow(2 * steps_.size() + 2);
    const auto source = static_cast<uint32_t>(2 * steps_.size());
    const uint32_t sink = source + 1;
    int64_t worth = 0;
    for (const auto& [step, amount] : account_.on_start) worth += amount;
    for (uint32_t i = 0; i < steps_.size(); ++i) {
      const uint32_t started = 2 * i, succeeded = 2 * i + 1;
      require(flow, succeeded, started, worth + 1);
      for (uint32_t earlier : graph_.before(steps_[i]))
        require(flow, started, 2 * places_.at(earlier) + 1, worth + 1);
      if (auto it = account_.on_start.find(steps_[i]); it != account_.on_start.end())
        require(flow, source, started, it->second);
      if (auto it = account_.on_success.find(steps_[i]); it != account_.on_success.end())
        require(flow, succeeded, sink, it->second);
    }
    const int64_t cut = boost::boykov_kolmogorov_max_flow(flow, source, sink);
    std::vector<uint32_t> started;
    for (uint32_t vertex : reachable(flow, source))
      if (vertex < source && vertex % 2 == 0) started.push_back(steps_[vertex / 2]);
    std::sort(started.begin(), started.end());
    return {account_.at_once + worth - cut, std::move(started)};
  }

 private:
  static void require(FlowGraph& flow, uint32_t from, uint32_t to, int64_t capacity) {
    const auto forth = boost::add_edge(from, to, flow).first;
    const auto back = boost::add_edge(to, from, flow).first;
    boost::put(boost::edge_capacity, flow, forth, capacity);
    boost::put(boost::edge_capacity, flow, back, 0);
    boost::put(boost::edge_reverse, flow, forth, back);
    boost::put(boost::edge_reverse, flow, back, forth);
  }

  // The source's side of the cut: the smallest heaviest set.
  static std::vector<uint32_t> reachable(const FlowGraph& flow, uint32_t source) {
    std::vector<bool> seen(boost::num_vertices(flow), false);
    std::vector<uint32_t> found = {source};
    seen[source] = true;
    for (std::size_t k = 0; k < found.size(); ++k) {
      for (auto [edge, end] = boost::out_edges(found[k], flow); edge != end; ++edge) {
        const auto to = static_cast<uint32_t>(boost::target(*edge, flow));
        if (seen[to] || boost::get(boost::edge_residual_capacity, flow, *edge) == 0) continue;
        seen[to] = true;
        found.push_back(to);
      }
    }
    return found;
  }

  const Account& account_;
  const StepGraph& graph_;
  std::vector<uint32_t> steps_;
  std::unordered_map<uint32_t, uint32_t> places_;  // of a step in steps_
};

}  // namespace

void verify_sums(const std::vector<Charge>& charges, const std::vector<Limit>& limits,
                 const StepGraph& graph, Verdict& verdict) {
  std::map<std::pair<HostName, std::string>, Account> accounts;
  for (const Charge& charge : charges) {
    Account& account = accounts[{charge.host, charge.resource}];
    bool fits = add(charge.acquire ? account.acquired : account.at_once, charge.amount);
    if (charge.acquire)
      fits = add(account.on_start[*graph.number_of(*charge.acquire)], charge.amount) && fits;
    if (charge.release)
      fits = add(account.on_success[*graph.number_of(*charge.release)], charge.amount) && fits;
    int64_t all = account.at_once;
    // Capacities go up to the sum of what is acquired and one.
    if (fits && add(all, account.acquired) && all < std::numeric_limits<int64_t>::max() / 4)
      continue;
    verdict.malformed.push_back("the amounts of " + charge.resource + " on " + charge.host.text +
                                " are beyond all numbers");
    return;
  }
  for (const Limit& limit : limits) {
    const Account& account = accounts[{limit.host, limit.resource}];
    const PeakFinder finder(account, graph);
    int64_t peak = account.at_once + account.acquired;
    if (peak > limit.amount || finder.steps() <= kAlwaysExact) {
      auto [exact, started] = finder.find();
      peak = exact;
      // What is over the limit already, and rises no further, is not this plan's doing.
      if (peak > limit.amount && peak > account.at_once) {
        SumConflict conflict;
        conflict.limit = limit;
        conflict.peak = peak;
        for (uint32_t step : started) conflict.started.push_back(graph.id_of(step));
        verdict.sums.push_back(std::move(conflict));
      }
    }
    verdict.peaks.push_back({limit.host, limit.resource, peak, limit.amount});
  }
}

}  // namespace hv
