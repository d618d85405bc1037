// Calls, methods, fields and formats: what cannot work whatever the values are.
#include <algorithm>

#include "compiler/convert.h"
#include "compiler/infer.h"
#include "compiler/methods.h"
#include "compiler/static_names.h"

namespace hv::compiler {

using lang::ArgumentKind;
using lang::ExprKind;
using lang::ParameterKind;

namespace {

// What the values of a type are made of.
enum class Family : uint8_t {
  unknown,
  boolean,
  integer,
  floating,
  text,
  size,
  duration,
  none,
  list,
  tuple,
  dict,
  record,
  reference,
};

Family family_of(const V& value) {
  switch (value.tag()) {
    case Tag::boolean:
      return Family::boolean;
    case Tag::integer:
      return Family::integer;
    case Tag::floating:
      return Family::floating;
    case Tag::string:
      return Family::text;
    case Tag::size:
      return Family::size;
    case Tag::duration:
      return Family::duration;
    case Tag::none:
      return Family::none;
    default:
      return Family::unknown;
  }
}

Family family_of(const TypeInfo& type) {
  switch (type.name) {
    case TypeName::any:
    case TypeName::union_:
      return Family::unknown;
    case TypeName::boolean:
      return Family::boolean;
    case TypeName::integer:
      return Family::integer;
    case TypeName::floating:
      return Family::floating;
    case TypeName::string:
    case TypeName::mac:
    case TypeName::ip:
    case TypeName::cidr:
    case TypeName::path:
    case TypeName::regex:
    case TypeName::secret:
      return Family::text;
    case TypeName::size:
      return Family::size;
    case TypeName::duration:
      return Family::duration;
    case TypeName::none:
      return Family::none;
    case TypeName::list:
      return Family::list;
    case TypeName::tuple:
      return Family::tuple;
    case TypeName::dict:
      return Family::dict;
    case TypeName::literal:
      return family_of(type.literal);
    case TypeName::record:
      return Family::record;
    case TypeName::reference:
      return Family::reference;
  }
  return Family::unknown;
}

const lang::DeclarationStmt* declaration_of(const TypeInfo& record) {
  return record.schema.is(Tag::schema) ? record.schema.as<SchemaObject>().statement : nullptr;
}

// A field of a schema: null where the statement is none.
const lang::AnnotatedAssignStmt* field_of(const lang::Stmt* statement) {
  const auto* field = lang::try_as<lang::AnnotatedAssignStmt>(statement);
  return field != nullptr && field->target->kind == ExprKind::name ? field : nullptr;
}
std::string_view name_of(const lang::AnnotatedAssignStmt& field) {
  return lang::as<lang::NameExpr>(*field.target).name;
}

void suggest(std::string_view word, std::span<const std::string_view> names, Span place,
             Diagnostic& diagnostic) {
  const auto near = nearest(word, names);
  if (!near) return;
  diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
  diagnostic.fix = Fix{"write `" + std::string(*near) + "`", place, std::string(*near)};
}

// A value that has the methods of the family; `failed` where its values have none or they are not
// known.
V sample_of(Family family) {
  switch (family) {
    case Family::text:
      return V::string("");
    case Family::list:
      return make_list({});
    case Family::tuple:
      return make_tuple({});
    case Family::dict: {
      DictObject* dict = nullptr;
      return make(Tag::dict, dict);
    }
    default:
      return V::failed();
  }
}

}  // namespace

std::string type_phrase(const TypeInfo& type) {
  switch (type.name) {
    case TypeName::list:
      return "a list";
    case TypeName::tuple:
      return "a tuple";
    case TypeName::dict:
      return "a dict";
    default:
      break;
  }
  TypeInfo plain = type;
  plain.minimum.reset();
  plain.maximum.reset();
  plain.pattern.clear();
  return with_article(to_string(plain));
}

bool excludes(const TypeInfo& from, const TypeInfo& to) {
  if (from.name == TypeName::any || to.name == TypeName::any) return false;
  if (from.name == TypeName::union_)
    return std::all_of(from.arguments.begin(), from.arguments.end(),
                       [&](const TypeRef& each) { return excludes(*each, to); });
  if (to.name == TypeName::union_)
    return std::all_of(to.arguments.begin(), to.arguments.end(),
                       [&](const TypeRef& each) { return excludes(from, *each); });
  if (from.name == TypeName::literal) return mismatch(from.literal, to).has_value();
  const Family have = family_of(from), want = family_of(to);
  if (have == Family::unknown || want == Family::unknown) return false;
  if (want == Family::floating && have == Family::integer) return false;
  if (have != want) return true;
  if (have == Family::record)
    return declaration_of(from) != nullptr && declaration_of(to) != nullptr &&
           declaration_of(from) != declaration_of(to);
  if (have == Family::reference) return from.kind && to.kind && *from.kind != *to.kind;
  return false;
}

bool cannot_hold(const Attribute& attribute, const TypeInfo& from) {
  if (from.name == TypeName::union_)
    return std::all_of(from.arguments.begin(), from.arguments.end(),
                       [&](const TypeRef& each) { return cannot_hold(attribute, *each); });
  const Family have = family_of(from);
  if (have == Family::unknown || have == Family::none) return false;  // None unsets
  const auto none_of = [have](std::initializer_list<Family> taken) {
    return std::find(taken.begin(), taken.end(), have) == taken.end();
  };
  switch (attribute.type) {
    case AttributeType::boolean:
      return none_of({Family::boolean, Family::integer});
    case AttributeType::integer:
      return none_of({Family::integer, Family::text});
    case AttributeType::number:
      return none_of({Family::integer, Family::floating, Family::boolean});
    case AttributeType::size:
      return none_of({Family::size, Family::integer, Family::text});
    case AttributeType::duration:
      return none_of({Family::duration, Family::integer, Family::text});
    case AttributeType::string:
    case AttributeType::uuid:
    case AttributeType::mac:
    case AttributeType::ip:
    case AttributeType::path:
    case AttributeType::secret:
      return have != Family::text;
    case AttributeType::choice:
      return none_of({Family::text, Family::integer, Family::boolean});
    case AttributeType::string_list:
      return none_of({Family::text, Family::list, Family::tuple});
    case AttributeType::cpu_list:
      return none_of({Family::text, Family::integer, Family::list, Family::tuple});
    case AttributeType::vbd_list:
    case AttributeType::vif_list:
    case AttributeType::reference_list:
      return none_of({Family::list, Family::tuple});
    case AttributeType::reference:
      return have != Family::reference;
    case AttributeType::raw:
      return false;
  }
  return false;
}

std::optional<Mismatch> Inference::misfit(const lang::Expr* value, const TypeInfo& type,
                                          const StaticNames& names) const {
  if (!strict_ || type.name == TypeName::any || value == nullptr) return std::nullopt;
  // Of a list that is written out, the element.
  if (type.name == TypeName::list && value->kind == ExprKind::list) {
    for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*value).items)
      if (auto wrong = misfit(item, *type.arguments[0], names)) return wrong;
    return std::nullopt;
  }
  if (type.name == TypeName::tuple && value->kind == ExprKind::tuple &&
      lang::as<lang::SequenceExpr>(*value).items.size() == type.arguments.size()) {
    std::size_t i = 0;
    for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*value).items)
      if (auto wrong = misfit(item, *type.arguments[i++], names)) return wrong;
    return std::nullopt;
  }
  if (type.name == TypeName::dict && value->kind == ExprKind::dict) {
    for (const lang::DictItem& item : lang::as<lang::DictExpr>(*value).items) {
      if (item.key == nullptr) continue;
      if (auto wrong = misfit(item.key, *type.arguments[0], names)) return wrong;
      if (auto wrong = misfit(item.value, *type.arguments[1], names)) return wrong;
    }
    return std::nullopt;
  }
  const V literal = literal_of(value);
  if (!literal.is_failed()) {
    const auto why = mismatch(literal, type);
    return why ? std::optional(Mismatch{value->span, *why}) : std::nullopt;
  }
  const TypeRef from = type_of(value, names);
  if (!from || !excludes(*from, type)) return std::nullopt;
  return Mismatch{value->span, "expected " + to_string(type) + ", found " + to_string(*from)};
}

