// The static pass: what is wrong whatever the program does, in branches not taken too.
//
// Longer because it is one walk over all statements.
#include <algorithm>

#include "compiler/compilation.h"
#include "compiler/infer.h"
#include "compiler/static_names.h"
#include "compiler/walk.h"

namespace hv::compiler {

using lang::ExprKind;
using lang::StmtKind;

namespace {

// 0755 as everywhere but in Python 2.
std::string octal(std::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size() - 1));
  return "0o" + std::string(digits);
}

// The word that a statement begins with: a whole block underlined says no more than that.
Span first_word(Span span, std::string_view word) {
  span.end = std::min<uint32_t>(span.end, span.begin + static_cast<uint32_t>(word.size()));
  return span;
}

using Names = StaticNames;

class Checker {
 public:
  Checker(const lang::SyntaxTree& tree, const CheckRequest& request, const SourceMap& sources,
          Diagnostics& diagnostics)
      : tree_(tree),
        role_(request.role),
        imported_(*request.imported),
        schema_(*request.schema),
        project_(*request.project),
        sources_(sources),
        diagnostics_(diagnostics),
        inference_(tree, imported_, role_ == FileRole::domain_file, request.strict, schema_,
                   sources, diagnostics) {
    file_.bindings = bindings_of(tree.body);
    for (const std::string& name : *request.given) file_.bindings.assigned_once.erase(name);
    std::vector<std::string_view> assigned, globals;
    collect_locals(tree.body, assigned, globals);
    collect_indirect(tree.body, assigned);
    file_.bound.insert(assigned.begin(), assigned.end());
    file_.bound.insert(tree.broken_names.begin(), tree.broken_names.end());
    for (const std::string& name : *request.given) file_.bound.insert(name);
    for (const lang::Stmt* each : tree_.body) know(each);
  }

  void run() { block(tree_.body, file_, Where{}); }

  // What others may know of the file.
  FileFacts facts() const {
    FileFacts facts;
    facts.bound = file_.bound;
    facts.known = file_.known;
    for (const auto& [name, type] : file_.types)
      if (type && !facts.known.contains(name)) facts.known[name] = Known{{}, {}, {}, type};
    facts.types = types();
    return facts;
  }

 private:
  // Functions, schemas and imported names that nothing else binds mean one thing everywhere.
  void know(const lang::Stmt* each) {
    if (const auto* function = lang::try_as<lang::FunctionStmt>(each)) {
      if (file_.bindings.bound_once.contains(function->name))
        file_.known[function->name] = Known{function, nullptr, &tree_, nullptr};
    } else if (const auto* declared = lang::try_as<lang::DeclarationStmt>(each)) {
      const auto* name = lang::try_as<lang::NameExpr>(declared->name);
      if (name == nullptr || !file_.bindings.bound_once.contains(name->name)) return;
      const std::optional<Kind> kind = kind_from(lang::to_string(declared->declared));
      if (declared->declared == lang::DeclarationKind::schema)
        file_.known[name->name] = Known{nullptr, declared, &tree_, nullptr};
      else if (kind)
        file_.types[name->name] = reference_type(*kind);
    } else if (const auto* import = lang::try_as<lang::VmImportStmt>(each)) {
      const auto facts = imported_.find(import);
      if (facts == imported_.end()) return;
      for (const lang::ImportName& imported : import->names) {
        const std::string_view name = imported.alias.empty() ? imported.name : imported.alias;
        const auto known = facts->second->known.find(imported.name);
        if (known == facts->second->known.end() || !file_.bindings.bound_once.contains(name))
          continue;
        if (known->second.type)
          file_.types[name] = known->second.type;
        else
          file_.known[name] = known->second;
      }
    }
  }

