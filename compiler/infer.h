// What can be said of an expression's type without running it, and which operators cannot fit.
//
// One thread. Types are those of compiler/types.h; a null TypeRef is "not known".
#pragma once

#include <map>
#include <set>
#include <string_view>

#include "compiler/interp.h"
#include "compiler/types.h"

namespace hv::compiler {

// The names of one scope of the static pass.
struct StaticNames {
  std::set<std::string_view> bound;
  const StaticNames* outer = nullptr;
  // Of names with one type wherever they are read; filled while the pass goes down the scope.
  mutable std::map<std::string_view, TypeRef> types;
  std::set<std::string_view> assigned_once;
  const Schema* schema = nullptr;  // of a block: its attributes have the schema's types
  Kind kind = Kind::domain;

  bool has(std::string_view name) const;
  TypeRef type_of_name(std::string_view name) const;
};

TypeRef simple_type(TypeName name);
// The type of an attribute as a block reads it; null where it has no simple one.
TypeRef type_of_attribute(AttributeType type);
// Names that a body binds by exactly one plain assignment (not in loops' targets, not again).
std::set<std::string_view> names_assigned_once(lang::Block body);

class Inference {
 public:
  Inference(bool python2, Diagnostics& diagnostics)
      : python2_(python2), diagnostics_(diagnostics) {}
  // Nothing is reported here.
  TypeRef type_of(const lang::Expr* expr, const StaticNames& names) const;
  // Reports an operator that cannot fit its operands; looks at this one node only.
  void check_binary(const lang::BinaryExpr& node, const StaticNames& names);
  void check_comparison(const lang::ComparisonExpr& node, const StaticNames& names);

 private:
  TypeRef binary(lang::BinaryOp op, const TypeInfo& left, const TypeInfo& right) const;
  void say_unit(const lang::Expr* number, const TypeInfo& unit, Diagnostic& diagnostic);

  bool python2_;
  Diagnostics& diagnostics_;
};

}  // namespace hv::compiler