TypeRef Inference::declared_in(const lang::Type* type, const lang::SyntaxTree& tree) const {
  static const ImportedFacts kNone;
  Diagnostics told;
  return hv::compiler::type_of(type, DeclaredSchemas(tree, &tree == &tree_ ? imported_ : kNone),
                               sources_, told);
}

TypeRef Inference::type_of_call(const lang::CallExpr& node, const StaticNames& names) const {
  if (const auto* method = lang::try_as<lang::AttributeExpr>(node.callee)) {
    const TypeRef self = type_of(method->object, names);
    if (!self || family_of(*self) != Family::text || self->name == TypeName::secret) return nullptr;
    static constexpr std::pair<std::string_view, TypeName> kMethods[] = {
        {"capitalize", TypeName::string}, {"center", TypeName::string},
        {"count", TypeName::integer},     {"endswith", TypeName::boolean},
        {"find", TypeName::integer},      {"index", TypeName::integer},
        {"isalnum", TypeName::boolean},   {"isalpha", TypeName::boolean},
        {"isdigit", TypeName::boolean},   {"islower", TypeName::boolean},
        {"isspace", TypeName::boolean},   {"isupper", TypeName::boolean},
        {"ljust", TypeName::string},      {"lower", TypeName::string},
        {"lstrip", TypeName::string},     {"replace", TypeName::string},
        {"rfind", TypeName::integer},     {"rjust", TypeName::string},
        {"rstrip", TypeName::string},     {"startswith", TypeName::boolean},
        {"strip", TypeName::string},      {"title", TypeName::string},
        {"upper", TypeName::string},      {"zfill", TypeName::string},
    };
    for (const auto& [name, type] : kMethods)
      if (name == method->name) return simple_type(type);
    return nullptr;
  }
  const auto* callee = lang::try_as<lang::NameExpr>(node.callee);
  if (callee == nullptr) return nullptr;
  if (const Known* known = names.known_of(callee->name)) {
    if (known->function != nullptr && known->function->returns != nullptr)
      return declared_in(known->function->returns, *known->tree);
    if (known->schema == nullptr) return nullptr;
    auto type = std::make_shared<TypeInfo>();
    type->name = TypeName::record;
    type->schema = declared_schema(callee->name, known->schema);
    return type;
  }
  if (names.has(callee->name) || node.arguments.empty()) return nullptr;
  static constexpr std::pair<std::string_view, TypeName> kFunctions[] = {
      {"bool", TypeName::boolean},       {"callable", TypeName::boolean},
      {"chr", TypeName::string},         {"float", TypeName::floating},
      {"hex", TypeName::string},         {"int", TypeName::integer},
      {"isinstance", TypeName::boolean}, {"len", TypeName::integer},
      {"ord", TypeName::integer},        {"repr", TypeName::string},
  };
  for (const auto& [name, type] : kFunctions)
    if (name == callee->name) return simple_type(type);
  return nullptr;
}

