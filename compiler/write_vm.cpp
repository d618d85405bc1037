// Typed declarations of a desired graph: what hv compiles back to the same.
#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "compiler/translate.h"
#include "compiler/write.h"
#include "lang/strings.h"

namespace hv {
namespace {

using compiler::disk_string;
using compiler::vbd_from_string;
using lang::string_literal;

bool is_identifier(std::string_view name) {
  static constexpr std::string_view kWords[] = {
      "False", "None",    "True",     "and",   "as",     "assert", "async",  "await",
      "break", "class",   "continue", "def",   "del",    "elif",   "else",   "except",
      "exec",  "finally", "for",      "from",  "global", "if",     "import", "in",
      "is",    "lambda",  "nonlocal", "not",   "on",     "or",     "pass",   "print",
      "raise", "return",  "try",      "while", "with",   "yield"};
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  const bool letters = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  return letters && std::find(std::begin(kWords), std::end(kWords), name) == std::end(kWords);
}

// A name in a declaration, and a whole address, as the language writes them.
std::string declared(const std::string& name) {
  return is_identifier(name) ? name : string_literal(name);
}
std::string reference(const Address& address) {
  const std::string kind(to_string(address.kind));
  return is_identifier(address.name) ? kind + "." + address.name
                                     : kind + "[" + string_literal(address.name) + "]";
}

std::string floating(double value) {
  std::array<char, 40> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  std::string out(text.data(), error == std::errc() ? end : text.data());
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

std::string listed(const std::vector<std::string>& items) {
  std::string one = "[";
  for (const std::string& item : items) one += (one.size() == 1 ? "" : ", ") + item;
  one += "]";
  if (one.size() <= 76) return one;
  std::string out = "[\n";
  for (const std::string& item : items) out += "        " + item + ",\n";
  return out + "    ]";
}

std::string written(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool v) const { return v ? "True" : "False"; }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return floating(v); }
    std::string operator()(const std::string& v) const { return string_literal(v); }
    std::string operator()(const Secret& v) const { return string_literal(v.text); }
    std::string operator()(Bytes v) const { return to_literal(v); }
    std::string operator()(Duration v) const { return to_literal(v); }
    std::string operator()(const Address& v) const { return reference(v); }
    std::string operator()(const List& v) const {
      std::vector<std::string> items;
      for (const Value& item : v) items.push_back(written(item));
      return listed(items);
    }
    std::string operator()(const Record& v) const {
      std::string out = "{";
      for (const auto& [key, item] : v)
        out += (out.size() == 1 ? "" : ", ") + string_literal(key) + ": " + written(item);
      return out + "}";
    }
  };
  return std::visit(Visitor{}, value.data);
}

class Writer {
 public:
  // With a schema the text is to look at: secrets are hidden, defaults stand in comments.
  Writer(const DesiredGraph& graph, const std::optional<HostName>& default_host,
         const Schema* shown)
      : graph_(graph), default_host_(default_host), shown_(shown) {
    for (const Resource& resource : graph.resources()) {
      const Address& address = address_of(resource);
      if (!names_.insert(address.name).second) twice_.insert(address.name);
    }
  }

  std::string run() {
    for (const Resource& resource : graph_.resources()) {
      if (!text_.empty()) text_ += "\n";
      std::visit([this](const auto& spec) { block(spec); }, resource);
    }
    for (const ShareGrant& grant : graph_.grants) {
      if (grant.vdisk) continue;  // stands in the block of its vdisk
      text_ += "\nshareable(" + string_literal(grant.source) + ", " +
               string_literal(grant.filesystem) + ", " + domains(grant) + ")\n";
    }
    if (!graph_.moved.empty()) text_ += "\n";
    for (const Moved& moved : graph_.moved)
      text_ += "moved " + reference(moved.from) + " -> " + reference(moved.to) + "\n";
    return std::move(text_);
  }

 private:
  void line(std::string_view name, const std::string& value) {
    text_ += "    " + std::string(name) + " = " + value + "\n";
    empty_ = false;
  }

  void header(const Address& address, const std::string& clause) {
    text_ += std::string(to_string(address.kind)) + " " + declared(address.name) + clause + ":\n";
    empty_ = true;
  }

  void end() {
    if (empty_) text_ += "    pass\n";
  }

