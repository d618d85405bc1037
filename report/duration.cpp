// How long a plan takes: its steps begun as the executor would, on a clock that costs nothing.
#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "report/report.h"

namespace hv {
namespace {

constexpr Duration kLongest = seconds(86400);

// The hosts of a plan by number, each with the steps that wait for its room.
struct Host {
  int room = 0;
  std::set<std::size_t> ready;  // in the plan's order
};

}  // namespace

Duration expected_duration(const Plan& plan, const std::map<HostName, int>& parallel) {
  const std::size_t n = plan.steps.size();
  std::map<StepId, std::size_t> index;
  for (std::size_t i = 0; i < n; ++i) index.emplace(plan.steps[i].id, i);
  std::map<HostName, std::size_t> numbers;
  std::vector<Host> hosts;
  std::vector<std::size_t> host_of(n), waits(n, 0);
  std::vector<std::vector<std::size_t>> next(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Step& step = plan.steps[i];
    const auto [number, fresh] = numbers.emplace(step.operation.host, hosts.size());
    host_of[i] = number->second;
    if (fresh) {
      const auto said = parallel.find(step.operation.host);
      hosts.push_back({said == parallel.end() ? kParallelPerHost : std::max(1, said->second), {}});
    }
    for (const StepId before : step.after)
      if (const auto found = index.find(before); found != index.end()) {
        next[found->second].push_back(i);
        ++waits[i];
      }
  }

  // Those of `open` may begin if there is room in all: the first ready step of each host with room.
  std::set<std::pair<std::size_t, std::size_t>> open;  // step, host
  const auto offer = [&](std::size_t host) {
    if (hosts[host].room > 0 && !hosts[host].ready.empty())
      open.emplace(*hosts[host].ready.begin(), host);
  };
  const auto withdraw = [&](std::size_t host) {
    if (!hosts[host].ready.empty()) open.erase({*hosts[host].ready.begin(), host});
  };
  const auto make_ready = [&](std::size_t step) {
    const std::size_t host = host_of[step];
    withdraw(host);
    hosts[host].ready.insert(step);
    offer(host);
  };
  for (std::size_t i = 0; i < n; ++i)
    if (waits[i] == 0) make_ready(i);

  using End = std::pair<int64_t, std::size_t>;  // milliseconds, step
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  int room = kParallelTotal;
  int64_t now = 0;
  for (;;) {
    while (room > 0 && !open.empty()) {
      const auto [step, host] = *open.begin();
      open.erase(open.begin());
      hosts[host].ready.erase(step);
      --hosts[host].room;
      --room;
      // (a plan may come from a file: its numbers are anybody's)
      running.emplace(now + std::clamp(plan.steps[step].estimate, Duration(), kLongest).count,
                      step);
      offer(host);
    }
    if (running.empty()) return milliseconds(now);
    const auto [end, step] = running.top();
    running.pop();
    now = end;
    ++room;
    withdraw(host_of[step]);
    ++hosts[host_of[step]].room;
    offer(host_of[step]);
    for (const std::size_t after : next[step])
      if (--waits[after] == 0) make_ready(after);
  }
}

}  // namespace hv
