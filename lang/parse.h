// Text to SyntaxTree: the one door to the parser.
//
// Pure functions; any number of threads may parse at once. They always return the tree of what
// could be parsed: a broken statement is reported once, dropped, and the next one is read.
#pragma once

#include "base/diagnostics.h"
#include "base/source.h"
#include "lang/syntax.h"

namespace hv::lang {

// A whole file.
SyntaxTree parse(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

// The same, every statement by the grammar: parse() has a shortcut for plain assignments, and tests
// compare.
SyntaxTree parse_by_grammar(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

// A text that is one expression (the value of `-p name=value`); line ends in it mean nothing. The
// tree's body is one ExpressionStmt, or empty where the text is none.
SyntaxTree parse_expression(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv::lang
