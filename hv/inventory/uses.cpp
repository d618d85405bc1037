#include "hv/inventory/uses.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

namespace hv {
namespace {

// "r|w DEVICE-OR-FILE PROGRAM" of all that processes have open, the words parted by tabs; at last
// "denied" where those of others cannot be looked at. Not told: a guest's disk that is open on its
// behalf, programs that look at the labels of every disk, and files but in programs that serve them
// as disks or fill them. On one line, for a host that is asked line by line.
constexpr const char* kOpenFiles =
    R"(any=; while IFS=$'\t' read -r fd target; do any=yes; pid=${fd#/proc/}; pid=${pid%%/*}; )"
    R"({ read -r word < /proc/$pid/comm; } 2>/dev/null || continue; )"
    R"(case $target in *' (deleted)') continue ;; /dev/*) [ -b "$target" ] || continue ;; )"
    R"(*) case $word in *nbd* | qemu-storage* | qemu-img | tgtd | vblade | dd) ;; )"
    R"(*) continue ;; esac; [ -f "$target" ] || continue ;; esac; )"
    R"(case $word in tapdisk* | blktap* | xl | pygrub) continue ;; esac; )"
    R"(words=(); { mapfile -d '' -t words < /proc/$pid/cmdline; } 2>/dev/null; )"
    R"(case " ${words[*]} " in *' -xen-domid '*) continue ;; esac; mode=r; )"
    R"({ while read -r key flags; do [ "$key" != flags: ] || )"
    R"(case $flags in *[1256]) mode=w ;; esac; done < /proc/$pid/fdinfo/${fd##*/}; } 2>/dev/null; )"
    R"(case $mode$word in r*udev* | rmultipathd | rblkid | rlsblk | rlvm* | r[lpv]vs | )"
    R"(rdmeventd | rmdadm | rsmartd | rudisks*) continue ;; esac; )"
    R"(printf '%s\t%s\t%s\n' $mode "$target" "$word"; )"
    R"(done < <(find /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -lname '/*' -printf '%p\t%l\n' )"
    R"(2>/dev/null); [ $EUID = 0 ] && [ -n "$any" ] || echo denied)";

std::vector<std::string> words_of(const std::string& line, char at) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, at);)
    if (!word.empty()) words.push_back(std::move(word));
  return words;
}

void add_open(const Machine& machine, const NoteOf& note, std::vector<HostUse>& uses) {
  const Result<std::string> said = machine.run({"bash", "-c", kOpenFiles});
  if (!said.ok()) {
    note("processes", said.error().message + ": what they hold open is not known");
    return;
  }
  for (const std::string& line : words_of(*said, '\n')) {
    const std::vector<std::string> words = words_of(line, '\t');
    if (words[0] == "denied")
      note("processes", "those of others cannot be looked at: what they hold open is not known");
    if (words.size() == 3 && words[1].starts_with('/'))
      uses.push_back({words[1], "open in " + words[2],
                      words[0] == "r" ? AccessMode::read : AccessMode::write});
  }
}

// `zpool status -LP`: "  pool: tank", and below it each device and file with its path.
void add_pools(const Machine& machine, const NoteOf& note, std::vector<HostUse>& uses) {
  if (machine.list("/proc/spl/kstat/zfs").empty()) return;
  const Result<std::string> said = machine.run({"zpool", "status", "-LP"});
  if (!said.ok()) {
    note("zpool", said.error().message + ": which disks its pools write is not known");
    return;
  }
  std::string pool;
  for (const std::string& line : words_of(*said, '\n')) {
    std::istringstream in(line);
    std::string first, second;
    in >> first >> second;
    if (first == "pool:") pool = second;
    if (first.starts_with('/')) uses.push_back({first, "the ZFS pool " + pool, AccessMode::write});
  }
}

bool lies_on(const BlockDevice& upper, const std::string& lower) {
  for (const Layer& layer : upper.layers)
    for (const Leg& leg : layer.legs)
      if (leg.device == lower) return true;
  return std::any_of(upper.writes.begin(), upper.writes.end(),
                     [&](const HostArea& area) { return area.device == lower; });
}

// Something of the kernel's stands on the device, and no table says where.
void add_held(const Machine& machine, const std::vector<BlockDevice>& devices,
              std::vector<HostUse>& uses) {
  for (const BlockDevice& device : devices)
    for (const std::string& name : machine.list("/sys/class/block/" + device.name + "/holders")) {
      const auto holder = std::find_if(devices.begin(), devices.end(),
                                       [&](const BlockDevice& one) { return one.name == name; });
      if (holder != devices.end() && lies_on(*holder, device.name)) continue;
      std::string node = device.name;
      std::replace(node.begin(), node.end(), '!', '/');
      uses.push_back({"/dev/" + node, "held by " + name, AccessMode::write});
    }
}

}  // namespace

std::vector<HostUse> read_uses(const Machine& machine, const std::vector<BlockDevice>& devices,
                               const NoteOf& note) {
  std::vector<HostUse> uses;
  add_open(machine, note, uses);
  add_pools(machine, note, uses);
  add_held(machine, devices, uses);
  return uses;
}

}  // namespace hv
