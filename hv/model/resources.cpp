#include "hv/model/resources.h"

#include "hv/model/words.h"

namespace hv {
namespace {

constexpr std::array<std::string_view, 3> kAccessModes = {"r", "w", "w!"};
static_assert(covers(kAccessModes, AccessMode::write_shared));
constexpr std::array<std::string_view, 3> kOnRestartNeeded = {"restart", "defer", "fail"};
static_assert(covers(kOnRestartNeeded, OnRestartNeeded::fail));
constexpr std::array<std::string_view, 2> kStopBy = {"shutdown", "destroy"};
static_assert(covers(kStopBy, StopBy::destroy));
constexpr std::array<std::string_view, 5> kPowerStates = {"running", "paused", "halted", "saved",
                                                          "missing"};
static_assert(covers(kPowerStates, PowerState::missing));
constexpr std::array<std::string_view, 3> kScrubs = {"on_allocate", "on_release", "never"};
static_assert(covers(kScrubs, Scrub::never));

}  // namespace

std::string_view to_string(AccessMode mode) {
  return word_of(kAccessModes, mode);
}
std::optional<AccessMode> access_mode_from(std::string_view text) {
  return value_of<AccessMode>(kAccessModes, text);
}

std::string_view to_string(OnRestartNeeded policy) {
  return word_of(kOnRestartNeeded, policy);
}
std::optional<OnRestartNeeded> on_restart_needed_from(std::string_view text) {
  return value_of<OnRestartNeeded>(kOnRestartNeeded, text);
}

std::string_view to_string(StopBy policy) {
  return word_of(kStopBy, policy);
}
std::optional<StopBy> stop_by_from(std::string_view text) {
  return value_of<StopBy>(kStopBy, text);
}

std::string_view to_string(PowerState state) {
  return word_of(kPowerStates, state);
}
std::optional<PowerState> power_state_from(std::string_view text) {
  return value_of<PowerState>(kPowerStates, text);
}

std::string_view to_string(Scrub scrub) {
  return word_of(kScrubs, scrub);
}
std::optional<Scrub> scrub_from(std::string_view text) {
  return value_of<Scrub>(kScrubs, text);
}

bool same_settings(const Vbd& a, const Vbd& b) {
  return a.device == b.device && a.source == b.source && a.backend == b.backend &&
         a.format == b.format && a.script == b.script && a.mode == b.mode && a.cdrom == b.cdrom &&
         a.removable == b.removable && a.options == b.options;
}

bool same_settings(const Vif& a, const Vif& b) {
  return a.settings == b.settings && a.network == b.network;
}

const Address& address_of(const Resource& resource) {
  return std::visit([](const auto& spec) -> const Address& { return spec.address; }, resource);
}

const Place& place_of(const Resource& resource) {
  return std::visit([](const auto& spec) -> const Place& { return spec.place; }, resource);
}

const std::string& root_of(const Resource& resource) {
  return std::visit([](const auto& spec) -> const std::string& { return spec.root; }, resource);
}

}  // namespace hv
