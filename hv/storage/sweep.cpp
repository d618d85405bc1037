// The sweep. Extents are sorted by store and start; those that reach over the point where the next
// one starts are "active" and are exactly the ones it overlaps. Accesses of equal mode, permission
// and grants form a class, and whole classes are compared: two readers are never looked at, a class
// that permits everything is joined to by its first member (union-find), and only pairs above their
// permitted level are listed, up to a bound for each stretch without a gap.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "hv/storage/findings.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

// Pairs listed for one stretch. More help nobody: whoever mends the first ones sees the next.
constexpr std::size_t kPairsInStretch = 50;
constexpr uint32_t kNowhere = std::numeric_limits<uint32_t>::max();
constexpr int64_t kForEver = std::numeric_limits<int64_t>::max();
constexpr int kLevels = 3;

struct Item {
  int64_t start = 0;
  int64_t end = 0;
  uint32_t store = 0;
  uint32_t access : 31 = 0;
  uint32_t unresolved : 1 = 0;
};

// Joins things that turn out to belong together; nothing is kept until the first join.
class Groups {
 public:
  explicit Groups(std::size_t size) : size_(size) {}
  bool empty() const { return parent_.empty(); }
  uint32_t find(uint32_t one) {
    if (parent_.empty()) return one;
    while (parent_[one] != one) {
      parent_[one] = parent_[parent_[one]];
      one = parent_[one];
    }
    return one;
  }
  void join(uint32_t one, uint32_t other) {
    if (parent_.empty()) {
      parent_.resize(size_);
      for (uint32_t i = 0; i < size_; ++i) parent_[i] = i;
    }
    one = find(one);
    other = find(other);
    parent_[std::max(one, other)] = std::min(one, other);
  }

 private:
  std::size_t size_;
  std::vector<uint32_t> parent_;
};

class Sweep {
 public:
  Sweep(const std::vector<Access>& accesses, const StorageContext& context)
      : accesses_(accesses), context_(context) {
    collect_items();
    collect_classes();
    sort_items();
    place_.assign(items_.size(), kNowhere);
    groups_.assign(kLevels, Groups(items_.size()));
  }

  std::vector<Finding> run() {
    for (uint32_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      if (i == 0 || item.store != items_[i - 1].store) begin_store(i);
      expire(item.start);
      if (active_count_ == 0) end_stretch();
      if (item.unresolved != 0 && item.start >= kNameSlotSectors && !past_slot_0_) bring_back(i);
      meet(i);
      activate(i);
    }
    end_stretch();
    return findings();
  }

 private:
  struct Class {
    uint32_t representative = 0;    // an access
    std::vector<uint32_t> members;  // active items
    // True where all members are known to be in one group of that level.
    bool joined[kLevels] = {true, true, true};
    bool listed = false;  // in active_classes_
  };

  // Sectors without a gap between accesses, and the pairs listed in it.
  struct Stretch {
    std::size_t pairs = 0;
    uint64_t not_shown = 0;
    uint32_t last = 0;
  };

  void collect_items() {
    std::size_t count = 0;
    for (const Access& access : accesses_) count += access.extents.size();
    HV_CHECK(count < kNowhere && accesses_.size() < (uint32_t{1} << 31), "too many accesses");
    items_.reserve(count);
    std::unordered_map<std::string_view, uint32_t> numbers;
    std::string_view last;
    uint32_t number = 0;
    for (uint32_t a = 0; a < accesses_.size(); ++a) {
      for (const Extent& extent : accesses_[a].extents) {
        if (extent.count.count <= 0) continue;
        if (stores_.empty() || extent.store.text != last) {
          last = extent.store.text;
          auto [it, is_new] = numbers.try_emplace(last, static_cast<uint32_t>(stores_.size()));
          if (is_new) stores_.push_back(extent.store);
          number = it->second;
        }
        items_.push_back({extent.start.count, extent.end().count, number, a,
                          static_cast<uint32_t>(extent.resolved ? 0 : 1)});
      }
    }
  }

  // By store, then start. Dealing them out by store first leaves shorter arrays and a shorter
  // comparison to the sort.
  void sort_items() {
    std::vector<std::size_t> end_of(stores_.size() + 1, 0);
    for (const Item& item : items_) ++end_of[item.store + 1];
    for (std::size_t s = 1; s < end_of.size(); ++s) end_of[s] += end_of[s - 1];
    std::vector<Item> dealt(items_.size());
    for (const Item& item : items_) dealt[end_of[item.store]++] = item;
    items_ = std::move(dealt);
    auto begin = items_.begin();
    for (std::size_t s = 0; s < stores_.size(); ++s) {
      const auto end = items_.begin() + static_cast<std::ptrdiff_t>(end_of[s]);
      std::sort(begin, end, [](const Item& a, const Item& b) {
        return a.start != b.start ? a.start < b.start : a.access < b.access;
      });
      begin = end;
    }
  }

