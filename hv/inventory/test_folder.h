// For the tests of hv/inventory: a folder of a test's own, and what a name led to in one line.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "hv/storage/storage.h"

namespace hv::testing {

namespace fs = std::filesystem;

// A folder that is gone afterwards, whatever happens.
class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "hv-inventory-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(path_ + path).parent_path());
    std::ofstream(path_ + path, std::ios::binary) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories(fs::path(path_ + path).parent_path());
    fs::create_symlink(target, path_ + path);
  }

 private:
  std::string path_;
};

inline std::string way(const Resolved& resolved) {
  std::string text;
  for (const Extent& extent : resolved.extents)
    text += extent.store.text + " " + std::to_string(extent.start.count) + "+" +
            std::to_string(extent.count.count) + (extent.resolved ? "; " : " by name; ");
  for (const std::string& problem : resolved.problems) text += "! " + problem;
  return text;
}

}  // namespace hv::testing
