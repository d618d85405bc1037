#include "compiler/infer.h"

namespace hv::compiler {

using lang::BinaryOp;
using lang::ExprKind;

bool StaticNames::has(std::string_view name) const {
  for (const StaticNames* at = this; at != nullptr; at = at->outer)
    if (at->bound.contains(name)) return true;
  return false;
}

TypeRef StaticNames::type_of_name(std::string_view name) const {
  for (const StaticNames* at = this; at != nullptr; at = at->outer) {
    if (auto found = at->types.find(name); found != at->types.end()) return found->second;
    if (!at->bound.contains(name)) continue;
    if (at->schema == nullptr) return nullptr;
    // An attribute of the block, unless the same name means something around it.
    if (at->outer != nullptr && at->outer->has(name)) return nullptr;
    const Attribute* attribute = at->schema->find(at->kind, name);
    return attribute == nullptr ? nullptr : type_of_attribute(attribute->type);
  }
  return nullptr;
}

const Known* StaticNames::known_of(std::string_view name) const {
  for (const StaticNames* at = this; at != nullptr; at = at->outer) {
    if (auto found = at->known.find(name); found != at->known.end()) return &found->second;
    if (at->bound.contains(name)) return nullptr;
  }
  return nullptr;
}

TypeRef simple_type(TypeName name) {
  auto type = std::make_shared<TypeInfo>();
  type->name = name;
  return type;
}

TypeRef type_of_attribute(AttributeType type) {
  switch (type) {
    case AttributeType::boolean:
      return simple_type(TypeName::boolean);
    case AttributeType::integer:
      return simple_type(TypeName::integer);
    case AttributeType::number:
      return simple_type(TypeName::floating);
    case AttributeType::size:
      return simple_type(TypeName::size);
    case AttributeType::duration:
      return simple_type(TypeName::duration);
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::choice:
      return simple_type(TypeName::string);
    case AttributeType::secret:
      return simple_type(TypeName::secret);
    case AttributeType::string_list:
    case AttributeType::cpu_list:  // a string or a list of them
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
    case AttributeType::reference:
    case AttributeType::reference_list:
    case AttributeType::raw:
      return nullptr;
  }
  return nullptr;
}

namespace {

void count_assignments(lang::Block body, std::map<std::string_view, int>& counts) {
  const auto twice = [&](const lang::Expr* target) {
    std::vector<std::string_view> names;
    collect_targets(target, names);
    for (const std::string_view name : names) counts[name] += 2;
  };
  for (const lang::Stmt* each : body) {
    if (const auto* assign = lang::try_as<lang::AssignStmt>(each)) {
      for (const lang::Expr* target : assign->targets) {
        if (const auto* name = lang::try_as<lang::NameExpr>(target))
          ++counts[name->name];
        else
          twice(target);
      }
    } else if (const auto* more = lang::try_as<lang::AugmentedAssignStmt>(each)) {
      twice(more->target);
    } else if (const auto* typed = lang::try_as<lang::AnnotatedAssignStmt>(each)) {
      twice(typed->target);
    } else if (const auto* branch = lang::try_as<lang::IfStmt>(each)) {
      for (const lang::IfBranch& one : branch->branches) count_assignments(one.body, counts);
      count_assignments(branch->else_body, counts);
    } else if (const auto* loop = lang::try_as<lang::ForStmt>(each)) {
      twice(loop->target);
      count_assignments(loop->body, counts);
      count_assignments(loop->else_body, counts);
    } else if (const auto* until = lang::try_as<lang::WhileStmt>(each)) {
      count_assignments(until->body, counts);
      count_assignments(until->else_body, counts);
    } else if (const auto* attempt = lang::try_as<lang::TryStmt>(each)) {
      count_assignments(attempt->body, counts);
      for (const lang::ExceptHandler& handler : attempt->handlers) {
        if (handler.target != nullptr) twice(handler.target);
        count_assignments(handler.body, counts);
      }
      count_assignments(attempt->else_body, counts);
      count_assignments(attempt->finally_body, counts);
    } else if (const auto* function = lang::try_as<lang::FunctionStmt>(each)) {
      counts[function->name] += 2;
      std::vector<std::string_view> assigned, globals;
      collect_locals(function->body, assigned, globals);
      for (const std::string_view name : globals) counts[name] += 2;
    } else if (const auto* import = lang::try_as<lang::VmImportStmt>(each)) {
      for (const lang::ImportName& name : import->names)
        counts[name.alias.empty() ? name.name : name.alias] += 2;
    } else if (const auto* declared = lang::try_as<lang::DeclarationStmt>(each)) {
      if (const auto* name = lang::try_as<lang::NameExpr>(declared->name)) counts[name->name] += 2;
    }
  }
}

bool is_quantity(const TypeInfo& type) {
  return type.name == TypeName::size || type.name == TypeName::duration;
}
bool is_number(const TypeInfo& type) {
  return type.name == TypeName::integer || type.name == TypeName::floating;
}
bool is_text(const TypeInfo& type) {
  return type.name == TypeName::string;
}

TypeRef list_of_any() {
  auto type = std::make_shared<TypeInfo>();
  type->name = TypeName::list;
  type->arguments = {simple_type(TypeName::any)};
  return type;
}

}  // namespace

std::optional<Kind> kind_word(const lang::Expr* expr, const StaticNames& names) {
  const auto* name = lang::try_as<lang::NameExpr>(expr);
  return name == nullptr || names.has(name->name) ? std::nullopt : kind_from(name->name);
}

TypeRef reference_type(Kind kind) {
  auto type = std::make_shared<TypeInfo>();
  type->name = TypeName::reference;
  type->kind = kind;
  return type;
}

TypeRef Inference::element_type_of(const lang::Expr* iterable, const StaticNames& names) const {
  const auto* call = lang::try_as<lang::CallExpr>(iterable);
  const auto* callee = call == nullptr ? nullptr : lang::try_as<lang::NameExpr>(call->callee);
  if (callee != nullptr && (callee->name == "range" || callee->name == "xrange") &&
      !names.has(callee->name))
    return simple_type(TypeName::integer);
  const TypeRef type = type_of(iterable, names);
  if (!type) return nullptr;
  if (type->name == TypeName::list || type->name == TypeName::dict) return type->arguments[0];
  return is_text(*type) ? simple_type(TypeName::string) : nullptr;
}

Bindings bindings_of(lang::Block body) {
  std::map<std::string_view, int> counts;
  count_assignments(body, counts);
  Bindings bindings;
  for (const auto& [name, count] : counts) {
    if (count == 1) bindings.assigned_once.insert(name);
    if (count == 2) bindings.bound_once.insert(name);
  }
  return bindings;
}

TypeRef Inference::type_of(const lang::Expr* expr, const StaticNames& names) const {
  if (expr == nullptr) return nullptr;
  switch (expr->kind) {
    case ExprKind::constant:
      return simple_type(lang::as<lang::ConstantExpr>(*expr).value == lang::Constant::none
                             ? TypeName::none
                             : TypeName::boolean);
    case ExprKind::integer:
      return simple_type(TypeName::integer);
    case ExprKind::floating:
      return simple_type(TypeName::floating);
    case ExprKind::size:
      return simple_type(TypeName::size);
    case ExprKind::duration:
      return simple_type(TypeName::duration);
    case ExprKind::string:
    case ExprKind::repr:
      return simple_type(TypeName::string);
    case ExprKind::name:
      return names.type_of_name(lang::as<lang::NameExpr>(*expr).name);
    case ExprKind::unary: {
      const auto& node = lang::as<lang::UnaryExpr>(*expr);
      if (node.op == lang::UnaryOp::not_) return simple_type(TypeName::boolean);
      return type_of(node.operand, names);
    }
    case ExprKind::binary: {
      const auto& node = lang::as<lang::BinaryExpr>(*expr);
      TypeRef left = type_of(node.left, names);
      if (left && is_text(*left) && node.op == BinaryOp::modulo) return left;
      const TypeRef right = type_of(node.right, names);
      return left && right ? binary(node.op, *left, *right) : nullptr;
    }
    case ExprKind::comparison:
      return simple_type(TypeName::boolean);
    case ExprKind::conditional: {
      const auto& node = lang::as<lang::ConditionalExpr>(*expr);
      const TypeRef value = type_of(node.value, names);
      const TypeRef otherwise = type_of(node.otherwise, names);
      return value && otherwise && to_string(*value) == to_string(*otherwise) ? value : nullptr;
    }
    case ExprKind::list:
      return list_of_any();
    case ExprKind::tuple: {
      auto type = std::make_shared<TypeInfo>();
      type->name = TypeName::tuple;
      for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*expr).items) {
        if (item->kind == ExprKind::star) return nullptr;
        const TypeRef known = type_of(item, names);
        type->arguments.push_back(known ? known : simple_type(TypeName::any));
      }
      return type;
    }
    case ExprKind::dict: {
      auto type = std::make_shared<TypeInfo>();
      type->name = TypeName::dict;
      type->arguments = {simple_type(TypeName::any), simple_type(TypeName::any)};
      return type;
    }
    case ExprKind::comprehension:
      return lang::as<lang::ComprehensionExpr>(*expr).form == lang::ComprehensionForm::list
                 ? list_of_any()
                 : nullptr;
    case ExprKind::call:
      return type_of_call(lang::as<lang::CallExpr>(*expr), names);
    case ExprKind::subscript: {
      const auto& node = lang::as<lang::SubscriptExpr>(*expr);
      if (kind_word(node.object, names)) return reference_type(*kind_word(node.object, names));
      if (node.index->kind == ExprKind::slice) return nullptr;
      const TypeRef of = type_of(node.object, names);
      if (!of) return nullptr;
      if (of->name == TypeName::list) return of->arguments[0];
      if (of->name == TypeName::dict) return of->arguments[1];
      return is_text(*of) ? simple_type(TypeName::string) : nullptr;
    }
    case ExprKind::attribute:
      return type_of_attribute_of(lang::as<lang::AttributeExpr>(*expr), names);
    case ExprKind::fstring:  // a str, or a secret
    case ExprKind::set:
    case ExprKind::lambda:
    case ExprKind::slice:
    case ExprKind::logical:
    case ExprKind::star:
      return nullptr;
  }
  return nullptr;
}

