// A hand-written scanner with libxlutil's rules: at each item the longest reading wins, prefixes
// swallow the choice, `target=` swallows the rest.
#include "lang/disk_string.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/diagnostics.h"

namespace hv::lang {
namespace {

constexpr std::string_view kKeys[] = {
    "access",    "active-disk",   "backend", "backendtype", "colo-export",
    "colo-host", "colo-port",     "devtype", "format",      "hidden-disk",
    "script",    "specification", "target",  "vdev",
};
constexpr std::string_view kFlags[] = {
    "cdrom", "colo", "direct-io-safe", "discard", "no-colo", "no-discard",
};
constexpr std::string_view kFormats[] = {"empty", "qcow", "qcow2", "qed", "raw", "vhd"};
constexpr std::string_view kBackends[] = {"phy", "qdisk", "standalone", "tap"};
constexpr std::string_view kModes[] = {"!", "r", "ro", "rw", "w", "w!"};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_lower_or_digit(char c) {
  return is_lower(c) || (c >= '0' && c <= '9');
}

class DiskParser {
 public:
  explicit DiskParser(std::string_view text) : text_(text) {}

  DiskResult run() {
    while (!failed_) {
      skip_blanks();
      // A `=` that ends the string means nothing to libxlutil.
      if (at_ >= text_.size() || text_.substr(at_) == "=") break;
      if (!prefix() && !key_value() && !flag()) positional();
    }
    if (!failed_) finish();
    DiskResult result;
    result.mistakes = std::move(mistakes_);
    if (result.mistakes.empty()) result.disk = std::move(disk_);
    return result;
  }

 private:
  void mistake(std::size_t begin, std::size_t end, std::string message, std::string help = {}) {
    failed_ = true;
    mistakes_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                         std::move(message), std::move(help)});
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }

  // phy: file: tap: … in front of the target (or, as xm files have it, of the vdev).
  bool prefix() {
    std::size_t colon = at_;
    if (!is_lower(text_[at_])) return false;
    while (colon < text_.size() && is_lower_or_digit(text_[colon])) ++colon;
    if (colon >= text_.size() || text_[colon] != ':') return false;
    const std::string_view word = text_.substr(at_, colon - at_);
    const std::size_t begin = at_;
    if (word == "vd" && !has_target_) {
      const std::size_t comma = std::min(text_.find(',', colon), text_.size());
      disk_.backend = "vd";
      set(disk_.target, has_target_, "target", colon + 1, comma, &disk_.target_at);
      had_prefix_ = true;
      at_ = std::min(comma + 1, text_.size());
      if (disk_.target.empty())
        mistake(begin, comma, "`vd:` names no virtual disk", "write its name after the colon");
      return true;
    }
    if (word == "raw" || word == "qcow" || word == "qcow2" || word == "vhd") {
      set_format(begin, colon);
    } else if (word == "iscsi" || word == "nbd" || word == "enbd" || word == "drbd") {
      const std::string script = "block-" + std::string(word);
      if (has_script_ && !disk_.script.empty())
        mistake(begin, colon,
                "the script is given twice: `" + disk_.script + "` and `" + script + "`");
      disk_.script = script;
      has_script_ = true;
    } else if (word != "tapdisk" && word != "tap" && word != "tap2" && word != "aio" &&
               word != "ioemu" && word != "file" && word != "phy") {
      // Only where nothing of a path follows: `a:b` and `C:/x` are paths.
      const bool alone = colon + 1 >= text_.size() || !is_lower_or_digit(text_[colon + 1]);
      if (!alone) return false;
      mistake(begin, colon + 1, "unknown prefix `" + std::string(word) + ":`",
              "known are phy: file: tap: tap2: tapdisk: aio: ioemu: raw: qcow: qcow2: vhd: nbd: "
              "iscsi: enbd: drbd: vd:");
      return true;
    }
    had_prefix_ = true;
    at_ = colon + 1;
    return true;
  }

