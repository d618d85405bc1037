// The syntax tree of one `.vm` file: our own nodes, each with the span it was read from.
//
// A SyntaxTree owns all its nodes in one arena; nodes are immutable, trivially destructible and
// refer to each other by plain pointers that live as long as the tree. Names and most text are
// views into the SourceMap's text, which must outlive the tree. Any thread may read a tree.
//
// The tree is a superset of the language: Python 2 and Python 3 forms are both there, and the
// compiler decides which of them a domain file or a module may use. Every Expr, Stmt and Type says
// its kind; `as<NameExpr>(expr)` gives the node of that kind. The height of every expression and
// the nesting of statements are bounded (kMaxDepth), so a recursive walk is safe.
//
// Longer than other headers: it is one table of nodes, and split it would be read by jumping.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/source.h"
#include "base/units.h"

namespace hv::lang {

// No node of a tree has more than this many ancestors.
inline constexpr unsigned kMaxDepth = 1000;

template <typename T>
using List = std::span<const T>;

// ---- expressions ----------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  name,           // NameExpr: x
  constant,       // ConstantExpr: None True False
  integer,        // IntegerExpr: 12 0755 0x1f 10L
  floating,       // FloatExpr: 1.5 1e3
  size,           // SizeExpr: 64MiB
  duration,       // DurationExpr: 15m
  string,         // StringExpr: "a" 'b' (adjacent ones joined)
  fstring,        // FStringExpr: f"web{i}"
  list,           // SequenceExpr
  tuple,          // SequenceExpr
  set,            // SequenceExpr
  dict,           // DictExpr
  comprehension,  // ComprehensionExpr: [..] {..} {k: v ..} (..)
  lambda,         // LambdaExpr
  call,           // CallExpr
  subscript,      // SubscriptExpr: x[i]
  slice,          // SliceExpr, only as the index of a SubscriptExpr (or inside its tuple)
  attribute,      // AttributeExpr: x.name
  unary,          // UnaryExpr: -x +x ~x, not x
  binary,         // BinaryExpr
  comparison,     // ComparisonExpr: a < b <= c
  logical,        // LogicalExpr: a and b and c
  conditional,    // ConditionalExpr: a if c else b
  repr,           // ReprExpr: `x` (Python 2)
  star,           // StarExpr: *x in a display or an assignment target
};

struct Expr {
  ExprKind kind;
  bool parenthesized = false;  // stood in brackets of its own
  uint16_t height = 1;         // levels of expressions from here down
  Span span;                   // without those brackets; of a tuple: with them
};

struct NameExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::name; }
  std::string_view name;
};

enum class Constant : uint8_t { none, true_, false_ };
struct ConstantExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::constant; }
  Constant value;
};

struct IntegerExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::integer; }
  std::optional<uint64_t> value;  // nothing: it does not fit 64 bits, see `digits`
  std::string_view spelling;      // as written: "0755", "1_000", "10L"
  std::string_view digits;        // without prefix, suffix and underscores, in base `radix`
  uint8_t radix;                  // 2, 8, 10, 16
  bool legacy_octal;              // 0755
  bool long_suffix;               // 10L
};

struct FloatExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::floating; }
  double value;
  std::string_view spelling;
};

struct SizeExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::size; }
  Bytes value;
  std::string_view spelling;
};

struct DurationExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::duration; }
  Duration value;
  std::string_view spelling;
};

// A run of a string's value and the source text it came from. Where both have one length the text
// is verbatim; otherwise it is an escape sequence (or a folded line end).
struct StringPiece {
  uint32_t value_begin, value_end;
  uint32_t source_begin, source_end;
};

struct StringExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::string; }
  std::string_view value;          // as Python 3 reads the escapes: UTF-8, foreign bytes kept
  std::string_view python2_value;  // as Python 2 does (`\xe9` is a byte, `\u` stays); most often
                                   // the same view
  List<StringPiece> pieces;        // of `value`, in order
  bool bytes_prefix;               // b"…"
  bool unicode_prefix;             // u"…"
  bool joined;                     // several adjacent literals
};

// The source of bytes [offset, offset + length) of `string.value`, for a message that points into
// the string. A length of 0 gives a place between two characters.
Span span_in(const StringExpr& string, std::size_t offset, std::size_t length);

enum class Conversion : uint8_t { none, str, repr, ascii };  // !s !r !a

