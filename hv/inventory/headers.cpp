#include "hv/inventory/headers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/ids.h"

namespace hv {
namespace {

constexpr std::size_t kMostName = 1023;  // qcow2's own limit
constexpr std::size_t kMostDescriptor = 65536;

uint64_t big(std::string_view bytes, std::size_t at, std::size_t size) {
  uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value = value << 8 | (at + i < bytes.size() ? static_cast<uint8_t>(bytes[at + i]) : 0);
  return value;
}

uint64_t little(std::string_view bytes, std::size_t at, std::size_t size) {
  uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i)
    value = value << 8 | (at + i - 1 < bytes.size() ? static_cast<uint8_t>(bytes[at + i - 1]) : 0);
  return value;
}

std::string until_nul(std::string_view bytes) {
  return std::string(bytes.substr(0, bytes.find('\0')));
}

std::optional<Bytes> size_of(uint64_t bytes_shown) {
  if (bytes_shown > uint64_t{1} << 62) return std::nullopt;
  return bytes(static_cast<int64_t>(bytes_shown));
}

// Offsets in a header are the image's own and may be anything.
std::string read_at(const ReadBytes& read, uint64_t offset, std::size_t count) {
  if (offset > uint64_t{1} << 62) return {};
  return read(static_cast<int64_t>(offset), count);
}

// QEMU also takes "json:{…}" for a name: where that means a file, its plain name says the same.
// What means something else stays as it is.
void make_plain(ImageHeader& header) {
  constexpr std::string_view kWord = "json:";
  if (!header.backing.starts_with(kWord)) return;
  const auto json = nlohmann::json::parse(header.backing.substr(kWord.size()), nullptr, false);
  if (!json.is_object()) return;
  const auto text = [](const nlohmann::json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string driver = text(json, "driver");
  const auto file = json.find("file");
  const nlohmann::json& node = file == json.end() || file->is_string() ? json : *file;
  std::string name = text(node, "filename");
  if (name.empty()) name = text(json, "file.filename");
  const std::string how = &node == &json ? text(json, "file.driver") : text(node, "driver");
  if (name.empty() || (how != "" && how != "file" && how != "host_device")) return;
  header.backing = name;
  if (driver == "raw" || driver == "file" || driver == "host_device") header.backing_format = "raw";
  if (driver == "qcow2" || driver == "vpc" || driver == "vmdk") header.backing_format = driver;
}

ImageHeader qcow(const std::string& head, const ReadBytes& read) {
  ImageHeader header;
  const uint64_t version = big(head, 4, 4);
  header.format = version >= 2 ? "qcow2" : "qcow";
  header.shows = size_of(big(head, 24, 8));
  const uint64_t name_at = big(head, 8, 8), name_size = big(head, 16, 4);
  if (name_at != 0 && name_size != 0 && name_size <= kMostName)
    header.backing = until_nul(read_at(read, name_at, name_size));
  if (version < 2) return header;
  // Header extensions: type, length, data padded to eight.
  uint64_t at = version >= 3 ? big(head, 100, 4) : 72;
  for (int i = 0; i < 64; ++i) {
    const std::string entry = read_at(read, at, 8);
    if (entry.size() < 8) break;
    const uint64_t type = big(entry, 0, 4), length = big(entry, 4, 4);
    if (type == 0 || length > kMostDescriptor) break;
    if (type == 0xE2792ACA) header.backing_format = until_nul(read_at(read, at + 8, length));
    if (type == 0x44415441) header.parts.push_back(until_nul(read_at(read, at + 8, length)));
    at += 8 + (length + 7) / 8 * 8;
  }
  make_plain(header);
  return header;
}

// The parent's name is UTF-16, the larger byte first.
std::string from_utf16(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    const auto unit = static_cast<uint32_t>(big(bytes, at, 2));
    if (unit == 0) break;
    if (unit < 0x80) {
      text += static_cast<char>(unit);
    } else if (unit < 0x800) {
      text += static_cast<char>(0xC0 | unit >> 6);
      text += static_cast<char>(0x80 | (unit & 0x3F));
    } else {
      text += static_cast<char>(0xE0 | unit >> 12);
      text += static_cast<char>(0x80 | (unit >> 6 & 0x3F));
      text += static_cast<char>(0x80 | (unit & 0x3F));
    }
  }
  return text;
}

ImageHeader vhd(const std::string& footer, const ReadBytes& read) {
  ImageHeader header;
  header.format = "vhd";
  header.shows = size_of(big(footer, 48, 8));
  constexpr uint64_t kDifferencing = 4;
  if (big(footer, 60, 4) != kDifferencing) return header;
  const std::string dynamic = read_at(read, big(footer, 16, 8), 1024);
  if (!dynamic.starts_with("cxsparse")) return header;
  header.backing = from_utf16(dynamic.size() > 64 ? std::string_view(dynamic).substr(64, 512) : "");
  std::replace(header.backing.begin(), header.backing.end(), '\\', '/');
  return header;
}

std::string quoted(std::string_view line) {
  const std::size_t begin = line.find('"');
  if (begin == std::string_view::npos) return {};
  const std::size_t end = line.find('"', begin + 1);
  if (end == std::string_view::npos) return {};
  return std::string(line.substr(begin + 1, end - begin - 1));
}

ImageHeader vmdk(std::string_view descriptor) {
  ImageHeader header;
  header.format = "vmdk";
  int64_t total = 0;
  while (!descriptor.empty()) {
    const std::size_t end = std::min(descriptor.find('\n'), descriptor.size());
    const std::string_view line = descriptor.substr(0, end);
    descriptor.remove_prefix(std::min(end + 1, descriptor.size()));
    if (line.starts_with("parentFileNameHint")) header.backing = quoted(line);
    const bool extent = line.starts_with("RW ") || line.starts_with("RDONLY ");
    if (!extent) continue;
    const std::string_view rest = line.substr(line.find(' ') + 1);
    int64_t count = 0;
    for (char c : rest) {
      if (c < '0' || c > '9' || count > int64_t{1} << 48) break;
      count = count * 10 + (c - '0');
    }
    total += std::min(count, int64_t{1} << 48);
    std::string file = quoted(line);
    if (!file.empty()) header.parts.push_back(std::move(file));
  }
  if (total > 0 && total < int64_t{1} << 52) header.shows = to_bytes(sectors(total));
  return header;
}

std::string uuid_text(std::string_view octets) {
  Uuid uuid;
  for (std::size_t i = 0; i < uuid.octets.size() && i < octets.size(); ++i)
    uuid.octets[i] = static_cast<uint8_t>(octets[i]);
  return uuid.is_nil() ? "" : to_string(uuid);
}

// GPT writes the first three fields of a UUID the smaller byte first.
std::string gpt_uuid(std::string_view octets) {
  std::string turned(octets);
  if (turned.size() < 16) return {};
  std::reverse(turned.begin(), turned.begin() + 4);
  std::reverse(turned.begin() + 4, turned.begin() + 6);
  std::reverse(turned.begin() + 6, turned.begin() + 8);
  return uuid_text(turned);
}

void add(std::vector<std::string>& marks, std::string_view kind, const std::string& id) {
  if (!id.empty()) marks.push_back(std::string(kind) + id);
}

}  // namespace

