#include "hv/drivers/xl/claim_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace hv {
namespace {

constexpr std::string_view kFirstWord = "hv.claim/1";
constexpr std::string_view kSharer = "with=";  // no extent begins so: `=` is escaped

// In front of an extent that lies below the disk. A reader of before these were written takes such
// a word for a store of that name, and passes over it.
struct BeneathWord {
  std::string_view word;
  AccessMode mode;
  bool by_host;
};
constexpr std::array<BeneathWord, 6> kBeneath = {{{"behind-r=", AccessMode::read, false},
                                                  {"behind-w=", AccessMode::write, false},
                                                  {"behind-ww=", AccessMode::write_shared, false},
                                                  {"host-r=", AccessMode::read, true},
                                                  {"host-w=", AccessMode::write, true},
                                                  {"host-ww=", AccessMode::write_shared, true}}};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '/' || c == ':';
}

std::string escaped(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out.empty() ? "%" : out;  // a word is never nothing
}

std::optional<std::string> unescaped(std::string_view text) {
  if (text == "%") return "";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (error != std::errc() || end != text.data() + i + 3) return std::nullopt;
    out += static_cast<char>(byte);
    i += 2;
  }
  return out;
}

template <typename Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(by);
    if (end != 0) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return parts;
}

std::string_view without_line_end(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// (Whatever lies in a host's folder must not make arithmetic fail.)
bool is_on_a_disk(int64_t start, int64_t count) {
  return start >= 0 && count >= 0 && count <= INT64_MAX - start;
}

// "STORE@START+COUNT", with a "?" where only a name is known.
std::optional<Extent> extent_from(std::string_view text) {
  Extent extent;
  if (text.ends_with('?')) {
    extent.resolved = false;
    text.remove_suffix(1);
  }
  const std::size_t at = text.find('@'), plus = text.find('+', at == text.npos ? 0 : at);
  if (at == std::string_view::npos || plus == std::string_view::npos) return std::nullopt;
  const auto store = unescaped(text.substr(0, at));
  const auto start = number_from<int64_t>(text.substr(at + 1, plus - at - 1));
  const auto count = number_from<int64_t>(text.substr(plus + 1));
  if (!store || !start || !count || !is_on_a_disk(*start, *count)) return std::nullopt;
  extent.store = StoreId{*store};
  extent.start = sectors(*start);
  extent.count = sectors(*count);
  return extent;
}

std::string extent_text(const Extent& extent) {
  return escaped(extent.store.text) + "@" + std::to_string(extent.start.count) + "+" +
         std::to_string(extent.count.count) + (extent.resolved ? "" : "?");
}

std::string_view word_of(const ClaimedBeneath& beneath) {
  for (const BeneathWord& each : kBeneath)
    if (each.mode == beneath.mode && each.by_host == beneath.by_host) return each.word;
  return {};
}

// False where a word tells of what lies below, and cannot be read.
bool take_beneath(std::string_view text, const BeneathWord& word, Claim& claim) {
  std::optional<Extent> extent = extent_from(text.substr(word.word.size()));
  if (!extent) return false;
  const bool more = !claim.beneath.empty() && claim.beneath.back().mode == word.mode &&
                    claim.beneath.back().by_host == word.by_host;
  if (!more) claim.beneath.push_back({{}, word.mode, word.by_host});
  claim.beneath.back().extents.push_back(std::move(*extent));
  return true;
}

}  // namespace

std::string claim_text(const Claim& claim) {
  std::string text = std::string(kFirstWord) + " " + to_string(claim.project) + " " +
                     to_string(claim.lineage) + " " + std::to_string(claim.epoch.value) + " " +
                     to_string(claim.uuid) + " " + escaped(to_string(claim.address)) + " " +
                     escaped(claim.device) + " " + escaped(to_string(claim.mode)) + " " +
                     std::to_string(claim.permitted);
  for (const Extent& extent : claim.extents) text += " " + extent_text(extent);
  for (const ClaimedBeneath& beneath : claim.beneath)
    for (const Extent& extent : beneath.extents)
      text += " " + std::string(word_of(beneath)) + extent_text(extent);
  for (const Address& sharer : claim.sharers)
    text += " " + std::string(kSharer) + escaped(to_string(sharer));
  return text;
}

std::optional<Claim> claim_from(std::string_view text) {
  const std::vector<std::string_view> words = split(without_line_end(text), ' ');
  if (words.size() < 9 || words[0] != kFirstWord) return std::nullopt;
  const auto project = parse_uuid(words[1]), lineage = parse_uuid(words[2]),
             uuid = parse_uuid(words[4]);
  const auto epoch = number_from<uint64_t>(words[3]);
  const auto address_text = unescaped(words[5]), device = unescaped(words[6]),
             mode_text = unescaped(words[7]);
  const auto permitted = number_from<int>(words[8]);
  if (!project || !lineage || !uuid || !epoch || !address_text || !device || !mode_text ||
      !permitted || *permitted < 0 || *permitted > 2)
    return std::nullopt;
  const auto address = parse_address(*address_text);
  const auto mode = access_mode_from(*mode_text);
  if (!address || !mode) return std::nullopt;
  Claim claim{*project, *lineage, Epoch{*epoch}, *uuid, *address, *device,
              {},       *mode,    *permitted,    {},    {}};
  for (std::size_t i = 9; i < words.size(); ++i) {
    if (words[i].starts_with(kSharer)) {
      const auto name = unescaped(words[i].substr(kSharer.size()));
      const auto sharer = name ? parse_address(*name) : std::nullopt;
      if (!sharer) return std::nullopt;
      claim.sharers.push_back(*sharer);
      continue;
    }
    const auto* below =
        std::find_if(kBeneath.begin(), kBeneath.end(),
                     [&](const BeneathWord& each) { return words[i].starts_with(each.word); });
    if (below != kBeneath.end()) {
      if (!take_beneath(words[i], *below, claim)) return std::nullopt;
      continue;
    }
    std::optional<Extent> extent = extent_from(words[i]);
    if (!extent) return std::nullopt;
    claim.extents.push_back(std::move(*extent));
  }
  return claim;
}

std::string claim_file(const Uuid& uuid, const std::string& device) {
  std::string name = to_string(uuid) + ".";
  for (const char c : device) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
      name += c;
    else
      name += "_" + std::to_string(static_cast<unsigned char>(c)) + "_";
  }
  return name;
}

std::optional<ProjectMemory> project_from(const Uuid& project, std::string_view text) {
  const std::vector<std::string_view> words = split(without_line_end(text), ' ');
  if (words.size() != 3) return std::nullopt;
  const auto lineage = parse_uuid(words[0]);
  const auto epoch = number_from<uint64_t>(words[1]), serial = number_from<uint64_t>(words[2]);
  if (!lineage || !epoch || !serial) return std::nullopt;
  return ProjectMemory{project, *lineage, Epoch{*epoch}, Serial{*serial}};
}

}  // namespace hv
