#include "hv/inventory/mounts.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>

namespace hv {
namespace {

// A server that counts its exports has a short number for each; others make one of a UUID.
constexpr std::size_t kCountedFsid = 12;

// "\040" as the kernel writes a blank in a path.
std::string unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                    text.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                    [](char c) { return c >= '0' && c <= '7'; })) {
      plain +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::istringstream in(text);
  std::vector<std::string> parts;
  for (std::string part; std::getline(in, part, at);) parts.push_back(std::move(part));
  return parts;
}

bool is_storage(const std::string& type) {
  static const std::set<std::string> kNone = {
      "proc",    "sysfs",       "cgroup",     "cgroup2", "devpts",    "mqueue",   "debugfs",
      "tracefs", "bpf",         "securityfs", "pstore",  "configfs",  "efivarfs", "fusectl",
      "autofs",  "binfmt_misc", "rpc_pipefs", "nsfs",    "hugetlbfs", "xenfs"};
  return !kNone.contains(type);
}

// What changes which sectors a mount writes.
bool matters(const std::string& option) {
  return option == "noload" || option == "norecovery" || option.ends_with("nologreplay") ||
         option.starts_with("logdev=") || option.starts_with("rtdev=");
}

struct Mounted {
  std::string id, parent;
  Mount mount;
};

// ID PARENT NUMBER ROOT POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS
std::vector<Mounted> mounted(const std::string& text) {
  std::vector<Mounted> all;
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    Mount mount;
    mount.number = words[2];
    mount.root = unescaped(words[3]);
    mount.point = unescaped(words[4]);
    mount.type = dash[1];
    mount.source = unescaped(dash[2]);
    for (const std::string& option : split(dash[3], ',')) {
      if (option == "ro") mount.read_only = true;
      if (matters(option)) mount.options.push_back(option);
    }
    all.push_back({words[0], words[1], std::move(mount)});
  }
  return all;
}

// A mount is covered where the way to its point ends on another one.
void mark_covered(std::vector<Mounted>& all) {
  std::set<std::string> ids;
  std::map<std::pair<std::string, std::string>, const Mounted*> children;  // by parent and point
  for (const Mounted& one : all) {
    ids.insert(one.id);
    if (one.id != one.parent) children[{one.parent, one.mount.point}] = &one;
  }
  const auto root = std::find_if(all.begin(), all.end(), [&](const Mounted& one) {
    return one.mount.point == "/" && (!ids.contains(one.parent) || one.parent == one.id);
  });
  if (root == all.end()) return;
  for (Mounted& one : all) {
    const Mounted* at = &*root;
    const std::string& point = one.mount.point;
    // One mount may stand on another at the same point; no way is longer than all of them.
    std::size_t left = all.size();
    const auto descend = [&](const std::string& to) {
      for (; left > 0; --left) {
        const auto child = children.find({at->id, to});
        if (child == children.end()) return;
        at = child->second;
      }
    };
    descend("/");
    for (std::size_t slash = 0; point.size() > 1 && slash != std::string::npos;) {
      slash = point.find('/', slash + 1);
      descend(point.substr(0, slash));
    }
    one.mount.covered = at != &one;
  }
}

// VERSION SERVER PORT NUMBER FSID …: what servers call the filesystems that are mounted from them.
std::map<std::string, std::string> names_on_servers(const std::string& text) {
  std::map<std::string, std::string> names;
  for (const std::string& line : split(text, '\n')) {
    std::istringstream in(line);
    std::string version, server, port, number, fsid;
    if (!(in >> version >> server >> port >> number >> fsid)) continue;
    const bool counted = fsid.size() < kCountedFsid;
    names[number] = "nfs:" + (counted ? server + "/" : "") + fsid;
  }
  return names;
}

}  // namespace

std::vector<Mount> read_mounts(const Machine& machine, const NoteOf& note) {
  const std::optional<std::string> text = machine.text("/proc/self/mountinfo");
  if (!text) note("/proc/self/mountinfo", "cannot be read: no mount is known");
  std::vector<Mounted> all = mounted(text.value_or(""));
  mark_covered(all);
  const auto names = names_on_servers(machine.text("/proc/fs/nfsfs/volumes").value_or(""));
  std::vector<Mount> mounts;
  for (Mounted& one : all) {
    Mount& mount = one.mount;
    if (!is_storage(mount.type)) continue;
    if (const auto found = names.find(mount.number);
        found != names.end() && mount.type.starts_with("nfs"))
      mount.fsid = found->second;
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<Swap> read_swaps(const Machine& machine, const NoteOf& note) {
  const std::optional<std::string> text = machine.text("/proc/swaps");
  if (!text) note("/proc/swaps", "cannot be read: no swap space is known");
  const std::vector<std::string> lines = split(text.value_or(""), '\n');
  std::vector<Swap> swaps;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string path = unescaped(lines[i].substr(0, lines[i].find_first_of(" \t")));
    if (!path.empty()) swaps.push_back({path});
  }
  return swaps;
}

void add_filesystem_members(const Machine& machine, std::vector<BlockDevice>& devices) {
  for (const std::string& id : machine.list("/sys/fs/btrfs")) {
    const std::vector<std::string> members = machine.list("/sys/fs/btrfs/" + id + "/devices");
    if (members.size() < 2) continue;
    for (BlockDevice& first : devices) {
      if (first.name != members.front()) continue;
      for (const BlockDevice& member : devices)
        if (std::find(members.begin(), members.end(), member.name) != members.end())
          first.writes.push_back({member.name, {}, member.size, "btrfs on several devices"});
    }
  }
}

}  // namespace hv
