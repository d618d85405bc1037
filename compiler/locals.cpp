// Which names a body of statements binds: a function's own, a file's.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

using lang::StmtKind;

void collect_targets(const lang::Expr* target, std::vector<std::string_view>& names) {
  if (target == nullptr) return;
  if (const auto* name = lang::try_as<lang::NameExpr>(target)) {
    if (std::find(names.begin(), names.end(), name->name) == names.end())
      names.push_back(name->name);
  } else if (target->kind == lang::ExprKind::list || target->kind == lang::ExprKind::tuple) {
    for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*target).items)
      collect_targets(item, names);
  } else if (const auto* star = lang::try_as<lang::StarExpr>(target)) {
    collect_targets(star->operand, names);
  }
}

void collect_locals(lang::Block body, std::vector<std::string_view>& assigned,
                    std::vector<std::string_view>& globals) {
  const auto add = [&](std::string_view name) {
    if (std::find(assigned.begin(), assigned.end(), name) == assigned.end())
      assigned.push_back(name);
  };
  for (const lang::Stmt* statement : body) {
    switch (statement->kind) {
      case StmtKind::assign:
        for (const lang::Expr* target : lang::as<lang::AssignStmt>(*statement).targets)
          collect_targets(target, assigned);
        break;
      case StmtKind::augmented_assign:
        collect_targets(lang::as<lang::AugmentedAssignStmt>(*statement).target, assigned);
        break;
      case StmtKind::annotated_assign:
        collect_targets(lang::as<lang::AnnotatedAssignStmt>(*statement).target, assigned);
        break;
      case StmtKind::if_: {
        const auto& node = lang::as<lang::IfStmt>(*statement);
        for (const lang::IfBranch& branch : node.branches)
          collect_locals(branch.body, assigned, globals);
        collect_locals(node.else_body, assigned, globals);
        break;
      }
      case StmtKind::for_: {
        const auto& node = lang::as<lang::ForStmt>(*statement);
        collect_targets(node.target, assigned);
        collect_locals(node.body, assigned, globals);
        collect_locals(node.else_body, assigned, globals);
        break;
      }
      case StmtKind::while_: {
        const auto& node = lang::as<lang::WhileStmt>(*statement);
        collect_locals(node.body, assigned, globals);
        collect_locals(node.else_body, assigned, globals);
        break;
      }
      case StmtKind::function:
        add(lang::as<lang::FunctionStmt>(*statement).name);
        break;
      case StmtKind::global:
        for (const lang::NameExpr* name : lang::as<lang::GlobalStmt>(*statement).names)
          globals.push_back(name->name);
        break;
      case StmtKind::try_: {
        const auto& node = lang::as<lang::TryStmt>(*statement);
        collect_locals(node.body, assigned, globals);
        for (const lang::ExceptHandler& handler : node.handlers) {
          collect_targets(handler.target, assigned);
          collect_locals(handler.body, assigned, globals);
        }
        collect_locals(node.else_body, assigned, globals);
        collect_locals(node.finally_body, assigned, globals);
        break;
      }
      case StmtKind::import:
        for (const lang::ImportName& name : lang::as<lang::ImportStmt>(*statement).names)
          add(name.alias.empty() ? name.name.substr(0, name.name.find('.')) : name.alias);
        break;
      case StmtKind::from_import:
        for (const lang::ImportName& name : lang::as<lang::FromImportStmt>(*statement).names)
          add(name.alias.empty() ? name.name : name.alias);
        break;
      case StmtKind::vm_import:
        for (const lang::ImportName& name : lang::as<lang::VmImportStmt>(*statement).names)
          add(name.alias.empty() ? name.name : name.alias);
        break;
      case StmtKind::param:
        add(lang::as<lang::ParamStmt>(*statement).name);
        break;
      case StmtKind::declaration: {
        const auto& node = lang::as<lang::DeclarationStmt>(*statement);
        if (const auto* name = lang::try_as<lang::NameExpr>(node.name)) add(name->name);
        break;
      }
      case StmtKind::expression:
      case StmtKind::return_:
      case StmtKind::pass:
      case StmtKind::break_:
      case StmtKind::continue_:
      case StmtKind::raise:
      case StmtKind::assert_:
      case StmtKind::del:
      case StmtKind::print:
      case StmtKind::moved:
      case StmtKind::lifecycle:
        break;
    }
  }
}

}  // namespace hv::compiler
