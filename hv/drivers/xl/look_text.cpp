#include "hv/drivers/xl/look_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace hv {
namespace {

// "--ps--"; after an `s` the letter of the reason: w and S of a watchdog and a soft reset, ? of
// others.
bool is_state(std::string_view word) {
  return word.size() >= 6 && word.find_first_not_of("rbpscdwS?-") == std::string_view::npos;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::vector<Word> words_of(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < line.size();) {
    const std::size_t begin = line.find_first_not_of(" \t\r", i);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back({line.substr(begin, end - begin), begin});
    i = end;
  }
  return words;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string hypervisor_version(std::string_view text) {
  constexpr std::string_view kKey = "\nxen_version";
  const std::size_t at = text.find(kKey);
  if (at == std::string_view::npos) return "";
  const std::string_view line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
  const std::size_t colon = line.find(':');
  return colon == std::string_view::npos ? "" : std::string(trimmed(line.substr(colon + 1)));
}

std::vector<ListedDomain> read_list(std::string_view text) {
  std::vector<ListedDomain> domains;
  for (std::string_view line : lines_of(text)) {
    const std::vector<Word> words = words_of(line);
    // From the right, because a name may hold blanks and look like anything.
    for (std::size_t i = words.size(); i-- > 4;) {
      if (!is_state(words[i].text) || i + 2 >= words.size() || words[i + 2].text.size() != 36)
        continue;
      const auto domid = number_in(words[i - 3].text), memory = number_in(words[i - 2].text),
                 vcpus = number_in(words[i - 1].text);
      if (!domid || !memory || !vcpus) continue;
      ListedDomain domain;
      domain.name = std::string(trimmed(line.substr(0, words[i - 3].at)));
      domain.domid = static_cast<uint64_t>(*domid);
      domain.memory_mib = *memory;
      domain.vcpus = *vcpus;
      domain.state = std::string(words[i].text);
      domain.seconds = std::strtod(std::string(words[i + 1].text).c_str(), nullptr);
      domain.uuid = std::string(words[i + 2].text);
      domains.push_back(std::move(domain));
      break;
    }
  }
  return domains;
}

std::vector<std::pair<std::string, std::string>> read_store(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (std::string_view line : lines_of(text)) {
    const std::size_t equals = line.find(" = \"");
    if (equals == std::string_view::npos || !line.starts_with('/')) continue;
    std::string_view raw = line.substr(equals + 4);
    if (raw.ends_with('"')) raw.remove_suffix(1);
    std::string value;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 >= raw.size()) {
        value += raw[i];
        continue;
      }
      const char next = raw[++i];
      if (next == 'n')
        value += '\n';
      else if (next == 't')
        value += '\t';
      else if (next == 'r')
        value += '\r';
      else if (next == 'x' && i + 2 < raw.size()) {
        value +=
            static_cast<char>(std::strtol(std::string(raw.substr(i + 1, 2)).c_str(), nullptr, 16));
        i += 2;
      } else if (next >= '0' && next <= '7') {
        std::size_t digits = 1;
        while (digits < 3 && i + digits < raw.size() && raw[i + digits] >= '0' &&
               raw[i + digits] <= '7')
          ++digits;
        value +=
            static_cast<char>(std::strtol(std::string(raw.substr(i, digits)).c_str(), nullptr, 8));
        i += digits - 1;
      } else {
        value += next;
      }
    }
    entries.emplace_back(std::string(line.substr(0, equals)), std::move(value));
  }
  return entries;
}

// As libxl numbers them: xvd in two ranges, sd, hd.
std::string device_of_number(uint64_t number) {
  const auto letters = [](uint64_t disk) {
    std::string text;
    for (++disk; disk > 0; disk = (disk - 1) / 26)
      text.insert(text.begin(), static_cast<char>('a' + (disk - 1) % 26));
    return text;
  };
  const auto named = [&](const char* prefix, uint64_t disk, uint64_t partition) {
    return prefix + letters(disk) + (partition == 0 ? "" : std::to_string(partition));
  };
  if ((number >> 28) == 1) return named("xvd", (number >> 8) & 0xfffff, number & 0xff);
  const uint64_t major = number >> 8, minor = number & 0xff;
  if (major == 202) return named("xvd", minor >> 4, minor & 15);
  if (major == 8) return named("sd", minor >> 4, minor & 15);
  if (major == 3) return named("hd", minor >> 6, minor & 63);
  if (major == 22) return named("hd", 2 + (minor >> 6), minor & 63);
  return "";
}

std::optional<uint64_t> number_of_device(std::string_view device) {
  std::string_view rest = device;
  uint64_t disk = 0, partition = 0;
  const std::size_t prefix = rest.starts_with("xvd") ? 3 : 2;
  if (rest.size() <= prefix) return std::nullopt;
  rest.remove_prefix(prefix);
  std::size_t letters = 0;
  for (; letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z'; ++letters)
    disk = disk * 26 + static_cast<uint64_t>(rest[letters] - 'a' + 1);
  if (letters == 0 || letters > 3) return std::nullopt;
  --disk;
  if (letters < rest.size()) {
    const auto number = number_in(rest.substr(letters));
    if (!number || *number < 1 || *number > 255) return std::nullopt;
    partition = static_cast<uint64_t>(*number);
  }
  if (device.starts_with("xvd"))
    return disk < 16 && partition < 16 ? (202u << 8) | (disk << 4) | partition
                                       : (1u << 28) | (disk << 8) | partition;
  if (device.starts_with("sd") && disk < 16 && partition < 16)
    return (8u << 8) | (disk << 4) | partition;
  if (device.starts_with("hd") && disk < 4 && partition < 64)
    return ((disk < 2 ? 3u : 22u) << 8) | ((disk & 1) << 6) | partition;
  return std::nullopt;
}

}  // namespace hv
