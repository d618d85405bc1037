#include "compiler/static_names.h"

#include <algorithm>
#include <set>

#include "compiler/interp.h"
#include "compiler/walk.h"

namespace hv::compiler {

V declared_schema(std::string_view name, const lang::DeclarationStmt* statement) {
  SchemaObject* object = nullptr;
  V v = make(Tag::schema, object);
  object->statement = statement;
  object->name = std::string(name);
  return v;
}

V DeclaredSchemas::find_schema(std::string_view name) const {
  for (const lang::DeclarationStmt* each : tree_.shape.declarations) {
    const auto* declared = lang::try_as<lang::NameExpr>(each->name);
    if (each->declared == lang::DeclarationKind::schema && declared != nullptr &&
        declared->name == name)
      return declared_schema(name, each);
  }
  for (const lang::VmImportStmt* import : tree_.shape.imports)
    for (const lang::ImportName& imported : import->names)
      if ((imported.alias.empty() ? imported.name : imported.alias) == name)
        return imported_schema(*import, imported.name, name);
  return V::failed();
}

V DeclaredSchemas::imported_schema(const lang::VmImportStmt& import, std::string_view name,
                                   std::string_view alias) const {
  const auto facts = imported_.find(&import);
  if (facts == imported_.end()) return declared_schema(alias, nullptr);
  const auto known = facts->second->known.find(name);
  if (known != facts->second->known.end() && known->second.schema != nullptr)
    return declared_schema(alias, known->second.schema);
  // What is another thing for certain is no type.
  return known != facts->second->known.end() ? V::failed() : declared_schema(alias, nullptr);
}

bool known_only_at_apply(std::string_view attribute) {
  static constexpr std::string_view kRuntime[] = {"domid", "dm_path", "vnc_port", "pid"};
  return std::find(std::begin(kRuntime), std::end(kRuntime), attribute) != std::end(kRuntime);
}

void report_no_attribute(Kind kind, std::string_view name, Span place, const Schema& schema,
                         Diagnostics& diagnostics) {
  Diagnostic& diagnostic = diagnostics.report(
      Code::unknown_attribute, place,
      "a " + std::string(to_string(kind)) + " has no attribute `" + std::string(name) + "`");
  if (known_only_at_apply(name)) {
    diagnostic.help =
        "it is known only once the machine runs, and nothing of the language depends on that";
  } else if (auto near = nearest(name, schema.names(kind))) {
    diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
    diagnostic.fix = Fix{"write `" + std::string(*near) + "`", place, std::string(*near)};
  }
}

void report_unknown_import(const lang::VmImportStmt& import, const lang::ImportName& name,
                           const FileFacts& facts, Diagnostics& diagnostics) {
  Diagnostic& diagnostic = diagnostics.report(
      Code::import_unknown_name, name.name_span,
      "`" + std::string(import.path->value) + "` has no `" + std::string(name.name) + "`");
  const std::vector<std::string_view> names(facts.bound.begin(), facts.bound.end());
  if (auto near = nearest(name.name, names)) {
    diagnostic.help = "did you mean `" + std::string(*near) + "`?";
    diagnostic.fix = Fix{"write `" + std::string(*near) + "`", name.name_span, std::string(*near)};
  }
}

void collect_indirect(lang::Block body, std::vector<std::string_view>& names) {
  for (const lang::Stmt* statement : body) {
    if (const auto* function = lang::try_as<lang::FunctionStmt>(statement)) {
      std::vector<std::string_view> assigned, globals;
      collect_locals(function->body, assigned, globals);
      names.insert(names.end(), globals.begin(), globals.end());
    } else if (const auto* use = lang::try_as<lang::ExpressionStmt>(statement)) {
      walk(use->expr, [&](const lang::Expr* expr) {
        const auto* call = lang::try_as<lang::CallExpr>(expr);
        const auto* callee =
            call == nullptr ? nullptr : lang::try_as<lang::AttributeExpr>(call->callee);
        if (callee != nullptr && callee->name == "var" && !call->arguments.empty())
          if (const auto* name = lang::try_as<lang::StringExpr>(call->arguments[0].value))
            names.push_back(name->value);
        return true;
      });
    } else if (const auto* branch = lang::try_as<lang::IfStmt>(statement)) {
      for (const lang::IfBranch& each : branch->branches) collect_indirect(each.body, names);
      collect_indirect(branch->else_body, names);
    }
  }
}

void report_unknown_name(const lang::NameExpr& name, const StaticNames& names, bool python2,
                         Diagnostics& diagnostics) {
  Diagnostic& diagnostic = diagnostics.report(Code::unknown_name, name.span,
                                              "`" + std::string(name.name) + "` is not defined");
  // The constants of other languages.
  for (const auto& [theirs, ours] :
       std::initializer_list<std::pair<const char*, const char*>>{{"true", "True"},
                                                                  {"false", "False"},
                                                                  {"TRUE", "True"},
                                                                  {"FALSE", "False"},
                                                                  {"null", "None"},
                                                                  {"nil", "None"},
                                                                  {"NULL", "None"},
                                                                  {"none", "None"}})
    if (name.name == theirs) {
      diagnostic.fix = Fix{"write `" + std::string(ours) + "`", name.span, ours};
      diagnostic.primary_label = diagnostic.fix->title;
      return;
    }
  // Each looks at every name of the file; who has so many mistakes needs no spelling.
  constexpr std::size_t kMostSuggestions = 100;
  if (diagnostics.size() > kMostSuggestions) return;
  std::vector<std::string_view> candidates;
  for (const StaticNames* at = &names; at != nullptr; at = at->outer)
    candidates.insert(candidates.end(), at->bound.begin(), at->bound.end());
  for (const std::string_view builtin : builtin_names())
    if (!find_builtin(builtin, python2).is_failed()) candidates.push_back(builtin);
  // Of a name of one letter or two, every other is near.
  if (auto near = nearest(name.name, candidates); near && name.name.size() > 2) {
    diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
    diagnostic.fix = Fix{"write `" + std::string(*near) + "`", name.span, std::string(*near)};
  }
}

std::optional<std::string_view> nearest_attribute(std::string_view word,
                                                  std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    if (name.size() == word.size() + 1 && name.starts_with(word)) return name;
  return nearest(word, names);
}

void warn_variables(const lang::SyntaxTree& tree, const Schema& schema, Diagnostics& diagnostics) {
  const std::set<std::string_view> read = names_read(tree);
  std::set<std::string_view> told;
  for (const lang::AssignedName& assigned : tree.shape.assigned) {
    const Attribute* key = schema.find_key(assigned.name, false);
    if (key == nullptr || read.contains(assigned.name) || !told.insert(assigned.name).second)
      continue;
    bool in_block = false;
    for (const lang::DeclarationStmt* declaration : tree.shape.declarations) {
      std::set<std::string_view> inner;
      collect_read(declaration->body, inner);
      in_block = in_block || inner.contains(assigned.name);
    }
    if (in_block) continue;
    Diagnostic& warning = diagnostics.report(
        Code::variable_not_setting, assigned.span,
        "`" + std::string(assigned.name) + "` here is a variable, not a setting");
    warning.help = "put it in a `domain` or `template`";
  }
}

}  // namespace hv::compiler
