#include "hv/model/journal.h"

#include "hv/model/words.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 3> kOutcomes = {"succeeded", "failed", "abandoned"};
static_assert(covers(kOutcomes, OutcomeKind::abandoned));

}  // namespace

std::string_view to_string(OutcomeKind kind) {
  return word_of(kOutcomes, kind);
}

}  // namespace hv
