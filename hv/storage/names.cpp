#include "hv/storage/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace hv {
namespace {

// Words before a name that say how it is opened, not which storage it is.
constexpr std::array<std::string_view, 16> kPrefixes = {
    "phy:", "file:",  "tap:", "tap2:", "aio:",  "tapdisk:", "ioemu:", "sync:",
    "raw:", "qcow2:", "qed:", "qcow:", "vhdx:", "vhd:",     "vmdk:",  "qdisk:"};
constexpr std::string_view kBare = "name:";
constexpr std::string_view kStated = "name@";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

// "nbd:host:10809", "https://…": an identity of its own, in which slashes mean something else.
bool has_scheme(std::string_view name) {
  for (char c : name) {
    if (c == ':') return true;
    if (!is_lower(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  }
  return false;
}

std::string fold_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  std::string folded;
  for (std::string_view part : parts) folded.append("/").append(part);
  return folded.empty() ? "/" : folded;
}

// The device-mapper name of a logical volume doubles the dashes of its parts and joins them by a
// single one. Names without a single dash are not LVM's.
std::optional<std::string> volume_of_mapper_name(std::string_view name) {
  std::string volume;
  bool split = false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '-') {
      volume += name[i];
    } else if (i + 1 < name.size() && name[i + 1] == '-') {
      volume += '-';
      ++i;
    } else {
      volume += split ? '-' : '/';
      split = true;
    }
  }
  if (!split || volume.front() == '/' || volume.back() == '/') return std::nullopt;
  return volume;
}

std::string mapper_name_of_volume(std::string_view volume) {
  std::string name;
  for (char c : volume) {
    if (c == '-') name += '-';
    name += c == '/' ? '-' : c;
  }
  return name;
}

// The number that ends `name` at `from`, as partitions are numbered.
std::optional<int64_t> partition_number(std::string_view name, std::size_t from) {
  if (from >= name.size() || name.size() - from > 6 || name[from] == '0') return std::nullopt;
  int64_t number = 0;
  for (char c : name.substr(from)) {
    if (!is_digit(c)) return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

std::size_t digits_at_end(std::string_view name) {
  std::size_t from = name.size();
  while (from > 0 && is_digit(name[from - 1])) --from;
  return from;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "sda3", "xvdb1": letters, then the number.
std::optional<NamePlace> lettered(const std::string& name, std::size_t from, int64_t number) {
  const std::string_view base = std::string_view(name).substr(0, from);
  if (!std::all_of(base.begin(), base.end(), is_lower)) return std::nullopt;
  for (std::string_view family : {"sd", "hd", "vd", "xvd", "ubd", "dasd", "ad"})
    if (base.starts_with(family) && base.size() > family.size())
      return NamePlace{std::string(base), number};
  return std::nullopt;
}

// "nvme0n1p2", "mmcblk0p1", "loop0p1", "cciss/c0d0p1": a disk whose name ends in a digit, `p`, the
// number.
std::optional<NamePlace> with_p(const std::string& name, std::size_t from, int64_t number) {
  if (from < 2 || name[from - 1] != 'p' || !is_digit(name[from - 2])) return std::nullopt;
  const std::size_t slash = name.rfind('/');
  if (slash != std::string::npos &&
      !is_one_of(std::string_view(name).substr(0, slash), {"cciss", "ida", "rd", "md"}))
    return std::nullopt;
  return NamePlace{name.substr(0, from - 1), number};
}

// "disk/by-id/ID-part3", "mapper/mpatha-part1", and "mpatha/part1", which is how the latter looks
// once its dash is undone.
std::optional<NamePlace> with_part(const std::string& name, std::size_t from, int64_t number) {
  const std::string_view base = std::string_view(name).substr(0, from);
  const std::size_t slash = base.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view folder = base.substr(0, slash);
  if (base.ends_with("-part")) {
    if (folder.starts_with("disk/") && folder != "disk/by-id" && folder != "disk/by-path")
      return std::nullopt;
    return NamePlace{std::string(base.substr(0, base.size() - 5)), number};
  }
  if (base.ends_with("/part") && folder.find('/') == std::string_view::npos &&
      !is_one_of(folder, {"disk", "mapper", "cciss", "ida", "rd", "md", "block"}))
    return NamePlace{"mapper/" + std::string(folder), number};
  return std::nullopt;
}

std::optional<NamePlace> partition_in(const std::string& name) {
  const std::size_t from = digits_at_end(name);
  const std::optional<int64_t> number = partition_number(name, from);
  if (from == 0 || !number) return std::nullopt;
  if (auto place = lettered(name, from, *number)) return place;
  if (auto place = with_p(name, from, *number)) return place;
  return with_part(name, from, *number);
}

// The hosts of the statement about this disk or one of its partitions: what holds of a partition
// holds of its disk, or the two would no longer meet.
const std::vector<HostName>* statement_on(const std::string& whole, const StorageContext& context) {
  const auto& stated = context.local_stores;
  if (stated.empty()) return nullptr;
  for (const std::string& spelling :
       {whole, "/dev/" + whole, "mapper/" + mapper_name_of_volume(whole),
        "/dev/mapper/" + mapper_name_of_volume(whole)}) {
    for (auto it = stated.lower_bound(spelling);
         it != stated.end() && it->first.starts_with(spelling); ++it)
      if (place_of_name(normalise_name(it->first)).whole == whole) return &it->second;
  }
  return nullptr;
}

}  // namespace

std::string path_of_source(std::string_view source) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (std::string_view prefix : kPrefixes) {
      if (!source.starts_with(prefix)) continue;
      source.remove_prefix(prefix.size());
      stripped = true;
    }
  }
  if (source.empty() || has_scheme(source)) return std::string(source);
  // A name without a slash in front is one below /dev, as for Xen.
  return source.front() == '/' ? std::string(source) : "/dev/" + std::string(source);
}

