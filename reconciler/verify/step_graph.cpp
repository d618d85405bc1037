#include "reconciler/verify/step_graph.h"

#include <algorithm>
#include <utility>

namespace hv {
namespace {

// Answers are worked out for so many origins at a time: 64 words of bits a step, whatever the
// number of steps.
constexpr uint32_t kOrigins = 4096;
constexpr std::size_t kWords = kOrigins / 64;

std::string name_of(StepId id) {
  return "step " + std::to_string(id.value);
}

}  // namespace

StepGraph::StepGraph(const std::vector<VerifyInput::Node>& nodes,
                     std::vector<std::string>& malformed) {
  std::unordered_map<StepId, uint32_t> places;
  for (uint32_t i = 0; i < nodes.size(); ++i)
    if (!places.try_emplace(nodes[i].id, i).second)
      malformed.push_back(name_of(nodes[i].id) + " is there twice");
  std::vector<std::vector<uint32_t>> next(nodes.size());
  std::vector<uint32_t> waits_for(nodes.size(), 0);
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    for (StepId id : nodes[i].after) {
      auto it = places.find(id);
      if (it == places.end()) {
        malformed.push_back(name_of(nodes[i].id) + " comes after " + name_of(id) +
                            ", which is no step");
        continue;
      }
      next[it->second].push_back(i);
      ++waits_for[i];
    }
  }
  if (!malformed.empty()) return;

  std::vector<uint32_t> order;
  order.reserve(nodes.size());
  for (uint32_t i = 0; i < nodes.size(); ++i)
    if (waits_for[i] == 0) order.push_back(i);
  for (std::size_t k = 0; k < order.size(); ++k)
    for (uint32_t later : next[order[k]])
      if (--waits_for[later] == 0) order.push_back(later);
  if (order.size() != nodes.size()) {
    for (uint32_t i = 0; i < nodes.size(); ++i)
      if (waits_for[i] != 0) {
        malformed.push_back(name_of(nodes[i].id) + " waits for itself, directly or through others");
        break;
      }
    return;
  }
  for (uint32_t number = 0; number < order.size(); ++number) {
    ids_.push_back(nodes[order[number]].id);
    numbers_[ids_.back()] = number;
  }
  before_.resize(order.size());
  for (uint32_t number = 0; number < order.size(); ++number)
    for (StepId id : nodes[order[number]].after) before_[number].push_back(numbers_.at(id));
}

std::optional<uint32_t> StepGraph::number_of(StepId id) const {
  auto it = numbers_.find(id);
  return it == numbers_.end() ? std::nullopt : std::optional(it->second);
}

void StepGraph::answer(std::vector<Question>& questions) const {
  std::vector<uint32_t> by_origin(questions.size());
  for (uint32_t i = 0; i < questions.size(); ++i) by_origin[i] = i;
  std::sort(by_origin.begin(), by_origin.end(),
            [&](uint32_t a, uint32_t b) { return questions[a].from < questions[b].from; });
  std::vector<uint64_t> reached;
  for (std::size_t k = 0; k < by_origin.size();) {
    const uint32_t first = questions[by_origin[k]].from;
    std::size_t end = k;
    uint32_t last_target = 0;
    for (; end < by_origin.size() && questions[by_origin[end]].from - first < kOrigins; ++end)
      last_target = std::max(last_target, questions[by_origin[end]].to);
    // Row of a step: the origins it comes strictly after. Numbers respect the order, so rows before
    // `first` are empty, and one pass upwards fills the rest.
    const std::size_t rows = last_target < first ? 0 : last_target - first + 1;
    reached.assign(rows * kWords, 0);
    for (std::size_t row = 0; row < rows; ++row) {
      uint64_t* own = &reached[row * kWords];
      for (uint32_t earlier : before_[first + row]) {
        if (earlier < first) continue;
        const uint32_t origin = earlier - first;
        const uint64_t* other = &reached[origin * kWords];
        for (std::size_t w = 0; w < kWords; ++w) own[w] |= other[w];
        if (origin < kOrigins) own[origin / 64] |= uint64_t{1} << (origin % 64);
      }
    }
    for (; k < end; ++k) {
      Question& question = questions[by_origin[k]];
      question.answer = false;
      if (question.to < first) continue;
      const uint32_t origin = question.from - first;
      question.answer =
          (reached[(question.to - first) * kWords + origin / 64] >> (origin % 64) & 1) != 0;
    }
  }
}

std::vector<uint32_t> StepGraph::ancestors(uint32_t number) const {
  std::vector<bool> seen(number + 1, false);
  std::vector<uint32_t> found;
  std::vector<uint32_t> open = {number};
  while (!open.empty()) {
    const uint32_t one = open.back();
    open.pop_back();
    for (uint32_t earlier : before_[one]) {
      if (seen[earlier]) continue;
      seen[earlier] = true;
      found.push_back(earlier);
      open.push_back(earlier);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace hv
