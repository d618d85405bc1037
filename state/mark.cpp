#include "state/mark.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "state/records.h"

namespace hv::state {
namespace {

constexpr std::size_t kSize = 8 + 32 + 32;  // batch, digest, SHA-256 of both

std::string path_in(const std::string& folder) {
  return folder + "/mark";
}

}  // namespace

std::optional<Acknowledged> read_mark(const std::string& folder) {
  const int file = open(path_in(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string octets(kSize + 1, '\0');
  const ssize_t size = pread(file, octets.data(), octets.size(), 0);
  close(file);
  if (size != static_cast<ssize_t>(kSize)) return std::nullopt;
  octets.resize(kSize);
  if (sha256(octets.substr(0, 40)) != octets.substr(40)) return std::nullopt;
  return Acknowledged{from_big_endian(octets.substr(0, 8)), octets.substr(8, 32)};
}

Status check_mark(const Table& table, const Head& head, const Acknowledged& mark) {
  const std::string help =
      "put back the whole folder of the state from a backup, or make the state anew from the hosts "
      "and the files with `hv state rebuild`";
  if (head.link.batch < mark.batch)
    return Error{Code::state_corrupt,
                 "the state ends at transition " + std::to_string(head.link.batch) + ", but " +
                     std::to_string(mark.batch) + " were acknowledged: the last ones are lost",
                 help};
  if (!has_link(table, head, mark.batch, mark.digest))
    return Error{Code::state_corrupt,
                 "transition " + std::to_string(mark.batch) +
                     " is not the one that was acknowledged: the database belongs to another state",
                 help};
  return {};
}

Mark::Mark(const std::string& folder)
    : file_(open(path_in(folder).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {}

Mark::~Mark() {
  if (file_ < 0) return;
  fdatasync(file_);
  close(file_);
}

void Mark::write(const Link& link) {
  if (file_ < 0) return;
  std::string octets = big_endian(link.batch) + link.digest;
  octets += sha256(octets);
  [[maybe_unused]] const ssize_t written = pwrite(file_, octets.data(), octets.size(), 0);
}

}  // namespace hv::state