struct FStringPart {
  Span span;
  std::string_view text;   // where `expr` is null: literal text, escapes and {{ }} done
  const Expr* expr;        // where not null: a replacement field
  std::string_view debug;  // `{x = }`: "x = ", else empty
  Conversion conversion;
  List<FStringPart> format;  // after `:`, may hold nested fields
  bool has_format;
};

struct FStringExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::fstring; }
  List<FStringPart> parts;  // plain literals joined to it are text parts
};

struct SequenceExpr : Expr {  // list, tuple or set display
  static constexpr bool is(ExprKind k) {
    return k == ExprKind::list || k == ExprKind::tuple || k == ExprKind::set;
  }
  List<const Expr*> items;
};

struct DictItem {
  const Expr* key;  // null: **value
  const Expr* value;
};
struct DictExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::dict; }
  List<DictItem> items;
};

// `for targets in iterable` with the `if`s that follow it.
struct ComprehensionFor {
  Span span;
  const Expr* target;
  const Expr* iterable;  // `for x in 1, 2` (Python 2) has a tuple here
  List<const Expr*> conditions;
};
enum class ComprehensionForm : uint8_t { list, set, dict, generator };
struct ComprehensionExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::comprehension; }
  ComprehensionForm form;
  const Expr* key;    // dict only, else null
  const Expr* value;  // the element
  List<ComprehensionFor> fors;
};

struct Type;
enum class ParameterKind : uint8_t { positional_only, normal, keyword_only, args, kwargs };
struct Parameter {
  Span span;
  ParameterKind kind;
  std::string_view name;  // empty where `pattern` is set
  Span name_span;
  const Expr* pattern;        // def f((a, b)): (Python 2), else null
  const Type* type;           // may be null
  const Expr* default_value;  // may be null
};

struct LambdaExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::lambda; }
  List<Parameter> parameters;
  const Expr* body;
};

enum class ArgumentKind : uint8_t { positional, keyword, args, kwargs };
struct Argument {
  Span span;
  ArgumentKind kind;
  std::string_view name;  // keyword only
  Span name_span;
  const Expr* value;
};
struct CallExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::call; }
  const Expr* callee;
  List<Argument> arguments;
};

struct SubscriptExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::subscript; }
  const Expr* object;
  const Expr* index;
};

struct SliceExpr : Expr {  // each part may be null
  static constexpr bool is(ExprKind k) { return k == ExprKind::slice; }
  const Expr* lower;
  const Expr* upper;
  const Expr* step;
};

struct AttributeExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::attribute; }
  const Expr* object;
  std::string_view name;
  Span name_span;
};

enum class UnaryOp : uint8_t { minus, plus, invert, not_ };
struct UnaryExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::unary; }
  UnaryOp op;
  const Expr* operand;
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
std::string_view symbol(BinaryOp op);  // as it is written: `//`
struct BinaryExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::binary; }
  BinaryOp op;
  Span op_span;
  const Expr* left;
  const Expr* right;
};

enum class CompareOp : uint8_t {
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  not_equal,
  in,
  not_in,
  is,
  is_not,
};
std::string_view symbol(CompareOp op);
struct ComparisonPart {
  CompareOp op;
  bool legacy;  // spelled `<>`
  Span op_span;
  const Expr* operand;
};
struct ComparisonExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::comparison; }
  const Expr* first;
  List<ComparisonPart> rest;  // one or more: a < b < c
};

enum class LogicalOp : uint8_t { and_, or_ };
struct LogicalExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::logical; }
  LogicalOp op;
  List<const Expr*> operands;  // two or more
};

struct ConditionalExpr : Expr {  // value if condition else otherwise
  static constexpr bool is(ExprKind k) { return k == ExprKind::conditional; }
  const Expr* condition;
  const Expr* value;
  const Expr* otherwise;
};

struct ReprExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::repr; }
  const Expr* operand;
};

struct StarExpr : Expr {
  static constexpr bool is(ExprKind k) { return k == ExprKind::star; }
  const Expr* operand;
};

// ---- types (after `:` and `->`) -------------------------------------------------------------

enum class TypeKind : uint8_t {
  named,     // NamedType: int  int(1..16)  str("^a")
  generic,   // GenericType: list[T] tuple[A, B] dict[K, V] ref[vdisk]
  literal,   // LiteralType: "dev"  8  True
  union_,    // UnionType: A | B
  optional,  // OptionalType: T?
};

struct Type {
  TypeKind kind;
  Span span;
};