  void collect_classes() {
    std::map<std::tuple<uint32_t, AccessMode, int, bool, std::vector<uint32_t>>, uint32_t> numbers;
    std::unordered_map<std::string_view, uint32_t> hosts;
    std::string_view last;
    uint32_t host = 0;
    // Neighbours are mostly alike.
    const Access* before = nullptr;
    class_of_.resize(accesses_.size());
    for (uint32_t a = 0; a < accesses_.size(); ++a) {
      const Access& access = accesses_[a];
      if (before == nullptr || access.host.text != last) {
        last = access.host.text;
        host = hosts.try_emplace(last, static_cast<uint32_t>(hosts.size())).first->second;
        before = nullptr;
      }
      if (before != nullptr && access.mode == before->mode &&
          access.permitted == before->permitted && access.dormant == before->dormant &&
          access.grants == before->grants) {
        class_of_[a] = class_of_[a - 1];
        continue;
      }
      before = &access;
      auto [it, is_new] = numbers.try_emplace(
          std::tuple(host, access.mode, access.permitted, access.dormant, access.grants),
          static_cast<uint32_t>(classes_.size()));
      if (is_new) {
        classes_.push_back({});
        classes_.back().representative = a;
      }
      class_of_[a] = it->second;
    }
  }

  const Access& access_of(uint32_t item) const { return accesses_[items_[item].access]; }

  void begin_store(uint32_t first) {
    expire(kForEver);
    end_stretch();
    store_begin_ = first;
    past_slot_0_ = false;
    const StoreId& store = stores_[items_[first].store];
    doubtful_store_ = is_maybe(store) && !is_twin(store);
  }

  void activate(uint32_t item) {
    const uint32_t number = class_of_[items_[item].access];
    Class& own = classes_[number];
    for (int level = 1; level < kLevels; ++level)
      own.joined[level] = own.members.empty() ||
                          (own.joined[level] &&
                           groups_[level].find(item) == groups_[level].find(own.members.front()));
    place_[item] = static_cast<uint32_t>(own.members.size());
    own.members.push_back(item);
    if (!own.listed) active_classes_.push_back(number);
    own.listed = true;
    ends_.emplace(items_[item].end, item);
    ++active_count_;
  }

  void deactivate(uint32_t item) {
    Class& own = classes_[class_of_[items_[item].access]];
    const uint32_t last = own.members.back();
    own.members[place_[item]] = last;
    place_[last] = place_[item];
    place_[item] = kNowhere;
    own.members.pop_back();
    --active_count_;
  }

  void expire(int64_t start) {
    while (!ends_.empty() && ends_.top().first <= start) {
      deactivate(ends_.top().second);
      ends_.pop();
    }
    if (active_count_ != 0) return;
    for (uint32_t number : active_classes_) classes_[number].listed = false;
    active_classes_.clear();
  }

  // The first partition of a name: from here on, all that lay in slot 0 is met by everybody.
  void bring_back(uint32_t item) {
    past_slot_0_ = true;
    decltype(ends_) rest;
    for (; !ends_.empty(); ends_.pop()) {
      if (items_[ends_.top().second].unresolved != 0)
        deactivate(ends_.top().second);
      else
        rest.push(ends_.top());
    }
    ends_ = std::move(rest);
    for (uint32_t i = store_begin_; i < item; ++i) {
      if (items_[i].unresolved == 0 || items_[i].start >= kNameSlotSectors) continue;
      items_[i].end = kForEver;
      activate(i);
    }
  }

  void meet(uint32_t item) {
    const Access& access = access_of(item);
    for (std::size_t k = 0; k < active_classes_.size();) {
      Class& other = classes_[active_classes_[k]];
      if (other.members.empty()) {
        other.listed = false;
        active_classes_[k] = active_classes_.back();
        active_classes_.pop_back();
        continue;
      }
      ++k;
      const Access& one = accesses_[other.representative];
      const int level = level_between(access, one);
      if (level == 0) continue;
      // What may be one disk for two hosts is one for each of them elsewhere.
      if (doubtful_store_ && access.host == one.host) continue;
      const int permitted = permitted_between(access, one);
      if (level <= permitted)
        join(item, other, level);
      else
        list_pairs(item, other, level, permitted);
    }
  }