TypeRef Inference::type_of_attribute_of(const lang::AttributeExpr& node,
                                        const StaticNames& names) const {
  if (const auto kind = kind_word(node.object, names)) return reference_type(*kind);
  const TypeRef object = type_of(node.object, names);
  if (!object) return nullptr;
  if (object->name == TypeName::reference && object->kind) {
    if (node.name == "name") return simple_type(TypeName::string);
    const Attribute* attribute = schema_.find(*object->kind, node.name);
    // What may be unset reads as None.
    const bool always_set =
        attribute != nullptr &&
        (attribute->required || !schema_.default_of(*object->kind, attribute->name, {}).is_unset());
    return always_set ? type_of_attribute(attribute->type) : nullptr;
  }
  const lang::DeclarationStmt* schema =
      object->name == TypeName::record ? declaration_of(*object) : nullptr;
  if (schema == nullptr) return nullptr;
  for (const lang::Stmt* each : schema->body)
    if (const auto* field = field_of(each); field != nullptr && name_of(*field) == node.name)
      for (const StaticNames* at = &names; at != nullptr; at = at->outer)
        for (const auto& [name, known] : at->known)
          if (known.schema == schema) return declared_in(field->type, *known.tree);
  return nullptr;
}

void Inference::check_attribute(const lang::AttributeExpr& node, const StaticNames& names) {
  if (!strict_ || kind_word(node.object, names) || node.name.empty()) return;
  const TypeRef object = type_of(node.object, names);
  if (!object) return;
  if (object->name == TypeName::reference) {
    if (!object->kind || node.name == "name" || schema_.find(*object->kind, node.name) != nullptr)
      return;
    report_no_attribute(*object->kind, node.name, node.name_span, schema_, diagnostics_);
    return;
  }
  const Family family = family_of(*object);
  std::vector<std::string_view> known;
  switch (family) {
    case Family::unknown:
    case Family::reference:
    case Family::none:
      return;
    case Family::record: {
      const lang::DeclarationStmt* schema = declaration_of(*object);
      if (schema == nullptr) return;
      for (const lang::Stmt* each : schema->body)
        if (const auto* field = field_of(each)) known.push_back(name_of(*field));
      break;
    }
    case Family::boolean:
    case Family::integer:
    case Family::floating:
    case Family::size:
    case Family::duration:
      break;
    case Family::text:
    case Family::list:
    case Family::tuple:
    case Family::dict:
      known = method_names(sample_of(family));
      break;
  }
  // `has_key` is told as the old spelling it is.
  if (std::find(known.begin(), known.end(), node.name) != known.end() || node.name == "has_key")
    return;
  Diagnostic& diagnostic =
      diagnostics_.report(Code::wrong_type, node.name_span,
                          type_phrase(*object) + " has no `" + std::string(node.name) + "`");
  suggest(node.name, known, node.name_span, diagnostic);
}