enum class RefinementKind : uint8_t { none, range, regex };
struct NamedType : Type {
  static constexpr bool is(TypeKind k) { return k == TypeKind::named; }
  std::string_view name;  // `None` too
  Span name_span;
  RefinementKind refinement;
  const Expr* lower;        // range, either may be null: a number, size or duration literal,
  const Expr* upper;        // perhaps under a unary minus
  const StringExpr* regex;  // regex
};

struct GenericType : Type {
  static constexpr bool is(TypeKind k) { return k == TypeKind::generic; }
  std::string_view name;
  Span name_span;
  List<const Type*> arguments;  // one or more
};

struct LiteralType : Type {
  static constexpr bool is(TypeKind k) { return k == TypeKind::literal; }
  const Expr* value;  // string, number, size, duration, True, False
};

struct UnionType : Type {
  static constexpr bool is(TypeKind k) { return k == TypeKind::union_; }
  List<const Type*> members;  // two or more
};

struct OptionalType : Type {
  static constexpr bool is(TypeKind k) { return k == TypeKind::optional; }
  const Type* inner;
};

// ---- statements -----------------------------------------------------------------------------

enum class StmtKind : uint8_t {
  expression,        // ExpressionStmt
  assign,            // AssignStmt: a = b = value
  augmented_assign,  // AugmentedAssignStmt: a += value
  annotated_assign,  // AnnotatedAssignStmt: a: T = value, also a field of a schema
  if_,               // IfStmt
  for_,              // ForStmt
  while_,            // WhileStmt
  function,          // FunctionStmt
  return_,           // ReturnStmt
  pass,              // SimpleStmt
  break_,            // SimpleStmt
  continue_,         // SimpleStmt
  global,            // GlobalStmt
  try_,              // TryStmt
  raise,             // RaiseStmt
  assert_,           // AssertStmt
  del,               // DelStmt
  print,             // PrintStmt: the Python 2 statement; print(…) alone is a call expression
  import,            // ImportStmt: import os, x.y as z
  from_import,       // FromImportStmt: from os import path
  vm_import,         // VmImportStmt: from "x.vm" import a, b as c
  param,             // ParamStmt
  moved,             // MovedStmt
  declaration,       // DeclarationStmt: domain vdisk pool network template schema
  lifecycle,         // LifecycleStmt
};

struct Stmt {
  StmtKind kind;
  Span span;  // a statement with a block ends where its last statement does
};

using Block = List<const Stmt*>;

struct ExpressionStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::expression; }
  const Expr* expr;
};

// A target is a NameExpr, AttributeExpr, SubscriptExpr, or a list or tuple of targets (one of them
// perhaps a StarExpr).
struct AssignStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::assign; }
  List<const Expr*> targets;  // one or more, left to right
  const Expr* value;
};

struct AugmentedAssignStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::augmented_assign; }
  const Expr* target;  // name, attribute or subscript
  BinaryOp op;
  Span op_span;
  const Expr* value;
};

struct AnnotatedAssignStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::annotated_assign; }
  const Expr* target;  // name, attribute or subscript
  const Type* type;
  const Expr* value;  // may be null
};

struct IfBranch {
  Span span;  // of the `if` or `elif` line's words and its block
  const Expr* condition;
  Block body;
};
struct IfStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::if_; }
  List<IfBranch> branches;  // if, elif …
  Block else_body;          // empty: no else
};

struct ForStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::for_; }
  const Expr* target;
  const Expr* iterable;
  Block body;
  Block else_body;
};

struct WhileStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::while_; }
  const Expr* condition;
  Block body;
  Block else_body;
};

struct FunctionStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::function; }
  std::string_view name;
  Span name_span;
  List<Parameter> parameters;
  const Type* returns;  // may be null
  Block body;
};

struct ReturnStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::return_; }
  const Expr* value;  // may be null
};

struct SimpleStmt : Stmt {  // pass, break, continue
  static constexpr bool is(StmtKind k) {
    return k == StmtKind::pass || k == StmtKind::break_ || k == StmtKind::continue_;
  }
};

struct GlobalStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::global; }
  List<const NameExpr*> names;
};

struct ExceptHandler {
  Span span;
  const Expr* type;    // null: bare except
  const Expr* target;  // null: none
  bool legacy;         // except E, e
  Block body;
};
struct TryStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::try_; }
  Block body;
  List<ExceptHandler> handlers;
  Block else_body;
  Block finally_body;
};