  // What is known of the names of the file's top.
  std::map<std::string, std::string> types() const {
    std::map<std::string, std::string> types;
    for (const std::string_view name : file_.bound) types[std::string(name)] = "any";
    for (const auto& [import, facts] : imported_)
      for (const lang::ImportName& imported : import->names)
        if (auto type = facts->types.find(std::string(imported.name)); type != facts->types.end())
          types[std::string(imported.alias.empty() ? imported.name : imported.alias)] =
              type->second;
    for (const auto& [name, type] : file_.types)
      if (type) types[std::string(name)] = to_string(*type);
    for (const lang::Stmt* each : tree_.body) {
      if (const auto* function = lang::try_as<lang::FunctionStmt>(each)) {
        std::string text;
        for (const lang::Parameter& parameter : function->parameters)
          text += (text.empty() ? "" : ", ") + std::string(parameter.name) + ": " +
                  to_string(*declared_type(parameter.type));
        types[std::string(function->name)] =
            "(" + text + ") -> " + to_string(*declared_type(function->returns));
      } else if (const auto* declared = lang::try_as<lang::DeclarationStmt>(each)) {
        const std::string kind(lang::to_string(declared->declared));
        const bool resource = kind_from(kind).has_value();
        if (const auto* name = lang::try_as<lang::NameExpr>(declared->name))
          types[std::string(name->name)] = resource ? "ref[" + kind + "]" : kind;
      }
    }
    return types;
  }

  struct Where {
    std::optional<Kind> kind;  // inside a resource's block
    bool lifecycle = false;
    bool is_template = false;
    bool in_try = false;        // names may be missing
    bool types_caught = false;  // operands may not fit
    std::string address;
    const lang::FunctionStmt* function = nullptr;  // whose body it is
  };

  TypeRef declared_type(const lang::Type* type) const {
    Diagnostics told;
    return checked_type(type, told);
  }
  TypeRef checked_type(const lang::Type* type, Diagnostics& into) const {
    return type_of(type, DeclaredSchemas(tree_, imported_), sources_, into);
  }
  // Of a name that always has this type.
  void bind_type(const lang::Expr* target, const TypeRef& type, const Names& names) {
    const auto* name = lang::try_as<lang::NameExpr>(target);
    if (name != nullptr && type && type->name != TypeName::any) names.types[name->name] = type;
  }

  bool old_file() const { return role_ == FileRole::domain_file; }

  void block(lang::Block body, const Names& names, const Where& where) {
    for (const lang::Stmt* each : body) statement(each, names, where);
  }

  Diagnostic& dialect(Span span, std::string message, std::string title, std::string replacement) {
    Diagnostic& diagnostic = diagnostics_.report(Code::wrong_dialect, span, std::move(message));
    diagnostic.help = title;
    if (!replacement.empty()) diagnostic.fix = Fix{title, span, std::move(replacement)};
    return diagnostic;
  }

  bool predefined(std::string_view name) const {
    if (!find_builtin(name, old_file()).is_failed()) return true;
    if (old_file()) return is_known_module(name);
    return kind_from(name).has_value() || project_.hosts.contains(HostName{std::string(name)});
  }

