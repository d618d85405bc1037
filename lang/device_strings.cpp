#include "lang/device_strings.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/diagnostics.h"
#include "base/ids.h"

namespace hv::lang {
namespace {

enum class Holds : uint8_t { text, number, flag, word, bdf, slot, uuid };

struct Option {
  std::string_view key;
  Holds holds = Holds::text;
  std::string_view words = {};  // of a word: what it may be, parted by blanks
};

constexpr Option kPci[] = {{"bdf", Holds::bdf},
                           {"msitranslate", Holds::flag},
                           {"name"},
                           {"permissive", Holds::flag},
                           {"power_mgmt", Holds::flag},
                           {"rdm_policy", Holds::word, "strict relaxed"},
                           {"seize", Holds::flag},
                           {"vslot", Holds::slot}};
constexpr Option kUsbController[] = {{"backend"},
                                     {"controller", Holds::number},
                                     {"ports", Holds::number},
                                     {"type", Holds::word, "auto pv devicemodel qusb"},
                                     {"version", Holds::number}};
constexpr Option kUsbDevice[] = {{"controller", Holds::number},
                                 {"hostaddr", Holds::number},
                                 {"hostbus", Holds::number},
                                 {"port", Holds::number},
                                 {"type", Holds::word, "hostdev"}};
constexpr Option kFramebuffer[] = {{"display"},
                                   {"keymap"},
                                   {"monitor"},
                                   {"opengl", Holds::number},
                                   {"sdl", Holds::number},
                                   {"serial"},
                                   {"type"},
                                   {"videoram", Holds::number},
                                   {"vnc", Holds::number},
                                   {"vncdisplay", Holds::number},
                                   {"vnclisten"},
                                   {"vncpasswd"},
                                   {"vncunused", Holds::number},
                                   {"xauthority"}};
constexpr Option kTpm[] = {
    {"backend"}, {"instance"}, {"pref_instance"}, {"type"}, {"uuid", Holds::uuid}};
constexpr Option kChannel[] = {
    {"backend"}, {"connection", Holds::word, "pty socket"}, {"name"}, {"path"}};

constexpr std::string_view kSerialWords[] = {"msmouse", "none", "null", "pty",
                                             "stdio",   "tty",  "vc",   "braille"};
constexpr std::string_view kSerialPrefixes[] = {
    "chardev", "file", "mon", "parport", "pipe", "pty", "tcp", "telnet", "udp", "unix", "vc"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Words parted by blanks: is `word` one of them?
std::vector<std::string_view> parted(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words)
    out += (out.empty() ? "`" : ", `") + std::string(word) + "`";
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  DeviceString take() { return std::move(result_); }

  // "0-3,^2", "all", "nodes:0-1,^node:1": commas part ranges; blanks before one are skipped.
  void cpu_set() {
    // An empty one, which xm files have, leaves the choice to the scheduler.
    each_part([&](std::size_t begin, std::size_t end) { cpu_range(begin, end); });
  }

  void pci() {
    std::size_t at = 0;
    const std::size_t first = std::min(text_.find(','), text_.size());
    const std::string_view head = text_.substr(0, first);
    // The device stands first, or behind `bdf=` or `name=`.
    if (head.find('=') == std::string_view::npos) {
      const std::size_t slot = std::min(head.find('@'), head.size());
      bdf(0, slot, true);
      if (slot < head.size()) hex(slot + 1, first, 0x1f, kSlot);
      if (!result_.mistakes.empty()) return;
      result_.settings["device"] = std::string(head);
      at = std::min(first + 1, text_.size());
    }
    while (at < text_.size() && result_.mistakes.empty()) {
      const std::size_t end = std::min(text_.find(',', at), text_.size());
      option(at, end, kPci, false);
      at = end + 1;
    }
    if (!result_.mistakes.empty()) return;
    const auto has = [&](const char* key) { return result_.settings.contains(key); };
    if (!has("device") && !has("bdf") && !has("name"))
      mistake(0, text_.size(), "the PCI device is not named", kPciHelp);
    else if (has("name") && (has("device") || has("bdf")))
      mistake(0, text_.size(), "the PCI device is named twice, by address and by name");
  }

  template <std::size_t N>
  void options(const Option (&known)[N], bool ignores_unknown = false) {
    each_part(
        [&](std::size_t begin, std::size_t end) { option(begin, end, known, ignores_unknown); });
  }

  void tpm() { options(kTpm); }

  void channel() {
    options(kChannel);
    if (!result_.mistakes.empty()) return;
    if (!result_.settings.contains("connection"))
      mistake(0, text_.size(), "the channel has no `connection`",
              "for example `connection=pty,name=org.qemu.guest_agent.0`");
    else if (result_.settings["connection"] == "socket" && !result_.settings.contains("path"))
      mistake(0, text_.size(), "a channel to a socket needs its `path`",
              "for example `connection=socket,path=/run/guest.sock,name=agent`");
  }

  // pdev, vdev and optionally the domain that serves it.
  void scsi() {
    std::vector<std::pair<std::size_t, std::size_t>> parts;
    std::size_t at = 0;
    while (at <= text_.size()) {
      const std::size_t end = std::min(text_.find(',', at), text_.size());
      // xm's own example has a blank behind the comma.
      std::size_t from = at, to = end;
      while (from < to && text_[from] == ' ') ++from;
      while (to > from && text_[to - 1] == ' ') --to;
      parts.emplace_back(from, to);
      at = end + 1;
    }
    static constexpr const char* kHelp = "for example `/dev/sdb,0:0:0:0`";
    if (parts.size() < 2 || parts.size() > 3) {
      mistake(0, text_.size(),
              "a SCSI device has two parts or three, not " + std::to_string(parts.size()), kHelp);
      return;
    }
    if (parts[0].first == parts[0].second)
      mistake(0, 0, "the SCSI device of the host is not named", kHelp);
    const auto [begin, end] = parts[1];
    std::string_view place = text_.substr(begin, end - begin);
    for (int i = 0; i < 4; ++i) {
      const std::size_t digits = std::min(place.find_first_not_of("0123456789"), place.size());
      const bool last = i == 3;
      const bool fits = digits > 0 && (last ? digits == place.size() || place == "0host"
                                            : digits < place.size() && place[digits] == ':');
      // "1:host": a whole adapter.
      if (!fits && place == "host" && i > 0) break;
      if (!fits) {
        mistake(begin, end, "`" + slice(begin, end) + "` is no place of a SCSI device",
                "host:channel:target:lun, for example 0:0:0:0");
        return;
      }
      place.remove_prefix(std::min(digits + 1, place.size()));
    }
    result_.settings["device"] = slice(parts[0].first, parts[0].second);
    result_.settings["place"] = slice(begin, end);
    if (parts.size() == 3) result_.settings["backend"] = slice(parts[2].first, parts[2].second);
  }

  // xl hands it to the device model as it is, so an unknown word is worth a warning and no more.
  void serial() {
    const std::size_t colon = text_.find(':');
    const std::string_view word = text_.substr(0, colon);
    result_.settings["device"] = std::string(text_);
    const bool device = text_.starts_with("/dev/") || text_.starts_with("COM");
    if (device || text_.empty()) return;
    const auto has = [&](auto& words) {
      return std::find(std::begin(words), std::end(words), word) != std::end(words);
    };
    if (colon == std::string_view::npos ? has(kSerialWords) : has(kSerialPrefixes)) return;
    std::string help =
        "known are pty, stdio, null, none, vc, /dev/…, file:, pipe:, tcp:, udp:, "
        "telnet:, unix:";
    const std::optional<std::string_view> near = colon == std::string_view::npos
                                                     ? nearest(word, kSerialWords)
                                                     : nearest(word, kSerialPrefixes);
    if (near) help = "did you mean `" + std::string(*near) + "`?";
    result_.ignored.push_back({0, static_cast<uint32_t>(word.size()),
                               "the device model knows no serial port `" + std::string(word) + "`",
                               std::move(help)});
  }

 private:
  static constexpr const char* kCpuHelp = "for example 0-3,^2 or node:1 or all";
  static constexpr const char* kSlot = "a slot is a hex number up to 1f";
  static constexpr const char* kPciHelp = "for example 03:00.0 or 0000:03:00.0";

  std::string slice(std::size_t begin, std::size_t end) const {
    return std::string(text_.substr(begin, end - begin));
  }

  void mistake(std::size_t begin, std::size_t end, std::string message, std::string help = {}) {
    result_.mistakes.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                                std::move(message), std::move(help)});
  }

