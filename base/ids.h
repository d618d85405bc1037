// Ids: resources, machines, hosts and plans, each a type of its own.
//
// All are cheap values that compare, hash and print. UUIDs are RFC 4122; ours are version 5 of
// (project id, address, n), see docs of reconciler identity in ARCHITECTURE.md.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hv {

class Random;

struct Uuid {
  std::array<uint8_t, 16> octets{};
  auto operator<=>(const Uuid&) const = default;
  bool is_nil() const { return *this == Uuid{}; }
};

std::string to_string(const Uuid& uuid);  // lower case, with dashes
// Dashes are optional (xm wrote both); nothing for anything else.
std::optional<Uuid> parse_uuid(std::string_view text);
Uuid uuid_v5(const Uuid& name_space, std::string_view name);
Uuid uuid_v4(Random& random);

enum class Kind : uint8_t { domain, vdisk, pool, network };
std::string_view to_string(Kind kind);
std::optional<Kind> kind_from(std::string_view word);

// KIND.NAME, NAME verbatim to the end ("domain.This is VM 3"). Unique in a project.
struct Address {
  Kind kind = Kind::domain;
  std::string name;
  auto operator<=>(const Address&) const = default;
};

std::string to_string(const Address& address);
std::optional<Address> parse_address(std::string_view text);
// Names are printable UTF-8, 1 to 255 bytes, no `/` or control characters; otherwise the reason.
std::optional<std::string> reason_name_is_bad(std::string_view name);

// A string that is an id and nothing else; Tag keeps the kinds apart.
template <typename Tag>
struct StringId {
  std::string text;
  auto operator<=>(const StringId&) const = default;
  bool empty() const { return text.empty(); }
};

using HostName = StringId<struct HostTag>;          // a key of [hosts.*] in hv.toml
using StoreId = StringId<struct StoreTag>;          // one physical (or unresolved) store of sectors
using PlanId = StringId<struct PlanTag>;            // random, in hex
using OperationId = StringId<struct OperationTag>;  // PLAN-STEP-ATTEMPT: one call to a host

// A number that is an id and nothing else.
template <typename Tag>
struct NumberId {
  uint64_t value = 0;
  auto operator<=>(const NumberId&) const = default;
};

using StepId = NumberId<struct StepTag>;    // within one plan, from 1
using Epoch = NumberId<struct EpochTag>;    // raised by recovery; hosts refuse older ones
using Serial = NumberId<struct SerialTag>;  // counts applied changes of one store
using DomId = NumberId<struct DomIdTag>;    // the hypervisor's number of a running domain

}  // namespace hv

template <typename Tag>
struct std::hash<hv::StringId<Tag>> {
  size_t operator()(const hv::StringId<Tag>& id) const noexcept {
    return std::hash<std::string>()(id.text);
  }
};
template <typename Tag>
struct std::hash<hv::NumberId<Tag>> {
  size_t operator()(const hv::NumberId<Tag>& id) const noexcept {
    return std::hash<uint64_t>()(id.value);
  }
};
template <>
struct std::hash<hv::Address> {
  size_t operator()(const hv::Address& a) const noexcept {
    return std::hash<std::string>()(a.name) * 31 + static_cast<size_t>(a.kind);
  }
};