  void expression(const lang::Expr* root, const Names& names, const Where& where) {
    walk(root, [&](const lang::Expr* expr) {
      switch (expr->kind) {
        case ExprKind::name: {
          const auto& name = lang::as<lang::NameExpr>(*expr);
          if (!names.has(name.name) && !predefined(name.name) && !where.in_try)
            report_unknown_name(name, names, old_file(), diagnostics_);
          return false;
        }
        case ExprKind::comprehension: {
          const auto& node = lang::as<lang::ComprehensionExpr>(*expr);
          Names inner;
          inner.outer = &names;
          std::vector<std::string_view> targets;
          for (const lang::ComprehensionFor& clause : node.fors)
            collect_targets(clause.target, targets);
          inner.bound.insert(targets.begin(), targets.end());
          for (std::size_t i = 0; i < node.fors.size(); ++i) {
            expression(node.fors[i].iterable, i == 0 ? names : inner, where);
            if (node.fors.size() == 1)
              bind_type(node.fors[i].target,
                        inference_.element_type_of(node.fors[i].iterable, names), inner);
            for (const lang::Expr* condition : node.fors[i].conditions)
              expression(condition, inner, where);
          }
          expression(node.key, inner, where);
          expression(node.value, inner, where);
          return false;
        }
        case ExprKind::lambda: {
          const auto& node = lang::as<lang::LambdaExpr>(*expr);
          Names inner;
          inner.outer = &names;
          bind_parameters(node.parameters, inner, names, where);
          expression(node.body, inner, where);
          return false;
        }
        case ExprKind::repr:
          if (!old_file())
            dialect(expr->span, "backquotes are an old spelling", "write `repr(…)`", "");
          return true;
        case ExprKind::integer: {
          const auto& node = lang::as<lang::IntegerExpr>(*expr);
          if (old_file()) return false;
          if (node.legacy_octal)
            dialect(expr->span, "`" + std::string(node.spelling) + "` is an old spelling of base 8",
                    "write `" + octal(node.digits) + "`", octal(node.digits));
          if (node.long_suffix)
            dialect(expr->span, "`" + std::string(node.spelling) + "` is an old spelling",
                    "leave the `L` out",
                    std::string(node.spelling.substr(0, node.spelling.size() - 1)));
          return false;
        }
        case ExprKind::binary:
          if (!where.types_caught)
            inference_.check_binary(lang::as<lang::BinaryExpr>(*expr), names);
          return true;
        case ExprKind::comparison:
          if (!where.types_caught)
            inference_.check_comparison(lang::as<lang::ComparisonExpr>(*expr), names);
          if (!old_file())
            for (const lang::ComparisonPart& part : lang::as<lang::ComparisonExpr>(*expr).rest)
              if (part.legacy) dialect(part.op_span, "`<>` is an old spelling", "write `!=`", "!=");
          return true;
        case ExprKind::call:
          if (!where.types_caught) inference_.check_call(lang::as<lang::CallExpr>(*expr), names);
          return true;
        case ExprKind::fstring:
          if (!where.types_caught)
            inference_.check_fstring(lang::as<lang::FStringExpr>(*expr), names);
          return true;
        case ExprKind::attribute: {
          const auto& node = lang::as<lang::AttributeExpr>(*expr);
          if (!where.types_caught) inference_.check_attribute(node, names);
          if (!old_file() && node.name == "has_key")
            dialect(node.name_span, "`has_key` is an old spelling", "write `key in dict`", "");
          return true;
        }
        default:
          return true;
      }
    });
  }

  void bind_parameters(lang::List<lang::Parameter> parameters, Names& inner, const Names& outer,
                       const Where& where) {
    for (const lang::Parameter& parameter : parameters) {
      if (!parameter.name.empty()) inner.bound.insert(parameter.name);
      if (parameter.type != nullptr && !parameter.name.empty()) {
        const TypeRef type = checked_type(parameter.type, diagnostics_);
        if (type->name != TypeName::any && parameter.kind != lang::ParameterKind::args &&
            parameter.kind != lang::ParameterKind::kwargs)
          inner.types[parameter.name] = type;
      }
      std::vector<std::string_view> unpacked;
      collect_targets(parameter.pattern, unpacked);
      inner.bound.insert(unpacked.begin(), unpacked.end());
      expression(parameter.default_value, outer, where);
      if (parameter.type != nullptr && parameter.default_value != nullptr)
        fits(parameter.default_value, *declared_type(parameter.type),
             "the default of `" + std::string(parameter.name) + "`: ", outer, where);
    }
  }

