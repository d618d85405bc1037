#include "hv/drivers/mapping.h"

namespace hv {
namespace {

constexpr const char* kPool = "pool_uuid";
constexpr const char* kFreed = "freed_uuids";

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

void tell_freed(Operation& operation, const std::vector<Uuid>& vdisks) {
  List texts;
  for (const Uuid& vdisk : vdisks) texts.emplace_back(to_string(vdisk));
  if (!texts.empty()) operation.settings.set(kFreed, std::move(texts));
}

std::vector<Uuid> told_freed(const Operation& operation) {
  std::vector<Uuid> vdisks;
  if (const auto* texts = operation.settings.get<List>(kFreed))
    for (const Value& each : *texts)
      if (const auto* text = each.get<std::string>())
        if (const auto vdisk = parse_uuid(*text)) vdisks.push_back(*vdisk);
  return vdisks;
}

void tell_vdisk(Operation& operation, const std::string& device, const Uuid& vdisk) {
  operation.settings.set(key_of(device), to_string(vdisk));
}

std::optional<Uuid> told_vdisk(const Operation& operation, const std::string& device) {
  return uuid_in(operation, key_of(device));
}

}  // namespace hv
