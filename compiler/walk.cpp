#include "compiler/walk.h"

#include "compiler/interp.h"

namespace hv::compiler {

using lang::ExprKind;
using lang::StmtKind;

namespace {

void walk_parts(lang::List<lang::FStringPart> parts, Callback<bool(const lang::Expr*)> visit) {
  for (const lang::FStringPart& part : parts) {
    walk(part.expr, visit);
    walk_parts(part.format, visit);
  }
}

}  // namespace

void walk(const lang::Expr* expr, Callback<bool(const lang::Expr*)> visit) {
  if (expr == nullptr || !visit(expr)) return;
  switch (expr->kind) {
    case ExprKind::fstring:
      walk_parts(lang::as<lang::FStringExpr>(*expr).parts, visit);
      break;
    case ExprKind::list:
    case ExprKind::tuple:
    case ExprKind::set:
      for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*expr).items) walk(item, visit);
      break;
    case ExprKind::dict:
      for (const lang::DictItem& item : lang::as<lang::DictExpr>(*expr).items) {
        walk(item.key, visit);
        walk(item.value, visit);
      }
      break;
    case ExprKind::comprehension: {
      const auto& node = lang::as<lang::ComprehensionExpr>(*expr);
      for (const lang::ComprehensionFor& clause : node.fors) {
        walk(clause.iterable, visit);
        for (const lang::Expr* condition : clause.conditions) walk(condition, visit);
      }
      walk(node.key, visit);
      walk(node.value, visit);
      break;
    }
    case ExprKind::lambda: {
      const auto& node = lang::as<lang::LambdaExpr>(*expr);
      for (const lang::Parameter& parameter : node.parameters) walk(parameter.default_value, visit);
      walk(node.body, visit);
      break;
    }
    case ExprKind::call: {
      const auto& node = lang::as<lang::CallExpr>(*expr);
      walk(node.callee, visit);
      for (const lang::Argument& argument : node.arguments) walk(argument.value, visit);
      break;
    }
    case ExprKind::subscript:
      walk(lang::as<lang::SubscriptExpr>(*expr).object, visit);
      walk(lang::as<lang::SubscriptExpr>(*expr).index, visit);
      break;
    case ExprKind::slice:
      walk(lang::as<lang::SliceExpr>(*expr).lower, visit);
      walk(lang::as<lang::SliceExpr>(*expr).upper, visit);
      walk(lang::as<lang::SliceExpr>(*expr).step, visit);
      break;
    case ExprKind::attribute:
      walk(lang::as<lang::AttributeExpr>(*expr).object, visit);
      break;
    case ExprKind::unary:
      walk(lang::as<lang::UnaryExpr>(*expr).operand, visit);
      break;
    case ExprKind::binary:
      walk(lang::as<lang::BinaryExpr>(*expr).left, visit);
      walk(lang::as<lang::BinaryExpr>(*expr).right, visit);
      break;
    case ExprKind::comparison:
      walk(lang::as<lang::ComparisonExpr>(*expr).first, visit);
      for (const lang::ComparisonPart& part : lang::as<lang::ComparisonExpr>(*expr).rest)
        walk(part.operand, visit);
      break;
    case ExprKind::logical:
      for (const lang::Expr* operand : lang::as<lang::LogicalExpr>(*expr).operands)
        walk(operand, visit);
      break;
    case ExprKind::conditional:
      walk(lang::as<lang::ConditionalExpr>(*expr).condition, visit);
      walk(lang::as<lang::ConditionalExpr>(*expr).value, visit);
      walk(lang::as<lang::ConditionalExpr>(*expr).otherwise, visit);
      break;
    case ExprKind::repr:
      walk(lang::as<lang::ReprExpr>(*expr).operand, visit);
      break;
    case ExprKind::star:
      walk(lang::as<lang::StarExpr>(*expr).operand, visit);
      break;
    case ExprKind::name:
    case ExprKind::constant:
    case ExprKind::integer:
    case ExprKind::floating:
    case ExprKind::size:
    case ExprKind::duration:
    case ExprKind::string:
      break;
  }
}

namespace {

void collect_read(const lang::Expr* expr, std::set<std::string_view>& read) {
  walk(expr, [&](const lang::Expr* each) {
    if (const auto* name = lang::try_as<lang::NameExpr>(each)) read.insert(name->name);
    return true;
  });
}

}  // namespace

