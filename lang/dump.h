// What `hv check --dump=tokens` and `--dump=tree` print: the first two arrows of the way from a
// text to a plan.
#pragma once

#include <string>

#include "base/source.h"
#include "lang/syntax.h"

namespace hv::lang {

// One token a line: "3:5 NAME memory". Mistakes are not reported; broken tokens are INVALID.
std::string dump_tokens(FileId file, const SourceMap& sources);

struct DumpOptions {
  bool places = true;  // "3:5 " before each statement
};
// One statement a line, blocks indented, expressions in prefix form with every bracket written:
// "3:5 assign memory = (* 2 512)".
std::string dump_tree(const SyntaxTree& tree, const SourceMap& sources, DumpOptions options = {});
std::string dump_expression(const Expr& expr);
std::string dump_type(const Type& type);

}  // namespace hv::lang
