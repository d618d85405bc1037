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
  explicit DeclaredSchemas(const lang::SyntaxTree& tree) : tree_(tree) {}
  V find_schema(std::string_view name) const override;

 private:
  const lang::SyntaxTree& tree_;
};

// Names that functions declare global, and that xm_vars.var("name") binds.
void collect_indirect(lang::Block body, std::vector<std::string_view>& names);

void report_unknown_name(const lang::NameExpr& name, const StaticNames& names, bool python2,
                         Diagnostics& diagnostics);

// nearest(), but of `vcpu` rather `vcpus` than `cpu`: a letter that is missing at the end.
std::optional<std::string_view> nearest_attribute(std::string_view word,
                                                  std::span<const std::string_view> names);

// In a module a key at the top is only a variable; one that nothing reads was meant otherwise.
void warn_variables(const lang::SyntaxTree& tree, const Schema& schema, Diagnostics& diagnostics);

}  // namespace hv::compiler
