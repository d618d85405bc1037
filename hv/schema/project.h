// Project: hv.toml as values — hosts, sources, stores and policy (the contract in the command-line
// docs). Reading it does no other input or output.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/ids.h"
#include "base/source.h"
#include "base/units.h"

namespace hv {

enum class DriverKind : uint8_t { sim, xl, libvirt };
std::string_view to_string(DriverKind kind);

struct HostConfig {
  HostName name;
  DriverKind driver = DriverKind::sim;
  std::string address;  // "ssh://root@xen1", "unix:PATH"; empty: this machine, or inside hv
  std::string identity, known_hosts, inventory;  // paths relative to hv.toml
  int parallel = 4;
  std::map<std::string, std::string> labels;
  std::vector<std::string> fence;
  std::vector<std::string> uname;
  std::string ip, netmask, gateway;
  std::map<std::string, std::string> env;
  // sim only
  std::optional<Bytes> memory;
  std::optional<int64_t> cpus;
  std::optional<std::map<std::string, Bytes>> disks;
  std::optional<std::vector<std::string>> bridges, files;
  std::optional<std::vector<std::string>> mounted;  // disks and files that its dom0 writes itself
  Span span;                                        // of the table's name
};

struct SourceEntry {
  std::string path;  // a file, a folder or a glob, relative to hv.toml
  std::optional<HostName> host;
  std::vector<std::map<std::string, std::string>>
      params;  // one run of the file each; none: one run
  Span span;
};

struct StoreStatement {
  StoreId store;
  std::vector<HostName> hosts;
  bool local = false;
  Span span;
};

enum class UnresolvedPolicy : uint8_t { error, warn };
enum class DriftPolicy : uint8_t { heal, report };

// A number of machines, or a percentage of those applied (rounded down, at least 1).
struct DestroyBudget {
  int64_t amount = 10;
  bool percent = true;
};
std::optional<DestroyBudget> parse_budget(std::string_view text);  // "3", "10%"
std::string to_string(const DestroyBudget& budget);

struct Project {
  bool has_file = false;  // false: no hv.toml, the defaults
  std::string root;       // absolute folder of hv.toml, or the working directory
  FileId file;            // of hv.toml
  std::optional<Uuid> id;
  std::string name;  // default: the folder's name
  std::vector<SourceEntry> sources;
  std::string state = ".hv";     // relative to root
  std::optional<HostName> host;  // for what names no host
  int sharing = 0;               // 0 or 1
  UnresolvedPolicy unresolved = UnresolvedPolicy::error;
  DriftPolicy drift = DriftPolicy::heal;
  DestroyBudget max_destroy;
  bool max_destroy_set = false;
  std::map<HostName, HostConfig> hosts;
  std::map<StoreId, StoreStatement> stores;
  std::map<std::string, Span> spans;  // of values, by dotted key: "project.sharing"

  // [project] host, else the only host.
  std::optional<HostName> default_host() const;
  // Of the value in hv.toml, for a diagnostic; invalid where the file does not set it.
  Span span_of(const std::string& key) const;
};

// Unknown keys, wrong types and impossible values are diagnostics with a suggestion. A file without
// [hosts] leaves `hosts` empty: add_default_host() is for the caller, who knows the machine.
Project parse_project(FileId file, const SourceMap& sources, std::string root,
                      Diagnostics& diagnostics);
// What holds without an hv.toml: host `local`, driver `xl` on a Xen dom0, else `sim`.
Project default_project(std::string root, bool is_dom0);
// Adds that host to a project which names none.
void add_default_host(Project& project, bool is_dom0);

}  // namespace hv