  void target(const lang::Expr* expr, const lang::Expr* value, const Names& names,
              const Where& where) {
    if (const auto* name = lang::try_as<lang::NameExpr>(expr)) {
      if ((where.kind || where.lifecycle) && !name->name.starts_with('_'))
        attribute(*name, value, names, where);
      return;
    }
    if (expr->kind == ExprKind::list || expr->kind == ExprKind::tuple) {
      for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*expr).items)
        target(item, nullptr, names, where);
      return;
    }
    if (const auto* dotted = lang::try_as<lang::AttributeExpr>(expr)) {
      if (old_file()) return;  // xl's private keys with dots
      expression(dotted->object, names, where);
      return;
    }
    if (const auto* element = lang::try_as<lang::SubscriptExpr>(expr)) {
      expression(element->object, names, where);
      expression(element->index, names, where);
    }
  }

  void attribute(const lang::NameExpr& name, const lang::Expr* value, const Names& names,
                 const Where& where) {
    const Kind kind = where.kind.value_or(Kind::domain);
    const std::string full =
        where.lifecycle ? "lifecycle." + std::string(name.name) : std::string(name.name);
    const Attribute* known = schema_.find(kind, full);
    if (known == nullptr) {
      Diagnostic& diagnostic = diagnostics_.report(
          Code::unknown_attribute, name.span,
          "unknown attribute `" + std::string(name.name) + "` in " + where.address);
      std::vector<std::string_view> candidates;
      for (std::string_view each : schema_.names(kind)) {
        const bool lifecycle = each.starts_with("lifecycle.");
        if (lifecycle != where.lifecycle) continue;
        candidates.push_back(lifecycle ? each.substr(10) : each);
      }
      if (auto near = nearest_attribute(name.name, candidates)) {
        diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
        diagnostic.fix = Fix{"write `" + std::string(*near) + "`", name.span, std::string(*near)};
      }
      diagnostic.help = "hv explain HV0203";
      return;
    }
    if (value == nullptr) return;
    check_attribute_value(*known, value, inference_.type_of(value, names), sources_, diagnostics_);
  }

  void fits(const lang::Expr* value, const TypeInfo& type, const std::string& what,
            const Names& names, const Where& where) {
    if (where.types_caught) return;
    if (const auto wrong = inference_.misfit(value, type, names))
      diagnostics_.report(Code::wrong_type, wrong->place, what + wrong->why);
  }

  void not_in_block(const lang::Stmt* statement, const char* what) {
    std::string_view word = what;
    const bool quoted = word.starts_with('`');
    if (quoted) word = word.substr(1, word.size() - 2);
    diagnostics_.report(Code::misplaced_statement,
                        quoted ? first_word(statement->span, word) : statement->span,
                        std::string(what) + " has no meaning inside a resource");
  }

  void declaration(const lang::DeclarationStmt& node, const Names& names, const Where& where) {
    if (where.kind || where.lifecycle) {
      diagnostics_
          .report(Code::misplaced_statement, node.keyword,
                  "a resource cannot be declared inside another one")
          .help = "declare it before, and refer to it";
    }
    if (node.name->kind != ExprKind::name) expression(node.name, names, where);
    if (node.placement != nullptr) expression(node.placement, names, where);
    for (const lang::TemplateUse& use : node.templates) {
      if (names.has(use.name)) continue;
      lang::NameExpr name{};
      name.kind = ExprKind::name;
      name.span = use.span;
      name.name = use.name;
      report_unknown_name(name, names, old_file(), diagnostics_);
    }
    if (node.declared == lang::DeclarationKind::schema) {
      for (const lang::Stmt* each : node.body) {
        const auto* field = lang::try_as<lang::AnnotatedAssignStmt>(each);
        if (field == nullptr) {
          if (each->kind != StmtKind::pass)
            diagnostics_.report(Code::misplaced_statement, each->span,
                                "a schema has fields only: `name: type = default`");
          continue;
        }
        const TypeRef type = checked_type(field->type, diagnostics_);
        expression(field->value, names, where);
        if (field->value != nullptr)
          fits(field->value, *type, "the default of the field: ", names, where);
      }
      return;
    }
    Where inside;
    inside.is_template = node.declared == lang::DeclarationKind::template_;
    switch (node.declared) {
      case lang::DeclarationKind::domain:
      case lang::DeclarationKind::template_:
        inside.kind = Kind::domain;
        break;
      case lang::DeclarationKind::vdisk:
        inside.kind = Kind::vdisk;
        break;
      case lang::DeclarationKind::pool:
        inside.kind = Kind::pool;
        break;
      case lang::DeclarationKind::network:
        inside.kind = Kind::network;
        break;
      case lang::DeclarationKind::schema:
        break;
    }
    inside.address = std::string(lang::to_string(node.declared));
    if (const auto* name = lang::try_as<lang::NameExpr>(node.name))
      inside.address += " `" + std::string(name->name) + "`";
    else if (const auto* text = lang::try_as<lang::StringExpr>(node.name))
      inside.address += " `" + std::string(text->value) + "`";
    Names inner;
    inner.outer = &names;
    inner.schema = &schema_;
    inner.kind = *inside.kind;
    bind_block(node.body, inner);
    // In a block every attribute may be read: what is not set yet is told when it runs.
    for (const std::string_view each : schema_.names(*inside.kind)) inner.bound.insert(each);
    block(node.body, inner, inside);
  }

  void bind_block(lang::Block body, Names& names) {
    std::vector<std::string_view> assigned, globals;
    collect_locals(body, assigned, globals);
    names.bound.insert(assigned.begin(), assigned.end());
  }

  void statement(const lang::Stmt* each, const Names& names, const Where& where) {
    const bool inside = where.kind.has_value() || where.lifecycle;
    switch (each->kind) {
      case StmtKind::expression: {
        const auto& node = lang::as<lang::ExpressionStmt>(*each);
        if (inside && node.expr->kind != ExprKind::call && node.expr->kind != ExprKind::string)
          not_in_block(each, "an expression");
        expression(node.expr, names, where);
        break;
      }
      case StmtKind::assign: {
        const auto& node = lang::as<lang::AssignStmt>(*each);
        expression(node.value, names, where);
        for (const lang::Expr* to : node.targets) {
          target(to, node.value, names, where);
          const auto* name = lang::try_as<lang::NameExpr>(to);
          if (name != nullptr && names.bindings.assigned_once.contains(name->name))
            bind_type(to, inference_.type_of(node.value, names), names);
        }
        break;
      }
      case StmtKind::augmented_assign: {
        const auto& node = lang::as<lang::AugmentedAssignStmt>(*each);
        expression(node.value, names, where);
        if (inside || node.target->kind != ExprKind::name)
          target(node.target, nullptr, names, where);
        break;
      }
      case StmtKind::annotated_assign: {
        const auto& node = lang::as<lang::AnnotatedAssignStmt>(*each);
        if (node.value != nullptr) expression(node.value, names, where);
        target(node.target, node.value, names, where);
        const TypeRef type = checked_type(node.type, diagnostics_);
        if (node.value != nullptr) fits(node.value, *type, "", names, where);
        bind_type(node.target, type, names);
        break;
      }
      case StmtKind::if_: {
        const auto& node = lang::as<lang::IfStmt>(*each);
        for (const lang::IfBranch& branch : node.branches) {
          expression(branch.condition, names, where);
          block(branch.body, names, where);
        }
        block(node.else_body, names, where);
        break;
      }
      case StmtKind::for_: {
        const auto& node = lang::as<lang::ForStmt>(*each);
        expression(node.iterable, names, where);
        if (const auto* name = lang::try_as<lang::NameExpr>(node.target);
            name != nullptr && names.bindings.bound_once.contains(name->name))
          bind_type(node.target, inference_.element_type_of(node.iterable, names), names);
        block(node.body, names, where);
        block(node.else_body, names, where);
        break;
      }
      case StmtKind::while_: {
        const auto& node = lang::as<lang::WhileStmt>(*each);
        if (inside) not_in_block(each, "`while`");
        expression(node.condition, names, where);
        block(node.body, names, where);
        block(node.else_body, names, where);
        break;
      }
      case StmtKind::function: {
        const auto& node = lang::as<lang::FunctionStmt>(*each);
        if (inside) not_in_block(each, "`def`");
        Names inner;
        inner.outer = &names;
        inner.bindings = bindings_of(node.body);
        bind_parameters(node.parameters, inner, names, where);
        for (const std::string_view parameter : inner.bound) {
          inner.bindings.assigned_once.erase(parameter);
          inner.bindings.bound_once.erase(parameter);
        }
        bind_block(node.body, inner);
        if (node.returns != nullptr) checked_type(node.returns, diagnostics_);
        Where body = where;
        body.kind.reset();
        body.function = &node;
        block(node.body, inner, body);
        break;
      }
      case StmtKind::return_:
        if (inside) not_in_block(each, "`return`");
        expression(lang::as<lang::ReturnStmt>(*each).value, names, where);
        if (where.function != nullptr && where.function->returns != nullptr)
          fits(lang::as<lang::ReturnStmt>(*each).value, *declared_type(where.function->returns),
               "`" + std::string(where.function->name) + "` returns: ", names, where);
        break;
      case StmtKind::try_: {
        const auto& node = lang::as<lang::TryStmt>(*each);
        if (inside) not_in_block(each, "`try`");
        Where guarded = where;
        guarded.in_try = guarded.in_try || old_file();
        // Where a mistake of types is caught, it may be what the text is about.
        guarded.types_caught = guarded.types_caught || !node.handlers.empty();
        block(node.body, names, guarded);
        for (const lang::ExceptHandler& handler : node.handlers) {
          expression(handler.type, names, guarded);
          if (handler.legacy && !old_file())
            dialect(first_word(handler.span, "except"), "`except E, e` is an old spelling",
                    "write `except E as e`", "");
          block(handler.body, names, where);
        }
        block(node.else_body, names, where);
        block(node.finally_body, names, where);
        break;
      }
      case StmtKind::raise: {
        const auto& node = lang::as<lang::RaiseStmt>(*each);
        if (node.value != nullptr && !old_file())
          dialect(each->span, "`raise E, x` is an old spelling", "write `raise E(x)`", "");
        expression(node.exception, names, where);
        expression(node.value, names, where);
        break;
      }
      case StmtKind::assert_: {
        const auto& node = lang::as<lang::AssertStmt>(*each);
        expression(node.condition, names, where);
        expression(node.message, names, where);
        break;
      }
      case StmtKind::del:
        for (const lang::Expr* to : lang::as<lang::DelStmt>(*each).targets)
          expression(to, names, where);
        break;
      case StmtKind::print: {
        const auto& node = lang::as<lang::PrintStmt>(*each);
        if (!old_file())
          dialect(each->span, "`print` without brackets is an old spelling", "write `print(…)`",
                  "");
        for (const lang::Expr* value : node.values) expression(value, names, where);
        break;
      }
      case StmtKind::import:
        if (!old_file()) {
          const auto& node = lang::as<lang::ImportStmt>(*each);
          const std::string name(node.names.empty() ? "" : node.names[0].name);
          dialect(each->span, "`import` of a Python module is not part of the language",
                  "write `from \"" + name + ".vm\" import …` for a file of your own", "");
        }
        break;
      case StmtKind::from_import:
        if (!old_file() && lang::as<lang::FromImportStmt>(*each).module != "__future__")
          dialect(each->span, "an import of a Python module is not part of the language",
                  "write `from \"" + std::string(lang::as<lang::FromImportStmt>(*each).module) +
                      ".vm\" import …` for a file of your own",
                  "");
        break;
      case StmtKind::param:
        if (inside) not_in_block(each, "`param`");
        expression(lang::as<lang::ParamStmt>(*each).default_value, names, where);
        if (const auto& node = lang::as<lang::ParamStmt>(*each); node.type != nullptr) {
          const TypeRef type = checked_type(node.type, diagnostics_);
          if (type->name != TypeName::any) names.types[node.name] = type;
          if (node.default_value != nullptr)
            fits(node.default_value, *type,
                 "the default of `" + std::string(node.name) + "`: ", names, where);
        }
        break;
      case StmtKind::declaration:
        declaration(lang::as<lang::DeclarationStmt>(*each), names, where);
        break;
      case StmtKind::lifecycle: {
        Where lifecycle = where;
        if (where.kind != Kind::domain)
          diagnostics_.report(Code::misplaced_statement, first_word(each->span, "lifecycle"),
                              "`lifecycle` belongs into a domain or a template");
        lifecycle.kind.reset();
        lifecycle.lifecycle = true;
        lifecycle.address = "lifecycle of " + where.address;
        block(lang::as<lang::LifecycleStmt>(*each).body, names, lifecycle);
        break;
      }
      case StmtKind::pass:
      case StmtKind::break_:
      case StmtKind::continue_:
      case StmtKind::global:
      case StmtKind::moved:
        break;
      case StmtKind::vm_import:
        imported_names(lang::as<lang::VmImportStmt>(*each));
        break;
    }
  }

  void imported_names(const lang::VmImportStmt& import) {
    const auto facts = imported_.find(&import);
    if (facts == imported_.end() || facts->second->open) return;
    for (const lang::ImportName& name : import.names)
      if (!facts->second->bound.contains(name.name))
        report_unknown_import(import, name, *facts->second, diagnostics_);
  }

  const lang::SyntaxTree& tree_;
  FileRole role_;
  const ImportedFacts& imported_;
  const Schema& schema_;
  const Project& project_;
  const SourceMap& sources_;
  Diagnostics& diagnostics_;
  Inference inference_;
  Names file_;
};

}  // namespace

FileFacts check_file(const lang::SyntaxTree& tree, const CheckRequest& request,
                     const SourceMap& sources, Diagnostics& diagnostics) {
  Checker checker(tree, request, sources, diagnostics);
  checker.run();
  if (request.role == FileRole::module) warn_variables(tree, *request.schema, diagnostics);
  return checker.facts();
}

}  // namespace hv::compiler
