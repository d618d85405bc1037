#include "hv/drivers/mapping.h"

namespace hv {
namespace {

constexpr const char* kPool = "pool_uuid";

std::string key_of(const std::string& device) {
  return "vdisk_uuid." + device;
}

std::optional<Uuid> uuid_in(const Operation& operation, const std::string& key) {
  const auto* text = operation.settings.get<std::string>(key);
  return text == nullptr ? std::nullopt : parse_uuid(*text);
}

}  // namespace

void tell_pool(Operation& operation, const Uuid& pool) {
  operation.settings.set(kPool, to_string(pool));
}

std::optional<Uuid> told_pool(const Operation& operation) {
  return uuid_in(operation, kPool);
}

void tell_vdisk(Operation& operation, const std::string& device, const Uuid& vdisk) {
  operation.settings.set(key_of(device), to_string(vdisk));
}

std::optional<Uuid> told_vdisk(const Operation& operation, const std::string& device) {
  return uuid_in(operation, key_of(device));
}

}  // namespace hv