  void join(uint32_t item, Class& other, int level) {
    Groups& groups = groups_[level];
    if (other.joined[level]) {
      groups.join(item, other.members.front());
      return;
    }
    for (uint32_t member : other.members) groups.join(item, member);
    other.joined[level] = true;
  }

  void list_pairs(uint32_t item, const Class& other, int level, int permitted) {
    const Severity severity = severity_of_pair(access_of(item), accesses_[other.representative],
                                               stores_[items_[item].store], context_);
    Stretch& stretch = stretch_[static_cast<std::size_t>(severity)];
    for (std::size_t i = 0; i < other.members.size(); ++i) {
      if (stretch.pairs >= kPairsInStretch) {
        stretch.not_shown += other.members.size() - i;
        return;
      }
      list_pair(other.members[i], item, level, permitted, stretch);
    }
  }

  // VBDs by party and device: the desired and the live side of one VBD are one.
  uint32_t vbd_of(uint32_t access) {
    if (vbd_numbers_.empty()) vbd_numbers_.assign(accesses_.size(), kNowhere);
    if (vbd_numbers_[access] == kNowhere) {
      const auto next = static_cast<uint32_t>(vbds_.size());
      const Access& a = accesses_[access];
      vbd_numbers_[access] = vbds_.try_emplace({a.party, a.device}, next).first->second;
    }
    return vbd_numbers_[access];
  }

  Overlap overlap_of(const Item& a, const Item& b) const {
    // Brought back from slot 0 it ends nowhere, and what is met is all of the later one.
    const int64_t start = std::max(a.start, b.start);
    const int64_t end = std::min(a.end, b.end);
    return {stores_[a.store], sectors(start), sectors(end - start),
            a.unresolved == 0 && b.unresolved == 0};
  }

  void list_pair(uint32_t earlier_item, uint32_t later_item, int level, int permitted,
                 Stretch& stretch) {
    const uint32_t first = items_[earlier_item].access, second = items_[later_item].access;
    const Access &a = accesses_[first], &b = accesses_[second];
    if (first == second || !is_sharing(a, b)) return;
    const Overlap found = overlap_of(items_[earlier_item], items_[later_item]);
    const Code code = code_of_pair(a, b, level, found.store);
    uint32_t low = vbd_of(first), high = vbd_of(second);
    if (low > high) std::swap(low, high);
    // Level 1 and 2 of one pair are one finding: what stands for both is the worse.
    const Code kind = code == Code::unsafe_read_sharing ? Code::unsafe_write_sharing : code;
    auto [it, is_new] = pair_numbers_.try_emplace(std::tuple(low, high, kind),
                                                  static_cast<uint32_t>(pairs_.size()));
    if (is_new) {
      ++stretch.pairs;
      UnsafePair pair;
      pair.first = first;
      pair.second = second;
      pair.code = code;
      pair.level = level;
      pair.permitted = permitted;
      pair.overlap = found;
      pairs_.push_back(std::move(pair));
      stretch.last = it->second;
      return;
    }
    UnsafePair& pair = pairs_[it->second];
    const bool same = (pair.first == first && pair.second == second) ||
                      (pair.first == second && pair.second == first);
    if (same) ++pair.places;
    if (worse(a, b, level, pair)) {
      pair.first = first;
      pair.second = second;
      pair.code = code;
      pair.level = level;
      pair.permitted = permitted;
      pair.overlap = found;
      if (!same) pair.places = 1;
    } else if (same && found.count > pair.overlap.count) {
      pair.overlap = found;
    }
  }

  // A state that is reached counts more than one that needs a start first; then the level; then
  // what a file declares, since that has a place to show.
  bool worse(const Access& a, const Access& b, int level, const UnsafePair& pair) const {
    const Access &c = accesses_[pair.first], &d = accesses_[pair.second];
    auto rank = [](const Access& x, const Access& y, int at) {
      return std::tuple(!(x.dormant || y.dormant), at,
                        (x.place.valid() ? 1 : 0) + (y.place.valid() ? 1 : 0));
    };
    return rank(a, b, level) > rank(c, d, pair.level);
  }

  void end_stretch() {
    for (Stretch& stretch : stretch_) {
      if (stretch.not_shown != 0) pairs_[stretch.last].not_shown += stretch.not_shown;
      stretch = {};
    }
  }

