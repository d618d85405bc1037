// Parsing: a file's text becomes a SyntaxTree; mistakes become diagnostics and parsing goes on.
#pragma once

#include "base/diagnostics.h"
#include "base/source.h"
#include "lang/syntax.h"

namespace hv::lang {

// Pure. The tree holds every statement that could be understood; at most one message a mistake.
SyntaxTree parse(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv::lang
