#include "hv/drivers/xl/domain_file.h"

#include <algorithm>
#include <array>

namespace hv {
namespace {

Error refused(const std::string& what, const std::string& help = "") {
  return {Code::operation_failed, what, help};
}

// xl's file knows both quotes and no escape that all its versions read alike.
Result<std::string> quoted(const std::string& text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20)
      return refused("xl's files cannot hold a control character, in `" + text + "`");
  if (text.find('\\') != std::string::npos)
    return refused("xl's files cannot hold a backslash, in `" + text + "`");
  if (text.find('"') == std::string::npos) return "\"" + text + "\"";
  if (text.find('\'') == std::string::npos) return "'" + text + "'";
  return refused("xl's files cannot hold both kinds of quotes, in `" + text + "`");
}

// xl's scanner knows no minus outside quotes, and reads a number within them alike.
std::string number_text(int64_t number) {
  return number < 0 ? "\"" + std::to_string(number) + "\"" : std::to_string(number);
}

Result<std::string> in_units(int64_t count, const Attribute& attribute) {
  if (count % attribute.bare_unit != 0)
    return refused("`" + std::string(attribute.name) + "` is no whole number of " +
                   std::string(attribute.unit) + ", which is all that xl takes");
  return number_text(count / attribute.bare_unit);
}

Result<std::string> written(const Value& value, const Attribute& attribute);

Result<std::string> written_list(const List& list, const Attribute& attribute) {
  std::string text = "[";
  for (const Value& item : list) {
    if (text.size() > 1) text += ", ";
    text += TRY(written(item, attribute));
  }
  return text + "]";
}

Result<std::string> written(const Value& value, const Attribute& attribute) {
  if (const auto* yes = value.get<bool>()) return std::string(*yes ? "1" : "0");
  if (const auto* number = value.get<int64_t>()) return number_text(*number);
  if (const auto* text = value.get<std::string>()) return quoted(*text);
  if (const auto* secret = value.get<Secret>()) return quoted(secret->text);
  if (const auto* size = value.get<Bytes>()) return in_units(size->count, attribute);
  if (const auto* duration = value.get<Duration>()) return in_units(duration->count, attribute);
  if (const auto* list = value.get<List>()) return written_list(*list, attribute);
  return refused("`" + std::string(attribute.name) + "` has a value that xl's files cannot hold");
}

bool has_word(std::string_view words, std::string_view word) {
  const std::size_t at = words.find(word);
  return at != std::string_view::npos && (at == 0 || words[at - 1] == ' ') &&
         (at + word.size() == words.size() || words[at + word.size()] == ' ');
}

// Parts of the kernel's command line, which is written as a whole.
constexpr std::array<std::string_view, 13> kOfCommandLine = {
    "cmdline", "root",    "extra",    "cmdline_root", "cmdline_ip", "ip",      "dhcp",
    "gateway", "netmask", "hostname", "interface",    "nfs_server", "nfs_root"};

}  // namespace

Result<std::string> disk_string(const Vbd& vbd) {
  if (vbd.backend == "vd")
    return refused("the disk `" + vbd.device + "` is a virtual disk, which this driver cannot map");
  if (vbd.mode == AccessMode::write_shared)
    return refused("the disk `" + vbd.device + "` is shared for writing (`w!`), which xl refuses");
  for (const std::string* part : {&vbd.device, &vbd.format, &vbd.script, &vbd.backend})
    if (part->find_first_of(",=\n\"'") != std::string::npos)
      return refused("the disk `" + vbd.device + "` holds `" + *part + "`, which xl would misread");
  std::string text = "vdev=" + vbd.device;
  if (vbd.source.empty()) {
    text += ",format=empty";
  } else if (!vbd.format.empty()) {
    text += ",format=" + vbd.format;
  }
  text += vbd.mode == AccessMode::read ? ",access=ro" : ",access=rw";
  if (vbd.backend == "phy" || vbd.backend == "tap" || vbd.backend == "qdisk")
    text += ",backendtype=" + vbd.backend;
  else if (!vbd.backend.empty() && vbd.backend != "file")
    return refused("the disk `" + vbd.device + "` has the backend `" + vbd.backend +
                   "`, which xl does not know");
  if (vbd.cdrom) text += ",devtype=cdrom";
  // Every CD drive is, without a word; of another disk no word says it.
  if (vbd.removable && !vbd.cdrom)
    return refused("the disk `" + vbd.device +
                   "` is removable and no CD drive, which xl has no word for");
  if (!vbd.script.empty()) text += ",script=" + vbd.script;
  for (const auto& [key, value] : vbd.options) {
    if ((key + value).find_first_of(",\n\"'") != std::string::npos)
      return refused("the disk `" + vbd.device + "` holds `" + key + "`, which xl would misread");
    text += "," + key + (value.empty() ? "" : "=" + value);
  }
  // Last: it takes the rest of the string, whatever is in it.
  if (!vbd.source.empty()) {
    if (vbd.source.ends_with(',') || vbd.source.find('\n') != std::string::npos)
      return refused("the disk `" + vbd.device + "` has a name that xl would misread");
    text += ",target=" + vbd.source;
  }
  return text;
}

