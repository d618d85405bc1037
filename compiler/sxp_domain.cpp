// What xend knew of a domain, `(domain (name web) …)`, as the keys of xm that make the same.
#include <algorithm>
#include <bit>
#include <charconv>

#include "base/hash.h"
#include "compiler/compilation.h"
#include "lang/disk_string.h"

namespace hv::compiler {
namespace {

using lang::Sxp;

constexpr std::size_t kLargest = 64u << 20;

// Facts of the moment, and what xend kept for itself.
constexpr std::string_view kOfTheMoment[] = {"domid",
                                             "status",
                                             "state",
                                             "cpu_time",
                                             "up_time",
                                             "start_time",
                                             "online_vcpus",
                                             "store_mfn",
                                             "console_mfn",
                                             "vm",
                                             "security",
                                             "change_home_server",
                                             "shutdown_reason",
                                             "running",
                                             "blocked",
                                             "last_shutdown_time",
                                             "last_shutdown_reason",
                                             "vcpus_max"};
constexpr std::string_view kOfTheImage[] = {"vcpus", "pci", "notes", "device_model_pid", "oos"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// The text of a list's one word: `(mode w)`. Empty where it is no such list.
std::string word_of(const Sxp& list) {
  return list.items.size() == 2 && !list.items[1].is_list ? list.items[1].text : std::string();
}
std::string word_of(const Sxp& device, std::string_view name) {
  const Sxp* found = device.find(name);
  return found == nullptr ? std::string() : word_of(*found);
}

// xm's disk string; what xm parted at commas that were none is put together again.
std::string disk_of(const Sxp& device) {
  const std::string uname = word_of(device, "uname"), dev = word_of(device, "dev"),
                    mode = word_of(device, "mode"), backend = word_of(device, "backend"),
                    protocol = word_of(device, "protocol");
  std::string text = uname + "," + dev + "," + mode;
  const bool xl_parts = uname.find(':') == std::string::npos && !uname.empty();
  if (xl_parts || backend.find('=') != std::string::npos) {
    // A string of xl, which xm took for its own.
    for (const std::string& part : {backend, protocol})
      if (!part.empty()) text += "," + part;
    if (lang::parse_disk_string(text).disk) return text;
    text = "vdev=" + dev + ",access=" + mode + ",target=" + uname;
  } else if (!backend.empty() && backend != "0" && backend != "Domain-0") {
    text += ",backend=" + backend;
  }
  return text;
}

template <std::size_t N>
std::string settings_of(const Sxp& device, const std::string_view (&keys)[N]) {
  std::string text;
  for (const Sxp& item : device.items) {
    const std::string_view key = item.head();
    const std::string value = word_of(item);
    const bool of_dom0 = key == "backend" && (value == "0" || value == "Domain-0");
    if (value.empty() || of_dom0 || !is_one_of(key, keys)) continue;
    text += (text.empty() ? "" : ",") + std::string(key) + "=" + value;
  }
  return text;
}

// "0x1b" as xend wrote it, in so many digits.
std::string hex_digits(const std::string& text, std::size_t digits) {
  std::string out = text.starts_with("0x") ? text.substr(2) : text;
  while (out.size() < digits) out.insert(0, "0");
  return out;
}

std::string pci_of(const Sxp& device) {
  const auto part = [&](std::string_view name, std::size_t digits) {
    const std::string text = word_of(device, name);
    return hex_digits(text.empty() ? "0" : text, digits);
  };
  std::string text =
      part("domain", 4) + ":" + part("bus", 2) + ":" + part("slot", 2) + "." + part("func", 1);
  if (const Sxp* options = device.find("opts"))
    for (const Sxp& list : options->items)
      for (const Sxp& option : list.items)
        if (option.is_list && !word_of(option).empty())
          text += "," + std::string(option.head()) + "=" + word_of(option);
  return text;
}

}  // namespace

void Compilation::compile_sxp(const Root& root) {
  current_root_ = &root;
  Result<std::string> text = root.path == "-"
                                 ? Result<std::string>(request_.standard_input.value_or(""))
                                 : request_.files->read(request_.files->canonical(root.path));
  LoadedFile file;
  file.path = root.path;
  file.shown = root.path == "-" ? "<stdin>" : shown_path(root.path);
  root_ = root.path == "-" ? "-" : file.shown;
  if (!text.ok() || text->size() > kLargest) {
    Diagnostic& diagnostic = diagnostics_.report(
        text.ok() ? Code::file_too_large : text.error().code, Span{},
        text.ok() ? "`" + file.shown + "` is too large for what xend wrote" : text.error().message);
    diagnostic.file = file.shown;
    return;
  }
  graph_.inputs.push_back(InputFile{file.shown, sha256_hex(*text)});
  file.file = sources_.add(file.shown, std::move(*text));
  Diagnostics found;
  const std::vector<Sxp> forms = lang::parse_sxp(file.file, sources_, found);
  for (const Diagnostic& diagnostic : found.all()) diagnostics_.report(diagnostic);
  if (found.has_errors()) return;
  std::size_t domains = 0;
  for (const Sxp& form : forms) {
    if (form.head() != "vm" && form.head() != "domain") continue;
    ++domains;
    domain_from_sxp(file, form, root);
  }
  if (domains == 0) {
    Diagnostic& diagnostic = diagnostics_.report(Code::syntax_error, Span{file.file, 0, 0},
                                                 "no `(domain …)` and no `(vm …)` stands here");
    diagnostic.help = "this is what `xm list -l NAME` and `xm create -n` print";
  }
  current_root_ = nullptr;
}

// xend had the most virtual CPUs, and a mask of those that are on; a mask of the first ones is what
// `vcpus` and `maxvcpus` say.
void Compilation::initial_vcpus(std::map<std::string, Key, std::less<>>& keys) {
  const auto most = keys.find("vcpus"), mask = keys.find("vcpu_avail");
  if (most == keys.end() || mask == keys.end()) return;
  if (!most->second.value.is(Tag::integer) || !mask->second.value.is(Tag::integer)) return;
  const auto bits = static_cast<uint64_t>(mask->second.value.integer());
  const int64_t count = most->second.value.integer();
  const int64_t on = std::popcount(bits);
  if (on == 0 || on > count || (bits & (bits + 1)) != 0) return;
  Key now = most->second;
  now.spelling = {};
  now.value = V::integer(on);
  if (on < count) {
    now.attribute = request_.schema->find(Kind::domain, "maxvcpus");
    now.value = V::integer(count);
    keys["maxvcpus"] = now;
    now.attribute = most->second.attribute;
    now.value = V::integer(on);
  }
  keys["vcpus"] = now;
  keys.erase(mask);
}

void Compilation::domain_from_sxp(LoadedFile& file, const Sxp& form, const Root& root) {
  std::map<std::string, Key, std::less<>> keys;
  std::map<std::string, std::vector<V>, std::less<>> lists;
  std::map<std::string, Span, std::less<>> list_spans;
  const auto leave_out = [&](const Sxp& what) {
    diagnostics_
        .report(Code::not_translated, what.span,
                "`" + std::string(what.head()) + "` is not translated")
        .help = "no file of xm or xl can say it";
  };
  const auto set = [&](std::string_view name, V value, std::string_view spelling, Span span) {
    const Attribute* attribute = request_.schema->find_key(name, false);
    if (attribute == nullptr) attribute = request_.schema->find(Kind::domain, name);
    if (attribute == nullptr) return false;
    if (attribute->type == AttributeType::string_list && value.is(Tag::string) &&
        !attribute->lone_string)
      value = make_list({value});
    keys[std::string(attribute->name)] =
        Key{attribute, std::move(value), attribute->name, spelling, span};
    return true;
  };
  // A word as xm had it: a number where it is one.
  const auto value_of = [](const Sxp& word) {
    const std::string& text = word.text;
    const char* const end = text.data() + text.size();
    int64_t n = 0;
    if (auto [last, error] = std::from_chars(text.data(), end, n);
        !word.quoted && error == std::errc() && last == end)
      return V::integer(n);
    double d = 0;
    if (auto [last, error] = std::from_chars(text.data(), end, d);
        !word.quoted && error == std::errc() && last == end)
      return V::floating(d);
    return V::string(text);
  };
  const auto setting = [&](const Sxp& item, std::string_view name) {
    if (item.items.size() < 2) return;
    const Sxp& first = item.items[1];
    if (item.items.size() == 2 && !first.is_list) {
      if (!first.text.empty() && !set(name, value_of(first), first.text, first.span))
        leave_out(item);
      return;
    }
    // `(cpus (2 3))`, `(cpus ((2) (3)))`: a set for each virtual CPU.
    std::vector<V> values;
    for (const Sxp& each : first.is_list ? first.items : item.items) {
      if (&each == &item.items[0]) continue;
      std::string text;
      if (each.is_list)
        for (const Sxp& part : each.items) text += (text.empty() ? "" : ",") + part.text;
      else
        text = each.text;
      if (!text.empty()) values.push_back(V::string(text));
    }
    if (!values.empty() && !set(name, make_list(std::move(values)), {}, item.span)) leave_out(item);
  };
  const auto add = [&](const char* list, std::string text, Span span) {
    lists[list].push_back(V::string(std::move(text)));
    list_spans.try_emplace(list, span);
  };

  const Sxp* const image = form.find("image");
  const Sxp* const machine = image != nullptr && image->items.size() > 1 && image->items[1].is_list
                                 ? &image->items[1]
                                 : nullptr;
  const bool hvm = machine != nullptr && (machine->head() == "hvm" || machine->head() == "vmx");
  static constexpr std::string_view kVifKeys[] = {"mac",     "bridge", "script", "ip",  "type",
                                                  "vifname", "model",  "rate",   "mtu", "backend"};
  static constexpr std::string_view kVfbKeys[] = {
      "vnc", "vnclisten", "vncpasswd", "vncdisplay", "vncunused", "keymap",
      "sdl", "opengl",    "display",   "xauthority", "videoram",  "type"};
  static constexpr std::string_view kTpmKeys[] = {"backend", "instance", "pref_instance", "uuid"};
  const auto device = [&](const Sxp& item) {
    const Sxp& what = item.items.size() > 1 ? item.items[1] : item;
    const std::string_view kind = what.head();
    if (kind == "vbd" || kind == "tap" || kind == "tap2") {
      add("disk", disk_of(what), what.span);
    } else if (kind == "vif") {
      add("vif", settings_of(what, kVifKeys), what.span);
    } else if (kind == "vfb") {
      // xend showed the screen of a fully virtualised machine twice.
      if (!hvm) add("vfb", settings_of(what, kVfbKeys), what.span);
    } else if (kind == "vtpm") {
      add("vtpm", settings_of(what, kTpmKeys), what.span);
    } else if (kind == "pci") {
      for (const Sxp& each : what.items)
        if (each.head() == "dev") add("pci", pci_of(each), each.span);
    } else if (kind == "vscsi") {
      for (const Sxp& each : what.items) {
        if (each.head() != "dev") continue;
        const std::string host = word_of(each, "p-dev");
        if (!host.empty()) add("vscsi", host + "," + word_of(each, "v-dev"), each.span);
      }
    } else if (kind == "ioports") {
      add("ioports",
          hex_digits(word_of(what, "from"), 1) + "-" + hex_digits(word_of(what, "to"), 1),
          what.span);
    } else if (kind == "irq") {
      add("irqs", word_of(what, "irq"), what.span);
    } else if (kind != "vkbd" && kind != "console") {
      leave_out(what);
    }
  };

  for (const Sxp& item : form.items) {
    const std::string_view name = item.head();
    if (name.empty() || name == "image" || is_one_of(name, kOfTheMoment)) continue;
    if (name == "device")
      device(item);
    else
      setting(item, name == "pool_name" ? "pool" : name);
  }
  if (machine != nullptr) {
    set("builder", V::string(std::string(machine->head())), {}, machine->items[0].span);
    for (const Sxp& item : machine->items) {
      const std::string_view name = item.head();
      if (name.empty() || is_one_of(name, kOfTheImage)) continue;
      if (name == "args")
        setting(item, "extra");
      else if (name == "ip" && !word_of(item).empty())
        set("cmdline_ip", V::string("ip=" + word_of(item)), {}, item.span);
      else if (name != "ip")
        setting(item, name);
    }
  }
  initial_vcpus(keys);
  for (auto& [name, values] : lists) {
    const Span span = list_spans[name];
    set(name, make_list(std::move(values)), {}, span);
  }
  const std::size_t before = graph_.resources().size();
  domain_from_keys(file, keys, root);
  if (graph_.resources().size() > before)
    keep_keys(keys, address_of(graph_.resources().back()), keys.contains("cmdline_ip"));
}

}  // namespace hv::compiler
