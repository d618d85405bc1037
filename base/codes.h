// Codes: the one registry of everything hv can complain about.
//
// A code is stable: once released it is never reused and never changes its meaning. Ranges by
// phase: 01xx text and syntax, 02xx names, types and attributes, 03xx evaluation, 04xx project,
// files and imports, 05xx storage and sharing, 06xx planning, 07xx state, 08xx hosts and apply,
// 09xx the command line. Each code has a page docs/errors/HVnnnn.md, which `hv explain` prints.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hv {

enum class Severity : uint8_t { error, warning, note };

enum class Code : uint16_t {
#define HV_CODE(number, name, severity, title) name = number,
#include "base/codes.def"
#undef HV_CODE
};

struct CodeInfo {
  Code code;
  std::string_view id;     // "HV0203"
  std::string_view name;   // "unknown_attribute"
  Severity severity;       // the usual severity; a report may lower it
  std::string_view title;  // one line for lists
};

std::span<const CodeInfo> all_codes();
const CodeInfo& info(Code code);
std::optional<Code> code_from_id(std::string_view id);  // accepts "HV0203" and "hv0203"
std::string_view to_string(Severity severity);

}  // namespace hv
