// domain_file: a domain as the configuration that `xl create` takes, and its disks and interfaces
// as xl's strings.
//
// Everything that a file of hv can set is written or refused; nothing is dropped silently. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hv/model/resources.h"
#include "hv/schema/schema.h"

namespace hv {

Result<std::string> domain_file(const DomainSpec& spec, const Uuid& uuid, const Schema& schema);

// "format=raw,vdev=xvda,access=rw,target=/dev/vg0/web"
Result<std::string> disk_string(const Vbd& vbd);
// {"mac=00:16:3e:00:00:01", "bridge=xenbr0"}
Result<std::vector<std::string>> vif_words(const Vif& vif);
// As they stand in a domain file, in quotes.
Result<std::string> disk_item(const Vbd& vbd);
Result<std::string> vif_item(const Vif& vif);
// The value of an attribute, as it stands behind its `=`.
Result<std::string> attribute_text(const Value& value, const Attribute& attribute);
Result<std::string> quoted_text(const std::string& text);

}  // namespace hv