  void add_groups(int level, std::vector<Finding>& out) {
    Groups& groups = groups_[level];
    if (groups.empty()) return;
    std::unordered_map<uint32_t, SharingGroup> by_root;
    for (uint32_t i = 0; i < items_.size(); ++i) {
      const uint32_t root = groups.find(i);
      if (root == i) continue;
      SharingGroup& group = by_root[root];
      if (group.members.empty()) add_to_group(root, group);
      add_to_group(i, group);
    }
    // Several stretches with the same sharers are one note.
    std::map<std::vector<uint32_t>, SharingGroup> by_members;
    for (auto& [root, group] : by_root) {
      std::sort(group.members.begin(), group.members.end());
      group.members.erase(std::unique(group.members.begin(), group.members.end()),
                          group.members.end());
      group.level = level;
      auto [it, is_new] = by_members.try_emplace(group.members, group);
      if (is_new) continue;
      ++it->second.places;
      const Overlap &held = it->second.overlap, &other = group.overlap;
      if (std::tie(other.count, held.store, held.start) >
          std::tie(held.count, other.store, other.start))
        it->second.overlap = group.overlap;
    }
    for (const auto& [members, group] : by_members)
      if (auto finding = describe(group, accesses_)) out.push_back(std::move(*finding));
  }

  void add_to_group(uint32_t index, SharingGroup& group) const {
    const Item& item = items_[index];
    const int64_t end =
        item.end == kForEver ? item.start + 1 : item.end;  // brought back from slot 0
    if (group.members.empty()) {
      group.overlap = {stores_[item.store], sectors(item.start), sectors(end - item.start),
                       item.unresolved == 0};
    } else {
      const int64_t low = std::min(group.overlap.start.count, item.start);
      const int64_t high = std::max((group.overlap.start + group.overlap.count).count, end);
      group.overlap.start = sectors(low);
      group.overlap.count = sectors(high - low);
      group.overlap.resolved = group.overlap.resolved && item.unresolved == 0;
    }
    group.members.push_back(item.access);
  }

  // Two that surely meet need no word on whether they may meet elsewhere too.
  void drop_needless_doubts() {
    std::vector<bool> needless(pairs_.size(), false);
    for (const auto& [key, number] : pair_numbers_) {
      const auto& [low, high, code] = key;
      const UnsafePair& doubt = pairs_[number];
      if (code != Code::maybe_same_store || !is_maybe(doubt.overlap.store)) continue;
      for (Code sure : {Code::unsafe_write_sharing, Code::same_sectors_twice}) {
        auto other = pair_numbers_.find({low, high, sure});
        if (other == pair_numbers_.end()) continue;
        const UnsafePair& known = pairs_[other->second];
        needless[number] = needless[number] || !worse(accesses_[doubt.first],
                                                      accesses_[doubt.second], doubt.level, known);
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (needless[i]) continue;
      if (kept != i) pairs_[kept] = std::move(pairs_[i]);
      ++kept;
    }
    pairs_.resize(kept);
  }

  std::vector<Finding> findings() {
    std::vector<Finding> all;
    all.reserve(pairs_.size());
    drop_needless_doubts();
    for (const UnsafePair& pair : pairs_) all.push_back(describe(pair, accesses_, context_));
    for (int level = 1; level < kLevels; ++level) add_groups(level, all);
    for (Finding& warning : name_warnings(accesses_, context_)) all.push_back(std::move(warning));
    sort_findings(all);
    return all;
  }

  using End = std::pair<int64_t, uint32_t>;  // where it ends, which item

  const std::vector<Access>& accesses_;
  const StorageContext& context_;
  std::vector<Item> items_;
  std::vector<StoreId> stores_;
  std::vector<uint32_t> class_of_;  // of each access
  std::vector<Class> classes_;
  std::vector<Groups> groups_;  // by level

  // What is active at the point reached.
  std::vector<uint32_t> place_;  // of each item in its class's members
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
  std::vector<uint32_t> active_classes_;
  std::size_t active_count_ = 0;
  uint32_t store_begin_ = 0;
  bool past_slot_0_ = false;
  bool doubtful_store_ = false;

  std::vector<UnsafePair> pairs_;
  std::map<std::tuple<uint32_t, uint32_t, Code>, uint32_t> pair_numbers_;
  std::map<std::pair<Party, std::string>, uint32_t> vbds_;
  std::vector<uint32_t> vbd_numbers_;  // of each access, made when asked for
  Stretch stretch_[3];                 // by severity: notes never crowd errors out
};

}  // namespace

std::vector<Finding> check_sharing(const std::vector<Access>& accesses,
                                   const StorageContext& context) {
  return Sweep(accesses, context).run();
}

}  // namespace hv
