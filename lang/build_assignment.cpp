// The shortcut past ANTLR: `name = value` at the file's level, and the same in blocks.
//
// Nine of ten statements of an xm or xl file have this form, and the general way costs some fifteen
// rule contexts for each: five times the time. The grammar stays the reference; fuzz_one() compares
// both ways on every input.
#include "lang/builder.h"

namespace hv::lang {

namespace {

bool is_simple(TokenKind kind) {
  return kind == TokenKind::name || kind == TokenKind::integer || kind == TokenKind::floating ||
         kind == TokenKind::size || kind == TokenKind::duration || kind == TokenKind::none ||
         kind == TokenKind::true_ || kind == TokenKind::false_;
}

// Whether the tokens have the form, before anything is made of them. The token source has limited
// how deep brackets nest.
bool skip_value(const std::vector<Token>& tokens, std::size_t& at) {
  const TokenKind kind = tokens[at].kind;
  if (is_simple(kind)) {
    ++at;
    return true;
  }
  if (kind == TokenKind::string) {
    while (tokens[at].kind == TokenKind::string) ++at;
    return true;
  }
  if (kind != TokenKind::left_bracket) return false;
  ++at;
  while (tokens[at].kind != TokenKind::right_bracket) {
    if (!skip_value(tokens, at)) return false;
    if (tokens[at].kind == TokenKind::comma)
      ++at;
    else if (tokens[at].kind != TokenKind::right_bracket)
      return false;
  }
  ++at;
  return true;
}

}  // namespace

// The last token is a NEWLINE, a DEDENT or broken, which is no value and no comma: it ends every
// loop above.
std::size_t plain_line_length(const std::vector<Token>& tokens, std::size_t first) {
  if (tokens.size() < first + 4 || tokens[first].kind != TokenKind::name ||
      tokens[first + 1].kind != TokenKind::assign)
    return 0;
  std::size_t at = first + 2;
  if (!skip_value(tokens, at) || at >= tokens.size() || tokens[at].kind != TokenKind::newline)
    return 0;
  return at + 1 - first;
}

std::size_t plain_value_length(const std::vector<Token>& tokens, std::size_t first) {
  if (tokens[first].kind != TokenKind::string && tokens[first].kind != TokenKind::left_bracket)
    return 0;
  std::size_t at = first;
  if (!skip_value(tokens, at)) return 0;
  // What stands beside a string may be joined to it.
  return tokens[at].kind == TokenKind::fstring_begin ? 0 : at - first;
}

Expr* Builder::plain_value(std::size_t& at) {
  const std::vector<Token>& tokens = tokens_;
  const auto span = [&](std::size_t i) { return Span{tree_.file, tokens[i].begin, tokens[i].end}; };
  const std::size_t first = at;
  if (is_simple(tokens[at].kind)) {
    ++at;
    return simple(tokens[first].kind, span(first));
  }
  if (tokens[at].kind == TokenKind::string) {
    std::vector<Span> literals;
    while (tokens[at].kind == TokenKind::string) literals.push_back(span(at++));
    return plain_strings(literals);
  }
  auto* node = expr<SequenceExpr>(ExprKind::list, span(first));
  std::vector<const Expr*> items;
  ++at;
  while (tokens[at].kind != TokenKind::right_bracket) {
    items.push_back(plain_value(at));
    holds(node, items.back());
    if (tokens[at].kind == TokenKind::comma) ++at;
  }
  node->span.end = tokens[at++].end;
  node->items = list(items);
  return node;
}

const Stmt* Builder::plain_assignment(std::size_t first) {
  const Token name = tokens_[first];
  const auto* target = simple(TokenKind::name, {tree_.file, name.begin, name.end});
  std::size_t at = first + 2;
  const Expr* value = plain_value(at);
  auto* node = stmt<AssignStmt>(StmtKind::assign, join(target->span, value->span));
  node->targets = list(std::vector<const Expr*>{target});
  node->value = value;
  if (!failed_) note_assigned(target);
  return node;
}

bool build_plain_assignment(const std::vector<Token>& tokens, std::string_view text,
                            SyntaxTree& tree, TreeParts& parts, Diagnostics& diagnostics) {
  if (tokens.empty() || plain_line_length(tokens, 0) != tokens.size()) return false;
  Builder builder(tokens, text, tree, parts, diagnostics);
  const Stmt* statement = builder.plain_assignment(0);
  if (builder.failed())
    parts.dropped.push_back(statement->span);
  else
    parts.body.push_back(statement);
  return true;
}

}  // namespace hv::lang
