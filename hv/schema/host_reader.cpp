#include "hv/schema/host_reader.h"

#include <algorithm>

namespace hv {

namespace {

bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (true) {
    std::size_t end = std::min(text.find('.'), text.size());
    if (end == 0 || end > 3) return false;
    int value = 0;
    for (char c : text.substr(0, end)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    if (value > 255) return false;
    ++parts;
    if (end == text.size()) return parts == 4;
    text.remove_prefix(end + 1);
  }
}

bool has_only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

// Why ssh:// would not be taken: what is left of it goes to OpenSSH as one argument, which must
// never look like an option.
std::optional<std::string> reason_ssh_is_bad(std::string_view rest) {
  std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    std::string_view user = rest.substr(0, at);
    if (user.empty() || user[0] == '-' || !has_only(user, "._-")) return "no name of a user";
    rest.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!rest.empty() && rest[0] == '[') {
    std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return "the bracket does not close";
    if (end == 1 || !has_only(rest.substr(1, end - 1), ":.%")) return "no IPv6 address";
    port = rest.substr(end + 1);
  } else {
    std::size_t end = std::min(rest.find(':'), rest.size());
    std::string_view host = rest.substr(0, end);
    if (host.empty() || host[0] == '-' || !has_only(host, "._-")) return "no name of a machine";
    port = rest.substr(end);
  }
  if (port.empty()) return std::nullopt;
  port.remove_prefix(port[0] == ':' ? 1 : 0);
  bool digits = !port.empty() && port.size() <= 5 &&
                std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || std::stoi(std::string(port)) > 65535 || std::stoi(std::string(port)) == 0) {
    return "no port";
  }
  return std::nullopt;
}

std::optional<std::string> reason_address_is_bad(DriverKind driver, std::string_view address) {
  constexpr std::string_view ssh = "ssh://", unix_socket = "unix:";
  switch (driver) {
    case DriverKind::sim:
      if (address.substr(0, unix_socket.size()) != unix_socket ||
          address.size() == unix_socket.size()) {
        return "a simulated host is reached by `unix:PATH`";
      }
      return std::nullopt;
    case DriverKind::xl:
      if (address.substr(0, ssh.size()) != ssh) return "a Xen host is reached by `ssh://USER@HOST`";
      return reason_ssh_is_bad(address.substr(ssh.size()));
    case DriverKind::libvirt:
      if (address.find(':') == std::string_view::npos) return "libvirt is reached by a URI";
      return std::nullopt;
  }
  HV_CHECK(false, "a driver without addresses");
}

class HostReader {
 public:
  HostReader(const TomlEntry& entry, ReaderCodes codes, Diagnostics& diagnostics)
      : entry_(entry),
        codes_(codes),
        reader_(entry.value, "[hosts." + entry.key + "]", codes, diagnostics),
        diagnostics_(diagnostics) {}

  HostConfig read() {
    host_.name = HostName{entry_.key};
    host_.span = entry_.key_span;
    read_driver();
    if (std::optional<std::string> address = reader_.string("address")) read_address(*address);
    host_.identity = reader_.string("identity").value_or("");
    host_.known_hosts = reader_.string("known_hosts").value_or("");
    host_.inventory = reader_.string("inventory").value_or("");
    host_.parallel =
        static_cast<int>(reader_.integer_between("parallel", 1, 256).value_or(host_.parallel));
    host_.labels = read_texts("labels");
    host_.env = read_texts("env");
    read_fence();
    read_uname();
    host_.ip = read_ip("ip");
    host_.netmask = read_ip("netmask");
    host_.gateway = read_ip("gateway");
    read_simulated();
    reader_.finish();
    return std::move(host_);
  }

 private:
  void read_driver() {
    constexpr DriverKind drivers[] = {DriverKind::sim, DriverKind::xl, DriverKind::libvirt};
    if (std::optional<std::size_t> word = reader_.one_of("driver", {"sim", "xl", "libvirt"})) {
      host_.driver = drivers[*word];
    } else if (!reader_.span_of("driver").valid()) {
      diagnostics_
          .report(Code::project_missing_key, entry_.key_span,
                  "host `" + entry_.key + "` without `driver`")
          .help = "write `driver = \"sim\"`, `\"xl\"` or `\"libvirt\"`";
    } else {
      driver_known_ = false;
    }
  }

  void read_address(const std::string& address) {
    if (!driver_known_) return;
    if (std::optional<std::string> reason = reason_address_is_bad(host_.driver, address)) {
      diagnostics_
          .report(Code::project_bad_address, reader_.span_of("address"),
                  "`" + address + "` is no address of a host with driver `" +
                      std::string(to_string(host_.driver)) + "`")
          .primary_label = *reason;
      return;
    }
    host_.address = address;
  }

