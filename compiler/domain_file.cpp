// Domain files: what xm, xl and xc_dom_create took — one domain from the file's final names.
#include <algorithm>
#include <cmath>

#include "compiler/compilation.h"
#include "compiler/static_names.h"
#include "compiler/walk.h"

namespace hv::compiler {
namespace {

// The literal assigned last to each name at file level, for what keeps its spelling.
void collect_spellings(lang::Block body,
                       std::map<std::string_view, const lang::Expr*, std::less<>>& last) {
  for (const lang::Stmt* statement : body) {
    if (const auto* assign = lang::try_as<lang::AssignStmt>(statement)) {
      for (const lang::Expr* target : assign->targets)
        if (const auto* name = lang::try_as<lang::NameExpr>(target))
          last[name->name] = assign->value;
    } else if (const auto* branch = lang::try_as<lang::IfStmt>(statement)) {
      for (const lang::IfBranch& each : branch->branches) collect_spellings(each.body, last);
      collect_spellings(branch->else_body, last);
    } else if (const auto* loop = lang::try_as<lang::ForStmt>(statement)) {
      collect_spellings(loop->body, last);
    } else if (const auto* attempt = lang::try_as<lang::TryStmt>(statement)) {
      collect_spellings(attempt->body, last);
    }
  }
}

std::string_view spelling_of(const lang::Expr* expr) {
  if (const auto* i = lang::try_as<lang::IntegerExpr>(expr)) return i->spelling;
  if (const auto* f = lang::try_as<lang::FloatExpr>(expr)) return f->spelling;
  return {};
}

}  // namespace

std::map<std::string_view, V> predefined_2004(const std::string& file) {
  const V empty = V::string("");
  return {{"auto_restart", V::boolean(false)},
          {"builder_fn", V::string("linux")},
          {"cmdline_extra", empty},
          {"cmdline_ip", empty},
          {"cmdline_root", empty},
          {"config_file", V::string(file)},
          {"console_port", V::integer(-1)},
          {"image", empty},
          {"pci_device_list", make_list({})},
          {"ramdisk", empty},
          {"vbd_expert", V::integer(0)}};
}

std::string Compilation::name_from_stem(const LoadedFile& file) {
  std::string stem = file.path.substr(file.path.rfind('/') + 1);
  for (const std::string_view suffix : {".vm", ".cfg", ".xl", ".xm", ".hvm", ".pv"})
    if (stem.ends_with(suffix) && stem.size() > suffix.size()) {
      stem.resize(stem.size() - suffix.size());
      break;
    }
  return stem;
}

void Compilation::warn_misspelt(const LoadedFile& file, bool generation_2004) {
  // Names that something reads, or that import, for or def bind, are the file's own.
  const std::set<std::string_view> read = names_read(*file.tree);
  std::vector<std::string_view> keys;
  for (const std::string_view name : request_.schema->names(Kind::domain))
    if (request_.schema->find_key(name, generation_2004) != nullptr) keys.push_back(name);
  std::set<std::string_view> told;
  for (const lang::AssignedName& assigned : file.tree->shape.assigned) {
    if (assigned.name.size() < 4 || read.contains(assigned.name) ||
        request_.schema->find_key(assigned.name, generation_2004) != nullptr ||
        !told.insert(assigned.name).second)
      continue;
    auto near = nearest_attribute(assigned.name, keys);
    // One edit only: two make too many private names look like keys.
    if (!near || !is_one_edit(assigned.name, *near)) continue;
    Diagnostic& warning = diagnostics_.report(Code::probable_misspelling, assigned.span,
                                              "xm and xl ignore `" + std::string(assigned.name) +
                                                  "`; did you mean `" + std::string(*near) + "`?");
    warning.fix = Fix{"write `" + std::string(*near) + "`", assigned.span, std::string(*near)};
  }
}

void Compilation::evaluate_domain_file(LoadedFile& file, const Root& root) {
  if (!file.sound) return;
  auto scope = std::make_shared<Scope>();
  const bool generation_2004 = is_of_2004(*file.tree);
  if (generation_2004) {
    // Around the file, so that only what the file assigns counts as set.
    scope->parent = std::make_shared<Scope>();
    for (const auto& [name, value] : predefined_2004(file.shown))
      scope->parent->variables[name] = value;
  }
  FileContext context = file.context;
  context.scope = scope;
  if (root.host) context.host = *root.host;
  interp_.variables.clear();
  interp_.missing_variables.clear();
  // With several files -p is for the modules among them.
  const bool reached = request_.roots.size() == 1;
  if (reached)
    for (const auto& [name, values] : request_.params) interp_.variables[name] = values.back();
  for (const auto& [name, value] : root.params) interp_.variables[name] = value;
  // As xm did: -p binds the string before the first statement.
  for (const auto& [name, value] : interp_.variables)
    if (!name.starts_with("env.")) scope->variables[name] = V::string(value);
  evaluating_.push_back(&file);
  import_places_.push_back(Span{});
  FileContext* outer = std::exchange(interp_.file, &context);
  const Flow flow = interp_.execute(file.tree->body, scope);
  interp_.file = outer;
  evaluating_.pop_back();
  import_places_.pop_back();
  if (flow == Flow::raised) {
    interp_.report_pending();
    file.sound = false;
    return;
  }
  warn_misspelt(file, generation_2004);

  std::map<std::string_view, const lang::Expr*, std::less<>> literals;
  collect_spellings(file.tree->body, literals);
  std::map<std::string_view, Span, std::less<>> spans;
  for (const lang::AssignedName& assigned : file.tree->shape.assigned)
    spans[assigned.name] = assigned.span;
  std::map<std::string, Key, std::less<>> keys;
  const Span whole{file.file, 0, 0};
  const auto take = [&](std::string_view name, const V& value) {
    const Attribute* attribute = request_.schema->find_key(name, generation_2004);
    if (attribute == nullptr || value.is(Tag::none)) return;
    if (value.is(Tag::function) || value.is(Tag::module) || value.is(Tag::builtin)) return;
    Key key{attribute, value, name, {}, whole};
    if (auto at = spans.find(name); at != spans.end()) key.span = at->second;
    if (auto literal = literals.find(name); literal != literals.end()) {
      key.spelling = spelling_of(literal->second);
      key.span = literal->second->span;
    }
    auto [known, fresh] = keys.try_emplace(std::string(attribute->name), key);
    if (fresh) return;
    if (!equal(known->second.value, value)) {
      Diagnostic& warning = diagnostics_.report(Code::conflicting_spellings, key.span,
                                                "`" + std::string(name) + "` and `" +
                                                    std::string(known->second.written) +
                                                    "` are one setting with two values");
      warning.related.push_back({known->second.span, "the other one"});
      warning.help = "`" + std::string(attribute->name) + "` wins, as in xl";
    }
    if (name == attribute->name) known->second = key;
  };
  std::map<std::string_view, V> final_values(scope->variables.begin(), scope->variables.end());
  for (const auto& [name, value] : final_values) take(name, value);
  // -p of a key replaces the final value; repeated ones build a list.
  for (const auto& [name, values] : request_.params) {
    if (!reached) break;
    params_used_.insert(name);
    const Attribute* attribute = request_.schema->find_key(name, generation_2004);
    if (attribute == nullptr) {
      const bool assigned = std::any_of(
          file.tree->shape.assigned.begin(), file.tree->shape.assigned.end(),
          [&, key = std::string_view(name)](const auto& each) { return each.name == key; });
      if (assigned)
        diagnostics_.report(Code::parameter_without_effect, spans[name],
                            "-p " + name + " has no effect: the file assigns it");
      else if (!names_read(*file.tree).contains(name))
        params_used_.erase(name);
      continue;
    }
    V value = V::string(values.back());
    if (attribute->type == AttributeType::vbd_list || attribute->type == AttributeType::vif_list ||
        attribute->type == AttributeType::string_list) {
      std::vector<V> items;
      for (const std::string& each : values) items.push_back(V::string(each));
      value = make_list(std::move(items));
    }
    keys[std::string(attribute->name)] = Key{attribute, value, attribute->name, {}, whole};
  }
  const std::size_t before = graph_.resources().size();
  domain_from_keys(file, keys, root);
  if (graph_.resources().size() > before)
    keep_keys(keys, address_of(graph_.resources().back()), generation_2004);
}

void Compilation::keep_keys(const std::map<std::string, Key, std::less<>>& keys,
                            const Address& address, bool of_2004) {
  LegacyDomain& domain = legacy_.emplace_back();
  domain.address = address;
  domain.of_2004 = of_2004;
  for (const auto& [name, key] : keys)
    domain.keys.push_back({key.attribute, key.value, std::string(key.spelling), key.span});
  std::stable_sort(
      domain.keys.begin(), domain.keys.end(),
      [](const LegacyKey& a, const LegacyKey& b) { return a.span.begin < b.span.begin; });
}

void Compilation::domain_from_keys(LoadedFile& file, std::map<std::string, Key, std::less<>>& keys,
                                   const Root& root) {
  const Span whole{file.file, 0, 0};
  BlockState block;
  block.kind = Kind::domain;
  block.header = whole;
  for (auto& [name, key] : keys) {
    // xm's way to leave the weight to the scheduler; it cuts the fraction off first.
    if (name == "cpu_weight" && key.value.is_number() && std::trunc(key.value.number()) == 0)
      continue;
    const Converted converted = convert_key(key.value, *key.attribute, key.spelling);
    if (converted.misfit) {
      Diagnostic& diagnostic =
          diagnostics_.report(converted.misfit->code, key.span, converted.misfit->message);
      diagnostic.help = converted.misfit->help;
      continue;
    }
    if (!converted.warning.empty()) {
      Diagnostic& warning = diagnostics_.report(Code::odd_number, key.span, converted.warning);
      warning.help = converted.warning_help;
    }
    block.attributes[name] = converted.value;
    block.spans[name] = key.span;
  }
  // The older word for the type; `type` itself wins, as in xl.
  if (auto builder = block.attributes.find("builder");
      builder != block.attributes.end() && builder->second.is(Tag::string)) {
    const std::string& word = builder->second.text();
    const std::string meant = word == "hvm" || word == "vmx" ? "hvm" : "pv";
    auto type = block.attributes.find("type");
    if (type == block.attributes.end()) {
      block.attributes["type"] = V::string(meant);
      block.spans["type"] = block.spans["builder"];
    } else if (type->second.is(Tag::string) && type->second.text() != meant &&
               !(type->second.text() == "pvh" && meant == "hvm")) {
      Diagnostic& warning = diagnostics_.report(
          Code::conflicting_spellings, block.spans["builder"],
          "`builder` says " + meant + " and `type` says " + type->second.text());
      warning.related.push_back({block.spans["type"], "the other one"});
      warning.help = "`type` wins, as in xl";
    }
    block.attributes.erase("builder");
  }
  std::string name;
  if (auto it = block.attributes.find("name"); it != block.attributes.end()) {
    name = it->second.text();
  } else if (file.path == "-") {
    diagnostics_.report(Code::attribute_missing, whole,
                        "a domain on standard input must set `name`");
    return;
  } else {
    name = name_from_stem(file);
    diagnostics_.report(
        Code::name_from_file, whole,
        "the file sets no `name`; the domain is called `" + name + "` after the file");
    block.attributes["name"] = V::string(name);
  }
  if (auto why = reason_name_is_bad(name)) {
    diagnostics_.report(Code::bad_name, block.spans.contains("name") ? block.spans["name"] : whole,
                        *why);
    return;
  }
  block.address = Address{Kind::domain, name};
  static constexpr std::string_view kBoots[] = {"kernel", "bootloader", "firmware", "disk",
                                                "type",   "ramdisk",    "memory",   "loader"};
  const bool boots = std::any_of(std::begin(kBoots), std::end(kBoots), [&](std::string_view key) {
    return block.attributes.contains(key);
  });
  if (!boots) {
    Diagnostic& warning = diagnostics_.report(Code::nothing_to_boot, whole,
                                              "`" + file.shown + "` says nothing that could boot");
    warning.help = "is this a cpupool file?";
  }
  std::optional<HostName> host = root.host;
  if (!host) {
    host = default_host(whole, block.address);
    if (!host) {
      interp_.report_pending();
      return;
    }
  }
  build_domain(block, *host, root_, true);
}

}  // namespace hv::compiler
