// Extents for vdisks. A pool's device is cut into slots of the pool's extent size, between the
// label's first and last MiB; everything is counted in slots, as runs, so that the cost follows the
// number of disks and not the size of the device.

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "hv/storage/names.h"
#include "hv/storage/storage.h"

namespace hv {
namespace {

// Slots [begin, end) of one device.
struct Run {
  std::size_t device = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

struct Device {
  StoreId store;
  int64_t first = 0;  // sector of slot 0
  int64_t slots = 0;
  bool resolved = true;
  std::map<int64_t, int64_t> held;  // runs of live disks, by begin; merged
  std::map<int64_t, int64_t> free;  // runs of nobody and of no expired disk either
};

class Allocator {
 public:
  Allocator(const PoolSpec& pool, const StorageContext& context)
      : pool_(pool), context_(context), slot_(pool.extent.count / kSectorBytes) {
    HV_CHECK(slot_ > 0 && pool.extent.count % kSectorBytes == 0,
             "a pool's extent is no whole number of sectors");
  }

  Status add_devices(const std::vector<PoolDevice>& devices) {
    std::vector<Extent> ranges;
    for (const PoolDevice& one : devices) {
      const Extent range = resolve_device(one.source, pool_.host, context_).extents.front();
      for (std::size_t i = 0; i < ranges.size(); ++i)
        if (overlap(ranges[i], range))
          return Error{Code::pool_device_twice,
                       "`" + devices[i].source + "` and `" + one.source + "` of pool `" +
                           pool_.address.name + "` are the same storage",
                       "name each disk once"};
      ranges.push_back(range);
      Device device;
      device.store = range.store;
      device.resolved = range.resolved;
      device.first = range.start.count + kPoolLabel.count;
      const int64_t size = std::min(one.size.value_or(range.count).count, range.count.count);
      device.slots = std::max<int64_t>(0, (size - 2 * kPoolLabel.count) / slot_);
      devices_.push_back(std::move(device));
    }
    return {};
  }

  // Whatever a live disk has, of whichever pool, is out of reach, and so is what another pool's
  // expired disk may still want back.
  void add_disks(const std::map<Address, AppliedVdisk>& vdisks,
                 const std::vector<AllocationRequest>& requests) {
    std::vector<Run> expired;
    for (const auto& [address, vdisk] : vdisks) {
      const bool reusable = vdisk.expired && vdisk.spec.pool == pool_.address;
      if (reusable) expired_.push_back(&vdisk);
      for (const Extent& extent : vdisk.extents) {
        owned_.emplace_back(address, as_stated_now(extent, vdisk.host, context_));
        add_runs(owned_.back().second, reusable ? expired : held_);
      }
    }
    for (const AllocationRequest& request : requests)
      for (const Extent& extent : request.have) {
        owned_.emplace_back(request.vdisk, as_stated_now(extent, pool_.host, context_));
        add_runs(owned_.back().second, held_);
      }
    std::stable_sort(
        expired_.begin(), expired_.end(),
        [](const AppliedVdisk* a, const AppliedVdisk* b) { return *a->expired < *b->expired; });
    for (std::size_t d = 0; d < devices_.size(); ++d) {
      devices_[d].held = merged(held_, d);
      std::vector<Run> taken = expired;
      taken.insert(taken.end(), held_.begin(), held_.end());
      int64_t begin = 0;
      for (const auto& [from, to] : merged(taken, d)) {
        if (begin < from) devices_[d].free[begin] = from;
        begin = to;
      }
      if (begin < devices_[d].slots) devices_[d].free[begin] = devices_[d].slots;
    }
  }

  // Of nobody or of expired disks.
  int64_t reusable_slots() const {
    int64_t count = 0;
    for (const Device& device : devices_) {
      count += device.slots;
      for (const auto& [from, to] : device.held) count -= to - from;
    }
    return count;
  }