  bool key_value() {
    std::size_t equals = at_;
    while (equals < text_.size() && (is_lower_or_digit(text_[equals]) || text_[equals] == '-'))
      ++equals;
    if (!is_lower(text_[at_]) || equals >= text_.size() || text_[equals] != '=') return false;
    const std::string_view key = text_.substr(at_, equals - at_);
    // Without a value it is no key that libxlutil would not know, but a positional part.
    const bool empty = equals + 1 >= text_.size() || text_[equals + 1] == ',';
    if (empty && !is_one_of(key, kKeys)) return false;
    const std::size_t begin = at_;
    const std::size_t value = equals + 1;
    if (key == "target") {
      std::size_t end = text_.size();
      if (end > value && text_[end - 1] == ',') --end;  // one trailing comma is dropped
      set(disk_.target, has_target_, "target", value, end, &disk_.target_at);
      at_ = text_.size();
      return true;
    }
    const std::size_t end = std::min(text_.find(',', value), text_.size());
    const std::string_view text = text_.substr(value, end - value);
    at_ = std::min(end + 1, text_.size());
    if (key == "format") {
      set_format(value, end);
    } else if (key == "access") {
      set_access(value, end);
    } else if (key == "devtype") {
      if (text == "cdrom")
        disk_.cdrom = true;
      else if (text == "disk")
        disk_.cdrom = false;
      else
        mistake(value, end, "unknown device type `" + std::string(text) + "`",
                "it is `cdrom` or `disk`");
    } else if (key == "backendtype") {
      if (!is_one_of(text, kBackends))
        unknown_value("backend type", value, end, kBackends);
      else if (!disk_.backend.empty() && disk_.backend != text)
        mistake(value, end, "the backend type is given twice");
      else
        disk_.backend = std::string(text);
    } else if (key == "vdev") {
      set(disk_.vdev, has_vdev_, "vdev", value, end, &disk_.vdev_at);
    } else if (key == "script") {
      set(disk_.script, has_script_, "script", value, end, nullptr);
    } else if (key == "colo-port") {
      set_colo_port(value, end);
    } else if (key == "specification" && text != "virtio") {
      static constexpr std::string_view kSpecifications[] = {"virtio"};
      unknown_value("specification", value, end, kSpecifications);
    } else if (is_one_of(key, kKeys)) {
      std::string& option = disk_.options[std::string(key)];
      const bool again = key == "specification" && option == text;
      if (!option.empty() && !again)
        mistake(value, end, "`" + std::string(key) + "` is given twice");
      option = std::string(text);
    } else {
      std::string help =
          "known are format, vdev, access, target, backendtype, backend, script, "
          "devtype, specification";
      if (auto near = nearest(key, kKeys)) help = "did you mean `" + std::string(*near) + "`?";
      mistake(begin, equals, "unknown disk parameter `" + std::string(key) + "`", help);
    }
    return true;
  }

