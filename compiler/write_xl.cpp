// Files of xl: only what libxlutil reads back as it was meant.
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "compiler/convert.h"
#include "compiler/write.h"
#include "lang/disk_string.h"

namespace hv::compiler {
namespace {

// libxlutil knows these escapes; a number behind a backslash it reads wrongly.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Its scanner takes a number of these, and strtol reads it again.
bool reads_back(std::string_view spelling, int64_t value) {
  if (spelling.empty() || spelling[0] < '0' || spelling[0] > '9') return false;
  if (spelling.find_first_not_of("0123456789abcdefx") != std::string_view::npos) return false;
  const std::string text(spelling);
  char* end = nullptr;
  errno = 0;
  const long long n = std::strtoll(text.c_str(), &end, 0);
  return errno == 0 && *end == '\0' && n == value;
}

std::string number(int64_t value) {
  return value < 0 ? quoted(std::to_string(value)) : std::to_string(value);
}

std::string listed(const std::vector<std::string>& items) {
  std::string one = "[";
  for (const std::string& item : items) one += (one.size() == 1 ? "" : ", ") + item;
  one += "]";
  if (one.size() <= 80 || items.size() < 2) return one;
  std::string out = "[\n";
  for (const std::string& item : items) out += "    " + item + ",\n";
  return out + "]";
}

bool holds_text(AttributeType type) {
  switch (type) {
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::secret:
      return true;
    case AttributeType::boolean:
    case AttributeType::integer:
    case AttributeType::number:
    case AttributeType::size:
    case AttributeType::duration:
    case AttributeType::choice:
    case AttributeType::string_list:
    case AttributeType::cpu_list:
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
    case AttributeType::reference:
    case AttributeType::reference_list:
    case AttributeType::raw:
      return false;
  }
  return false;
}

// A value of an old file. The 2004 triple of a disk, which xl has no form for, becomes its string.
std::string written(const V& value, const Attribute& attribute, std::string_view spelling) {
  switch (value.tag()) {
    case Tag::string:
      return quoted(value.text());
    case Tag::boolean:
      return value.integer() != 0 ? "1" : "0";
    case Tag::integer:
      if (reads_back(spelling, value.integer())) return std::string(spelling);
      // A number for a key that holds text keeps its spelling, as everywhere.
      if (holds_text(attribute.type))
        return quoted(spelling.empty() ? str(value) : std::string(spelling));
      return number(value.integer());
    case Tag::floating:
      if (holds_text(attribute.type) || attribute.type == AttributeType::raw)
        return quoted(spelling.empty() ? str(value) : std::string(spelling));
      return number(static_cast<int64_t>(value.floating()));
    case Tag::list:
    case Tag::tuple: {
      const auto& items = value.as<SequenceObject>().items;
      const bool triple = attribute.type == AttributeType::vbd_list && items.size() == 3 &&
                          value.is(Tag::tuple) && items[0].is(Tag::string);
      if (triple && items[1].is(Tag::string) && items[2].is(Tag::string))
        return quoted(triple_as_string(value.as<SequenceObject>()));
      std::vector<std::string> parts;
      for (const V& item : items) parts.push_back(written(item, attribute, {}));
      return listed(parts);
    }
    case Tag::vbd:
      return quoted(disk_string(value.as<VbdObject>().vbd));
    case Tag::vif:
      return quoted(vif_string(value.as<VifObject>().vif));
    default:
      return quoted(str(value));
  }
}

bool xl_knows(const Attribute& attribute) {
  const std::string_view generations = attribute.generations;
  for (std::size_t at = 0; at < generations.size();) {
    const std::size_t end = std::min(generations.find_first_of(" ,", at), generations.size());
    if (generations.substr(at, end - at) == "xl") return true;
    at = end + 1;
  }
  return false;
}

class Writer {
 public:
  explicit Writer(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void set(std::string_view name, const std::string& value) {
    text_ += std::string(name) + " = " + value + "\n";
  }

  // What no version of xl reads stays visible, and is told.
  void leave_out(std::string_view name, std::string value, Span span) {
    std::replace(value.begin(), value.end(), '\n', ' ');
    left_out_ += "# " + std::string(name) + " = " + value + "\n";
    Diagnostic& warning =
        diagnostics_.report(Code::not_translated, span, "xl has no `" + std::string(name) + "`");
    warning.help = "it stands in a comment at the end";
  }

  // xl's grammar has neither the virtual disks of 2004 nor xm's `w!`.
  void check_disk(const std::string& text, Span span) {
    const lang::DiskResult result = lang::parse_disk_string(text);
    if (!result.disk) return;
    if (result.disk->backend == "vd") {
      diagnostics_.report(Code::not_translated, span, "xl has no virtual disks: `" + text + "`")
          .help = "`hv vd show` tells the extents of a virtual disk";
    } else if (result.disk->access == lang::DiskString::Access::write_shared) {
      diagnostics_.report(Code::not_translated, span, "xl has no mode `w!`: `" + text + "`").help =
          "xl checks no sharing; write `w` for it";
    }
  }

  void by_default(std::string_view name, const std::string& value) {
    defaults_ += "# " + std::string(name) + " = " + value + "\n";
  }

  std::string take() {
    if (!defaults_.empty()) text_ += "\n# What no file sets:\n" + defaults_;
    if (!left_out_.empty()) text_ += "\n# xl has no words for:\n" + left_out_;
    return std::move(text_);
  }

 private:
  Diagnostics& diagnostics_;
  std::string text_;
  std::string left_out_;
  std::string defaults_;
};

// A typed value in the unit in which xl counts it.
std::string written(const Value& value, const Attribute& attribute) {
  if (const bool* flag = value.get<bool>()) return *flag ? "1" : "0";
  if (const int64_t* n = value.get<int64_t>()) return number(*n);
  if (const double* d = value.get<double>()) return number(static_cast<int64_t>(*d));
  if (const std::string* text = value.get<std::string>()) return quoted(*text);
  if (const Secret* secret = value.get<Secret>()) return quoted(secret->text);
  if (const Bytes* size = value.get<Bytes>()) return number(size->count / attribute.bare_unit);
  if (const Duration* d = value.get<Duration>()) return number(d->count / attribute.bare_unit);
  if (const Address* address = value.get<Address>()) return quoted(to_string(*address));
  std::vector<std::string> parts;
  if (const List* list = value.get<List>())
    for (const Value& item : *list) parts.push_back(written(item, attribute));
  if (const Record* record = value.get<Record>())
    for (const auto& [key, item] : *record) parts.push_back(quoted(key + "=" + to_human(item)));
  return listed(parts);
}

}  // namespace

std::string disk_string(const Vbd& vbd) {
  if (auto same = vbd_from_string(vbd.written); same && same_settings(*same, vbd))
    return vbd.written;
  if (vbd.backend == "vd")
    return "vd:" + vbd.source + "," + vbd.device + "," + std::string(to_string(vbd.mode));
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ",") + part; };
  if (!vbd.format.empty()) add("format=" + vbd.format);
  add("vdev=" + vbd.device);
  add("access=" + std::string(to_string(vbd.mode)));
  if (!vbd.backend.empty()) add("backendtype=" + vbd.backend);
  if (!vbd.script.empty()) add("script=" + vbd.script);
  if (vbd.cdrom) add("devtype=cdrom");
  for (const auto& [key, value] : vbd.options) add(value.empty() ? key : key + "=" + value);
  if (!vbd.source.empty() || !vbd.cdrom) add("target=" + vbd.source);
  return out;
}

