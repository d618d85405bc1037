// One statement laid out anew: its atoms, spaced, on as few lines as the width allows.
//
// Pure functions. For lang/format_anew.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lang/format_lines.h"

namespace hv::lang {

struct LaidLine {
  std::string text;          // with its indentation, without its comment
  std::string comment;       // behind the text, may be empty
  std::size_t align_at = 0;  // where blanks may be put so that the `=`s of a block line up; 0: no
};

// The atoms of one simple statement, or of a header with its `:`.
std::vector<LaidLine> lay_out(std::span<Atom> atoms, unsigned depth);

// Columns on a screen: code points.
std::size_t width(std::string_view text);

// The `:` that ends the header which begins with `atoms`; their number where there is none.
std::size_t header_end(std::span<const Atom> atoms);
bool begins_header(TokenKind kind);
bool begins_resource(TokenKind kind);  // domain vdisk pool network template schema

// Whether a blank stands between two neighbours, `before` holding all atoms up to the second.
// Marks the atoms of types, too. format_spacing.cpp.
void space_out(std::span<Atom> atoms, std::vector<bool>& space_before);

}  // namespace hv::lang
