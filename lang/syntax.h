// Syntax: hv's own tree of a source file, every node with its span. ANTLR ends before it.
//
// Nodes are owned by their SyntaxTree and point to each other; they are immutable once parsed and
// live as long as the tree. The tree is a superset of every dialect: what a kind of file may not
// use (Python 2's `print` in a module, say) is told by the compiler, with better words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/source.h"

namespace hv::lang {

struct Expr;
struct Stmt;
struct Type;
using ExprPtr = const Expr*;
using StmtPtr = const Stmt*;
using TypePtr = const Type*;
using Block = std::vector<StmtPtr>;

struct Node {
  Span span;
  virtual ~Node() = default;
};

struct Identifier {
  std::string text;
  Span span;
};

// ---- expressions -------------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  name,
  integer,  // any size; the text is kept
  floating,
  size,      // 64MiB
  duration,  // 15m
  string,    // adjacent literals already joined
  fstring,
  none,  // None; True and False are names in Python 2 files and `boolean` here
  boolean,
  list,
  tuple,
  dict,
  set,
  comprehension,  // list, set, dict and generator
  lambda,
  call,
  subscript,
  slice,  // only inside a subscript
  attribute,
  unary,
  binary,
  compare,      // chains
  boolean_op,   // and, or: two operands or more
  conditional,  // a if c else b
  backquote,    // `x`: repr in Python 2
  starred,      // *x in a call or an assignment target
  error,        // what could not be parsed; already reported
};

struct Expr : Node {
  ExprKind kind;
  explicit Expr(ExprKind k) : kind(k) {}
};

// Each node type names its kind, so that `as<T>(node)` can check.
template <typename T, typename Base>
const T* as(const Base* node) {
  return node != nullptr && node->kind == T::kKind ? static_cast<const T*>(node) : nullptr;
}

template <ExprKind K>
struct ExprOf : Expr {
  static constexpr ExprKind kKind = K;
  ExprOf() : Expr(K) {}
};

struct NameExpr : ExprOf<ExprKind::name> {
  std::string name;
};

struct IntegerExpr : ExprOf<ExprKind::integer> {
  std::string text;              // as written: "0755", "10L", "1_000", "0x1f"
  std::optional<int64_t> value;  // nothing: does not fit 64 bits
  bool long_suffix = false;      // 10L
  bool old_octal = false;        // 0755
};

struct FloatExpr : ExprOf<ExprKind::floating> {
  std::string text;
  double value = 0;
};

struct SizeExpr : ExprOf<ExprKind::size> {
  std::string text;
  int64_t bytes = 0;
};

struct DurationExpr : ExprOf<ExprKind::duration> {
  std::string text;
  int64_t milliseconds = 0;
};

struct StringExpr : ExprOf<ExprKind::string> {
  std::string value;  // escapes done; bytes that are no UTF-8 are kept
  // Where byte i of the value comes from: runs of (offset in value, offset in file), ascending, so
  // that a mistake inside a disk string can be underlined. The first run begins at 0.
  std::vector<std::pair<uint32_t, uint32_t>> origins;
  bool unicode = false;  // u"…"
  bool bytes = false;    // b"…"
  // The place of value[begin, end) in the file.
  Span span_of(uint32_t begin, uint32_t end) const;
};

// f"web{i:02d}": literal pieces and fields, in order.
struct FStringExpr : ExprOf<ExprKind::fstring> {
  struct Piece {
    std::string literal;  // where `field` is nullptr
    ExprPtr field = nullptr;
    char conversion = 0;                // 'r', 's', 'a' or 0
    const FStringExpr* spec = nullptr;  // after ':', may hold fields itself
    bool self_documenting = false;      // {x=}
    std::string source;                 // the field's own text, for {x=}
    Span span;
  };
  std::vector<Piece> pieces;
};

struct NoneExpr : ExprOf<ExprKind::none> {};

struct BooleanExpr : ExprOf<ExprKind::boolean> {
  bool value = false;
};

