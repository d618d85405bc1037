// The tree builder's insides, shared by build_expressions.cpp and build_statements.cpp only.
#pragma once

#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lang/build.h"
#include "lang/syntax.h"
#include "lang/tokens.h"

namespace antlr4 {
class Token;
}

namespace hv::lang {

struct OperationRun;

// Expressions deeper than this are refused; with the blocks around them they stay below kMaxDepth.
inline constexpr unsigned kMaxHeight = 800;

class Builder {
 public:
  using Context = antlr4::ParserRuleContext;

  Builder(const std::vector<Token>& tokens, std::string_view text, SyntaxTree& tree,
          TreeParts& parts, Diagnostics& diagnostics)
      : tokens_(tokens), text_(text), tree_(tree), parts_(parts), diagnostics_(diagnostics) {}

  // build_statements.cpp. The contexts are VmParser's of the names in the comments.
  void statement(Context* context, std::vector<const Stmt*>& into);  // StatementContext
  const Stmt* expression_statement_of(Context* context);             // ExpressionUnitContext
  // build_assignment.cpp. Of a plain line that begins at token `first`; a mistake inside a string
  // drops it (`failed`).
  const Stmt* plain_assignment(std::size_t first);
  bool failed() const { return failed_; }

 private:
  Expr* plain_value(std::size_t& at);

  // ---- statements
  const Stmt* small(Context* context);                 // SmallStatementContext
  const Stmt* expression_statement(Context* context);  // ExpressionStatementContext
  const Stmt* print(Context* context, Span span);      // PrintStatementContext
  const Stmt* from_import(Context* context, Span span);
  const Stmt* raise(Context* context, Span span);
  const Stmt* if_statement(Context* context);
  const Stmt* for_statement(Context* context);
  const Stmt* while_statement(Context* context);
  const Stmt* try_statement(Context* context);
  const Stmt* function(Context* context);
  const Stmt* declaration(Context* context);
  const Stmt* lifecycle(Context* context);
  const Expr* declared_name(Context* context);  // DeclarationContext
  void refuse_computed_name(Context* context, const Expr* format);
  TemplateUse template_use(Context* context);  // DottedNameContext
  Block block(Context* context);               // BlockContext, may be null
  AddressRef address(Context* context);
  std::string_view dotted(Context* context);
  List<Parameter> parameters(const std::vector<Parameter>& found);
  Parameter parameter(Context* context);         // ParameterContext
  Parameter lambda_parameter(Context* context);  // LambdaParameterContext
  void check_target(const Expr* target, bool star_allowed, std::string_view what);
  void note_assigned(const Expr* target);

  // ---- types
  const Type* type(Context* context);
  const Type* type_postfix(Context* context);
  const Type* type_primary(Context* context);
  Expr* type_literal(Context* context);

  // ---- expressions
  Expr* expressions(Context* context);  // one, or a tuple
  Expr* element(Context* context);
  Expr* expression(Context* context);
  Expr* lambda(Context* context);
  Expr* operation(Context* context);
  Expr* run(OperationRun& run, int least);
  Expr* run_operand(OperationRun& run, int least);
  Expr* targets(Context* context);
  Expr* target(Context* context);
  Expr* primary(Context* context);
  Expr* trailer(Expr* object, Context* context);
  Expr* call(Expr* callee, Context* context);
  Expr* index(Context* context);
  Expr* simple(antlr4::Token* token);
  Expr* simple(TokenKind kind, Span span);
  Expr* paren(Context* context);
  Expr* list_display(Context* context);
  Expr* brace_display(Context* context);
  Expr* strings(Context* context);
  Expr* plain_strings(const std::vector<Span>& literals);
  Expr* fstring(Context* context);
  void fstring_pieces(const std::vector<Context*>& pieces, bool raw,
                      std::vector<FStringPart>& parts);
  ComprehensionFor comprehension_for(Context* context);
  ComprehensionFor list_for(Context* context);
  template <typename Fors>
  Expr* comprehension(ComprehensionForm form, const Expr* key, const Expr* value, Span span,
                      const Fors& fors);

  // ---- nodes
  Span span_of(antlr4::Token* token) const;
  Span span_of(Context* context) const;
  TokenKind kind_of(antlr4::Token* token) const;
  std::string_view text_of(Span span) const {
    return text_.substr(span.begin, span.end - span.begin);
  }
  std::string_view text_of(antlr4::Token* token) const { return text_of(span_of(token)); }
  std::string_view keep(std::string_view text);

  template <typename T>
  T* make(Span span) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* node = new (tree_.arena().allocate(sizeof(T), alignof(T))) T{};
    node->span = span;
    return node;
  }
  template <typename T>
  T* expr(ExprKind kind, Span span) {
    T* node = make<T>(span);
    node->kind = kind;
    return node;
  }
  template <typename T>
  T* stmt(StmtKind kind, Span span) {
    T* node = make<T>(span);
    node->kind = kind;
    return node;
  }
  template <typename T>
  List<T> list(const std::vector<T>& from) {
    if (from.empty()) return {};
    // NOLINTNEXTLINE(bugprone-sizeof-expression): of the nodes' addresses, which is meant
    T* to = static_cast<T*>(tree_.arena().allocate(sizeof(T) * from.size(), alignof(T)));
    std::uninitialized_copy(from.begin(), from.end(), to);
    return {to, from.size()};
  }
  // `parent` contains `child`; refuses what is too deep.
  void holds(Expr* parent, const Expr* child);

  void refuse_depth(Span span);

  Diagnostic& report(Code code, Span span, std::string message);

  const std::vector<Token>& tokens_;
  std::string_view text_;
  SyntaxTree& tree_;
  TreeParts& parts_;
  Diagnostics& diagnostics_;
  bool failed_ = false;    // the statement at hand has a mistake and is dropped
  bool too_deep_ = false;  // said once a statement
  unsigned inside_ = 0;    // functions and declarations around the statement
};

}  // namespace hv::lang