  // A host's name may be hidden by a resource of that name.
  std::string on(const HostName& host) const {
    if (host == default_host_) return "";
    const bool bare = is_identifier(host.text) && !names_.contains(host.text);
    return " on " + (bare ? host.text : string_literal(host.text));
  }

  // A resource by its bare name where that is no other's.
  std::string bare(const Address& address) const {
    const bool alone = is_identifier(address.name) && !twice_.contains(address.name);
    return alone ? address.name : reference(address);
  }

  static std::string domains(const ShareGrant& grant) {
    std::vector<std::string> items;
    for (const Address& domain : grant.domains) items.push_back(reference(domain));
    std::string out = "[";
    for (const std::string& item : items) out += (out.size() == 1 ? "" : ", ") + item;
    return out + "]";
  }

  void block(const PoolSpec& pool) {
    header(pool.address, on(pool.host));
    std::vector<std::string> devices;
    for (const std::string& device : pool.devices) devices.push_back(string_literal(device));
    if (!devices.empty()) line("devices", listed(devices));
    line("extent", to_literal(pool.extent));
    if (pool.scrub != Scrub::on_allocate) line("scrub", string_literal(to_string(pool.scrub)));
    end();
  }

  void block(const VdiskSpec& vdisk) {
    header(vdisk.address, " in " + bare(vdisk.pool));
    line("size", to_literal(vdisk.size));
    if (vdisk.expiry) line("expiry", to_literal(*vdisk.expiry));
    for (const ShareGrant& grant : graph_.grants)
      if (grant.vdisk == vdisk.address)
        line("shareable", "(" + string_literal(grant.filesystem) + ", " + domains(grant) + ")");
    end();
  }

  void block(const NetworkSpec& network) {
    header(network.address, on(network.host));
    if (!network.bridge.empty()) line("bridge", string_literal(network.bridge));
    if (network.mtu) line("mtu", std::to_string(*network.mtu));
    if (network.vlan) line("vlan", std::to_string(*network.vlan));
    end();
  }

  void block(const DomainSpec& domain) {
    domain_block(shown_ == nullptr ? domain : compiler::without_secrets(domain));
  }

  void domain_block(const DomainSpec& domain) {
    header(domain.address, on(domain.host));
    if (domain.name != domain.address.name) line("name", string_literal(domain.name));
    if (domain.uuid) line("uuid", string_literal(to_string(*domain.uuid)));
    if (domain.state != PowerState::running) line("state", string_literal(to_string(domain.state)));
    // What one looks for first stands first.
    static constexpr std::string_view kFirst[] = {
        "type",   "vcpus",        "maxvcpus",   "memory", "maxmem",
        "kernel", "ramdisk",      "bootloader", "loader", "cmdline",
        "root",   "cmdline_root", "cmdline_ip", "extra",  "boot"};
    for (const std::string_view name : kFirst)
      if (const Value* value = domain.attributes.find(name)) line(name, written(*value));
    for (const auto& [name, value] : domain.attributes)
      if (std::find(std::begin(kFirst), std::end(kFirst), name) == std::end(kFirst))
        line(name, written(value));
    if (domain.sharing) line("sharing", std::to_string(*domain.sharing));
    std::vector<std::string> items;
    for (const Vbd& vbd : domain.vbds) items.push_back(disk(vbd));
    if (domain.sets_disk) line("disk", listed(items));
    items.clear();
    for (const Vif& vif : domain.vifs) items.push_back(interface(vif));
    if (domain.sets_vif) line("vif", listed(items));
    lifecycle(domain.lifecycle);
    end();
    if (shown_ == nullptr) return;
    text_ += "    # what no file sets:\n";
    for (const auto& [attribute, value] : compiler::defaults_of(domain, *shown_))
      text_ += "    # " + std::string(attribute->name) + " = " + written(value) + "\n";
  }

  void lifecycle(const Lifecycle& given) {
    const Lifecycle unset;
    if (given == unset) return;
    text_ += "    lifecycle:\n";
    empty_ = false;
    const auto set = [&](const char* name, const std::string& value) {
      text_ += std::string("        ") + name + " = " + value + "\n";
    };
    if (given.protect) set("protect", "True");
    if (given.on_restart_needed != unset.on_restart_needed)
      set("on_restart_needed", string_literal(to_string(given.on_restart_needed)));
    if (given.stop != unset.stop) set("stop", string_literal(to_string(given.stop)));
    if (given.stop_timeout != unset.stop_timeout)
      set("stop_timeout", to_literal(given.stop_timeout));
    std::vector<std::string> ignored;
    for (const std::string& name : given.ignore) ignored.push_back(string_literal(name));
    if (!ignored.empty()) set("ignore", listed(ignored));
  }

