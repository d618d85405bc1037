// Findings: what the sweep found, put into words.
//
// Private to hv/storage. Accesses are given by their index.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hv/model/plan.h"
#include "hv/storage/storage.h"

namespace hv {

// Two accesses that meet above what they permit.
struct UnsafePair {
  uint32_t first = 0, second = 0;
  Code code{};
  int level = 0, permitted = 0;
  Overlap overlap;         // the largest
  uint64_t places = 1;     // how many extents of the one meet extents of the other
  uint64_t not_shown = 0;  // overlaps of others in the same stretch, counted only
};

// Accesses that meet within what they permit, directly or through each other.
struct SharingGroup {
  std::vector<uint32_t> members;  // sorted, each once
  int level = 0;
  Overlap overlap;  // the largest stretch
  uint64_t places = 1;
};

// False where two VBDs of one domain are one device seen twice (as desired and as live, or on both
// ends of a migration), or change places between what is and what shall be.
bool is_sharing(const Access& a, const Access& b);
// True where the two meet only if two devices or names are one, which nobody knows.
bool in_doubt(const Access& a, const Access& b, const StoreId& store);
// 501, 502, or what stands in their place for one domain or for a name on two hosts.
Code code_of_pair(const Access& a, const Access& b, int level, const StoreId& store);
// Of a pair above what it permits; the same for all accesses of equal hosts and dormancy.
Severity severity_of_pair(const Access& a, const Access& b, const StoreId& store,
                          const StorageContext& context);

Finding describe(const UnsafePair& pair, const std::vector<Access>& accesses,
                 const StorageContext& context);
// Nothing where the members turn out to be one device seen twice.
std::optional<Finding> describe(const SharingGroup& group, const std::vector<Access>& accesses);
// One warning for each host on which different names may hide one disk.
std::vector<Finding> name_warnings(const std::vector<Access>& accesses,
                                   const StorageContext& context);
void sort_findings(std::vector<Finding>& findings);

}  // namespace hv