  bool flag() {
    const std::size_t end = std::min(text_.find_first_of(",=", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    if (!is_one_of(word, kFlags)) return false;
    at_ = end < text_.size() && text_[end] == ',' ? end + 1 : end;
    if (word == "cdrom")
      disk_.cdrom = true;
    else
      set_flag(word);
    return true;
  }

  // `discard` and `no-discard` are one setting; the last word counts.
  void set_flag(std::string_view word) {
    const bool off = word.starts_with("no-");
    disk_.options.erase(off ? std::string(word.substr(3)) : "no-" + std::string(word));
    disk_.options[std::string(word)] = "";
  }

  void positional() {
    const std::size_t begin = at_;
    const std::size_t end = std::min(text_.find_first_of("=,", at_), text_.size());
    if (end + 1 < text_.size() && text_[end] == '=') {
      mistake(begin, end + 1, "a `=` inside a positional part",
              "write `target=` before a name with `=` in it, as the last parameter");
      return;
    }
    at_ = end < text_.size() && text_[end] == ',' ? end + 1 : end;
    if (!has_target_) {
      set(disk_.target, has_target_, "target", begin, end, &disk_.target_at);
    } else if (!had_prefix_ && !has_format_) {
      // `,hdc:cdrom,r`: an empty drive in the format's place.
      if (disk_.target.empty() && vdev_and_devtype(begin, end)) {
        disk_.format = "empty";
        has_format_ = true;
      } else {
        set_format(begin, end);
      }
    } else if (!has_vdev_) {
      if (!vdev_and_devtype(begin, end))
        set(disk_.vdev, has_vdev_, "vdev", begin, end, &disk_.vdev_at);
    } else if (!access_taken_) {
      access_taken_ = true;
      set_access(begin, end);
    } else {
      mistake(begin, end, "too many positional parameters",
              "the order is target, format, vdev, access");
    }
  }

  bool vdev_and_devtype(std::size_t begin, std::size_t end) {
    const std::string_view text = text_.substr(begin, end - begin);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return false;
    set(disk_.vdev, has_vdev_, "vdev", begin, begin + colon, &disk_.vdev_at);
    const std::string_view type = text.substr(colon + 1);
    if (type == "cdrom")
      disk_.cdrom = true;
    else if (type == "disk")
      disk_.cdrom = false;
    else
      mistake(begin + colon + 1, end, "unknown device type `" + std::string(type) + "`",
              "it is `cdrom` or `disk`");
    return true;
  }

  // An empty value may be overwritten; another one not, even by itself.
  void set(std::string& into, bool& has, const char* what, std::size_t begin, std::size_t end,
           std::pair<uint32_t, uint32_t>* place) {
    const std::string value(text_.substr(begin, end - begin));
    if (has && !into.empty()) {
      mistake(begin, end,
              std::string("the ") + what + " is given twice: `" + into + "` and `" + value + "`");
      return;
    }
    into = value;
    has = true;
    if (place != nullptr) *place = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }

  template <std::size_t N>
  void unknown_value(const char* what, std::size_t begin, std::size_t end,
                     const std::string_view (&known)[N]) {
    const std::string_view text = text_.substr(begin, end - begin);
    std::string help;
    for (const std::string_view each : known)
      if (each != "!") help += (help.empty() ? "it is one of `" : ", `") + std::string(each) + "`";
    if (what == std::string_view("format")) help += "; the order is target, format, vdev, access";
    mistake(begin, end, std::string("unknown ") + what + " `" + std::string(text) + "`", help);
  }

  void set_format(std::size_t begin, std::size_t end) {
    std::string_view value = text_.substr(begin, end - begin);
    if (value.empty()) value = "raw";
    if (!is_one_of(value, kFormats)) {
      unknown_value("format", begin, end, kFormats);
      return;
    }
    if (has_format_ && disk_.format != value) {
      mistake(begin, end,
              "the format is given twice: `" + disk_.format + "` and `" + std::string(value) + "`");
      return;
    }
    disk_.format = std::string(value);
    has_format_ = true;
  }

  // As strtol reads it: digits in front, whatever follows; port 0 is none.
  void set_colo_port(std::size_t begin, std::size_t end) {
    const std::string value(text_.substr(begin, end - begin));
    const long port = std::strtol(value.c_str(), nullptr, 10);
    if (port == 0) {
      mistake(begin, end, "`colo-port` is a number from 1 on");
      return;
    }
    disk_.options["colo-port"] = std::to_string(port);
  }

  void set_access(std::size_t begin, std::size_t end) {
    const std::string_view value = text_.substr(begin, end - begin);
    if (value.empty() || value == "rw" || value == "w")
      disk_.access = DiskString::Access::write;
    else if (value == "r" || value == "ro")
      disk_.access = DiskString::Access::read;
    else if (value == "w!" || value == "!")
      disk_.access = DiskString::Access::write_shared;
    else {
      unknown_value("access mode", begin, end, kModes);
      return;
    }
    disk_.access_at = {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }

  void finish() {
    if (disk_.cdrom) {
      disk_.removable = true;
      disk_.access = DiskString::Access::read;
      if (disk_.target.empty()) disk_.format = "empty";
    }
    if (disk_.format.empty() && disk_.backend != "vd") disk_.format = "raw";
    if (!has_vdev_)
      mistake(0, text_.size(), "the disk has no device name in the guest",
              "for example `phy:vg0/web,xvda,w`");
    else if (!has_target_ && !disk_.removable)
      mistake(0, text_.size(), "the disk has no target, and is not removable",
              "for example `phy:vg0/web,xvda,w`");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  DiskString disk_;
  bool has_target_ = false, has_vdev_ = false, has_format_ = false, has_script_ = false;
  bool had_prefix_ = false, access_taken_ = false, failed_ = false;
  std::vector<StringMistake> mistakes_;
};

}  // namespace

DiskResult parse_disk_string(std::string_view text) {
  return DiskParser(text).run();
}

}  // namespace hv::lang