struct ListExpr : ExprOf<ExprKind::list> {
  std::vector<ExprPtr> items;
};
struct TupleExpr : ExprOf<ExprKind::tuple> {
  std::vector<ExprPtr> items;
  bool parenthesised = false;
};
struct SetExpr : ExprOf<ExprKind::set> {
  std::vector<ExprPtr> items;
};
struct DictExpr : ExprOf<ExprKind::dict> {
  std::vector<std::pair<ExprPtr, ExprPtr>> items;  // first nullptr: **second
};

enum class ComprehensionKind : uint8_t { list, set, dict, generator };
struct ComprehensionExpr : ExprOf<ExprKind::comprehension> {
  ComprehensionKind what = ComprehensionKind::list;
  ExprPtr element = nullptr;  // of a dict: the key
  ExprPtr value = nullptr;    // of a dict
  struct Clause {
    ExprPtr target = nullptr;
    ExprPtr iterable = nullptr;
    std::vector<ExprPtr> conditions;
  };
  std::vector<Clause> clauses;
};

enum class ParameterKind : uint8_t { plain, star, double_star };
struct Parameter {
  Identifier name;
  ParameterKind what = ParameterKind::plain;
  TypePtr annotation = nullptr;
  ExprPtr fallback = nullptr;        // the default
  std::vector<Identifier> unpacked;  // Python 2's def f((a, b)); `name` is then empty
};

struct LambdaExpr : ExprOf<ExprKind::lambda> {
  std::vector<Parameter> parameters;
  ExprPtr body = nullptr;
};

struct Argument {
  std::string keyword;  // empty: positional
  Span keyword_span;
  ExprPtr value = nullptr;
  ParameterKind what = ParameterKind::plain;  // *x, **x
};
struct CallExpr : ExprOf<ExprKind::call> {
  ExprPtr callee = nullptr;
  std::vector<Argument> arguments;
};

struct SubscriptExpr : ExprOf<ExprKind::subscript> {
  ExprPtr object = nullptr;
  ExprPtr index = nullptr;  // a SliceExpr for a[b:c]
};
struct SliceExpr : ExprOf<ExprKind::slice> {
  ExprPtr begin = nullptr, end = nullptr, step = nullptr;
};
struct AttributeExpr : ExprOf<ExprKind::attribute> {
  ExprPtr object = nullptr;
  Identifier name;
};

enum class UnaryOp : uint8_t { plus, minus, invert, not_ };
struct UnaryExpr : ExprOf<ExprKind::unary> {
  UnaryOp op{};
  ExprPtr operand = nullptr;
};

enum class BinaryOp : uint8_t {
  add,
  subtract,
  multiply,
  divide,
  floor_divide,
  modulo,
  power,
  shift_left,
  shift_right,
  bit_and,
  bit_or,
  bit_xor,
};
struct BinaryExpr : ExprOf<ExprKind::binary> {
  BinaryOp op{};
  ExprPtr left = nullptr, right = nullptr;
  Span op_span;
};

enum class CompareOp : uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
  is,
  is_not,
};
struct CompareExpr : ExprOf<ExprKind::compare> {
  ExprPtr first = nullptr;
  struct Link {
    CompareOp op{};
    bool old_not_equal = false;  // <>
    Span op_span;
    ExprPtr operand = nullptr;
  };
  std::vector<Link> links;
};

struct BooleanOpExpr : ExprOf<ExprKind::boolean_op> {
  bool is_and = true;
  std::vector<ExprPtr> operands;
};
struct ConditionalExpr : ExprOf<ExprKind::conditional> {
  ExprPtr condition = nullptr, then = nullptr, otherwise = nullptr;
};
struct BackquoteExpr : ExprOf<ExprKind::backquote> {
  ExprPtr operand = nullptr;
};
struct StarredExpr : ExprOf<ExprKind::starred> {
  ExprPtr operand = nullptr;
};
struct ErrorExpr : ExprOf<ExprKind::error> {};

