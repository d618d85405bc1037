// What is known of a file's names without running it, and what is said of those that are wrong.
//
// Pure functions but for the diagnostics they report; one thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "compiler/infer.h"
#include "compiler/types.h"
#include "hv/schema/schema.h"
#include "lang/parse.h"

namespace hv::compiler {

// The schemas that a file declares or imports at its top.
class DeclaredSchemas final : public SchemaNames {
 public:
  DeclaredSchemas(const lang::SyntaxTree& tree, const ImportedFacts& imported)
      : tree_(tree), imported_(imported) {}
  V find_schema(std::string_view name) const override;

 private:
  V imported_schema(const lang::VmImportStmt& import, std::string_view name,
                    std::string_view alias) const;
  const lang::SyntaxTree& tree_;
  const ImportedFacts& imported_;
};
// A schema as a type knows it; `statement` is null where only the name is known.
V declared_schema(std::string_view name, const lang::DeclarationStmt* statement);

// Names that functions declare global, and that xm_vars.var("name") binds.
void collect_indirect(lang::Block body, std::vector<std::string_view>& names);

void report_unknown_name(const lang::NameExpr& name, const StaticNames& names, bool python2,
                         Diagnostics& diagnostics);

// `domid` and the like: nothing of the language depends on them.
bool known_only_at_apply(std::string_view attribute);

// `domain.web0.memroy`.
void report_no_attribute(Kind kind, std::string_view name, Span place, const Schema& schema,
                         Diagnostics& diagnostics);

// `from "base.vm" import debain`.
void report_unknown_import(const lang::VmImportStmt& import, const lang::ImportName& name,
                           const FileFacts& facts, Diagnostics& diagnostics);

// nearest(), but of `vcpu` rather `vcpus` than `cpu`: a letter that is missing at the end.
std::optional<std::string_view> nearest_attribute(std::string_view word,
                                                  std::span<const std::string_view> names);

// A value that the attribute of a block cannot have; `known` is its type, null where it is not
// known.
void check_attribute_value(const Attribute& attribute, const lang::Expr* value,
                           const TypeRef& known, const SourceMap& sources,
                           Diagnostics& diagnostics);

// In a module a key at the top is only a variable; one that nothing reads was meant otherwise.
void warn_variables(const lang::SyntaxTree& tree, const Schema& schema, Diagnostics& diagnostics);

}  // namespace hv::compiler
