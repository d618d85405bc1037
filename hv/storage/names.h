// Names of disks: which disk a name belongs to, and the store that stands for it.
//
// Pure text; private to hv/storage.
#pragma once

#include <cstdint>
#include <string>

#include "hv/model/access.h"
#include "hv/storage/storage.h"

namespace hv {

// The path that a source means, without prefixes; a name of its own kind ("nbd:host:10809") as it
// is.
std::string path_of_source(std::string_view source);

// "sda3" lies in "sda" as partition 3; partition 0 is the whole disk or file itself.
struct NamePlace {
  std::string whole;
  int64_t partition = 0;
};
// Of a normalised name.
NamePlace place_of_name(const std::string& normalised);
// "sda2" is on "sda" and "nvme0n1p2" on "nvme0n1"; a disk is on itself, "sdaa" is another one.
bool lies_on(const std::string& name, const std::string& disk);

// The sectors a whole disk's name stands for: all slots.
inline constexpr Sectors kWholeName = sectors(int64_t{1} << 62);

// The store of a whole disk's name as seen from a host. Without the host in it, so that equal
// names on two hosts meet, unless the operator's word keeps them apart.
StoreId store_of_name(const std::string& whole, const HostName& host,
                      const StorageContext& context);
// An extent recorded earlier, under the operator's words of now: a [stores] statement that came
// later moves a vdisk's extents together with the names they must still meet.
Extent as_stated_now(Extent extent, const HostName& host, const StorageContext& context);

// True where only a name says that two hosts have this store.
bool is_bare_name(const StoreId& store);
// The disk's name in it, for people.
std::string name_in(const StoreId& store);

// The one extent that a device or file name stands for.
Extent extent_of_name(const std::string& normalised, const HostName& host,
                      const StorageContext& context);

}  // namespace hv
