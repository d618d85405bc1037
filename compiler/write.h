// What the writers of translations share: quoting, names, a disk as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "compiler/value.h"
#include "hv/model/desired.h"
#include "hv/schema/schema.h"

namespace hv::compiler {

// A key of an old file as it stood at the end, before it was converted.
struct LegacyKey {
  const Attribute* attribute = nullptr;
  V value;
  std::string spelling;  // of a number assigned directly
  Span span;
};
struct LegacyDomain {
  Address address;
  bool of_2004 = false;
  std::vector<LegacyKey> keys;  // in the order of the file
};

// A Vbd as a disk string that says the same, in xl's `key=value` form where it was not written so.
std::string disk_string(const Vbd& vbd);
std::string vif_string(const Vif& vif);
// The Vbd that a disk string means; nothing where it means none.
std::optional<Vbd> vbd_from_string(std::string_view text);

// An xl file of the old keys, or of a domain of the graph. What xl has no word for becomes a
// comment, and a warning.
std::string write_xl(const LegacyDomain& domain, Diagnostics& diagnostics);
enum class Shown : uint8_t { whole, without_secrets };  // the latter with the defaults, as comments
std::string write_xl(const DomainSpec& domain, const Schema& schema, Diagnostics& diagnostics,
                     Shown shown = Shown::whole);

// The attributes that the domain leaves to their defaults, each with its default.
std::vector<std::pair<const Attribute*, Value>> defaults_of(const DomainSpec& domain,
                                                            const Schema& schema);
// The domain without its secrets and the passwords in its strings.
DomainSpec without_secrets(DomainSpec domain);

}  // namespace hv::compiler
