#include "reconciler/verify/sharing.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace hv {
namespace {

// Pairs are judged so many at a time, which bounds memory and not what is looked at.
constexpr std::size_t kPairsAtOnce = std::size_t{1} << 20;
// Conflicts kept of each kind. One refuses the plan; nobody reads thousands.
constexpr std::size_t kKept = 1000;
constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

bool is_writer(const Access& access) {
  switch (access.mode) {
    case AccessMode::read:
      return false;
    case AccessMode::write:
    case AccessMode::write_shared:
      return true;
  }
  return true;
}

int danger(const Access& a, const Access& b) {
  if (is_writer(a) && is_writer(b)) return 2;
  return is_writer(a) || is_writer(b) ? 1 : 0;
}

int agreed(const Access& a, const Access& b) {
  for (uint32_t mine : a.grants)
    for (uint32_t theirs : b.grants)
      if (mine == theirs) return 2;
  const bool both_marked = a.mode == AccessMode::write_shared && b.mode == AccessMode::write_shared;
  if (both_marked) return 2;
  return a.permitted < b.permitted ? a.permitted : b.permitted;
}

// One machine on its way from host to host: one step gives up the source and takes the target. To
// be stopped here and started there is no such thing, and needs its order like anybody else's.
bool is_one_migration(const Hold& a, const Hold& b) {
  if (a.access.party != b.access.party || a.access.device != b.access.device ||
      a.access.host == b.access.host)
    return false;
  if (!a.acquire && !b.acquire) return true;  // on its way already, or an alarm of its own
  return (a.release && a.release == b.acquire) || (b.release && b.release == a.acquire);
}

struct Piece {
  uint32_t store = 0;
  uint32_t hold = 0;
  int64_t begin = 0;
  int64_t end = 0;
  bool by_name = false;
  bool writes = false;
};

bool in_first_slot(const Piece& piece) {
  return piece.begin < kNameSlotSectors;
}

std::vector<Piece> pieces_of(const std::vector<Hold>& holds) {
  std::vector<Piece> pieces;
  std::unordered_map<std::string_view, uint32_t> stores;
  for (uint32_t h = 0; h < holds.size(); ++h) {
    const Access& access = holds[h].access;
    for (const Extent& extent : access.extents) {
      if (extent.count.count <= 0) continue;
      const auto next = static_cast<uint32_t>(stores.size());
      Piece piece;
      piece.store = stores.emplace(extent.store.text, next).first->second;
      piece.hold = h;
      piece.begin = extent.start.count;
      piece.end = extent.start.count + extent.count.count;
      piece.by_name = !extent.resolved;
      piece.writes = is_writer(access);
      pieces.push_back(piece);
    }
  }
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    if (a.store != b.store) return a.store < b.store;
    if (a.begin != b.begin) return a.begin < b.begin;
    return a.hold < b.hold;
  });
  return pieces;
}

class Judge {
 public:
  Judge(const std::vector<Hold>& holds, const StepGraph& graph, Verdict& verdict)
      : holds_(holds), graph_(graph), verdict_(verdict) {}

  void run() {
    const std::vector<Piece> pieces = pieces_of(holds_);
    for (std::size_t begin = 0; begin < pieces.size() && !enough();) {
      std::size_t end = begin;
      while (end < pieces.size() && pieces[end].store == pieces[begin].store) ++end;
      sweep_store(pieces, begin, end);
      begin = end;
    }
    judge();
    auto& found = verdict_.sharing;
    std::sort(found.begin(), found.end(), [](const SharingConflict& a, const SharingConflict& b) {
      return std::pair(a.first, a.second) < std::pair(b.first, b.second);
    });
    // A pair that met in two stores, or before and after a judgement, is there twice.
    found.erase(std::unique(found.begin(), found.end(),
                            [](const SharingConflict& a, const SharingConflict& b) {
                              return a.first == b.first && a.second == b.second;
                            }),
                found.end());
  }

 private:
  using Open = std::vector<Piece>;

  bool enough() const { return new_conflicts_ >= kKept; }

  void sweep_store(const std::vector<Piece>& pieces, std::size_t begin, std::size_t end) {
    Open readers, writers;
    bool past_first_slot = false;
    for (std::size_t i = begin; i < end && !enough(); ++i) {
      const Piece& piece = pieces[i];
      if (piece.by_name && !in_first_slot(piece) && !past_first_slot) {
        past_first_slot = true;
        reopen(pieces, begin, i, readers, writers);
      }
      meet(piece, writers);
      if (piece.writes) meet(piece, readers);
      (piece.writes ? writers : readers).push_back(piece);
    }
  }

  // Partitions begin here, and where they lie among the exact places of slot 0 is not known: these
  // stay open to the end.
  static void reopen(const std::vector<Piece>& pieces, std::size_t begin, std::size_t end,
                     Open& readers, Open& writers) {
    for (Open* open : {&readers, &writers})
      open->erase(std::remove_if(open->begin(), open->end(),
                                 [](const Piece& piece) { return piece.by_name; }),
                  open->end());
    for (std::size_t i = begin; i < end; ++i) {
      if (!pieces[i].by_name) continue;
      Piece piece = pieces[i];
      piece.end = kNoEnd;
      (piece.writes ? writers : readers).push_back(piece);
    }
  }