  // Parts between commas that hold anything, without the blanks around them.
  template <typename Each>
  void each_part(Each each) {
    for (std::size_t at = 0; at < text_.size();) {
      const std::size_t end = std::min(text_.find(',', at), text_.size());
      std::size_t begin = at, stop = end;
      while (begin < stop && text_[begin] == ' ') ++begin;
      while (stop > begin && text_[stop - 1] == ' ') --stop;
      if (begin < stop) each(begin, stop);
      at = end + 1;
    }
  }

  void cpu_range(std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    const bool without = text_[at] == '^';
    if (without) ++at;
    for (const std::string_view word : {"nodes:", "node:"})
      if (text_.substr(at, end - at).starts_with(word)) {
        at += word.size();
        break;
      }
    const std::string_view rest = text_.substr(at, end - at);
    if (rest == "all") {
      if (without) mistake(begin, end, "all CPUs cannot be taken away", kCpuHelp);
      return;
    }
    const auto number = [&](std::string_view digits) -> std::optional<uint64_t> {
      uint64_t n = 0;
      const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
      if (error != std::errc() || last != digits.data() + digits.size()) return std::nullopt;
      return n;
    };
    const std::size_t dash = rest.find('-');
    const auto low = number(rest.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : number(rest.substr(dash + 1));
    if (!low || !high)
      mistake(at, end, "`" + std::string(rest) + "` is no CPU and no range of CPUs", kCpuHelp);
    else if (*high < *low)
      mistake(at, end, "the range " + std::string(rest) + " runs backwards",
              "write " + std::to_string(*high) + "-" + std::to_string(*low));
  }

  bool hex(std::size_t begin, std::size_t end, unsigned most, const char* what) {
    unsigned n = 0;
    const char* const stop = text_.data() + end;
    const auto [last, error] = std::from_chars(text_.data() + begin, stop, n, 16);
    if (error == std::errc() && last == stop && n <= most) return true;
    mistake(begin, end, "`" + slice(begin, end) + "` is no part of a PCI device's address", what);
    return false;
  }

  // What stands behind a hex number in a parameter, and libxlutil reads over.
  std::size_t end_of_hex(std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    while (at < end && std::isxdigit(static_cast<unsigned char>(text_[at])) != 0) ++at;
    if (at > begin && at < end)
      result_.ignored.push_back({static_cast<uint32_t>(at),
                                 static_cast<uint32_t>(end),
                                 "`" + slice(at, end) + "` means nothing here",
                                 {}});
    return at > begin ? at : end;
  }

  // [domain:]bus:device.function, all hex; `*` is every function. Standing first it must be all.
  void bdf(std::size_t begin, std::size_t end, bool whole) {
    const std::string_view all = text_.substr(begin, end - begin);
    const std::size_t dot = std::min(all.find('.'), all.size());
    const auto colons = std::count(all.begin(), all.begin() + static_cast<long>(dot), ':');
    if (dot == all.size() || colons < 1 || colons > 2) {
      mistake(begin, end, "`" + std::string(all) + "` is no address of a PCI device", kPciHelp);
      return;
    }
    std::size_t at = begin;
    if (colons == 2) {
      const std::size_t colon = text_.find(':', at);
      if (!hex(at, colon, 0xffff, "a PCI domain is a hex number up to ffff")) return;
      at = colon + 1;
    }
    const std::size_t colon = text_.find(':', at);
    if (!hex(at, colon, 0xff, "a bus is a hex number up to ff")) return;
    if (!hex(colon + 1, begin + dot, 0x1f, "a device is a hex number up to 1f")) return;
    const std::size_t function = begin + dot + 1;
    if (text_.substr(function, end - function) == "*") return;
    hex(function, whole ? end : end_of_hex(function, end), 7,
        "a function is a number up to 7, or `*`");
  }

  template <std::size_t N>
  void option(std::size_t begin, std::size_t end, const Option (&known)[N], bool ignores_unknown) {
    const std::size_t equals = std::min(text_.find('=', begin), end);
    std::size_t key_end = equals;
    while (key_end > begin && text_[key_end - 1] == ' ') --key_end;
    const std::string_view key = text_.substr(begin, key_end - begin);
    std::size_t value = std::min(equals + 1, end);
    while (value < end && text_[value] == ' ') ++value;
    const auto unread = [&](std::size_t from, std::size_t to, std::string message,
                            std::string help) {
      if (!ignores_unknown) return mistake(from, to, std::move(message), std::move(help));
      result_.ignored.push_back({static_cast<uint32_t>(from), static_cast<uint32_t>(to),
                                 std::move(message), std::move(help)});
    };
    std::vector<std::string_view> keys;
    for (const Option& each : known) keys.push_back(each.key);
    if (equals == end) {
      unread(begin, end, "`" + slice(begin, end) + "` is no `key=value`",
             "known are " + listed(keys));
      return;
    }
    const auto found = std::find_if(std::begin(known), std::end(known),
                                    [&](const Option& each) { return each.key == key; });
    if (found == std::end(known)) {
      const auto near = nearest(key, keys);
      unread(begin, key_end, "unknown parameter `" + std::string(key) + "`",
             near ? "did you mean `" + std::string(*near) + "`?" : "known are " + listed(keys));
      return;
    }
    if (!value_fits(*found, value, end)) return;
    result_.settings[std::string(key)] = slice(value, end);
  }

  bool value_fits(const Option& option, std::size_t begin, std::size_t end) {
    const std::string_view text = text_.substr(begin, end - begin);
    const std::string quoted = "`" + std::string(text) + "`";
    const std::string key = "`" + std::string(option.key) + "`";
    const auto wrong = [&](std::string message, std::string help = {}) {
      mistake(begin, end, std::move(message), std::move(help));
      return false;
    };
    switch (option.holds) {
      case Holds::text:
        return true;
      case Holds::number:
      case Holds::flag: {
        const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
        const bool number = !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
        const bool flag = option.holds == Holds::flag;
        if (flag ? text == "0" || text == "1" : number) return true;
        result_.ignored.push_back(
            {static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
             key + (flag ? " is 0 or 1, not " : " is a number, not ") + quoted,
             "xl reads what C's atoi makes of it"});
        return true;
      }
      case Holds::word: {
        const auto words = parted(option.words);
        if (std::find(words.begin(), words.end(), text) != words.end()) return true;
        const auto near = nearest(text, words);
        return wrong(
            key + " cannot be " + quoted,
            near ? "did you mean `" + std::string(*near) + "`?" : "it is one of " + listed(words));
      }
      case Holds::bdf: {
        const std::size_t before = result_.mistakes.size();
        bdf(begin, end, false);
        return result_.mistakes.size() == before;
      }
      case Holds::slot:
        return hex(begin, end_of_hex(begin, end), 0x1f, kSlot);
      case Holds::uuid:
        return parse_uuid(text).has_value() || wrong(quoted + " is no UUID");
    }
    return true;
  }

  std::string_view text_;
  DeviceString result_;
};

}  // namespace

DeviceString parse_device_string(DeviceGrammar grammar, std::string_view text) {
  Reader reader(text);
  switch (grammar) {
    case DeviceGrammar::cpu_set:
      reader.cpu_set();
      break;
    case DeviceGrammar::pci:
      reader.pci();
      break;
    case DeviceGrammar::usb_controller:
      reader.options(kUsbController);
      break;
    case DeviceGrammar::usb_device:
      reader.options(kUsbDevice);
      break;
    case DeviceGrammar::framebuffer:
      reader.options(kFramebuffer, true);
      break;
    case DeviceGrammar::scsi:
      reader.scsi();
      break;
    case DeviceGrammar::tpm:
      reader.tpm();
      break;
    case DeviceGrammar::serial:
      reader.serial();
      break;
    case DeviceGrammar::channel:
      reader.channel();
      break;
  }
  return reader.take();
}

}  // namespace hv::lang