// ---- types (after `:` and `->`) ----------------------------------------------------------------

enum class TypeKind : uint8_t { named, literal, union_, optional, error };

struct Type : Node {
  TypeKind kind;
  explicit Type(TypeKind k) : kind(k) {}
};
template <TypeKind K>
struct TypeOf : Type {
  static constexpr TypeKind kKind = K;
  TypeOf() : Type(K) {}
};

// int(1..254), size(..64GiB), str("^[a-z]+$"), list[T], tuple[A, B], ref[vdisk], a schema's name.
struct NamedType : TypeOf<TypeKind::named> {
  Identifier name;
  std::vector<TypePtr> arguments;                // in brackets
  ExprPtr minimum = nullptr, maximum = nullptr;  // of a range; either may be absent
  bool has_range = false;
  ExprPtr pattern = nullptr;  // a StringExpr
};
struct LiteralType : TypeOf<TypeKind::literal> {
  ExprPtr value = nullptr;  // string, integer, boolean or none
};
struct UnionType : TypeOf<TypeKind::union_> {
  std::vector<TypePtr> members;
};
struct OptionalType : TypeOf<TypeKind::optional> {
  TypePtr inner = nullptr;
};
struct ErrorType : TypeOf<TypeKind::error> {};

// ---- statements --------------------------------------------------------------------------------

enum class StmtKind : uint8_t {
  expression,
  assign,
  augmented,
  annotated,
  if_,
  for_,
  while_,
  def,
  return_,
  pass,
  break_,
  continue_,
  global,
  try_,
  raise,
  assert_,
  del,
  print,        // Python 2's statement; print(x) with one argument is an expression statement
  import,       // import a.b as c
  from_import,  // from os import path
  use,          // from "base.vm" import debian as d
  param,
  moved,
  declaration,  // domain, vdisk, pool, network, template
  schema,
  lifecycle,
  unsupported,  // class, with, yield, async, exec, decorators, nonlocal: known, not in the language
  error,        // what could not be parsed; already reported
};

struct Stmt : Node {
  StmtKind kind;
  explicit Stmt(StmtKind k) : kind(k) {}
};
template <StmtKind K>
struct StmtOf : Stmt {
  static constexpr StmtKind kKind = K;
  StmtOf() : Stmt(K) {}
};