  // What the request lacks beyond what it has and beyond the rest of its last slot.
  int64_t slots_needed(const AllocationRequest& request) const {
    const int64_t missing = missing_after_growth(request);
    return missing / slot_ + (missing % slot_ != 0 ? 1 : 0);
  }

  std::vector<Extent> take(const AllocationRequest& request, std::vector<Address>& reused) {
    std::vector<Extent> extents = request.have;
    const int64_t growth = growth_of_last(request);
    if (growth > 0) extents.back().count += sectors(growth);
    int64_t missing = missing_after_growth(request);
    int64_t slots = slots_needed(request);
    std::vector<Run> runs;
    take_free(extents, slots, runs);
    take_expired(slots, runs, reused);
    HV_CHECK(slots == 0, "slots that were counted as free are gone");
    for (const Run& run : runs) {
      const int64_t count = std::min(missing, (run.end - run.begin) * slot_);
      append(run, count, extents);
      missing -= count;
    }
    return extents;
  }

  Sectors size_of(int64_t slots) const { return sectors(slots) * slot_; }

 private:
  void add_runs(const Extent& extent, std::vector<Run>& runs) const {
    if (extent.count.count <= 0) return;
    for (std::size_t d = 0; d < devices_.size(); ++d) {
      const Device& device = devices_[d];
      if (device.store != extent.store) continue;
      // A partition of a disk whose other extents are counted from its own start, or the other way
      // round: where the two meet is not known, so all of it is out of reach.
      if (!device.resolved && !extent.resolved &&
          (extent.start.count < kNameSlotSectors) != (device.first < kNameSlotSectors)) {
        runs.push_back({d, 0, device.slots});
        continue;
      }
      const int64_t from = extent.start.count - device.first;
      const int64_t to = extent.end().count - device.first;
      if (to <= 0) continue;
      const int64_t begin = std::max<int64_t>(0, from) / slot_;
      const int64_t end = std::min(device.slots, to / slot_ + (to % slot_ != 0 ? 1 : 0));
      if (begin < end) runs.push_back({d, begin, end});
    }
  }

  static std::map<int64_t, int64_t> merged(const std::vector<Run>& runs, std::size_t device) {
    std::vector<std::pair<int64_t, int64_t>> sorted;
    for (const Run& run : runs)
      if (run.device == device) sorted.emplace_back(run.begin, run.end);
    std::sort(sorted.begin(), sorted.end());
    std::map<int64_t, int64_t> result;
    for (const auto& [begin, end] : sorted) {
      if (!result.empty() && begin <= result.rbegin()->second)
        result.rbegin()->second = std::max(result.rbegin()->second, end);
      else
        result[begin] = end;
    }
    return result;
  }

  // The device on which an extent (with the store of now) ends.
  const Device* device_at(const Extent& extent) const {
    const int64_t end = extent.end().count;
    for (const Device& device : devices_)
      if (device.store == extent.store && device.resolved == extent.resolved &&
          end > device.first && end <= device.first + device.slots * slot_)
        return &device;
    return nullptr;
  }

  // The last slot of a disk is often used in part: the rest of it comes first. Nobody else can have
  // it, unless the pool's extent size was another once.
  int64_t growth_of_last(const AllocationRequest& request) const {
    if (request.have.empty()) return 0;
    const int64_t missing = request.size.count - total(request.have);
    const Extent last = as_stated_now(request.have.back(), pool_.host, context_);
    const Device* device = device_at(last);
    if (missing <= 0 || device == nullptr) return 0;
    const int64_t used = (last.end().count - device->first) % slot_;
    if (used == 0) return 0;
    const Extent slot{last.store, last.end() - sectors(used), sectors(slot_), last.resolved};
    const Extent rest{last.store, last.end(), sectors(slot_ - used), last.resolved};
    for (const auto& [owner, extent] : owned_)
      if (overlap(extent, owner == request.vdisk ? rest : slot)) return 0;
    return std::min(rest.count.count, missing);
  }

  static int64_t total(const std::vector<Extent>& extents) {
    int64_t count = 0;
    for (const Extent& extent : extents) count += extent.count.count;
    return count;
  }

