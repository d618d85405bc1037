#include "base/ids.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"

namespace hv {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void set_version(Uuid& uuid, uint8_t version) {
  uuid.octets[6] = static_cast<uint8_t>((uuid.octets[6] & 0x0f) | (version << 4));
  uuid.octets[8] = static_cast<uint8_t>((uuid.octets[8] & 0x3f) | 0x80);
}

// The length of the UTF-8 sequence at the front of `text`, 0 where it is malformed.
std::size_t utf8_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::string to_string(const Uuid& uuid) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[uuid.octets[i] >> 4];
    text += kHex[uuid.octets[i] & 15];
  }
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != 36 && text.size() != 32) return std::nullopt;
  const bool dashes = text.size() == 36;
  Uuid uuid;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (dashes && (i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
    const int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    uuid.octets[i] = static_cast<uint8_t>(high * 16 + low);
    at += 2;
  }
  return uuid;
}

Uuid uuid_v5(const Uuid& name_space, std::string_view name) {
  std::string input(reinterpret_cast<const char*>(name_space.octets.data()), 16);
  input += name;
  const std::string digest = sha1(input);
  Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.octets[i] = static_cast<uint8_t>(digest[i]);
  set_version(uuid, 5);
  return uuid;
}

Uuid uuid_v4(Random& random) {
  Uuid uuid;
  for (std::size_t i = 0; i < 16; i += 8) {
    const uint64_t word = random.next();
    for (std::size_t j = 0; j < 8; ++j) uuid.octets[i + j] = static_cast<uint8_t>(word >> (8 * j));
  }
  set_version(uuid, 4);
  return uuid;
}

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::domain:
      return "domain";
    case Kind::vdisk:
      return "vdisk";
    case Kind::pool:
      return "pool";
    case Kind::network:
      return "network";
  }
  HV_CHECK(false, "a kind outside the enum");
}

std::optional<Kind> kind_from(std::string_view word) {
  for (Kind kind : {Kind::domain, Kind::vdisk, Kind::pool, Kind::network})
    if (to_string(kind) == word) return kind;
  return std::nullopt;
}

std::string to_string(const Address& address) {
  return std::string(to_string(address.kind)) + "." + address.name;
}

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::optional<Kind> kind = kind_from(text.substr(0, dot));
  if (!kind || reason_name_is_bad(text.substr(dot + 1))) return std::nullopt;
  return Address{*kind, std::string(text.substr(dot + 1))};
}

constexpr std::size_t kLongestName = 255;  // Linux's NAME_MAX: names become names of files

std::optional<std::string> reason_name_is_bad(std::string_view name) {
  if (name.empty()) return "a name cannot be empty";
  if (name.size() > kLongestName)
    return "a name has at most " + std::to_string(kLongestName) + " bytes, this one has " +
           std::to_string(name.size());
  while (!name.empty()) {
    const std::size_t length = utf8_length(name);
    if (length == 0) return "a name must be valid UTF-8";
    const auto first = static_cast<unsigned char>(name[0]);
    if (first == '/') return "a name cannot contain `/`";
    const bool c1 = first == 0xc2 && static_cast<unsigned char>(name[1]) < 0xa0;
    if (first < 0x20 || first == 0x7f || c1) return "a name cannot contain control characters";
    name.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace hv