ImageHeader read_image_header(const ReadBytes& read) {
  const std::string head = read(0, 512);
  if (head.starts_with("QFI\xfb")) return qcow(head, read);
  if (head.starts_with("conectix")) return vhd(head, read);
  if (head.starts_with("KDMV")) {
    const uint64_t at = little(head, 28, 8), size = little(head, 36, 8);
    if (at > uint64_t{1} << 50) return vmdk({});
    return vmdk(
        until_nul(read_at(read, at * 512, std::min<std::size_t>(size * 512, kMostDescriptor))));
  }
  if (head.starts_with("# Disk DescriptorFile")) return vmdk(until_nul(read(0, kMostDescriptor)));
  // A fixed VHD has its footer only.
  const std::string footer = read(-512, 512);
  if (footer.size() == 512 && footer.starts_with("conectix")) return vhd(footer, read);
  return {};
}

std::vector<std::string> read_marks(const ReadBytes& read) {
  std::vector<std::string> marks;
  const std::string head = read(0, 8192);
  const std::string_view bytes = head;
  auto part = [&](std::size_t offset, std::size_t count) {
    return offset < bytes.size() ? bytes.substr(offset, count) : std::string_view();
  };
  auto at = [&](std::size_t offset, std::string_view magic) {
    return offset + magic.size() <= bytes.size() && bytes.substr(offset, magic.size()) == magic;
  };
  if (at(512, "EFI PART")) add(marks, "gpt:", gpt_uuid(part(512 + 56, 16)));
  if (at(4096, "EFI PART")) add(marks, "gpt:", gpt_uuid(part(4096 + 56, 16)));
  if (at(510, "\x55\xaa") && marks.empty()) {
    const uint64_t signature = little(bytes, 440, 4);
    char text[12];
    std::snprintf(text, sizeof text, "%08llx", static_cast<unsigned long long>(signature));
    if (signature != 0) add(marks, "mbr:", text);
  }
  if (at(1024 + 56, "\x53\xef")) add(marks, "ext:", uuid_text(part(1024 + 104, 16)));
  if (at(0, "XFSB")) add(marks, "xfs:", uuid_text(part(32, 16)));
  if (at(0, std::string_view("LUKS\xba\xbe", 6))) add(marks, "luks:", until_nul(part(168, 40)));
  for (std::size_t sector = 0; sector < 4; ++sector)
    if (at(sector * 512, "LABELONE") && at(sector * 512 + 24, "LVM2 001"))
      add(marks, "lvm:", until_nul(part(sector * 512 + 32, 32)));
  if (at(4086, "SWAPSPACE2")) add(marks, "swap:", uuid_text(part(1036, 16)));
  return marks;
}

}  // namespace hv