TypeRef Inference::binary(BinaryOp op, const TypeInfo& left, const TypeInfo& right) const {
  if (is_quantity(left) || is_quantity(right)) {
    const bool both = left.name == right.name;
    if (both && (op == BinaryOp::add || op == BinaryOp::subtract || op == BinaryOp::modulo))
      return simple_type(left.name);
    if (both && op == BinaryOp::floor_divide) return simple_type(TypeName::integer);
    if (both && op == BinaryOp::divide) return simple_type(TypeName::floating);
    if (op == BinaryOp::multiply && is_quantity(left) && is_number(right))
      return simple_type(left.name);
    if (op == BinaryOp::multiply && is_number(left) && is_quantity(right))
      return simple_type(right.name);
    if (op == BinaryOp::floor_divide && is_quantity(left) && right.name == TypeName::integer)
      return simple_type(left.name);
    return nullptr;
  }
  if (is_text(left) && is_text(right) && op == BinaryOp::add) return simple_type(TypeName::string);
  if (!is_number(left) || !is_number(right) || op == BinaryOp::power) return nullptr;
  if (left.name == TypeName::floating || right.name == TypeName::floating)
    return simple_type(TypeName::floating);
  return op == BinaryOp::divide ? nullptr : simple_type(TypeName::integer);
}