std::string vif_string(const Vif& vif) {
  std::string out;
  for (const auto& [key, value] : vif.settings) out += (out.empty() ? "" : ",") + key + "=" + value;
  return out;
}

std::string write_xl(const LegacyDomain& domain, Diagnostics& diagnostics) {
  Writer writer(diagnostics);
  for (const LegacyKey& key : domain.keys) {
    const std::string value = written(key.value, *key.attribute, key.spelling);
    if (!xl_knows(*key.attribute)) {
      writer.leave_out(key.attribute->name, value, key.span);
      continue;
    }
    writer.set(key.attribute->name, value);
    if (key.attribute->type != AttributeType::vbd_list) continue;
    if (key.value.is(Tag::list) || key.value.is(Tag::tuple))
      for (const V& item : key.value.as<SequenceObject>().items)
        if (item.is(Tag::string)) writer.check_disk(item.text(), key.span);
  }
  return writer.take();
}

std::string write_xl(const DomainSpec& given, const Schema& schema, Diagnostics& diagnostics,
                     Shown shown) {
  const DomainSpec domain = shown == Shown::whole ? given : without_secrets(given);
  Writer writer(diagnostics);
  const auto typed = [&](std::string_view name, const Value& value) {
    const Attribute* attribute = schema.find(Kind::domain, name);
    if (attribute == nullptr) return;
    if (xl_knows(*attribute))
      writer.set(name, written(value, *attribute));
    else
      writer.leave_out(name, written(value, *attribute), Span{});
  };
  writer.set("name", quoted(domain.name));
  if (domain.uuid) writer.set("uuid", quoted(to_string(*domain.uuid)));
  // The parts of the command line that xl does not know go into the whole of it.
  const bool whole_line =
      domain.attributes.contains("cmdline_root") || domain.attributes.contains("cmdline_ip");
  if (whole_line) typed("cmdline", schema.effective(Kind::domain, "cmdline", domain.attributes));
  for (const auto& [name, value] : domain.attributes) {
    const bool part = name == "cmdline_root" || name == "cmdline_ip" || name == "cmdline" ||
                      name == "root" || name == "extra";
    if (!whole_line || !part) typed(name, value);
  }
  std::vector<std::string> parts;
  for (const Vbd& vbd : domain.vbds) {
    const std::string text = disk_string(vbd);
    writer.check_disk(text, Span{});
    parts.push_back(quoted(text));
  }
  if (domain.sets_disk) writer.set("disk", listed(parts));
  parts.clear();
  for (const Vif& vif : domain.vifs) parts.push_back(quoted(vif_string(vif)));
  if (domain.sets_vif) writer.set("vif", listed(parts));
  if (domain.state != PowerState::running)
    writer.leave_out("state", quoted(std::string(to_string(domain.state))), Span{});
  if (domain.sharing) writer.leave_out("sharing", std::to_string(*domain.sharing), Span{});
  if (domain.lifecycle != Lifecycle{}) writer.leave_out("lifecycle", "(see the source)", Span{});
  if (shown == Shown::without_secrets)
    for (const auto& [attribute, value] : defaults_of(domain, schema))
      if (xl_knows(*attribute)) writer.by_default(attribute->name, written(value, *attribute));
  return writer.take();
}

}  // namespace hv::compiler