std::string normalise_name(std::string_view source) {
  std::string path = path_of_source(source);
  if (!path.starts_with('/')) return path;
  path = fold_path(path);
  if (!path.starts_with("/dev/")) return path;
  std::string name = path.substr(5);
  if (name.starts_with("mapper/")) {
    if (auto volume = volume_of_mapper_name(std::string_view(name).substr(7))) return *volume;
  }
  if (name.starts_with("md/") && name.size() > 3 && is_digit(name[3])) return "md" + name.substr(3);
  return name;
}

NamePlace place_of_name(const std::string& normalised) {
  if (normalised.empty() || normalised.front() == '/' || has_scheme(normalised))
    return {normalised, 0};
  std::optional<NamePlace> place = partition_in(normalised);
  if (!place) return {normalised, 0};
  // A partition inside a partition counts as the outer one: too much rather than too little.
  NamePlace outer = place_of_name(place->whole);
  return outer.partition != 0 ? outer : *place;
}

bool lies_on(const std::string& name, const std::string& disk) {
  return name == disk || place_of_name(name).whole == disk;
}

StoreId store_of_name(const std::string& whole, const HostName& host,
                      const StorageContext& context) {
  const std::vector<HostName>* hosts = statement_on(whole, context);
  if (hosts == nullptr) return StoreId{std::string(kBare) + whole};
  std::string owners = host.text;
  if (hosts->size() > 1 && std::find(hosts->begin(), hosts->end(), host) != hosts->end()) {
    std::vector<HostName> sorted = *hosts;
    std::sort(sorted.begin(), sorted.end());
    owners.clear();
    for (const HostName& one : sorted) owners += (owners.empty() ? "" : "+") + one.text;
  }
  return StoreId{std::string(kStated) + owners + ":" + whole};
}

bool is_bare_name(const StoreId& store) {
  return store.text.starts_with(kBare);
}

std::string name_in(const StoreId& store) {
  if (is_bare_name(store)) return store.text.substr(kBare.size());
  if (!store.text.starts_with(kStated)) return store.text;
  const std::size_t colon = store.text.find(':');
  return colon == std::string::npos ? store.text : store.text.substr(colon + 1);
}

Extent as_stated_now(Extent extent, const HostName& host, const StorageContext& context) {
  if (!extent.resolved && !is_maybe(extent.store))
    extent.store = store_of_name(name_in(extent.store), host, context);
  return extent;
}

Extent extent_of_name(const std::string& normalised, const HostName& host,
                      const StorageContext& context) {
  const NamePlace place = place_of_name(normalised);
  Extent extent;
  extent.store = store_of_name(place.whole, host, context);
  extent.start = sectors(place.partition * kNameSlotSectors);
  extent.count = place.partition == 0 ? kWholeName : sectors(kNameSlotSectors);
  extent.resolved = false;
  return extent;
}

}  // namespace hv
