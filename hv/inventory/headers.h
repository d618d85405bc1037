// What the first (or last) bytes of a disk say: image formats with their backing files, and the ids
// that filesystems, tables and volume managers write there.
//
// Pure functions over bytes; whatever the bytes are, the answer is some answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"

namespace hv {

// At most `count` bytes from `offset` (from the end where negative); empty if there are none.
using ReadBytes = std::function<std::string(int64_t offset, std::size_t count)>;

struct ImageHeader {
  std::string format;  // "qcow2", "qcow", "vhd", "vmdk"; empty: raw
  std::optional<Bytes> shows;
  std::string backing;
  std::string backing_format;
  std::vector<std::string> parts;
};
ImageHeader read_image_header(const ReadBytes& read);

// "gpt:UUID", "mbr:SIGNATURE", "ext4:UUID", "xfs:UUID", "lvm:UUID", "luks:UUID", "swap:UUID".
std::vector<std::string> read_marks(const ReadBytes& read);

}  // namespace hv
