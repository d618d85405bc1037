// From ANTLR's contexts to our tree: precedence, targets, parameters, strings, types.
//
// Private to lang/: parse.cpp gives it one statement at a time. It is the last place that sees an
// ANTLR type.
#pragma once

#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "lang/syntax.h"
#include "lang/tokens.h"

namespace antlr4 {
class ParserRuleContext;
}

namespace hv::lang {

// What the statements of one file add up to, in order of appearance.
struct TreeParts {
  std::vector<const Stmt*> body;
  std::vector<const DeclarationStmt*> declarations;
  std::vector<const MovedStmt*> moved;
  std::vector<const ParamStmt*> params;
  std::vector<const VmImportStmt*> imports;
  std::vector<AssignedName> assigned;
  std::vector<Span> dropped;  // statements with mistakes that were reported here
};

// `context` is a VmParser::UnitContext, parsed from `tokens`; adds its statements to `parts`.
void build_unit(antlr4::ParserRuleContext* context, const std::vector<Token>& tokens,
                std::string_view text, SyntaxTree& tree, TreeParts& parts,
                Diagnostics& diagnostics);
// How many tokens from `first` on are one plain value (a string, or a list of literals), or one
// plain line: the parser may take them as one. A plain token's getLine() is the place of the first
// of them. 0: none.
std::size_t plain_value_length(const std::vector<Token>& tokens, std::size_t first);
std::size_t plain_line_length(const std::vector<Token>& tokens, std::size_t first);
// The shortcut for what nearly all lines of old files are: `name = value`, the value a literal, a
// name or a list of such. False, and nothing done, where `tokens` are another statement; otherwise
// the same as parsing and build_unit would do.
bool build_plain_assignment(const std::vector<Token>& tokens, std::string_view text,
                            SyntaxTree& tree, TreeParts& parts, Diagnostics& diagnostics);
// `context` is a VmParser::ExpressionUnitContext.
void build_expression_unit(antlr4::ParserRuleContext* context, std::string_view text,
                           SyntaxTree& tree, TreeParts& parts, Diagnostics& diagnostics);

}  // namespace hv::lang
