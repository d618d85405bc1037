// ExtentIndex: many extents with their owners, asked for those that overlap one.
//
// Filled first, then asked; asking costs O(log n) and what is found, also where one long extent
// lies over very many short ones. One thread.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <vector>

#include "hv/model/access.h"

namespace hv {

class ExtentIndex {
 public:
  using Owner = std::size_t;
  void add(const Extent& extent, Owner owner);
  // Every owner once for each of its extents that overlaps. Sorts what was added since.
  void each_overlap(const Extent& extent, const std::function<void(Owner)>& found);
  bool any_overlap(const Extent& extent);

 private:
  struct Piece {
    Extent extent;
    Owner owner = 0;
    int64_t furthest = 0;  // the last end among the pieces of this one's subtree
  };
  struct Store {
    std::vector<Piece> pieces;  // by start; a balanced tree, its root in the middle
    std::vector<std::size_t> first_slot, other_slots;  // of those known by name only
    bool sorted = true;
  };
  using Range = std::pair<std::size_t, std::size_t>;
  static void sort(Store& store);
  static int64_t grow(std::vector<Piece>& pieces, Range range);
  static void descend(const std::vector<Piece>& pieces, Range range, const Extent& extent,
                      const std::function<void(Owner)>& found);
  std::map<StoreId, Store> stores_;
};

}  // namespace hv