  std::map<std::string, std::string> read_texts(std::string_view key) {
    std::map<std::string, std::string> texts;
    const TomlValue* table = reader_.table(key);
    if (table == nullptr) return texts;
    for (const TomlEntry& entry : table->entries) {
      if (entry.value.type == TomlType::string) {
        texts[entry.key] = entry.value.text;
        continue;
      }
      diagnostics_.report(codes_.wrong_type, entry.value.span, "`" + entry.key + "` takes a string")
          .primary_label = "this is " + std::string(to_string(entry.value.type));
    }
    return texts;
  }

  void read_fence() {
    std::optional<std::vector<std::string>> words = reader_.strings("fence");
    if (!words) return;
    if (words->empty() || words->front().empty()) {
      diagnostics_.report(codes_.bad_value, reader_.span_of("fence"), "`fence` names no program")
          .help = "write the program and its arguments, each a string; no shell reads them";
      return;
    }
    host_.fence = std::move(*words);
  }

  void read_uname() {
    std::optional<std::vector<std::string>> fields = reader_.strings("uname");
    if (!fields) return;
    if (fields->size() != 5) {
      diagnostics_
          .report(codes_.bad_value, reader_.span_of("uname"),
                  "`uname` has " + std::to_string(fields->size()) + " fields, not 5")
          .help = "system, node, release, version, machine";
      return;
    }
    host_.uname = std::move(*fields);
  }

  std::string read_ip(std::string_view key) {
    std::optional<std::string> text = reader_.string(key);
    if (!text) return {};
    if (is_ipv4(*text)) return *text;
    diagnostics_
        .report(codes_.bad_value, reader_.span_of(key), "`" + *text + "` is no IPv4 address")
        .help = "write four numbers, such as \"10.0.0.1\"";
    return {};
  }

  // What a simulated host is made of; a real one tells by itself.
  void read_simulated() {
    host_.cpus = reader_.integer_between("cpus", 1, 4096);
    if (const TomlEntry* memory = reader_.any("memory")) {
      host_.memory = read_size("memory", memory->value);
    }
    if (const TomlValue* disks = reader_.table("disks")) {
      host_.disks.emplace();
      for (const TomlEntry& disk : disks->entries) {
        if (std::optional<Bytes> size = read_size(disk.key, disk.value)) {
          host_.disks->emplace(disk.key, *size);
        }
      }
    }
    host_.bridges = reader_.strings("bridges");
    host_.files = reader_.strings("files");
    host_.mounted = reader_.strings("mounted");
    if (host_.driver == DriverKind::sim) return;
    for (std::string_view key : {"memory", "cpus", "disks", "bridges", "files", "mounted"}) {
      const TomlEntry* entry = entry_.value.find(key);
      if (entry == nullptr) continue;
      diagnostics_
          .report(Code::project_key_of_other_driver, entry->key_span,
                  "`" + std::string(key) + "` is for simulated hosts; `" + entry_.key +
                      "` has driver `" + std::string(to_string(host_.driver)) + "`")
          .help = "a real host tells what it has";
    }
  }

  std::optional<Bytes> read_size(std::string_view key, const TomlValue& value) {
    std::optional<Bytes> size;
    if (value.type == TomlType::string) size = parse_bytes(value.text);
    if (size && size->count > 0) return size;
    Diagnostic& diagnostic = diagnostics_.report(Code::project_bad_size, value.span,
                                                 "`" + std::string(key) + "` is no size");
    diagnostic.help = "write a number and a unit in a string, such as \"64GiB\"";
    if (value.type == TomlType::integer) diagnostic.primary_label = "of which unit?";
    return std::nullopt;
  }

  const TomlEntry& entry_;
  ReaderCodes codes_;
  TableReader reader_;
  Diagnostics& diagnostics_;
  HostConfig host_;
  bool driver_known_ = true;
};

}  // namespace

std::optional<HostConfig> read_host_config(const TomlEntry& entry, ReaderCodes codes,
                                           Diagnostics& diagnostics) {
  if (entry.value.type != TomlType::table) {
    diagnostics.report(codes.wrong_type, entry.value.span, "host `" + entry.key + "` takes a table")
        .primary_label = "this is " + std::string(to_string(entry.value.type));
    return std::nullopt;
  }
  return HostReader(entry, codes, diagnostics).read();
}

}  // namespace hv