  // `vbd(…)` where it says exactly the same, else the disk string.
  std::string disk(const Vbd& vbd) const {
    if (vbd.backend == "vd") {
      const Address vdisk{Kind::vdisk, vbd.source};
      if (graph_.find(vdisk) == nullptr || !vbd.script.empty() || vbd.cdrom)
        return string_literal(disk_string(vbd));
      std::string keys;
      for (const auto& [key, value] : vbd.options) {
        if (!is_identifier(key)) return string_literal(disk_string(vbd));
        keys += ", " + key + "=" + (value.empty() ? "True" : string_literal(value));
      }
      return "vbd(" + reference(vdisk) + ", " + string_literal(vbd.device) + ", " +
             string_literal(to_string(vbd.mode)) + keys + ")";
    }
    std::string keys, in_string;
    bool names = true;
    const auto key = [&](const std::string& name, const std::string& value) {
      names = names && is_identifier(name);
      keys += ", " + name + "=" + (value.empty() ? "True" : string_literal(value));
      in_string += "," + name + (value.empty() ? "" : "=" + value);
    };
    for (const auto& [name, value] : vbd.options) key(name, value);
    if (!vbd.script.empty()) key("script", vbd.script);
    if (!vbd.backend.empty()) key("backendtype", vbd.backend);
    if (vbd.cdrom) key("devtype", "cdrom");
    if (vbd.format != "raw" && vbd.format != "empty") key("format", vbd.format);
    const std::string mode(to_string(vbd.mode));
    const std::string rest =
        ", " + string_literal(vbd.device) + ", " + string_literal(mode) + keys + ")";
    // The prefix that the source had is worth keeping: `phy:` tells a reader what it is.
    const std::size_t colon = vbd.written.find(':');
    for (const std::string_view prefix : {"phy:", "file:"}) {
      if (colon == std::string::npos || !vbd.written.starts_with(prefix)) continue;
      const std::string source = std::string(prefix) + vbd.source;
      const auto same = vbd_from_string(source + "," + vbd.device + "," + mode + in_string);
      if (names && same && same_settings(*same, vbd)) return "vbd(" + string_literal(source) + rest;
    }
    if (names && vbd.source.find(':') == std::string::npos) {
      const auto same = vbd_from_string("vdev=" + vbd.device + ",access=" + mode + in_string +
                                        ",target=" + vbd.source);
      if (same && same_settings(*same, vbd)) return "vbd(" + string_literal(vbd.source) + rest;
    }
    return string_literal(disk_string(vbd));
  }

  std::string interface(const Vif& vif) const {
    std::string keys;
    const auto add = [&](const std::string& part) { keys += (keys.empty() ? "" : ", ") + part; };
    const NetworkSpec* network = nullptr;
    if (vif.network) {
      add("network=" + bare(*vif.network));
      network = graph_.get<NetworkSpec>(*vif.network);
    }
    for (const auto& [name, value] : vif.settings) {
      const bool from_network =
          network != nullptr &&
          ((name == "bridge" && value == network->bridge) ||
           (name == "mtu" && network->mtu && value == std::to_string(*network->mtu)) ||
           (name == "vlan" && network->vlan && value == std::to_string(*network->vlan)));
      if (!from_network) add(name + "=" + string_literal(value));
    }
    return "vif(" + keys + ")";
  }

  const DesiredGraph& graph_;
  const std::optional<HostName>& default_host_;
  const Schema* shown_;
  std::set<std::string> names_, twice_;
  std::string text_;
  bool empty_ = true;
};

}  // namespace

std::string write_vm(const DesiredGraph& graph, const std::optional<HostName>& default_host) {
  return Writer(graph, default_host, nullptr).run();
}

std::string show_vm(const DesiredGraph& graph, const std::optional<HostName>& default_host,
                    const Schema& schema) {
  return Writer(graph, default_host, &schema).run();
}

}  // namespace hv
