// Machine: where a gatherer looks — the files, links and tools of one host.
//
// Paths are the host's own. The real one is this machine; with a root it is a recorded tree below a
// folder, in which `.tools/NAME` holds what a tool printed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace hv {

struct FileFacts {
  enum class Kind : uint8_t { file, folder, block, other } kind = Kind::other;
  int64_t inode = 0, links = 1, size = 0, allocated = 0;
  std::string number;  // of a block device: "8:0"
};

class Machine {
 public:
  virtual ~Machine() = default;
  // A whole small file, without the newline at its end; nothing if it cannot be read.
  virtual std::optional<std::string> text(const std::string& path) const = 0;
  // At most `count` bytes from `offset`; from the end where `offset` is negative.
  virtual Result<std::string> bytes_at(const std::string& path, int64_t offset,
                                       std::size_t count) const = 0;
  // Sorted; empty for what is no folder.
  virtual std::vector<std::string> list(const std::string& path) const = 0;
  virtual std::optional<std::string> link(const std::string& path) const = 0;
  // Of the file itself, links in the way not followed in a recorded tree.
  virtual std::optional<FileFacts> facts(const std::string& path) const = 0;
  // What a tool prints; the Error says why it does not.
  virtual Result<std::string> run(const std::vector<std::string>& words) const = 0;
};

std::unique_ptr<Machine> this_machine(const std::string& root = {});

}  // namespace hv
