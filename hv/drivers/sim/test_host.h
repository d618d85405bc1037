// TestHost: a simulated host on a table in memory and a logical clock, and short words for what the
// tests ask of it. For tests only; one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hv/drivers/effect.h"
#include "hv/drivers/sim/sim.h"

namespace hv::testing {

// A host's database that tests can look into, damage and fill up.
class TableStore final : public HostStore {
 public:
  std::map<std::string, std::string, std::less<>> rows;
  bool full = false;
  bool reader = false;
  int writes = 0;

  Result<std::optional<std::string>> get(std::string_view key) const override {
    auto row = rows.find(key);
    if (row == rows.end()) return std::optional<std::string>();
    return std::optional(row->second);
  }
  Result<std::vector<std::pair<std::string, std::string>>> scan(
      std::string_view prefix) const override {
    std::vector<std::pair<std::string, std::string>> found;
    for (const auto& [key, value] : rows)
      if (key.starts_with(prefix)) found.emplace_back(key, value);
    return found;
  }
  Status write(const std::vector<StoreWrite>& batch) override {
    if (full) return Error{Code::state_no_space, "no space left on device", ""};
    ++writes;
    for (const StoreWrite& row : batch)
      if (row.value)
        rows[row.key] = *row.value;
      else
        rows.erase(row.key);
    return {};
  }
  bool read_only() const override { return reader; }
};

Uuid uuid_of(const std::string& name);

// "xvda phy:/dev/sdb1 w": a disk. A source without a word before it is as it stands.
Vbd disk(const std::string& text);
Vif interface(const std::string& mac, const std::string& bridge);
// A paravirtual machine with that memory and those disks.
DomainSpec machine(const std::string& name, Bytes memory = mib(512),
                   const std::vector<std::string>& disks = {});

class TestHost {
 public:
  explicit TestHost(SimConfig config = SimConfig());

  // The hv that uses the host dies; another one opens the database.
  void reopen();
  SimDriver& driver() { return *driver_; }
  HostObservation look() { return driver_->observe(); }
  // The machine of that name, wherever it is in its life.
  std::optional<ObservedDomain> find(const std::string& name);

  Operation operation(Op op, const std::string& name) const;
  Operation create(const DomainSpec& spec) const;
  Operation attach(const std::string& name, const std::string& disk_text) const;
  Operation detach(const std::string& name, const std::string& device) const;

  // Begins with a fresh id and waits for the end and for every release. The host's words on
  // failure,
  // "" on success.
  std::string run(const Operation& operation);
  // Created and running.
  std::string start(const DomainSpec& spec);
  OperationId begin(const Operation& operation);
  void pass(Duration duration);

  TableStore store;
  LogicalClock clock;
  SimConfig config;
  Caller caller;

 private:
  std::unique_ptr<SimDriver> driver_;
  int next_ = 1;
};

}  // namespace hv::testing