// `512MiB + 1` mends itself where the number is written there.
void Inference::say_unit(const lang::Expr* number, const TypeInfo& unit, Diagnostic& diagnostic) {
  const char* const suffix = unit.name == TypeName::size ? "MiB" : "s";
  const auto* literal = lang::try_as<lang::IntegerExpr>(number);
  if (literal == nullptr) {
    diagnostic.help = std::string("multiply it by its unit: `* 1") + suffix + "`";
    return;
  }
  const std::string text = std::string(literal->spelling) + suffix;
  diagnostic.help = "say the unit: `" + text + "`";
  diagnostic.fix = Fix{"write `" + text + "`", number->span, text};
}

void Inference::check_binary(const lang::BinaryExpr& node, const StaticNames& names) {
  if (node.op == BinaryOp::modulo && node.left->kind == ExprKind::string) check_format(node, names);
  const TypeRef left = type_of(node.left, names);
  const TypeRef right = type_of(node.right, names);
  if (!left || !right) return;
  const bool quantities = is_quantity(*left) || is_quantity(*right);
  const bool known = (is_quantity(*left) || is_number(*left) || is_text(*left)) &&
                     (is_quantity(*right) || is_number(*right) || is_text(*right));
  if (!known || binary(node.op, *left, *right)) return;
  const bool integers = left->name == TypeName::integer && right->name == TypeName::integer;
  if (integers && node.op == BinaryOp::divide) {
    if (python2_) return;
    Diagnostic& diagnostic = diagnostics_.report(Code::wrong_type, node.span,
                                                 "`/` of two ints is not part of the language");
    diagnostic.help = "write `//` for a whole result";
    diagnostic.fix = Fix{"write `//`", node.op_span, "//"};
    return;
  }
  const bool texts = node.op == BinaryOp::add && (is_text(*left) != is_text(*right));
  if (!texts && (!quantities || is_text(*left) || is_text(*right))) return;
  Diagnostic& diagnostic =
      diagnostics_.report(Code::wrong_type, node.span,
                          "`" + std::string(lang::symbol(node.op)) + "` does not fit " +
                              type_phrase(*left) + " and " + type_phrase(*right));
  if (texts) {
    diagnostic.help = "make text of it with `str(…)` or `%`";
  } else if (node.op == BinaryOp::divide && right->name == TypeName::integer) {
    diagnostic.help = "write `//` for a whole result";
    diagnostic.fix = Fix{"write `//`", node.op_span, "//"};
  } else if (node.op == BinaryOp::add || node.op == BinaryOp::subtract) {
    if (is_number(*right)) say_unit(node.right, *left, diagnostic);
    if (is_number(*left)) say_unit(node.left, *right, diagnostic);
  }
}

