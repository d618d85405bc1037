// HostStore, ByteCache: places for bytes that others implement (state/) and hand in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hv {

struct StoreWrite {
  std::string key;
  std::optional<std::string> value;  // nothing: erase
};

// The simulated host's own database: an ordered map of bytes, apart from hv's state.
class HostStore {
 public:
  virtual ~HostStore() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // All keys that start with `prefix`, in byte order.
  virtual Result<std::vector<std::pair<std::string, std::string>>> scan(
      std::string_view prefix) const = 0;
  // All or nothing, durable on return.
  virtual Status write(const std::vector<StoreWrite>& batch) = 0;
  virtual bool read_only() const = 0;
};

// May lose anything at any time.
class ByteCache {
 public:
  virtual ~ByteCache() = default;
  virtual std::optional<std::string> get(std::string_view key) = 0;
  virtual void put(std::string_view key, std::string_view value) = 0;
};

}  // namespace hv
