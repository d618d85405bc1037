// hv init: a project folder with hv.toml, a first source and a .gitignore.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/session.h"
#include "cli/terminal.h"

namespace hv::cli {
namespace {

std::string project_text(const std::string& id, const std::string& name, bool dom0) {
  std::string text =
      "# Made by `hv init`. Commit this file; .hv/ stays out of git.\n"
      "[project]\n"
      "id      = \"" +
      id +
      "\"   # part of every machine's identity: never change it\n"
      "name    = \"" +
      name +
      "\"\n"
      "sources = [\".\"]   # every .vm and .cfg here; a list of files and folders\n\n";
  if (dom0) return text + "[hosts.local]\ndriver = \"xl\"\n";
  return text +
         "[hosts.local]\n"
         "driver  = \"sim\"      # a simulated host; \"xl\" is a real Xen host\n"
         "memory  = \"16GiB\"\n"
         "cpus    = 8\n"
         "disks   = { sda = \"200GiB\" }\n"
         "bridges = [\"xenbr0\"]\n";
}

constexpr const char* kFleet =
    "# fleet.vm: what should exist. `hv plan` shows what would change, `hv apply` makes it so.\n"
    "pool data:\n"
    "    devices = [\"phy:/dev/sda\"]\n"
    "\n"
    "vdisk \"web0-root\" in data:\n"
    "    size = 8GiB\n"
    "\n"
    "domain web0:\n"
    "    vcpus  = 1\n"
    "    memory = 512MiB\n"
    "    maxmem = 2GiB\n"
    "    kernel = \"/boot/vmlinuz\"\n"
    "    disk   = [vbd(vdisk[\"web0-root\"], \"xvda\", \"w\")]\n"
    "    vif    = [\"bridge=xenbr0\"]\n";

}  // namespace

int run_init(const Options& options) {
  Session session(options);
  std::string folder = options.paths.empty() ? "." : options.paths[0];
  if (!options.directory.empty() && !folder.starts_with('/'))
    folder = options.directory + "/" + folder;
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    session.fail(
        Error{Code::file_unreadable, "cannot make `" + folder + "`: " + std::strerror(errno), {}});
    return kFailed;
  }
  if (disk_files().what(folder + "/hv.toml") != Files::What::absent) {
    session.fail(Error{Code::file_unreadable, "`" + folder + "/hv.toml` is there already",
                       "this folder is a project; `hv plan` works in it"});
    return kFailed;
  }
  const std::string real = disk_files().canonical(folder);
  const std::string name = real.substr(real.rfind('/') + 1);
  const std::pair<const char*, std::string> files[] = {
      {"hv.toml",
       project_text(to_string(uuid_v4(session.random)), name.empty() ? "fleet" : name, is_dom0())},
      {"fleet.vm", kFleet},
      {".gitignore", ".hv/\n"},
  };
  for (const auto& [file, text] : files) {
    const std::string path = folder + "/" + file;
    if (disk_files().what(path) != Files::What::absent) continue;  // theirs: left as it is
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
      session.fail(Error{Code::file_unreadable, "cannot write `" + path + "`", {}});
      return kFailed;
    }
    if (!options.quiet) print("wrote " + path + "\n");
  }
  if (!options.quiet)
    print("next: " + std::string(folder == "." ? "" : "cd " + folder + " && ") + "hv plan\n");
  return kDone;
}

}  // namespace hv::cli
