#include "hv/drivers/xl/uses.h"

#include <set>
#include <string>
#include <utility>

#include "hv/storage/storage.h"

namespace hv {
namespace {

std::vector<std::string> parts_of(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

class Uses {
 public:
  void add(const std::string& source, std::string what, AccessMode mode) {
    // Mounted at several places, it is open once.
    if (source.starts_with('/') && told_.insert({source, mode}).second)
      all.push_back({source, std::move(what), mode});
  }

  // SOURCE TYPE POINT OPTIONS
  void add_mount(const std::vector<std::string>& words) {
    Mount mount;
    mount.type = words[2];
    mount.options = parts_of(words[4], ',');
    for (const std::string& option : mount.options) mount.read_only |= option == "ro";
    const AccessMode mode = mode_of_mount(mount, false);
    add(words[1], mount.type + " mounted on " + words[3] + (mount.read_only ? " read-only" : ""),
        mode);
    for (const std::string& option : mount.options)
      for (std::string_view elsewhere : {"logdev=", "rtdev="})
        if (option.starts_with(elsewhere))
          add(option.substr(elsewhere.size()), mount.type + " mounted on " + words[3] + " uses it",
              mode);
  }

  std::vector<HostUse> all;

 private:
  std::set<std::pair<std::string, AccessMode>> told_;
};

}  // namespace

std::vector<HostUse> read_uses(std::string_view text) {
  Uses uses;
  for (const std::string& line : parts_of(text, '\n')) {
    const std::vector<std::string> words = parts_of(line, '\t');
    if (words[0] == "mount" && words.size() == 5) uses.add_mount(words);
    if (words[0] == "swap" && words.size() == 2)
      uses.add(words[1], "swap space", AccessMode::write);
    if (words[0] == "pool" && words.size() == 3)
      uses.add(words[2], "the ZFS pool " + words[1], AccessMode::write);
    if (words[0] == "open" && words.size() == 4)
      uses.add(words[2], "open in " + words[3],
               words[1] == "r" ? AccessMode::read : AccessMode::write);
  }
  return std::move(uses.all);
}

}  // namespace hv
