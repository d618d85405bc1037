// The formatter's two styles, each a function from logical lines to text.
//
// For lang/format.cpp. Pure functions.
#pragma once

#include <string>

#include "lang/format_lines.h"

namespace hv::lang {

// An old file: only line ends, trailing blanks, the final newline and the indentation of blocks.
std::string format_old(std::string_view text, const Lines& lines);

// Everything laid out anew.
std::string format_anew(std::string_view text, const Lines& lines);

}  // namespace hv::lang