struct ExpressionStmt : StmtOf<StmtKind::expression> {
  ExprPtr value = nullptr;
};
struct AssignStmt : StmtOf<StmtKind::assign> {
  std::vector<ExprPtr> targets;  // a = b = value: two targets
  ExprPtr value = nullptr;
};
struct AugmentedStmt : StmtOf<StmtKind::augmented> {
  ExprPtr target = nullptr;
  BinaryOp op{};
  ExprPtr value = nullptr;
};
struct AnnotatedStmt : StmtOf<StmtKind::annotated> {
  ExprPtr target = nullptr;
  TypePtr type = nullptr;
  ExprPtr value = nullptr;  // may be nullptr
};
struct IfStmt : StmtOf<StmtKind::if_> {
  ExprPtr condition = nullptr;
  Block then;
  Block otherwise;  // an elif is one IfStmt in here
};
struct ForStmt : StmtOf<StmtKind::for_> {
  ExprPtr target = nullptr;
  ExprPtr iterable = nullptr;
  Block body;
  Block otherwise;
};
struct WhileStmt : StmtOf<StmtKind::while_> {
  ExprPtr condition = nullptr;
  Block body;
  Block otherwise;
};
struct DefStmt : StmtOf<StmtKind::def> {
  Identifier name;
  std::vector<Parameter> parameters;
  TypePtr result = nullptr;
  Block body;
};
struct ReturnStmt : StmtOf<StmtKind::return_> {
  ExprPtr value = nullptr;
};
struct PassStmt : StmtOf<StmtKind::pass> {};
struct BreakStmt : StmtOf<StmtKind::break_> {};
struct ContinueStmt : StmtOf<StmtKind::continue_> {};
struct GlobalStmt : StmtOf<StmtKind::global> {
  std::vector<Identifier> names;
};
struct TryStmt : StmtOf<StmtKind::try_> {
  struct Handler {
    ExprPtr type = nullptr;    // nullptr: a bare except
    ExprPtr target = nullptr;  // `as e`, or Python 2's `, e`
    bool comma_form = false;
    Block body;
    Span span;
  };
  Block body;
  std::vector<Handler> handlers;
  Block otherwise;
  Block finally;
};
struct RaiseStmt : StmtOf<StmtKind::raise> {
  ExprPtr exception = nullptr;  // nullptr: re-raise
  ExprPtr value = nullptr;      // Python 2's `raise E, x`
  ExprPtr cause = nullptr;      // from
};
struct AssertStmt : StmtOf<StmtKind::assert_> {
  ExprPtr condition = nullptr;
  ExprPtr message = nullptr;
};
struct DelStmt : StmtOf<StmtKind::del> {
  std::vector<ExprPtr> targets;
};
struct PrintStmt : StmtOf<StmtKind::print> {
  ExprPtr destination = nullptr;  // print >>f, x
  std::vector<ExprPtr> values;
  bool trailing_comma = false;
};
struct ImportStmt : StmtOf<StmtKind::import> {
  struct Module {
    std::vector<Identifier> path;  // a.b.c
    std::optional<Identifier> alias;
  };
  std::vector<Module> modules;
};
struct ImportedName {
  Identifier name;
  std::optional<Identifier> alias;
};
struct FromImportStmt : StmtOf<StmtKind::from_import> {
  std::vector<Identifier> module;
  bool everything = false;  // import *
  std::vector<ImportedName> names;
};
struct UseStmt : StmtOf<StmtKind::use> {
  const StringExpr* file = nullptr;
  std::vector<ImportedName> names;
};
struct ParamStmt : StmtOf<StmtKind::param> {
  Identifier name;
  TypePtr type = nullptr;      // may be nullptr
  ExprPtr fallback = nullptr;  // may be nullptr: must be given
};

// domain.web0 or domain["web 0"]: a kind and a name, which may be an f-string in brackets.
struct AddressRef {
  Identifier kind;
  ExprPtr name = nullptr;  // a StringExpr (also for an identifier) or an FStringExpr
  Span span;
};
struct MovedStmt : StmtOf<StmtKind::moved> {
  AddressRef from, to;
};

enum class DeclarationKind : uint8_t { domain, vdisk, pool, network, template_ };
struct DeclarationStmt : StmtOf<StmtKind::declaration> {
  DeclarationKind what = DeclarationKind::domain;
  Span keyword;
  // Exactly one of both; an identifier is literal and binds its name in the scope.
  std::optional<Identifier> identifier;
  ExprPtr name = nullptr;  // StringExpr or FStringExpr
  std::vector<ExprPtr> templates;
  ExprPtr in = nullptr;
  ExprPtr on = nullptr;
  Block body;
};
struct SchemaStmt : StmtOf<StmtKind::schema> {
  struct Field {
    Identifier name;
    TypePtr type = nullptr;
    ExprPtr fallback = nullptr;
  };
  Identifier name;
  std::vector<Field> fields;
};
struct LifecycleStmt : StmtOf<StmtKind::lifecycle> {
  Block body;
};
struct UnsupportedStmt : StmtOf<StmtKind::unsupported> {
  std::string what;  // "class", "with", "yield", …
};
struct ErrorStmt : StmtOf<StmtKind::error> {};

// ---- the tree ----------------------------------------------------------------------------------

class SyntaxTree {
 public:
  FileId file;
  Block statements;

  // Some statement, at any depth, declares (domain vdisk pool network template schema moved).
  bool declares = false;

  template <typename T>
  T* make(Span span) {
    auto node = std::make_unique<T>();
    T* raw = node.get();
    raw->span = span;
    nodes_.push_back(std::move(node));
    return raw;
  }

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace hv::lang