void collect_read(lang::Block body, std::set<std::string_view>& read) {
  for (const lang::Stmt* each : body) {
    switch (each->kind) {
      case StmtKind::expression:
        collect_read(lang::as<lang::ExpressionStmt>(*each).expr, read);
        break;
      case StmtKind::assign: {
        const auto& node = lang::as<lang::AssignStmt>(*each);
        collect_read(node.value, read);
        for (const lang::Expr* to : node.targets)
          if (to->kind != ExprKind::name) collect_read(to, read);
        break;
      }
      case StmtKind::augmented_assign:
        collect_read(lang::as<lang::AugmentedAssignStmt>(*each).value, read);
        break;
      case StmtKind::annotated_assign:
        collect_read(lang::as<lang::AnnotatedAssignStmt>(*each).value, read);
        break;
      case StmtKind::if_:
        for (const lang::IfBranch& branch : lang::as<lang::IfStmt>(*each).branches) {
          collect_read(branch.condition, read);
          collect_read(branch.body, read);
        }
        collect_read(lang::as<lang::IfStmt>(*each).else_body, read);
        break;
      case StmtKind::for_: {
        const auto& node = lang::as<lang::ForStmt>(*each);
        std::vector<std::string_view> targets;
        collect_targets(node.target, targets);
        read.insert(targets.begin(), targets.end());
        collect_read(node.iterable, read);
        collect_read(node.body, read);
        collect_read(node.else_body, read);
        break;
      }
      case StmtKind::while_: {
        const auto& node = lang::as<lang::WhileStmt>(*each);
        collect_read(node.condition, read);
        collect_read(node.body, read);
        break;
      }
      case StmtKind::function: {
        const auto& node = lang::as<lang::FunctionStmt>(*each);
        read.insert(node.name);
        collect_read(node.body, read);
        break;
      }
      case StmtKind::return_:
        collect_read(lang::as<lang::ReturnStmt>(*each).value, read);
        break;
      case StmtKind::raise: {
        const auto& node = lang::as<lang::RaiseStmt>(*each);
        collect_read(node.exception, read);
        collect_read(node.value, read);
        break;
      }
      case StmtKind::try_: {
        const auto& node = lang::as<lang::TryStmt>(*each);
        collect_read(node.body, read);
        for (const lang::ExceptHandler& handler : node.handlers) collect_read(handler.body, read);
        collect_read(node.else_body, read);
        collect_read(node.finally_body, read);
        break;
      }
      case StmtKind::print:
        for (const lang::Expr* value : lang::as<lang::PrintStmt>(*each).values)
          collect_read(value, read);
        break;
      case StmtKind::assert_:
        collect_read(lang::as<lang::AssertStmt>(*each).condition, read);
        break;
      case StmtKind::import:
        for (const lang::ImportName& name : lang::as<lang::ImportStmt>(*each).names)
          read.insert(name.alias.empty() ? name.name : name.alias);
        break;
      case StmtKind::from_import:
        for (const lang::ImportName& name : lang::as<lang::FromImportStmt>(*each).names)
          read.insert(name.alias.empty() ? name.name : name.alias);
        break;
      case StmtKind::pass:
      case StmtKind::break_:
      case StmtKind::continue_:
      case StmtKind::global:
      case StmtKind::del:
      case StmtKind::vm_import:
      case StmtKind::param:
      case StmtKind::moved:
      case StmtKind::declaration:
      case StmtKind::lifecycle:
        break;
    }
  }
}

std::set<std::string_view> names_read(const lang::SyntaxTree& tree) {
  std::set<std::string_view> read;
  collect_read(tree.body, read);
  return read;
}

bool is_one_edit(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  std::size_t i = 0;
  while (i < a.size() && a[i] == b[i]) ++i;
  if (a.size() != b.size()) return a.substr(i) == b.substr(i + 1);
  if (i == a.size()) return true;
  if (a.substr(i + 1) == b.substr(i + 1)) return true;
  return i + 1 < a.size() && a[i] == b[i + 1] && a[i + 1] == b[i] &&
         a.substr(i + 2) == b.substr(i + 2);
}

}  // namespace hv::compiler
