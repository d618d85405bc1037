// The words of the tools on a Xen host: lines and numbers, xl's lists, xenstore's dump, the numbers
// of block devices. Pure; nothing is taken for granted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hv {

std::vector<std::string_view> lines_of(std::string_view text);
// The words of a line, and where each begins.
struct Word {
  std::string_view text;
  std::size_t at;
};
std::vector<Word> words_of(std::string_view line);
// Without the blanks around it.
std::string_view trimmed(std::string_view text);
// The whole text as a decimal number.
std::optional<int64_t> number_in(std::string_view text);

// A row of `xl list -v`. Names may hold blanks.
struct ListedDomain {
  std::string name;
  uint64_t domid = 0;
  int64_t memory_mib = 0;
  int64_t vcpus = 0;
  std::string state;  // "r-----", "--ps--"
  double seconds = 0;
  std::string uuid;
};
std::vector<ListedDomain> read_list(std::string_view text);

// `key = "value"` lines of xenstore-ls -f, with its escapes undone.
std::vector<std::pair<std::string, std::string>> read_store(std::string_view text);

// "xvda" for 51712, as the guest calls the device; "" for a number of no known kind.
std::string device_of_number(uint64_t number);
// And back; nothing for a name that xl does not number ("d0p1" and the like are not read).
std::optional<uint64_t> number_of_device(std::string_view device);

// What the host calls its hypervisor, "4.17.7"; "" where it does not say.
std::string hypervisor_version(std::string_view text);

}  // namespace hv