Result<std::vector<std::string>> vif_words(const Vif& vif) {
  // What the host tells of an interface; any other setting would be drift for ever.
  constexpr std::array<std::string_view, 12> kKnown = {"mac",     "bridge", "ip",     "vifname",
                                                       "model",   "mtu",    "script", "gatewaydev",
                                                       "backend", "rate",   "type",   "vlan"};
  std::vector<std::string> words;
  for (const auto& [key, value] : vif.settings) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end())
      return refused(
          "`" + key + "` of an interface cannot be read back from a Xen host",
          "this driver sets mac, bridge, ip, vifname, model, mtu, script, gatewaydev, backend, "
          "rate, type and vlan");
    if (value.find_first_of(",\n\"'\\ ") != std::string::npos)
      return refused("an interface holds `" + value + "`, which xl would misread");
    words.push_back(key + "=" + value);
  }
  return words;
}

Result<std::string> quoted_text(const std::string& text) {
  return quoted(text);
}

Result<std::string> attribute_text(const Value& value, const Attribute& attribute) {
  return written(value, attribute);
}

Result<std::string> disk_item(const Vbd& vbd) {
  return quoted(TRY(disk_string(vbd)));
}

Result<std::string> vif_item(const Vif& vif) {
  std::string text;
  for (const std::string& word : TRY(vif_words(vif))) text += (text.empty() ? "" : ",") + word;
  return quoted(text);
}

Result<std::string> domain_file(const DomainSpec& spec, const Uuid& uuid, const Schema& schema) {
  std::string file = "name = " + TRY(quoted(spec.name)) + "\n";
  file += "uuid = \"" + to_string(uuid) + "\"\n";
  bool has_command_line = false;
  for (const Attributes::Entry& entry : spec.attributes) {
    const Attribute* attribute = schema.find(Kind::domain, entry.name);
    if (entry.value.is_unset()) continue;
    if (attribute == nullptr) return refused("hv does not know `" + entry.name + "`");
    if (std::find(kOfCommandLine.begin(), kOfCommandLine.end(), entry.name) !=
        kOfCommandLine.end()) {
      has_command_line = true;
      continue;
    }
    if (entry.name == "autostart") continue;  // not what a domain is, but when (hostop.sh)
    if (attribute->custom || attribute->how == How::bookkeeping) continue;
    if (!has_word(attribute->generations, "xl"))
      return refused("xl does not know `" + entry.name + "`",
                     "`hv explain " + entry.name + "` says which tools do");
    file += entry.name + " = " + TRY(written(entry.value, *attribute)) + "\n";
  }
  if (has_command_line) {
    const Value line = schema.effective(Kind::domain, "cmdline", spec.attributes);
    if (const auto* text = line.get<std::string>())
      file += "cmdline = " + TRY(quoted(*text)) + "\n";
  }
  // An item a line: hostop.sh edits them (`auto`).
  file += "disk = [\n";
  for (const Vbd& vbd : spec.vbds) file += "  " + TRY(disk_item(vbd)) + ",\n";
  file += "]\nvif = [\n";
  for (const Vif& vif : spec.vifs) file += "  " + TRY(vif_item(vif)) + ",\n";
  return file + "]\n";
}

}  // namespace hv
