// The inventories that hv.toml names, read and put together.
#include <map>

#include "base/hash.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "hv/inventory/inventory_json.h"
#include "hv/storage/storage.h"

namespace hv::cli {

bool Session::load_inventories() {
  std::set<HostName> others;
  std::map<std::string, HostName> machines;
  for (const auto& [name, config] : project.hosts) {
    if (config.inventory.empty()) {
      // A simulated disk has one name on its host, and its own on each.
      others.insert(name);
      continue;
    }
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
  if (inventories.empty()) return true;
  std::map<std::string, std::vector<HostName>> statements;
  for (const auto& [name, statement] : project.stores)
    statements[normalise_name(name.text)] = statement.hosts;
  storage = std::make_shared<StorageMap>(inventories, statements, std::move(others));
  return true;
}

}  // namespace hv::cli
