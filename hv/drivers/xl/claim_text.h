// The lines that hv leaves on a Xen host: a claim each, and what the host remembers of a project.
//
// One line of words between blanks, each with what is not plain escaped as %XX, so that a shell can
// carry it and a person can read it. What cannot be read is nothing: who reads counts it as held.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hv/model/observation.h"

namespace hv {

std::string claim_text(const Claim& claim);
std::optional<Claim> claim_from(std::string_view text);
// Of a claim, below claims/PROJECT/: letters, digits, "-", "_" and "." only.
std::string claim_file(const Uuid& uuid, const std::string& device);

// "LINEAGE EPOCH SERIAL"
std::optional<ProjectMemory> project_from(const Uuid& project, std::string_view text);

}  // namespace hv