  int64_t missing_after_growth(const AllocationRequest& request) const {
    const int64_t missing = request.size.count - total(request.have) - growth_of_last(request);
    return std::max<int64_t>(0, missing);
  }

  void take_run(std::size_t device, int64_t begin, int64_t count, std::vector<Run>& runs) {
    auto& free = devices_[device].free;
    auto it = std::prev(free.upper_bound(begin));
    const auto [from, to] = *it;
    HV_CHECK(from <= begin && begin + count <= to, "a run that is not free");
    free.erase(it);
    if (from < begin) free[from] = begin;
    if (begin + count < to) free[begin + count] = to;
    note_taken({device, begin, begin + count}, runs);
  }

  void note_taken(const Run& run, std::vector<Run>& runs) {
    const auto& held = devices_[run.device].held;
    auto next = held.lower_bound(run.begin);
    HV_CHECK(!is_held(run.device, run.begin) && (next == held.end() || next->first >= run.end),
             "a slot of a live vdisk would be handed out");
    hold(run);
    runs.push_back(run);
  }

  bool is_held(std::size_t device, int64_t slot) const {
    const auto& held = devices_[device].held;
    auto it = held.upper_bound(slot);
    return it != held.begin() && slot < std::prev(it)->second;
  }

  void hold(const Run& run) {
    auto& held = devices_[run.device].held;
    int64_t begin = run.begin, end = run.end;
    auto next = held.lower_bound(begin);
    if (next != held.begin() && std::prev(next)->second == begin) {
      begin = std::prev(next)->first;
      held.erase(std::prev(next));
    }
    if (next != held.end() && next->first == end) {
      end = next->second;
      held.erase(next);
    }
    held[begin] = end;
  }

  // Going on where the disk ends; else the smallest run that holds all; else the largest ones.
  void take_free(const std::vector<Extent>& extents, int64_t& slots, std::vector<Run>& runs) {
    if (slots > 0 && !extents.empty()) continue_last(extents.back(), slots, runs);
    while (slots > 0) {
      std::optional<Run> best;
      for (std::size_t d = 0; d < devices_.size(); ++d)
        for (const auto& [from, to] : devices_[d].free)
          if (!best || fits_better({d, from, to}, *best, slots)) best = Run{d, from, to};
      if (!best) return;
      const int64_t count = std::min(slots, best->end - best->begin);
      take_run(best->device, best->begin, count, runs);
      slots -= count;
    }
  }

  static bool fits_better(const Run& a, const Run& b, int64_t slots) {
    const int64_t size_a = a.end - a.begin, size_b = b.end - b.begin;
    const bool holds_a = size_a >= slots, holds_b = size_b >= slots;
    if (holds_a != holds_b) return holds_a;
    return holds_a ? size_a < size_b : size_a > size_b;
  }

  void continue_last(const Extent& written, int64_t& slots, std::vector<Run>& runs) {
    const Extent last = as_stated_now(written, pool_.host, context_);
    const Device* device = device_at(last);
    if (device == nullptr || (last.end().count - device->first) % slot_ != 0) return;
    const int64_t slot = (last.end().count - device->first) / slot_;
    auto it = device->free.find(slot);
    if (it == device->free.end()) return;
    const int64_t count = std::min(slots, it->second - slot);
    take_run(static_cast<std::size_t>(device - devices_.data()), slot, count, runs);
    slots -= count;
  }

