#include "reconciler/extent_index.h"

#include <algorithm>

namespace hv {
namespace {

bool in_first_slot(const Extent& extent) {
  return extent.start.count < kNameSlotSectors;
}

bool meet_as_sectors(const Extent& a, const Extent& b) {
  return a.start < b.end() && b.start < a.end();
}

}  // namespace

void ExtentIndex::add(const Extent& extent, Owner owner) {
  if (extent.count.count <= 0) return;
  Store& store = stores_[extent.store];
  store.pieces.push_back({extent, owner, 0});
  store.sorted = false;
}

void ExtentIndex::sort(Store& store) {
  std::sort(store.pieces.begin(), store.pieces.end(), [](const Piece& a, const Piece& b) {
    return std::pair(a.extent.start, a.owner) < std::pair(b.extent.start, b.owner);
  });
  store.first_slot.clear();
  store.other_slots.clear();
  for (std::size_t i = 0; i < store.pieces.size(); ++i) {
    const Extent& extent = store.pieces[i].extent;
    if (!extent.resolved)
      (in_first_slot(extent) ? store.first_slot : store.other_slots).push_back(i);
  }
  grow(store.pieces, {0, store.pieces.size()});
  store.sorted = true;
}

int64_t ExtentIndex::grow(std::vector<Piece>& pieces, Range range) {
  const auto [begin, end] = range;
  if (begin == end) return INT64_MIN;
  const std::size_t middle = begin + (end - begin) / 2;
  Piece& piece = pieces[middle];
  piece.furthest = std::max(
      {piece.extent.end().count, grow(pieces, {begin, middle}), grow(pieces, {middle + 1, end})});
  return piece.furthest;
}

void ExtentIndex::descend(const std::vector<Piece>& pieces, Range range, const Extent& extent,
                          const std::function<void(Owner)>& found) {
  const auto [begin, end] = range;
  if (begin == end) return;
  const std::size_t middle = begin + (end - begin) / 2;
  const Piece& piece = pieces[middle];
  if (piece.furthest <= extent.start.count) return;
  descend(pieces, {begin, middle}, extent, found);
  if (piece.extent.start >= extent.end()) return;
  if (meet_as_sectors(piece.extent, extent)) found(piece.owner);
  descend(pieces, {middle + 1, end}, extent, found);
}

void ExtentIndex::each_overlap(const Extent& extent, const std::function<void(Owner)>& found) {
  auto store = stores_.find(extent.store);
  if (store == stores_.end() || extent.count.count <= 0) return;
  if (!store->second.sorted) sort(store->second);
  const std::vector<Piece>& pieces = store->second.pieces;
  descend(pieces, {0, pieces.size()}, extent, found);
  if (extent.resolved) return;
  // Where a partition lies on its disk is not known: see overlap(). Those that meet as sectors too
  // were found above.
  for (const std::size_t i :
       in_first_slot(extent) ? store->second.other_slots : store->second.first_slot)
    if (!meet_as_sectors(pieces[i].extent, extent)) found(pieces[i].owner);
}

bool ExtentIndex::any_overlap(const Extent& extent) {
  bool any = false;
  each_overlap(extent, [&](Owner) { any = true; });
  return any;
}

}  // namespace hv
