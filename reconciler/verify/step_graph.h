// StepGraph: the steps of a plan by number, and which of them have succeeded before others start.
//
// Private to the verifier. Steps are numbered in an order that respects `after`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "reconciler/verify/verify.h"

namespace hv {

class StepGraph {
 public:
  // Says in `malformed` what is wrong with the steps; then the graph is not to be used.
  StepGraph(const std::vector<VerifyInput::Node>& nodes, std::vector<std::string>& malformed);

  std::size_t size() const { return ids_.size(); }
  std::optional<uint32_t> number_of(StepId id) const;
  StepId id_of(uint32_t number) const { return ids_[number]; }
  // Direct predecessors.
  const std::vector<uint32_t>& before(uint32_t number) const { return before_[number]; }

  // Is there a path of at least one edge from `from` to `to`?
  struct Question {
    uint32_t from = 0;
    uint32_t to = 0;
    bool answer = false;
  };
  void answer(std::vector<Question>& questions) const;

  // All strict predecessors of `number`, ascending.
  std::vector<uint32_t> ancestors(uint32_t number) const;

 private:
  std::vector<StepId> ids_;
  std::vector<std::vector<uint32_t>> before_;
  std::unordered_map<StepId, uint32_t> numbers_;
};

}  // namespace hv
