#include "hv/model/journal.h"

#include "hv/model/words.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 3> kOutcomes = {"succeeded", "failed", "abandoned"};
static_assert(covers(kOutcomes, OutcomeKind::abandoned));
constexpr std::array<std::string_view, 4> kWords = {"fenced", "unfenced", "answered", "unclaimed"};
static_assert(covers(kWords, WordKind::unclaimed));

}  // namespace

std::string_view to_string(OutcomeKind kind) {
  return word_of(kOutcomes, kind);
}

std::string_view to_string(WordKind kind) {
  return word_of(kWords, kind);
}

std::map<HostName, OperatorWord> fenced_hosts(const std::vector<OperatorWord>& words) {
  std::map<HostName, OperatorWord> fenced;
  for (const OperatorWord& word : words) {
    switch (word.kind) {
      case WordKind::fenced:
        fenced[word.host] = word;
        break;
      case WordKind::unfenced:
      case WordKind::answered:
        fenced.erase(word.host);
        break;
      case WordKind::unclaimed:
        break;
    }
  }
  return fenced;
}

}  // namespace hv
