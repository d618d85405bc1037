// The inventories that hv.toml names, read and put together.
#include <algorithm>
#include <map>
#include <set>

#include "base/hash.h"
#include "cli/gathering.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/inventory/inventory_json.h"
#include "hv/storage/storage.h"

namespace hv::cli {

bool Session::load_inventories() {
  std::map<std::string, HostName> machines;
  for (const auto& [name, config] : project.hosts) {
    if (config.inventory.empty()) continue;
    const std::string path = config.inventory.starts_with('/')
                                 ? config.inventory
                                 : project.root + "/" + config.inventory;
    Result<std::string> text = disk_files().read(path);
    if (!text.ok()) {
      Error error = text.error();
      error.help = "`hv inventory " + name.text + " -o " + config.inventory + "` gathers it";
      fail(error, config.inventory);
      return false;
    }
    Result<Inventory> inventory = read_inventory(*text);
    if (!inventory.ok()) {
      fail(inventory.error(), config.inventory);
      return false;
    }
    if (inventory->host != name) {
      fail(Error{Code::inventory_mismatch,
                 "the inventory of `" + name.text + "` was gathered for `" + inventory->host.text +
                     "`",
                 "`hv inventory " + name.text + " -o FILE` gathers its own"},
           config.inventory);
      return false;
    }
    if (!inventory->machine.empty()) {
      const auto [first, is_new] = machines.try_emplace(inventory->machine, name);
      if (!is_new) {
        fail(Error{Code::inventory_mismatch,
                   "`" + first->second.text + "` and `" + name.text +
                       "` are one machine: their inventories carry the same id",
                   "declare it once"},
             config.inventory);
        return false;
      }
    }
    desired.inputs.push_back({config.inventory, sha256_hex(*text)});
    inventories.push_back(std::move(*inventory));
  }
  put_inventories_together();
  return true;
}

void Session::put_inventories_together() {
  if (inventories.empty()) return;
  std::set<HostName> others;
  for (const auto& [name, config] : project.hosts)
    if (config.inventory.empty()) others.insert(name);
  std::map<std::string, std::vector<HostName>> statements;
  for (const auto& [name, statement] : project.stores)
    statements[normalise_name(name.text)] = statement.hosts;
  storage = std::make_shared<StorageMap>(inventories, statements, std::move(others));
}

namespace {

// What is there now and was not, or is no more, or lies elsewhere.
std::vector<std::string> changes(const Inventory& before, const Inventory& now) {
  std::vector<std::string> names;
  const auto compare = [&](const auto& old_list, const auto& new_list, const auto& name_of) {
    for (const auto& one : old_list)
      if (std::find(new_list.begin(), new_list.end(), one) == new_list.end())
        names.push_back(name_of(one));
    for (const auto& one : new_list)
      if (std::none_of(old_list.begin(), old_list.end(),
                       [&](const auto& old) { return name_of(old) == name_of(one); }))
        names.push_back(name_of(one));
  };
  const auto name = [](const auto& one) { return one.name; };
  compare(before.devices, now.devices, name);
  compare(before.groups, now.groups, name);
  compare(before.mounts, now.mounts, [](const Mount& mount) { return mount.point; });
  compare(before.swaps, now.swaps, [](const Swap& swap) { return swap.source; });
  for (const ImageFile& file : before.files)
    for (const ImageFile& one : now.files)
      if (one.path == file.path && (one.inode != file.inode || one.backing != file.backing))
        names.push_back(file.path);
  return names;
}

std::string list_of(const std::vector<std::string>& names) {
  constexpr std::size_t kSaid = 3;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kSaid; ++i)
    text += (i == 0 ? "`" : ", `") + names[i] + "`";
  if (names.size() > kSaid) text += " and " + std::to_string(names.size() - kSaid) + " more";
  return text;
}

}  // namespace

bool Session::gather_again() {
  bool any = false;
  for (Inventory& inventory : inventories) {
    const HostConfig& config = project.hosts.at(inventory.host);
    if (config.driver != DriverKind::xl) continue;
    GatherRequest request;
    request.host = inventory.host;
    request.now = clock.now();
    request.sources = declared_sources(desired, inventory.host);
    for (const auto& [address, domain] : applied.domains)
      if (domain.spec.host == inventory.host)
        for (const Vbd& vbd : domain.spec.vbds)
          if (vbd.backend != "vd") request.sources.push_back(vbd.source);
    for (const ImageFile& file : inventory.files) request.sources.push_back(file.path);
    Result<Inventory> now = gather_there(request, config, project.root);
    const std::string host = inventory.host.text;
    if (!now.ok()) {
      if (!options.quiet)
        print_error("warning: the storage of " + host +
                    " cannot be looked at: " + now.error().message + "; its inventory of " +
                    to_human(inventory.taken) + " counts\n");
      continue;
    }
    if (!inventory.machine.empty() && !now->machine.empty() && inventory.machine != now->machine) {
      fail(Error{Code::inventory_mismatch,
                 "`" + host + "` is another machine than the one its inventory was gathered on",
                 "`hv inventory " + host + " -o " + config.inventory + "` gathers its own"},
           config.inventory);
      return false;
    }
    const std::vector<std::string> changed = changes(inventory, *now);
    if (!changed.empty() && !options.quiet)
      print_error("note: the storage of " + host + " is not as its inventory of " +
                  to_human(inventory.taken) + " has it (" + list_of(changed) +
                  "): what it is now counts; `hv inventory " + host + " -o " + config.inventory +
                  "` writes it down\n");
    now->domains = std::move(inventory.domains);
    inventory = std::move(*now);
    any = true;
  }
  if (any) put_inventories_together();
  return true;
}

}  // namespace hv::cli
