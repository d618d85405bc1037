// The formatter: one source text in, the same program in the style of the house out.
//
// Two styles. A file that could be an old one (nothing of ours is declared in it) keeps its
// spelling: only line ends, a byte-order mark, trailing blanks, the final newline and the
// indentation of blocks change. All other files are laid out anew: 88 columns, four-column blocks,
// one statement a line, double quotes, aligned `=` in the blocks of resources, brackets on one line
// or one item a line. Comments stay in both. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "base/source.h"

namespace hv::lang {

inline constexpr unsigned kFormatWidth = 88;

// Nothing where the text has syntax errors; they are in `diagnostics`.
std::optional<std::string> format(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

// Whether two texts are one program: their trees differ in places only. What writes a formatted
// file over the old one asks this first.
bool same_program(std::string_view before, std::string_view after);

}  // namespace hv::lang
