// The end of a RocksDB table, checked before RocksDB reads it.
//
// RocksDB verifies every block by its check sum but two: the footer has none and names the kind of
// all others, and the block of properties is parsed before it is verified. Where these are damaged
// Debian's build, which keeps assertions, ends the process. So a table is opened only after this.
// Layout (format 5): … properties … metaindex … footer. Each block is followed by its compression
// (1 octet) and CRC-32C (4, masked). Footer: kind of check sum (1), handles of metaindex and index
// (40, varints, padded), format (4), magic number (8). Integers are little-endian.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace hv::state {

inline constexpr int kTableFormat = 5;

// Fills `octets` with `length` octets from `offset`; false if there are not so many.
using ReadAt = std::function<bool(uint64_t offset, std::size_t length, std::string* octets)>;

bool is_table_end_sound(uint64_t size, const ReadAt& read);

// As RocksDB stores it: rotated and shifted, so that sums of sums differ.
uint32_t masked_crc32c(std::string_view data);

}  // namespace hv::state