struct RaiseStmt : Stmt {  // raise / raise E / raise E, value, traceback / raise E from cause
  static constexpr bool is(StmtKind k) { return k == StmtKind::raise; }
  const Expr* exception;
  const Expr* value;      // Python 2
  const Expr* traceback;  // Python 2
  const Expr* cause;      // Python 3
};

struct AssertStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::assert_; }
  const Expr* condition;
  const Expr* message;  // may be null
};

struct DelStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::del; }
  List<const Expr*> targets;
};

struct PrintStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::print; }
  const Expr* destination;  // print >>f, x; else null
  List<const Expr*> values;
  bool trailing_comma;  // no line end is written
};

struct ImportName {
  Span span;
  std::string_view name;  // dotted where the statement allows it: "os.path"
  Span name_span;
  std::string_view alias;  // empty: none
  Span alias_span;
};
struct ImportStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::import; }
  List<ImportName> names;
};
struct FromImportStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::from_import; }
  std::string_view module;  // dotted
  Span module_span;
  List<ImportName> names;  // empty: import *
};
struct VmImportStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::vm_import; }
  const StringExpr* path;
  List<ImportName> names;
};

struct ParamStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::param; }
  std::string_view name;
  Span name_span;
  const Type* type;           // may be null
  const Expr* default_value;  // may be null
};

// KIND.NAME or KIND["NAME"] as written in `moved`; the kind is not checked here.
struct AddressRef {
  Span span;
  std::string_view kind;
  Span kind_span;
  std::string_view name;
  Span name_span;
};
struct MovedStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::moved; }
  AddressRef from;
  AddressRef to;
};

enum class DeclarationKind : uint8_t { domain, vdisk, pool, network, template_, schema };
std::string_view to_string(DeclarationKind kind);  // "domain", "template"

enum class PlacementKind : uint8_t { none, in, on };
struct TemplateUse {
  std::string_view name;
  Span span;
};
struct DeclarationStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::declaration; }
  DeclarationKind declared;
  Span keyword;      // the kind word
  Span header;       // kind word to `:`
  const Expr* name;  // NameExpr (its text is the name, nothing is looked up), StringExpr,
                     // FStringExpr
  List<TemplateUse> templates;
  PlacementKind placement_kind;
  const Expr* placement;  // in EXPR, on EXPR; else null
  Block body;
};

struct LifecycleStmt : Stmt {
  static constexpr bool is(StmtKind k) { return k == StmtKind::lifecycle; }
  Block body;
};

// ---- access by kind -------------------------------------------------------------------------

template <typename T, typename Base>
const T& as(const Base& node) {
  HV_CHECK(T::is(node.kind), "a syntax node of another kind");
  return static_cast<const T&>(node);
}
// The node, where it is of kind T; else null (also for a null node).
template <typename T, typename Base>
const T* try_as(const Base* node) {
  return node != nullptr && T::is(node->kind) ? static_cast<const T*>(node) : nullptr;
}

// ---- the tree -------------------------------------------------------------------------------

// A name that a file-level assignment binds (also inside if, for, while and try, not in functions
// and blocks of declarations); attribute and subscript targets are not here.
struct AssignedName {
  std::string_view name;
  Span span;
};

// What tells a module from a domain file from a library without knowing any key (language.md §2).
struct FileShape {
  // A word domain, vdisk, pool, network, template, schema or moved declares somewhere, branches
  // not taken, function bodies and lines with syntax errors included.
  bool declares = false;
  List<const DeclarationStmt*> declarations;  // in order of appearance, wherever they stand
  List<const MovedStmt*> moved;
  List<const ParamStmt*> params;
  List<const VmImportStmt*> imports;
  List<AssignedName> assigned;  // in order, repeated names repeated
};

class SyntaxTree {
 public:
  FileId file;
  Block body;
  FileShape shape;
  // Syntax errors dropped statements (false: the tree is whole). Names in those statements may
  // have been bound there: a name among `broken_names` is not to be reported as unknown.
  bool broken = false;
  List<std::string_view> broken_names;

  explicit SyntaxTree(FileId of)
      : file(of), arena_(std::make_unique<std::pmr::monotonic_buffer_resource>(4096)) {}
  // The owner of all nodes; for the parser, and for whoever adds nodes of the same life.
  std::pmr::memory_resource& arena() { return *arena_; }

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_;
};

}  // namespace hv::lang
