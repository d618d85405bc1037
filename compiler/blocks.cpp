// Declarations: names, placement, templates, and the block that sets a resource's attributes.
#include <algorithm>

#include "compiler/compilation.h"

namespace hv::compiler {
namespace {

std::optional<Kind> kind_of(lang::DeclarationKind kind) {
  switch (kind) {
    case lang::DeclarationKind::domain:
      return Kind::domain;
    case lang::DeclarationKind::vdisk:
      return Kind::vdisk;
    case lang::DeclarationKind::pool:
      return Kind::pool;
    case lang::DeclarationKind::network:
      return Kind::network;
    case lang::DeclarationKind::template_:
    case lang::DeclarationKind::schema:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Compilation::declared_name(const lang::DeclarationStmt& statement,
                                                      const std::shared_ptr<Scope>& scope) {
  if (const auto* name = lang::try_as<lang::NameExpr>(statement.name))
    return std::string(name->name);
  V value = interp_.evaluate(statement.name, scope);
  if (value.is_failed()) return std::nullopt;
  if (!value.is(Tag::string)) {
    interp_.raise(statement.name->span, Code::bad_name, "the name of a resource is a string");
    return std::nullopt;
  }
  return value.text();
}

bool Compilation::declare(const lang::DeclarationStmt& statement,
                          const std::shared_ptr<Scope>& scope) {
  if (open_blocks_ > 0) {
    interp_.raise(statement.keyword, Code::misplaced_statement,
                  "a resource cannot be declared inside another one",
                  "declare it before, and refer to it");
    return false;
  }
  auto name = declared_name(statement, scope);
  if (!name) return false;
  const auto* identifier = lang::try_as<lang::NameExpr>(statement.name);
  if (statement.declared == lang::DeclarationKind::template_) {
    TemplateObject* object = nullptr;
    V v = make(Tag::template_, object);
    object->statement = &statement;
    object->scope = scope;
    object->name = *name;
    if (identifier != nullptr) scope->variables[identifier->name] = v;
    return true;
  }
  if (statement.declared == lang::DeclarationKind::schema) {
    SchemaObject* object = nullptr;
    V v = make(Tag::schema, object);
    object->statement = &statement;
    object->scope = scope;
    object->name = *name;
    if (identifier != nullptr) scope->variables[identifier->name] = v;
    return true;
  }
  if (auto why = reason_name_is_bad(*name)) {
    interp_.raise(statement.name->span, Code::bad_name, *why);
    return false;
  }
  BlockState block;
  block.kind = *kind_of(statement.declared);
  block.address = Address{block.kind, *name};
  block.header = statement.header;
  std::optional<HostName> host;
  std::optional<Address> pool;
  if (statement.placement != nullptr) {
    V place = interp_.evaluate(statement.placement, scope);
    if (place.is_failed()) return false;
    if (statement.placement_kind == lang::PlacementKind::on) {
      if (block.kind == Kind::vdisk) {
        interp_.raise(statement.placement->span, Code::misplaced_statement,
                      "a vdisk lives where its pool does; it takes `in POOL`, not `on HOST`");
        return false;
      }
      host = placement_host(place, statement.placement->span);
      if (!host) return false;
    } else {
      if (block.kind != Kind::vdisk) {
        interp_.raise(statement.placement->span, Code::misplaced_statement,
                      "only a vdisk is `in` something; write `on HOST`");
        return false;
      }
      if (place.is(Tag::reference) && place.as<ReferenceObject>().address.kind == Kind::pool) {
        pool = place.as<ReferenceObject>().address;
      } else if (place.is(Tag::string)) {
        pool = Address{Kind::pool, place.text()};
      } else {
        interp_.raise(statement.placement->span, Code::wrong_type,
                      "a vdisk is in a pool, not in " + with_article(type_name(place)));
        return false;
      }
      uses_.push_back({block.address, *pool, statement.placement->span});
    }
  }
  BlockState lifecycle;
  lifecycle.what = BlockState::What::lifecycle;
  lifecycle.address = block.address;
  if (block.kind == Kind::domain) block.lifecycle = &lifecycle;
  // `name` and `host` are there before the first line.
  block.attributes["name"] = V::string(*name);
  if (block.kind != Kind::vdisk && !host) host = project_host();
  if (host) block.attributes["host"] = V::string(host->text);
  if (identifier != nullptr) {
    // Two kinds with one name: the bare name says neither.
    auto known = scope->variables.find(identifier->name);
    if (known != scope->variables.end() && known->second.is(Tag::reference) &&
        known->second.as<ReferenceObject>().address.kind != block.kind)
      known->second = V::ambiguous();
    else
      scope->variables[identifier->name] = make_reference(block.address, statement.name->span);
  }
  // In here, also through functions, nothing else can be declared.
  struct Open {
    explicit Open(int& n) : count(n) { ++count; }
    ~Open() { --count; }
    int& count;
  };
  std::optional<Open> open(std::in_place, open_blocks_);
  std::vector<const lang::DeclarationStmt*> path;
  if (!run_templates(statement.templates, block, scope, path)) return false;
  auto inner = std::make_shared<Scope>();
  inner->what = Scope::What::block;
  inner->parent = scope;
  inner->block = &block;
  const Flow flow = interp_.execute(statement.body, inner);
  inner->block = nullptr;  // a closure that outlives the block no longer sees its attributes
  open.reset();
  if (flow != Flow::normal) return flow != Flow::raised;
  // `host = …` in the block says the same as `on`.
  if (block.kind != Kind::vdisk) {
    auto said = block.attributes.find("host");
    host = said != block.attributes.end() ? placement_host(said->second, block.header)
                                          : default_host(statement.header, block.address);
    if (!host) return false;
    block.attributes["host"] = V::string(host->text);
  }
  switch (block.kind) {
    case Kind::domain:
      return build_domain(block, *host, root_, false);
    case Kind::vdisk:
      return build_vdisk(block, pool, root_);
    case Kind::pool:
      return build_pool(block, *host, root_);
    case Kind::network:
      return build_network(block, *host, root_);
  }
  return true;
}

bool Compilation::run_templates(lang::List<lang::TemplateUse> uses, BlockState& block,
                                const std::shared_ptr<Scope>& scope,
                                std::vector<const lang::DeclarationStmt*>& path) {
  for (const lang::TemplateUse& use : uses) {
    lang::NameExpr name{};
    name.kind = lang::ExprKind::name;
    name.span = use.span;
    name.name = use.name;
    V value = interp_.lookup(name, scope);
    if (value.is_failed()) return false;
    if (!value.is(Tag::template_)) {
      interp_.raise(
          use.span, Code::wrong_type,
          "`" + std::string(use.name) + "` is no template but " + with_article(type_name(value)));
      return false;
    }
    const TemplateObject& object = value.as<TemplateObject>();
    if (std::find(path.begin(), path.end(), object.statement) != path.end()) {
      interp_.raise(use.span, Code::reference_cycle,
                    "the template `" + object.name + "` builds on itself");
      return false;
    }
    if (!block.templates_run.insert(object.statement).second) continue;  // each once
    path.push_back(object.statement);
    if (!run_templates(object.statement->templates, block, object.scope, path)) return false;
    path.pop_back();
    auto inner = std::make_shared<Scope>();
    inner->what = Scope::What::block;
    inner->parent = object.scope;  // free names mean what they mean where the template stands
    inner->block = &block;
    const Flow flow = interp_.execute(object.statement->body, inner);
    inner->block = nullptr;
    if (flow == Flow::raised) {
      if (interp_.pending && interp_.pending->related.empty())
        interp_.pending->related.push_back({block.header, "for " + to_string(block.address)});
      return false;
    }
  }
  return true;
}

std::optional<HostName> Compilation::placement_host(const V& value, Span span) {
  if (!value.is(Tag::string)) {
    interp_.raise(span, Code::wrong_type,
                  "a host is named by a string, not by " + with_article(type_name(value)));
    return std::nullopt;
  }
  const HostName host{value.text()};
  if (request_.project->hosts.contains(host)) return host;
  interp_.raise(span, Code::unknown_host,
                "there is no host `" + host.text + "` in " +
                    (request_.project->has_file ? "hv.toml" : "this project"));
  std::vector<std::string_view> names;
  for (const auto& [name, config] : request_.project->hosts) names.push_back(name.text);
  if (auto near = nearest(host.text, names)) {
    interp_.pending->help = "did you mean `" + std::string(*near) + "`?";
  } else {
    interp_.pending->help = request_.project->has_file
                                ? "add `[hosts." + host.text + "]` to hv.toml"
                                : "`hv init` writes an hv.toml where hosts are listed";
  }
  return std::nullopt;
}

std::optional<HostName> Compilation::project_host() const {
  if (request_.host) return request_.host;
  if (current_root_ != nullptr && current_root_->host) return current_root_->host;
  return request_.project->default_host();
}

std::optional<HostName> Compilation::default_host(Span span, const Address& address) {
  const std::optional<HostName> host = project_host();
  if (host && request_.project->hosts.contains(*host)) return host;
  if (host) {
    return placement_host(V::string(host->text), span);
  }
  interp_.raise(span, Code::no_host, "nothing says which host `" + to_string(address) + "` is on",
                "write `on HOST` after its name, or set `host` in hv.toml");
  return std::nullopt;
}

bool Compilation::assign_attribute(BlockState& block, std::string_view name, const V& value,
                                   Span name_span, Span value_span) {
  const std::string full = block.what == BlockState::What::lifecycle
                               ? "lifecycle." + std::string(name)
                               : std::string(name);
  const Kind kind = block.what == BlockState::What::lifecycle ? Kind::domain : block.kind;
  const Attribute* attribute = request_.schema->find(kind, full);
  if (attribute == nullptr) {
    interp_.raise(name_span, Code::unknown_attribute,
                  "unknown attribute `" + std::string(name) + "` in " +
                      std::string(hv::to_string(kind)) + " `" + block.address.name + "`");
    return false;
  }
  const Converted converted =
      value.is(Tag::none) ? Converted{} : convert_in_block(value, *attribute);
  if (converted.misfit) {
    interp_.raise(value_span, converted.misfit->code, converted.misfit->message,
                  converted.misfit->help);
    if (!converted.misfit->fix.empty())
      interp_.pending->fix =
          Fix{"write `" + converted.misfit->fix + "`", value_span, converted.misfit->fix};
    return false;
  }
  if (!converted.warning.empty()) {
    Diagnostic& warning = diagnostics_.report(Code::odd_number, value_span, converted.warning);
    warning.help = converted.warning_help;
  }
  const std::string key =
      block.what == BlockState::What::lifecycle ? std::string(name) : std::string(attribute->name);
  if (value.is(Tag::none)) {  // None unsets
    block.attributes.erase(key);
    block.spans.erase(key);
    return true;
  }
  if (block.what == BlockState::What::resource && key == "host") {
    if (!placement_host(converted.value, value_span)) return false;
  }
  block.attributes[key] = converted.value;
  block.spans[key] = value_span;
  return true;
}

bool Compilation::declare_param(const lang::ParamStmt& statement,
                                const std::shared_ptr<Scope>& scope) {
  ScopeSchemas names(scope.get());
  Diagnostics mistakes;
  TypeRef type = type_of(statement.type, names, sources_, mistakes);
  // (what is wrong with the type itself, the static pass has told)
  const std::string name(statement.name);
  params_used_.insert(name);
  // The default belongs to the declaration: it is evaluated and checked also where -p wins.
  V fallback = V::failed();
  if (statement.default_value != nullptr) {
    fallback = interp_.evaluate(statement.default_value, scope);
    if (fallback.is_failed()) return false;
    if (auto why = mismatch(fallback, *type)) {
      interp_.raise(statement.default_value->span, Code::wrong_type,
                    "the default of `" + name + "`: " + *why);
      return false;
    }
    if (type->name == TypeName::secret) fallback = make_secret(fallback.text());
  }
  auto [seen, fresh] =
      params_seen_.try_emplace(name, SeenParam{type, fallback, statement.name_span});
  if (!fresh) {
    const SeenParam& other = seen->second;
    const bool same_default = other.fallback.tag() == fallback.tag() &&
                              (fallback.is_failed() || equal(other.fallback, fallback));
    if (to_string(*other.type) != to_string(*type) || !same_default) {
      interp_.raise(statement.name_span, Code::bad_parameter,
                    "the parameter `" + name + "` is another one elsewhere: " +
                        to_string(*other.type) + (same_default ? "" : ", with another default"));
      interp_.pending->related.push_back({other.span, "declared here"});
      return false;
    }
  }
  const auto given = request_.params.find(name);
  if (given != request_.params.end()) {
    std::string why;
    auto value = parse_literal(given->second.back(), *type, why);
    if (!value) {
      interp_.raise(statement.name_span, Code::bad_parameter, "-p " + name + ": " + why);
      return false;
    }
    graph_.params[name] = is_secret(*value) ? "(secret)" : given->second.back();
    scope->variables[statement.name] = *value;
    return true;
  }
  if (statement.default_value == nullptr) {
    interp_.raise(statement.name_span, Code::bad_parameter,
                  "the parameter `" + name + "` has no value", "give it one: -p " + name + "=…");
    return false;
  }
  scope->variables[statement.name] = fallback;
  return true;
}

}  // namespace hv::compiler
