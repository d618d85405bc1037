// A syntax tree as source text again: plain, every operation in brackets. Parsing it must give a
// tree with the same dump.
//
// Tests only. Pure functions.
#pragma once

#include <string>

#include "lang/syntax.h"

namespace hv::fuzz {

std::string unparse(const lang::SyntaxTree& tree);

}  // namespace hv::fuzz