  // Pairs `piece` with all that reach over its beginning, and forgets those that ended.
  void meet(const Piece& piece, Open& open) {
    for (std::size_t i = 0; i < open.size();) {
      if (open[i].end <= piece.begin) {
        open[i] = open.back();
        open.pop_back();
        continue;
      }
      consider(open[i].hold, piece.hold);
      ++i;
    }
  }

  void consider(uint32_t one, uint32_t other) {
    if (one == other) return;
    const Access &a = holds_[one].access, &b = holds_[other].access;
    if (is_one_migration(holds_[one], holds_[other])) return;
    const int level = danger(a, b);
    if (level <= agreed(a, b) && level <= verdict_.highest_level) return;
    pairs_.emplace_back(std::min(one, other), std::max(one, other));
    if (pairs_.size() >= kPairsAtOnce) judge();
  }

  // The question whether `earlier` is over before `later` begins; nothing where it never is.
  std::optional<StepGraph::Question> question(const Hold& earlier, const Hold& later) const {
    if (!earlier.release || !later.acquire) return std::nullopt;
    return StepGraph::Question{*graph_.number_of(*earlier.release),
                               *graph_.number_of(*later.acquire), false};
  }

  void judge() {
    std::sort(pairs_.begin(), pairs_.end());
    pairs_.erase(std::unique(pairs_.begin(), pairs_.end()), pairs_.end());
    std::vector<StepGraph::Question> questions;
    std::vector<std::size_t> first_question;
    for (const auto& [one, other] : pairs_) {
      first_question.push_back(questions.size());
      if (auto asked = question(holds_[one], holds_[other])) questions.push_back(*asked);
      if (auto asked = question(holds_[other], holds_[one])) questions.push_back(*asked);
    }
    first_question.push_back(questions.size());
    graph_.answer(questions);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      bool ordered = false;
      for (std::size_t q = first_question[i]; q < first_question[i + 1]; ++q)
        ordered = ordered || questions[q].answer;
      if (!ordered) conclude(pairs_[i].first, pairs_[i].second);
    }
    pairs_.clear();
  }

  // Some state has both.
  void conclude(uint32_t one, uint32_t other) {
    const Hold &a = holds_[one], &b = holds_[other];
    const int level = danger(a.access, b.access), permitted = agreed(a.access, b.access);
    if (level <= permitted) {
      verdict_.highest_level = std::max(verdict_.highest_level, level);
      return;
    }
    SharingConflict conflict;
    conflict.already = !a.acquire && !b.acquire;
    std::size_t& count = conflict.already ? old_conflicts_ : new_conflicts_;
    if (count++ >= kKept) return;
    conflict.first = one;
    conflict.second = other;
    conflict.level = level;
    conflict.permitted = permitted;
    conflict.overlap = where_they_meet(a.access, b.access);
    if (!conflict.already) add_example(a, b, conflict);
    verdict_.sharing.push_back(std::move(conflict));
  }

  // The shortest way there: finish all that must precede either start, then start both.
  void add_example(const Hold& a, const Hold& b, SharingConflict& conflict) const {
    std::vector<uint32_t> starts, done;
    for (const Hold* hold : {&a, &b}) {
      if (!hold->acquire) continue;
      starts.push_back(*graph_.number_of(*hold->acquire));
      const std::vector<uint32_t> before = graph_.ancestors(starts.back());
      done.insert(done.end(), before.begin(), before.end());
    }
    for (std::vector<uint32_t>* list : {&starts, &done}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    for (uint32_t step : done) conflict.done.push_back(graph_.id_of(step));
    for (uint32_t step : starts)
      if (!std::binary_search(done.begin(), done.end(), step))
        conflict.started.push_back(graph_.id_of(step));
  }

  static Overlap where_they_meet(const Access& a, const Access& b) {
    Overlap best;
    for (const Extent& x : a.extents) {
      for (const Extent& y : b.extents) {
        if (x.store != y.store) continue;
        const Sectors begin = std::max(x.start, y.start);
        const Sectors end = std::min(x.start + x.count, y.start + y.count);
        const bool resolved = x.resolved && y.resolved;
        if (end - begin > best.count)
          best = {x.store, begin, end - begin, resolved};
        else if (best.store.empty() && !resolved)
          best = {x.store, begin, Sectors{}, false};  // where is not known
      }
    }
    return best;
  }

  const std::vector<Hold>& holds_;
  const StepGraph& graph_;
  Verdict& verdict_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
  std::size_t old_conflicts_ = 0, new_conflicts_ = 0;
};

}  // namespace

void verify_sharing(const std::vector<Hold>& holds, const StepGraph& graph, Verdict& verdict) {
  Judge(holds, graph, verdict).run();
}

}  // namespace hv
