#include "state/table_end.h"

#include <array>
#include <optional>
#include <string_view>

namespace hv::state {
namespace {

constexpr std::size_t kFooter = 53;
constexpr std::size_t kTrailer = 5;
constexpr std::size_t kBlockMax = 1 << 20;  // far above what a table of ours has to say of itself
constexpr char kCrc32c = 1;
constexpr std::string_view kFormatAndMagic("\x05\0\0\0\xf7\xcf\xf4\x85\xb7\x41\xe2\x88", 12);
static_assert(kTableFormat == 5);

constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t octet = 0; octet < table.size(); ++octet) {
    uint32_t sum = octet;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0x82f63b78u : 0);
    table[octet] = sum;
  }
  return table;
}();

uint32_t little_endian(std::string_view octets) {
  uint32_t number = 0;
  for (std::size_t i = 4; i-- > 0;) number = number << 8 | static_cast<uint8_t>(octets[i]);
  return number;
}

std::optional<uint64_t> take_varint(std::string_view* octets) {
  uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !octets->empty(); shift += 7) {
    const auto octet = static_cast<uint8_t>(octets->front());
    octets->remove_prefix(1);
    number |= static_cast<uint64_t>(octet & 0x7f) << shift;
    if (octet < 0x80) return number;
  }
  return std::nullopt;
}

// The block that a handle (offset, size) points at, if it is what its check sum says.
std::optional<std::string> take_block(std::string_view* handle, uint64_t size, const ReadAt& read) {
  const std::optional<uint64_t> offset = take_varint(handle);
  const std::optional<uint64_t> length = take_varint(handle);
  std::string block;
  if (!offset || !length || *length < 4 || *length > kBlockMax || *offset > size) return {};
  if (!read(*offset, *length + kTrailer, &block)) return {};
  const std::string_view summed = std::string_view(block).substr(0, *length + 1);
  if (little_endian(std::string_view(block).substr(*length + 1)) != masked_crc32c(summed))
    return {};
  if (block[*length] != 0) return {};  // these blocks are never compressed
  block.resize(*length);
  return block;
}

// The handle that the metaindex keeps under `name`. Its entries have no common prefixes.
std::optional<std::string> find_handle(std::string_view block, std::string_view name) {
  const uint64_t restarts = little_endian(block.substr(block.size() - 4));
  if (restarts > (block.size() - 4) / 4) return {};
  block.remove_suffix(4 + 4 * restarts);
  while (!block.empty()) {
    const std::optional<uint64_t> shared = take_varint(&block);
    const std::optional<uint64_t> key = take_varint(&block);
    const std::optional<uint64_t> value = take_varint(&block);
    if (!shared || !key || !value || *shared != 0) return {};
    if (*key > block.size() || *value > block.size() - *key) return {};
    if (block.substr(0, *key) == name) return std::string(block.substr(*key, *value));
    block.remove_prefix(*key + *value);
  }
  return {};
}

}  // namespace

uint32_t masked_crc32c(std::string_view data) {
  uint32_t sum = 0xffffffff;
  for (char octet : data) sum = kCrcTable[(sum ^ static_cast<uint8_t>(octet)) & 0xff] ^ (sum >> 8);
  sum ^= 0xffffffff;
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8;
}

bool is_table_end_sound(uint64_t size, const ReadAt& read) {
  std::string footer;
  if (size < kFooter || !read(size - kFooter, kFooter, &footer)) return false;
  if (footer.front() != kCrc32c || !footer.ends_with(kFormatAndMagic)) return false;
  std::string_view handles = std::string_view(footer).substr(1, 40);
  const std::optional<std::string> metaindex = take_block(&handles, size, read);
  if (!metaindex) return false;
  const std::optional<std::string> properties = find_handle(*metaindex, "rocksdb.properties");
  if (!properties) return false;
  std::string_view handle = *properties;
  return take_block(&handle, size, read).has_value();
}

}  // namespace hv::state
