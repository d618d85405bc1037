#include "lsp/scopes.h"

#include <utility>

namespace hv::lsp {

using namespace hv::lang;

std::string resource_key(Kind kind, std::string_view name) {
  return "r:" + std::string(to_string(kind)) + "." + std::string(name);
}

std::string import_path(const VmImportStmt& statement, const std::string& from,
                        const Files& files) {
  const std::string written(statement.path->value);
  const std::string path =
      written.starts_with('/') ? written : from.substr(0, from.rfind('/') + 1) + written;
  return files.canonical(path);
}

void Binder::bind_name(std::string_view name, Scope& scope) const {
  scope.names.try_emplace(std::string(name), "v:" + path_ + ":" + std::to_string(scope.number) +
                                                 ":" + std::string(name));
}

void Binder::bind_target(const Expr* expr, Scope& scope) const {
  if (const auto* plain = try_as<NameExpr>(expr)) {
    const bool attribute = scope.block && !plain->name.starts_with('_');
    if (!attribute) bind_name(plain->name, scope);
  } else if (expr != nullptr && (expr->kind == ExprKind::list || expr->kind == ExprKind::tuple)) {
    for (const Expr* item : as<SequenceExpr>(*expr).items) bind_target(item, scope);
  } else if (const auto* star = try_as<StarExpr>(expr)) {
    bind_target(star->operand, scope);
  }
}

void Binder::bind_names(Block body, Scope& scope) const {
  for (const Stmt* each : body) bind_statement(*each, scope);
}

void Binder::bind_statement(const Stmt& statement, Scope& scope) const {
  switch (statement.kind) {
    case StmtKind::assign:
      for (const Expr* target : as<AssignStmt>(statement).targets) bind_target(target, scope);
      break;
    case StmtKind::augmented_assign:
      bind_target(as<AugmentedAssignStmt>(statement).target, scope);
      break;
    case StmtKind::annotated_assign:
      bind_target(as<AnnotatedAssignStmt>(statement).target, scope);
      break;
    case StmtKind::if_:
      for (const IfBranch& branch : as<IfStmt>(statement).branches) bind_names(branch.body, scope);
      bind_names(as<IfStmt>(statement).else_body, scope);
      break;
    case StmtKind::for_: {
      const auto& node = as<ForStmt>(statement);
      loop_targets(node.target, scope);
      bind_names(node.body, scope);
      bind_names(node.else_body, scope);
      break;
    }
    case StmtKind::while_:
      bind_names(as<WhileStmt>(statement).body, scope);
      bind_names(as<WhileStmt>(statement).else_body, scope);
      break;
    case StmtKind::function:
      bind_name(as<FunctionStmt>(statement).name, scope);
      break;
    case StmtKind::try_: {
      const auto& node = as<TryStmt>(statement);
      bind_names(node.body, scope);
      for (const ExceptHandler& handler : node.handlers) {
        bind_target(handler.target, scope);
        bind_names(handler.body, scope);
      }
      bind_names(node.else_body, scope);
      bind_names(node.finally_body, scope);
      break;
    }
    case StmtKind::import:
      for (const ImportName& name : as<ImportStmt>(statement).names)
        bind_name(name.alias.empty() ? name.name.substr(0, name.name.find('.')) : name.alias,
                  scope);
      break;
    case StmtKind::from_import:
      for (const ImportName& name : as<FromImportStmt>(statement).names)
        bind_name(name.alias.empty() ? name.name : name.alias, scope);
      break;
    case StmtKind::vm_import: {
      const auto& node = as<VmImportStmt>(statement);
      const std::string path = import_path(node, path_, files_);
      for (const ImportName& name : node.names)
        scope.names[std::string(name.alias.empty() ? name.name : name.alias)] =
            "i:" + path + ":" + std::string(name.name);
      break;
    }
    case StmtKind::param:
      bind_name(as<ParamStmt>(statement).name, scope);
      break;
    case StmtKind::declaration: {
      const auto& node = as<DeclarationStmt>(statement);
      const auto* name = try_as<NameExpr>(node.name);
      if (name == nullptr) break;
      if (const std::optional<Kind> kind = kind_from(to_string(node.declared)))
        scope.names[std::string(name->name)] = resource_key(*kind, name->name);
      else
        bind_name(name->name, scope);
      break;
    }
    case StmtKind::expression:
    case StmtKind::return_:
    case StmtKind::pass:
    case StmtKind::break_:
    case StmtKind::continue_:
    case StmtKind::global:
    case StmtKind::raise:
    case StmtKind::assert_:
    case StmtKind::del:
    case StmtKind::print:
    case StmtKind::moved:
    case StmtKind::lifecycle:
      break;
  }
}

// The names that `for` binds are variables in a block too.
void Binder::loop_targets(const Expr* expr, Scope& scope) const {
  const std::optional<Kind> block = std::exchange(scope.block, std::nullopt);
  bind_target(expr, scope);
  scope.block = block;
}

}  // namespace hv::lsp