void Inference::check_comparison(const lang::ComparisonExpr& node, const StaticNames& names) {
  const lang::Expr* before = node.first;
  for (const lang::ComparisonPart& part : node.rest) {
    const TypeRef left = type_of(before, names);
    const TypeRef right = type_of(part.operand, names);
    const lang::Expr* first = before;
    before = part.operand;
    switch (part.op) {
      case lang::CompareOp::in:
      case lang::CompareOp::not_in:
      case lang::CompareOp::is:
      case lang::CompareOp::is_not:
        continue;
      case lang::CompareOp::less:
      case lang::CompareOp::less_equal:
      case lang::CompareOp::greater:
      case lang::CompareOp::greater_equal:
      case lang::CompareOp::equal:
      case lang::CompareOp::not_equal:
        break;
    }
    if (!left || !right) continue;
    const bool mixed = (is_quantity(*left) && is_number(*right)) ||
                       (is_number(*left) && is_quantity(*right)) ||
                       (is_quantity(*left) && is_quantity(*right) && left->name != right->name);
    if (!mixed) continue;
    Diagnostic& diagnostic =
        diagnostics_.report(Code::wrong_type, node.span,
                            type_phrase(*left) + " is not compared with " + type_phrase(*right));
    if (is_number(*right)) say_unit(part.operand, *left, diagnostic);
    if (is_number(*left)) say_unit(first, *right, diagnostic);
  }
}

}  // namespace hv::compiler
