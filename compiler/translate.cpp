#include "compiler/translate.h"

#include "compiler/compilation.h"
#include "compiler/large_stack.h"
#include "compiler/write.h"
#include "lang/disk_string.h"

namespace hv {
namespace {

using compiler::Compilation;
using compiler::LegacyDomain;
using compiler::write_xl;

std::optional<std::string> to_xl(const Compilation& compilation, const DesiredGraph& graph,
                                 const TranslateRequest& request, Diagnostics& diagnostics) {
  const DomainSpec* domain = nullptr;
  std::size_t domains = 0;
  for (const Resource& resource : graph.resources()) {
    if (const auto* found = std::get_if<DomainSpec>(&resource)) {
      ++domains;
      domain = found;
    }
  }
  if (domains != 1) {
    Diagnostic diagnostic;
    diagnostic.code = Code::not_translated;
    diagnostic.severity = Severity::error;
    diagnostic.message =
        domains == 0 ? "no domain is declared, and a file of xl is one domain"
                     : std::to_string(domains) + " domains are declared, and a file of xl is one";
    if (domains > 1) diagnostic.help = "`--to vm` writes all of them";
    diagnostics.report(std::move(diagnostic));
    return std::nullopt;
  }
  for (const LegacyDomain& old : compilation.legacy())
    if (old.address == domain->address && !old.of_2004) return write_xl(old, diagnostics);
  return write_xl(*domain, *request.compile.schema, diagnostics);
}

}  // namespace

std::optional<std::string> translate(const TranslateRequest& request, SourceMap& sources,
                                     Diagnostics& diagnostics) {
  std::optional<std::string> text;
  compiler::run_on_large_stack([&] {
    Compilation compilation(request.compile, sources, diagnostics);
    for (const Root& root : request.compile.roots) {
      if (request.from == Language::sxp)
        compilation.compile_sxp(root);
      else
        compilation.compile_root(root);
    }
    const DesiredGraph graph = compilation.finish();
    if (diagnostics.has_errors()) return;
    if (request.to == Language::xl)
      text = to_xl(compilation, graph, request, diagnostics);
    else
      text = write_vm(graph, request.compile.project->default_host());
  });
  return text;
}

namespace compiler {

std::optional<Vbd> vbd_from_string(std::string_view text) {
  const lang::DiskResult result = lang::parse_disk_string(text);
  if (!result.disk) return std::nullopt;
  return vbd_of(*result.disk, std::string(text));
}

}  // namespace compiler
}  // namespace hv
