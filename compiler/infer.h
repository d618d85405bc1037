// What can be said of an expression's type without running it, and which operators cannot fit.
//
// One thread. Types are those of compiler/types.h; a null TypeRef is "not known".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "compiler/interp.h"
#include "compiler/types.h"

namespace hv::compiler {

// A name of a file's top that means one thing wherever it is read.
struct Known {
  const lang::FunctionStmt* function = nullptr;  // or
  const lang::DeclarationStmt* schema = nullptr;
  const lang::SyntaxTree* tree = nullptr;  // where the function or the schema stands
  TypeRef type;                            // of any other
};

// What a file offers to those that import it.
struct FileFacts {
  std::set<std::string_view> bound;
  bool open = false;  // it binds more than can be seen
  std::map<std::string_view, Known> known;
  std::map<std::string, std::string> types;  // of all names of its top, for people
};
using ImportedFacts = std::map<const lang::VmImportStmt*, const FileFacts*>;

// How often a body binds its names.
struct Bindings {
  std::set<std::string_view> assigned_once;  // by one plain assignment
  std::set<std::string_view> bound_once;     // by one `def`, `for`, import or declaration
};
Bindings bindings_of(lang::Block body);

// The names of one scope of the static pass.
struct StaticNames {
  std::set<std::string_view> bound;
  const StaticNames* outer = nullptr;
  // Of names with one type wherever they are read; filled while the pass goes down the scope.
  mutable std::map<std::string_view, TypeRef> types;
  std::map<std::string_view, Known> known;
  Bindings bindings;
  const Schema* schema = nullptr;  // of a block: its attributes have the schema's types
  Kind kind = Kind::domain;

  bool has(std::string_view name) const;
  TypeRef type_of_name(std::string_view name) const;
  const Known* known_of(std::string_view name) const;
};

TypeRef simple_type(TypeName name);
TypeRef reference_type(Kind kind);
// The kind that `domain` means in `domain.web0`, where nothing else has that name.
std::optional<Kind> kind_word(const lang::Expr* expr, const StaticNames& names);
// The type of an attribute as a block reads it; null where it has no simple one.
TypeRef type_of_attribute(AttributeType type);
// "an int", "a list": without what narrows the type.
std::string type_phrase(const TypeInfo& type);

// Why an expression's value cannot have a type; the place is a part of the expression.
struct Mismatch {
  Span place;
  std::string why;
};

// No value of `from` is one of `to`.
bool excludes(const TypeInfo& from, const TypeInfo& to);
// No value of `from` can be assigned to the attribute.
bool cannot_hold(const Attribute& attribute, const TypeInfo& from);

class Inference {
 public:
  // `strict`: the file is no old one, so calls, methods and annotations are checked too.
  Inference(const lang::SyntaxTree& tree, const ImportedFacts& imported, bool python2, bool strict,
            const Schema& schema, const SourceMap& sources, Diagnostics& diagnostics)
      : tree_(tree),
        imported_(imported),
        python2_(python2),
        strict_(strict),
        schema_(schema),
        sources_(sources),
        diagnostics_(diagnostics) {}
  // Nothing is reported by these.
  TypeRef type_of(const lang::Expr* expr, const StaticNames& names) const;
  TypeRef element_type_of(const lang::Expr* iterable, const StaticNames& names) const;
  // Why the expression's value cannot have the type.
  std::optional<Mismatch> misfit(const lang::Expr* value, const TypeInfo& type,
                                 const StaticNames& names) const;
  // Each reports what cannot fit, and looks at its one node only.
  void check_binary(const lang::BinaryExpr& node, const StaticNames& names);
  void check_comparison(const lang::ComparisonExpr& node, const StaticNames& names);
  // infer_calls.cpp
  void check_call(const lang::CallExpr& node, const StaticNames& names);
  void check_fstring(const lang::FStringExpr& node, const StaticNames& names);  // static_values.cpp
  void check_attribute(const lang::AttributeExpr& node, const StaticNames& names);

 private:
  TypeRef binary(lang::BinaryOp op, const TypeInfo& left, const TypeInfo& right) const;
  void say_unit(const lang::Expr* number, const TypeInfo& unit, Diagnostic& diagnostic);
  // infer_calls.cpp
  TypeRef declared_in(const lang::Type* type, const lang::SyntaxTree& tree) const;
  TypeRef type_of_call(const lang::CallExpr& node, const StaticNames& names) const;
  TypeRef type_of_attribute_of(const lang::AttributeExpr& node, const StaticNames& names) const;
  void check_function(const lang::CallExpr& node, const Known& known, const StaticNames& names);
  void check_record(const lang::CallExpr& node, const Known& known, const StaticNames& names);
  void check_length(const lang::CallExpr& node, const StaticNames& names);
  void check_fits(const lang::Expr* value, const TypeInfo& type, const std::string& what,
                  Span place, const StaticNames& names);
  // static_values.cpp
  void check_device(const lang::CallExpr& node, bool disk);
  void check_format(const lang::BinaryExpr& node, const StaticNames& names);
  void check_text_of(const lang::Expr* value, char conversion, const StaticNames& names);

  const lang::SyntaxTree& tree_;
  const ImportedFacts& imported_;
  bool python2_;
  bool strict_;
  const Schema& schema_;
  const SourceMap& sources_;
  Diagnostics& diagnostics_;
};

}  // namespace hv::compiler
