// Converting values to what an attribute holds: in blocks at the assignment, in domain files at the
// end; and the strings of disks and interfaces to VBDs and VIFs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "compiler/value.h"
#include "hv/model/resources.h"
#include "hv/model/value.h"
#include "hv/schema/schema.h"
#include "lang/disk_string.h"

namespace hv::compiler {

// Why a value does not fit.
struct Misfit {
  Code code = Code::wrong_type;
  std::string message;
  std::string help;
  std::string fix;  // replaces the value's text; empty: none
};

struct Converted {
  V value;  // of the attribute's own type: a size for `memory = 512`
  std::optional<Misfit> misfit;
  std::string warning;  // fits, but differently than some tool reads it
  std::string warning_help;
};

// In a block, and for every attribute where text was not written by old tools.
Converted convert_in_block(const V& value, const Attribute& attribute);
// A key of a domain file. `spelling` is the literal's own text where one was assigned directly.
Converted convert_key(const V& value, const Attribute& attribute, std::string_view spelling);

// A converted value as the model keeps it.
Value to_model(const V& value, const Attribute& attribute);

// Disks and interfaces. Mistakes are reported, inside the string where it is a literal of the file,
// else at `fallback`.
std::optional<VbdObject> to_vbd(const V& item, Span fallback, const SourceMap& sources,
                                Diagnostics& diagnostics);
std::optional<VifObject> to_vif(const V& item, Span fallback, const SourceMap& sources,
                                Diagnostics& diagnostics);

// The strings in a converted attribute that have a little language of their own (pci, vfb, cpus,
// …). What xl reads over without a word is a warning.
void check_device_strings(const V& value, const Attribute& attribute, Span fallback,
                          Diagnostics& diagnostics);

// The 2004 triple of three strings (uname, device, mode) as a disk string.
std::string triple_as_string(const SequenceObject& triple);

Vbd vbd_of(const lang::DiskString& disk, std::string written);

// Where bytes [begin, end) of a string value stand in the file; `fallback` where it is no literal.
Span place_in(const V& item, Span fallback, uint32_t begin, uint32_t end);

}  // namespace hv::compiler