void Inference::check_call(const lang::CallExpr& node, const StaticNames& names) {
  const auto* callee = lang::try_as<lang::NameExpr>(node.callee);
  if (!strict_ || callee == nullptr) return;
  if (const Known* known = names.known_of(callee->name)) {
    if (known->function != nullptr)
      check_function(node, *known, names);
    else if (known->schema != nullptr)
      check_record(node, *known, names);
    return;
  }
  // In a block `vif` is an attribute too, and still the function where it is called.
  for (const StaticNames* at = &names; at != nullptr; at = at->outer)
    if (at->schema == nullptr && at->bound.contains(callee->name)) return;
  if (callee->name == "len") check_length(node, names);
  if (callee->name == "vbd" || callee->name == "vif") check_device(node, callee->name == "vbd");
}

void Inference::check_fits(const lang::Expr* value, const TypeInfo& type, const std::string& what,
                           Span place, const StaticNames& names) {
  if (const auto wrong = misfit(value, type, names))
    diagnostics_.report(Code::wrong_type, wrong->place, what + wrong->why)
        .related.push_back({place, "declared here"});
}

void Inference::check_function(const lang::CallExpr& node, const Known& known,
                               const StaticNames& names) {
  const lang::FunctionStmt& function = *known.function;
  const std::string called = "`" + std::string(function.name) + "` ";
  const auto complain = [&](Span place, const std::string& message) -> Diagnostic& {
    Diagnostic& diagnostic = diagnostics_.report(Code::wrong_type, place, called + message);
    diagnostic.related.push_back({function.name_span, "defined here"});
    return diagnostic;
  };
  const auto takes = [&](ParameterKind kind) {
    return std::any_of(function.parameters.begin(), function.parameters.end(),
                       [kind](const lang::Parameter& each) { return each.kind == kind; });
  };
  std::vector<const lang::Parameter*> in_order;
  for (const lang::Parameter& each : function.parameters)
    if (each.kind == ParameterKind::positional_only || each.kind == ParameterKind::normal)
      in_order.push_back(&each);
  std::set<const lang::Parameter*> given;
  bool spread = false, spread_names = false;
  std::size_t next = 0, positional = 0;
  const lang::Argument* first_extra = nullptr;
  const auto fits = [&](const lang::Argument& argument, const lang::Parameter& parameter) {
    given.insert(&parameter);
    if (parameter.type == nullptr) return;
    check_fits(
        argument.value, *declared_in(parameter.type, *known.tree),
        "`" + std::string(parameter.name) + "` of " + called.substr(0, called.size() - 1) + ": ",
        parameter.span, names);
  };
  for (const lang::Argument& argument : node.arguments) {
    switch (argument.kind) {
      case ArgumentKind::args:
        spread = true;
        break;
      case ArgumentKind::kwargs:
        spread_names = true;
        break;
      case ArgumentKind::positional:
        ++positional;
        if (spread) break;
        if (next < in_order.size())
          fits(argument, *in_order[next++]);
        else if (first_extra == nullptr && !takes(ParameterKind::args))
          first_extra = &argument;
        break;
      case ArgumentKind::keyword: {
        const auto found = std::find_if(function.parameters.begin(), function.parameters.end(),
                                        [&](const lang::Parameter& each) {
                                          return each.name == argument.name &&
                                                 (each.kind == ParameterKind::normal ||
                                                  each.kind == ParameterKind::keyword_only);
                                        });
        if (found != function.parameters.end()) {
          if (given.contains(&*found)) {
            complain(argument.name_span, "got `" + std::string(argument.name) + "` twice");
            return;
          }
          fits(argument, *found);
        } else if (!takes(ParameterKind::kwargs)) {
          Diagnostic& diagnostic =
              complain(argument.name_span, "has no parameter `" + std::string(argument.name) + "`");
          std::vector<std::string_view> candidates;
          for (const lang::Parameter& each : function.parameters) candidates.push_back(each.name);
          suggest(argument.name, candidates, argument.name_span, diagnostic);
          return;
        }
        break;
      }
    }
  }
  if (first_extra != nullptr) {
    complain(first_extra->span, "takes " + std::to_string(in_order.size()) +
                                    " positional argument" + (in_order.size() == 1 ? "" : "s") +
                                    ", " + std::to_string(positional) + " given");
    return;
  }
  if (spread || spread_names) return;
  for (const lang::Parameter& each : function.parameters)
    if (each.kind != ParameterKind::args && each.kind != ParameterKind::kwargs &&
        each.default_value == nullptr && !each.name.empty() && !given.contains(&each)) {
      complain(node.span, "misses its argument `" + std::string(each.name) + "`");
      return;
    }
}

