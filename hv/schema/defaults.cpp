// What holds where no file says anything: the table's defaults, and the rules over several
// attributes that xl 4.17 (and, for the command line, xm) has.
#include <array>
#include <string>

#include "hv/schema/schema.h"

namespace hv {

namespace {

// The text between the quotes of a default, which knows no escapes but \" and \\.
std::string unquoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') ++i;
    out += text[i];
  }
  return out;
}

Value parsed_default(const Attribute& attribute) {
  std::string_view text = attribute.default_text;
  if (text.empty()) return {};
  switch (attribute.type) {
    case AttributeType::boolean:
      return text == "True";
    case AttributeType::integer:
      return static_cast<int64_t>(std::stoll(std::string(text)));
    case AttributeType::number:
      return std::stod(std::string(text));
    case AttributeType::size:
      return *parse_bytes(text);
    case AttributeType::duration:
      return *parse_duration(text);
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::choice:
      return unquoted(text);
    case AttributeType::secret:
      return Secret{unquoted(text)};
    case AttributeType::string_list:
    case AttributeType::cpu_list:
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
    case AttributeType::reference:
    case AttributeType::reference_list:
    case AttributeType::raw:
      return {};  // the generator refuses defaults of these
  }
  HV_CHECK(false, "an attribute type without defaults");
}

const Value* given_value(const Attributes& given, std::string_view name) {
  const Value* value = given.find(name);
  return value == nullptr || value->is_unset() ? nullptr : value;
}

std::string text_of(const Attributes& given, std::string_view name) {
  const std::string* text = given.get<std::string>(name);
  return text == nullptr ? std::string() : *text;
}

// The rules that look at more than one attribute. Nothing: no rule decides, the table does.
class Rules {
 public:
  Rules(const Schema& schema, const Attributes& given) : schema_(schema), given_(given) {}

  std::optional<Value> decide(std::string_view name) const {
    struct Rule {
      std::string_view name;
      Value (Rules::*rule)() const;
    };
    static constexpr std::array<Rule, 7> kRules = {{
        {"bios", &Rules::bios},
        {"cmdline", &Rules::cmdline},
        {"shadow_memory", &Rules::shadow_memory},
        {"type", &Rules::type},
        {"vga", &Rules::vga},
        {"videoram", &Rules::videoram},
        {"vnc", &Rules::vnc},
    }};
    for (const Rule& rule : kRules) {
      if (rule.name == name) return (this->*rule.rule)();
    }
    return std::nullopt;
  }

 private:
  std::string effective_text(std::string_view name) const {
    Value value = schema_.effective(Kind::domain, name, given_);
    const std::string* text = value.get<std::string>();
    return text == nullptr ? std::string() : *text;
  }

  Value type() const {
    const Attribute* builder = schema_.find(Kind::domain, "builder");
    std::optional<std::string_view> chosen = choice_from(*builder, text_of(given_, "builder"));
    return chosen == "hvm" ? "hvm" : "pv";
  }

  Value vnc() const { return effective_text("type") == "hvm"; }

  Value vga() const {
    const bool* standard = given_.get<bool>("stdvga");
    return standard != nullptr && *standard ? "stdvga" : "cirrus";
  }

  bool traditional() const {
    return effective_text("device_model_version") == "qemu-xen-traditional";
  }

  Value bios() const { return traditional() ? "rombios" : "seabios"; }

  Value videoram() const {
    std::string card = effective_text("vga");
    if (card == "none") return mib(0);
    if (card == "qxl") return mib(128);
    if (card == "stdvga") return traditional() ? mib(8) : mib(16);
    return traditional() ? mib(4) : mib(8);
  }

  // libxl: a megabyte for each virtual CPU, and 8 KiB for each MiB the guest can have.
  Value shadow_memory() const {
    Value most = schema_.effective(Kind::domain, "maxmem", given_);
    Value cpus = schema_.effective(Kind::domain, "maxvcpus", given_);
    const Bytes* memory = most.get<Bytes>();
    const int64_t* count = cpus.get<int64_t>();
    if (memory == nullptr || count == nullptr) return {};
    return kib(1024 * *count + 8 * (memory->count / kMiB));
  }

  // The `ip=` argument as xm put it together from single keys.
  std::string ip_argument() const {
    std::string address = text_of(given_, "ip"), mode = text_of(given_, "dhcp");
    if (mode.empty()) mode = "off";
    if (address.empty() && mode == "off") return {};
    std::string server = text_of(given_, "nfs_server"), interface = text_of(given_, "interface");
    // A kernel that finds no server here would ask for one and wait.
    if (server.empty()) server = "127.0.255.255";
    if (interface.empty()) interface = "eth0";
    return "ip=" + address + ":" + server + ":" + text_of(given_, "gateway") + ":" +
           text_of(given_, "netmask") + ":" + text_of(given_, "hostname") + ":" + interface + ":" +
           mode;
  }

  Value cmdline() const {
    std::string line;
    auto add = [&line](const std::string& part) {
      if (part.empty()) return;
      line += (line.empty() ? "" : " ") + part;
    };
    std::string ip = text_of(given_, "cmdline_ip");
    add(ip.empty() ? ip_argument() : ip);
    add(text_of(given_, "cmdline_root"));
    std::string root = text_of(given_, "root");
    if (!root.empty()) add("root=" + root);
    std::string nfs = text_of(given_, "nfs_root");
    if (!nfs.empty()) add("nfsroot=" + text_of(given_, "nfs_server") + ":" + nfs);
    add(text_of(given_, "extra"));
    return line.empty() ? Value() : Value(line);
  }

  const Schema& schema_;
  const Attributes& given_;
};

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    std::size_t end = words.find(' ');
    if (words.substr(0, end) == word) return true;
    if (end == std::string_view::npos) return false;
    words.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

Value Schema::default_of(Kind kind, std::string_view name, const Attributes& given) const {
  const Attribute* attribute = find(kind, name);
  if (attribute == nullptr) return {};
  if (kind == Kind::domain) {
    if (!attribute->only_for.empty()) {
      Value type = effective(kind, "type", given);
      const std::string* word = type.get<std::string>();
      if (word == nullptr || !has_word(attribute->only_for, *word)) return {};
    }
    if (std::optional<Value> decided = Rules(*this, given).decide(attribute->name)) {
      return *decided;
    }
  }
  if (!attribute->follows.empty()) {
    if (const Value* followed = given_value(given, attribute->follows)) return *followed;
    if (attribute->default_text.empty()) return default_of(kind, attribute->follows, given);
  }
  return parsed_default(*attribute);
}

Value Schema::effective(Kind kind, std::string_view name, const Attributes& given) const {
  const Attribute* attribute = find(kind, name);
  if (attribute == nullptr) return {};
  const Value* value = given_value(given, attribute->name);
  return value != nullptr ? *value : default_of(kind, attribute->name, given);
}

}  // namespace hv
