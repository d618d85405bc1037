#include "hv/model/cpu_sets.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace hv {
namespace {

CpuSet all_of(int64_t cpus) {
  CpuSet all;
  for (int64_t i = 0; i < cpus; ++i) all.insert(all.end(), i);
  return all;
}

std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// "all", "3", "0-3": in the order in which they stand, "^" takes away, as xl reads them.
bool apply_part(std::string_view part, int64_t cpus, CpuSet& set) {
  const bool without = part.starts_with('^');
  if (without) part.remove_prefix(1);
  if (part == "none") part = "";
  CpuSet named;
  if (part == "all") {
    named = all_of(cpus);
  } else if (!part.empty()) {
    const std::size_t dash = std::min(part.find('-'), part.size());
    const auto first = number_in(part.substr(0, dash));
    const auto last = dash == part.size() ? first : number_in(part.substr(dash + 1));
    if (!first || !last) return false;
    // What the host does not have nobody runs on.
    for (int64_t i = *first; i <= std::min(*last, cpus - 1); ++i) named.insert(i);
  }
  for (const int64_t cpu : named) {
    if (without)
      set.erase(cpu);
    else
      set.insert(cpu);
  }
  return true;
}

std::optional<CpuSet> set_of(const Value& value, int64_t cpus) {
  if (value.is_unset()) return all_of(cpus);
  if (const auto* number = value.get<int64_t>()) return CpuSet{*number};
  const auto* text = value.get<std::string>();
  if (text == nullptr) return std::nullopt;
  std::string_view rest = *text;
  if (rest.find_first_not_of(' ') == std::string_view::npos) return all_of(cpus);
  CpuSet set;
  while (true) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    std::string_view part = rest.substr(0, comma);
    part.remove_prefix(std::min(part.find_first_not_of(' '), part.size()));
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!apply_part(part, cpus, set)) return std::nullopt;
    if (comma == rest.size()) return set;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::vector<CpuSet>> cpu_sets(const Value& value, int64_t vcpus, int64_t cpus) {
  if (cpus < 1) return std::nullopt;
  const auto count = static_cast<std::size_t>(std::max<int64_t>(vcpus, 1));
  const auto* list = value.get<List>();
  if (list == nullptr) {
    const auto set = set_of(value, cpus);
    if (!set) return std::nullopt;
    return std::vector<CpuSet>(count, *set);
  }
  std::vector<CpuSet> sets(count, all_of(cpus));  // those that the list does not reach
  for (std::size_t i = 0; i < std::min(count, list->size()); ++i) {
    const auto set = set_of((*list)[i], cpus);
    if (!set) return std::nullopt;
    sets[i] = *set;
  }
  return sets;
}

bool same_cpu_sets(const Value& a, const Value& b, int64_t vcpus, int64_t cpus) {
  if (a == b) return true;
  const auto first = cpu_sets(a, vcpus, cpus), second = cpu_sets(b, vcpus, cpus);
  return first && second && *first == *second;
}

}  // namespace hv
