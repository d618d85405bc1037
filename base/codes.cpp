#include "base/codes.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace hv {
namespace {

struct Id {
  char text[7];
};

constexpr Id id_of(unsigned number) {
  return Id{{'H', 'V', static_cast<char>('0' + number / 1000),
             static_cast<char>('0' + number / 100 % 10), static_cast<char>('0' + number / 10 % 10),
             static_cast<char>('0' + number % 10), '\0'}};
}

constexpr Id kIds[] = {
#define HV_CODE(number, name, severity, title) id_of(number),
#include "base/codes.def"
#undef HV_CODE
};

constexpr unsigned kNumbers[] = {
#define HV_CODE(number, name, severity, title) number,
#include "base/codes.def"
#undef HV_CODE
};

constexpr std::size_t kCount = std::size(kNumbers);

constexpr bool sorted_and_unique() {
  for (std::size_t i = 1; i < kCount; ++i)
    if (kNumbers[i - 1] >= kNumbers[i]) return false;
  return true;
}
static_assert(sorted_and_unique(), "base/codes.def must be sorted and free of duplicates");

std::array<CodeInfo, kCount> make_table() {
  std::array<CodeInfo, kCount> table{};
  std::size_t i = 0;
#define HV_CODE(number, name, severity, title)                                                   \
  table[i] =                                                                                     \
      CodeInfo{Code::name, std::string_view(kIds[i].text, 6), #name, Severity::severity, title}; \
  ++i;
#include "base/codes.def"
#undef HV_CODE
  return table;
}

const std::array<CodeInfo, kCount>& table() {
  static const std::array<CodeInfo, kCount> kTable = make_table();
  return kTable;
}

}  // namespace

std::span<const CodeInfo> all_codes() {
  return table();
}

const CodeInfo& info(Code code) {
  const auto& codes = table();
  auto it = std::lower_bound(codes.begin(), codes.end(), code,
                             [](const CodeInfo& a, Code b) { return a.code < b; });
  HV_CHECK(it != codes.end() && it->code == code, "a code outside the registry");
  return *it;
}

std::optional<Code> code_from_id(std::string_view id) {
  if (id.size() != 6 || (id[0] != 'H' && id[0] != 'h') || (id[1] != 'V' && id[1] != 'v'))
    return std::nullopt;
  for (const CodeInfo& each : table())
    if (each.id.substr(2) == id.substr(2)) return each.code;
  return std::nullopt;
}

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  HV_CHECK(false, "a severity outside the enum");
}

}  // namespace hv
