// StorageMap: the inventories of all hosts, and which of their disks are one.
//
// Immutable once made, so it may be read from several threads. Identity is evidence: equal WWN,
// serial with size, or an operator's word make two devices one store; what is neither proved equal
// nor proved different meets on a store of its own whose id begins with "maybe:" (two hosts) or
// "twin:" (two devices of one host).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hv/storage/inventory.h"

namespace hv {

class HostMap;

class StorageMap {
 public:
  // `statements` as in StorageContext::local_stores; `other_hosts` have no inventory, so that their
  // disks are known by name only.
  StorageMap(std::vector<Inventory> inventories,
             const std::map<std::string, std::vector<HostName>>& statements,
             std::set<HostName> other_hosts);
  ~StorageMap();
  StorageMap(const StorageMap&) = delete;
  StorageMap& operator=(const StorageMap&) = delete;

  // Nothing for a host without an inventory.
  const HostMap* find(const HostName& host) const;
  const std::map<HostName, std::unique_ptr<HostMap>>& hosts() const { return hosts_; }
  const std::set<HostName>& other_hosts() const { return other_hosts_; }
  // The stores of a name that means the same everywhere ("iscsi:IQN:lun1"), where hosts have it as
  // a device without layers. A target's name alone means all of its units.
  std::vector<StoreId> stores_of_id(const std::string& id) const;

 private:
  std::map<HostName, std::unique_ptr<HostMap>> hosts_;
  std::set<HostName> other_hosts_;
  std::map<std::string, std::vector<StoreId>> stores_by_id_;
};

// Two stores that may be one: not proved, not disproved.
bool is_maybe(const StoreId& store);
// Of those, two devices of one host.
bool is_twin(const StoreId& store);

}  // namespace hv
