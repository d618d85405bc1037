// Following a name down to stores, through whatever layers a host's inventory has. Private to
// hv/storage.
//
// Pure functions; one Followed is made by one thread.
#pragma once

#include <string>
#include <vector>

#include "hv/storage/host_map.h"
#include "hv/storage/storage.h"
#include "hv/storage/storage_map.h"

namespace hv {

struct Followed {
  std::vector<Extent> extents;  // sorted, joined where they touch
  std::vector<std::string> path;
  bool resolved = true;
  std::vector<Beneath> beneath;
  std::vector<std::string> problems;
  std::vector<const Mount*> mounts;  // that the files lie on, each once
};

// A disk's source as the host sees it. `format` is "raw" where headers do not count.
Followed follow_source(const std::string& source, const std::string& format, const HostMap& host,
                       const StorageContext& context);
// All of one device.
Followed follow_device(const BlockDevice& device, const HostMap& host,
                       const StorageContext& context);
// Sectors of one device.
Followed follow_area(const std::string& device, Sectors start, Sectors count, const HostMap& host,
                     const StorageContext& context);
// What the host writes to run the device itself; its users' sectors are not among it.
std::vector<Beneath> run_by_host(const BlockDevice& device, const HostMap& host,
                                 const StorageContext& context);

// Sorted, those that touch joined, none twice.
void tidy_extents(std::vector<Extent>& extents);

}  // namespace hv