  // Which slots go is 2004's order; within the new disk they lie in the order of the device, so
  // that neighbours stay in one piece.
  void take_expired(int64_t& slots, std::vector<Run>& runs, std::vector<Address>& reused) {
    const auto first = static_cast<std::ptrdiff_t>(runs.size());
    for (const AppliedVdisk* disk : expired_) {
      for (auto extent = disk->extents.rbegin(); extent != disk->extents.rend(); ++extent) {
        if (slots == 0) break;
        std::vector<Run> own;
        add_runs(as_stated_now(*extent, disk->host, context_), own);
        for (const Run& run : own)
          for (int64_t slot = run.end - 1; slot >= run.begin && slots > 0; --slot) {
            if (is_held(run.device, slot)) continue;
            note_taken({run.device, slot, slot + 1}, runs);
            --slots;
          }
      }
    }
    const auto from = runs.begin() + first;
    std::sort(from, runs.end(), [](const Run& a, const Run& b) {
      return std::pair(a.device, a.begin) < std::pair(b.device, b.begin);
    });
    // A slot may cost two expired disks something, where the extent size was another once.
    for (const AppliedVdisk* disk : expired_)
      if (from != runs.end() && loses_some(*disk, from, runs.end()))
        reused.push_back(disk->spec.address);
  }

  // Of single slots, sorted.
  bool loses_some(const AppliedVdisk& disk, std::vector<Run>::const_iterator from,
                  std::vector<Run>::const_iterator to) const {
    std::vector<Run> own;
    for (const Extent& extent : disk.extents)
      add_runs(as_stated_now(extent, disk.host, context_), own);
    return std::any_of(own.begin(), own.end(), [&](const Run& run) {
      auto it = std::lower_bound(from, to, run, [](const Run& a, const Run& b) {
        return std::pair(a.device, a.begin) < std::pair(b.device, b.begin);
      });
      return it != to && it->device == run.device && it->begin < run.end;
    });
  }

  void append(const Run& run, int64_t count, std::vector<Extent>& extents) const {
    const Device& device = devices_[run.device];
    const int64_t start = device.first + run.begin * slot_;
    if (!extents.empty()) {
      Extent& last = extents.back();
      const Extent now = as_stated_now(last, pool_.host, context_);
      if (now.store == device.store && last.end().count == start &&
          last.resolved == device.resolved) {
        last.count += sectors(count);
        return;
      }
    }
    extents.push_back({device.store, sectors(start), sectors(count), device.resolved});
  }

  const PoolSpec& pool_;
  const StorageContext& context_;
  int64_t slot_;  // sectors
  std::vector<Device> devices_;
  std::vector<std::pair<Address, Extent>> owned_;  // of every disk, live or expired
  std::vector<Run> held_;                          // of live ones
  std::vector<const AppliedVdisk*> expired_;       // the longest-expired first
};

std::string in_words(Sectors size) {
  return to_human(to_bytes(size));
}

}  // namespace

std::vector<Extent> label_of_device(const std::string& device, const HostName& host,
                                    const StorageContext& context) {
  std::vector<Extent> label = resolve_device(device, host, context).extents;
  for (Extent& extent : label) extent.count = std::min(extent.count, kPoolLabel);
  return label;
}

Result<Allocation> allocate(const PoolSpec& pool, const std::vector<PoolDevice>& devices,
                            const std::vector<AllocationRequest>& requests,
                            const std::map<Address, AppliedVdisk>& vdisks,
                            const StorageContext& context) {
  Allocator allocator(pool, context);
  if (Status status = allocator.add_devices(devices); !status) return std::move(status).error();
  allocator.add_disks(vdisks, requests);
  int64_t needed = 0;
  for (const AllocationRequest& request : requests) needed += allocator.slots_needed(request);
  const int64_t free = allocator.reusable_slots();
  if (needed > free)
    return Error{Code::pool_full,
                 "pool `" + pool.address.name + "` has " + in_words(allocator.size_of(free)) +
                     " free, " + in_words(allocator.size_of(needed)) + " are needed (" +
                     std::to_string(needed) + " extents of " + to_human(pool.extent) + ")",
                 "add a device to the pool, or make or keep fewer vdisks"};
  Allocation allocation;
  for (const AllocationRequest& request : requests) {
    std::vector<Address> reused;
    allocation.extents[request.vdisk] = allocator.take(request, reused);
    if (!reused.empty()) allocation.reused[request.vdisk] = std::move(reused);
  }
  allocation.free_after = allocator.size_of(allocator.reusable_slots());
  return allocation;
}

}  // namespace hv