void Inference::check_record(const lang::CallExpr& node, const Known& known,
                             const StaticNames& names) {
  const std::string name(lang::as<lang::NameExpr>(*node.callee).name);
  std::vector<std::string_view> fields;
  for (const lang::Stmt* each : known.schema->body)
    if (const auto* field = field_of(each)) fields.push_back(name_of(*field));
  std::set<std::string_view> given;
  for (const lang::Argument& argument : node.arguments) {
    if (argument.kind == ArgumentKind::kwargs || argument.kind == ArgumentKind::args) return;
    if (argument.kind == ArgumentKind::positional) {
      diagnostics_.report(Code::wrong_type, argument.span,
                          "a record takes its fields by name: `field = value`");
      return;
    }
    if (std::find(fields.begin(), fields.end(), argument.name) == fields.end()) {
      Diagnostic& diagnostic =
          diagnostics_.report(Code::wrong_type, argument.name_span,
                              "`" + name + "` has no field `" + std::string(argument.name) + "`");
      diagnostic.related.push_back({known.schema->name->span, "declared here"});
      suggest(argument.name, fields, argument.name_span, diagnostic);
      return;
    }
    given.insert(argument.name);
    for (const lang::Stmt* each : known.schema->body)
      if (const auto* field = field_of(each); field != nullptr && name_of(*field) == argument.name)
        check_fits(argument.value, *declared_in(field->type, *known.tree),
                   "`" + std::string(argument.name) + "` of `" + name + "`: ", field->span, names);
  }
  for (const lang::Stmt* each : known.schema->body) {
    const auto* field = field_of(each);
    if (field == nullptr || field->value != nullptr || given.contains(name_of(*field)) ||
        !mismatch(V(), *declared_in(field->type, *known.tree)))
      continue;
    diagnostics_
        .report(Code::wrong_type, node.span,
                "`" + name + "` misses its field `" + std::string(name_of(*field)) + "`")
        .related.push_back({field->span, "declared here"});
    return;
  }
}

void Inference::check_length(const lang::CallExpr& node, const StaticNames& names) {
  if (node.arguments.size() != 1 || node.arguments[0].kind != ArgumentKind::positional) return;
  const TypeRef type = type_of(node.arguments[0].value, names);
  if (!type) return;
  switch (family_of(*type)) {
    case Family::boolean:
    case Family::integer:
    case Family::floating:
    case Family::size:
    case Family::duration:
      diagnostics_.report(Code::wrong_type, node.arguments[0].span,
                          type_phrase(*type) + " has no length");
      return;
    default:
      return;
  }
}

}  // namespace hv::compiler
