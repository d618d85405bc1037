#include "compiler/translate.h"

#include <algorithm>

#include "compiler/compilation.h"
#include "compiler/large_stack.h"
#include "compiler/write.h"
#include "hv/model/secret_text.h"
#include "lang/disk_string.h"

namespace hv {
namespace {

using compiler::Compilation;
using compiler::LegacyDomain;
using compiler::write_xl;

// A file of xl is one domain; null, and an error, where the graph has none or several.
const DomainSpec* only_domain(const DesiredGraph& graph, Diagnostics& diagnostics) {
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
    if (domains > 1) diagnostic.help = "the format `vm` holds all of them";
    diagnostics.report(std::move(diagnostic));
    return nullptr;
  }
  return domain;
}

std::optional<std::string> to_xl(const Compilation& compilation, const DesiredGraph& graph,
                                 const TranslateRequest& request, Diagnostics& diagnostics) {
  const DomainSpec* const domain = only_domain(graph, diagnostics);
  if (domain == nullptr) return std::nullopt;
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

std::optional<std::string> show_xl(const DesiredGraph& graph, const Schema& schema,
                                   Diagnostics& diagnostics) {
  const DomainSpec* const domain = only_domain(graph, diagnostics);
  if (domain == nullptr) return std::nullopt;
  return write_xl(*domain, schema, diagnostics, compiler::Shown::without_secrets);
}

namespace compiler {
namespace {

Value hidden(const Value& value) {
  if (value.get<Secret>() != nullptr) return "(secret)";
  if (const auto* text = value.get<std::string>()) return without_passwords(*text);
  if (const List* list = value.get<List>()) {
    List items;
    for (const Value& item : *list) items.push_back(hidden(item));
    return items;
  }
  if (const Record* record = value.get<Record>()) {
    Record items;
    for (const auto& [key, item] : *record) items.emplace(key, hidden(item));
    return items;
  }
  return value;
}

}  // namespace

DomainSpec without_secrets(DomainSpec domain) {
  Attributes shown;
  for (const Attributes::Entry& entry : domain.attributes)
    shown.set(entry.name, hidden(entry.value));
  domain.attributes = std::move(shown);
  for (Vbd& vbd : domain.vbds) {
    vbd.source = without_passwords(vbd.source);
    vbd.written = without_passwords(vbd.written);
  }
  return domain;
}

std::vector<std::pair<const Attribute*, Value>> defaults_of(const DomainSpec& domain,
                                                            const Schema& schema) {
  static constexpr std::string_view kOwn[] = {"name", "uuid", "state", "disk",
                                              "vif",  "host", "nics",  "builder"};
  std::vector<std::pair<const Attribute*, Value>> defaults;
  for (const Attribute& attribute : schema.attributes(Kind::domain)) {
    const bool own = std::find(std::begin(kOwn), std::end(kOwn), attribute.name) != std::end(kOwn);
    if (own || attribute.name.starts_with("lifecycle.") ||
        domain.attributes.contains(attribute.name))
      continue;
    Value value = schema.default_of(Kind::domain, attribute.name, domain.attributes);
    if (!value.is_unset()) defaults.emplace_back(&attribute, std::move(value));
  }
  return defaults;
}

std::optional<Vbd> vbd_from_string(std::string_view text) {
  const lang::DiskResult result = lang::parse_disk_string(text);
  if (!result.disk) return std::nullopt;
  return vbd_of(*result.disk, std::string(text));
}

}  // namespace compiler
}  // namespace hv
