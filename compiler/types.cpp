#include "compiler/types.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace hv::compiler {
namespace {

struct Named {
  std::string_view word;
  TypeName name;
};
constexpr Named kNames[] = {
    {"any", TypeName::any},        {"bool", TypeName::boolean},
    {"cidr", TypeName::cidr},      {"duration", TypeName::duration},
    {"float", TypeName::floating}, {"int", TypeName::integer},
    {"ip", TypeName::ip},          {"mac", TypeName::mac},
    {"path", TypeName::path},      {"regex", TypeName::regex},
    {"secret", TypeName::secret},  {"size", TypeName::size},
    {"str", TypeName::string},     {"None", TypeName::none},
};

std::shared_ptr<TypeInfo> simple(TypeName name) {
  auto type = std::make_shared<TypeInfo>();
  type->name = name;
  return type;
}

V literal_items(lang::List<const lang::Expr*> items, bool is_list) {
  std::vector<V> values;
  for (const lang::Expr* item : items) {
    V value = literal_of(item);
    if (value.is_failed()) return value;
    values.push_back(std::move(value));
  }
  return is_list ? make_list(std::move(values)) : make_tuple(std::move(values));
}

bool refinable(TypeName name) {
  return name == TypeName::integer || name == TypeName::floating || name == TypeName::size ||
         name == TypeName::duration;
}

Tag tag_of(TypeName name) {
  switch (name) {
    case TypeName::integer:
      return Tag::integer;
    case TypeName::floating:
      return Tag::floating;
    case TypeName::size:
      return Tag::size;
    case TypeName::duration:
      return Tag::duration;
    default:
      return Tag::none;
  }
}

TypeRef any_type() {
  static const TypeRef type = simple(TypeName::any);
  return type;
}

TypeRef named_type(const lang::NamedType& node, const SchemaNames& schemas,
                   Diagnostics& diagnostics) {
  const Named* found = nullptr;
  for (const Named& each : kNames)
    if (each.word == node.name) found = &each;
  if (found == nullptr) {
    V schema = schemas.find_schema(node.name);
    if (!schema.is_failed()) {
      auto type = simple(TypeName::record);
      type->schema = schema;
      return type;
    }
    Diagnostic& diagnostic = diagnostics.report(
        Code::unknown_type, node.name_span, "there is no type `" + std::string(node.name) + "`");
    std::vector<std::string_view> words;
    for (const Named& each : kNames) words.push_back(each.word);
    for (const std::string_view generic : {"list", "tuple", "dict", "ref"})
      words.push_back(generic);
    // As other languages call them.
    static constexpr std::pair<std::string_view, std::string_view> kTheirs[] = {
        {"integer", "int"},  {"string", "str"}, {"boolean", "bool"}, {"number", "int"},
        {"double", "float"}, {"bytes", "size"}, {"time", "duration"}};
    std::optional<std::string_view> near = nearest(node.name, words);
    for (const auto& [theirs, ours] : kTheirs)
      if (node.name == theirs) near = ours;
    if (near) {
      diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
      diagnostic.fix =
          Fix{"write `" + std::string(*near) + "`", node.name_span, std::string(*near)};
    }
    return any_type();
  }
  auto type = simple(found->name);
  const auto bound = [&](const lang::Expr* expr, std::optional<V>& into) {
    if (expr == nullptr) return;
    V value = literal_of(expr);
    if (value.is_failed() || (value.tag() != tag_of(found->name) &&
                              !(found->name == TypeName::floating && value.is(Tag::integer)))) {
      diagnostics.report(Code::unknown_type, expr->span,
                         "this bound is no " + std::string(node.name));
      return;
    }
    into = value;
  };
  switch (node.refinement) {
    case lang::RefinementKind::none:
      break;
    case lang::RefinementKind::range:
      if (!refinable(found->name)) {
        diagnostics.report(Code::unknown_type, node.span,
                           "`" + std::string(node.name) + "` takes no range");
        break;
      }
      bound(node.lower, type->minimum);
      bound(node.upper, type->maximum);
      break;
    case lang::RefinementKind::regex:
      type->pattern = std::string(node.regex->value);
      if (found->name != TypeName::string) {
        diagnostics.report(Code::unknown_type, node.span,
                           "`" + std::string(node.name) + "` takes no pattern");
      } else if (RE2::Options options; !RE2(type->pattern, RE2::Quiet).ok()) {
        diagnostics.report(Code::unknown_type, node.regex->span, "the pattern is not understood");
        type->pattern.clear();
      }
      break;
  }
  return type;
}

// The language writes its strings with double quotes.
std::string quoted(const V& value) {
  return value.is(Tag::string) && !is_secret(value) ? "\"" + value.text() + "\"" : repr(value);
}

}  // namespace

V literal_of(const lang::Expr* expr) {
  if (const auto* i = lang::try_as<lang::IntegerExpr>(expr))
    return i->value && *i->value <= static_cast<uint64_t>(INT64_MAX)
               ? V::integer(static_cast<int64_t>(*i->value))
               : V::failed();
  if (const auto* f = lang::try_as<lang::FloatExpr>(expr)) return V::floating(f->value);
  if (const auto* s = lang::try_as<lang::SizeExpr>(expr)) return V::size(s->value.count);
  if (const auto* d = lang::try_as<lang::DurationExpr>(expr)) return V::duration(d->value.count);
  if (const auto* s = lang::try_as<lang::StringExpr>(expr)) {
    V text = V::string(std::string(s->value));
    text.as<StringObject>().literal = s;
    return text;
  }
  if (const auto* c = lang::try_as<lang::ConstantExpr>(expr))
    return c->value == lang::Constant::none ? V() : V::boolean(c->value == lang::Constant::true_);
  if (const auto* u = lang::try_as<lang::UnaryExpr>(expr)) {
    V v = literal_of(u->operand);
    if (u->op == lang::UnaryOp::minus && v.is(Tag::integer)) return V::integer(-v.integer());
    if (u->op == lang::UnaryOp::minus && v.is(Tag::floating)) return V::floating(-v.floating());
  }
  if (expr != nullptr &&
      (expr->kind == lang::ExprKind::list || expr->kind == lang::ExprKind::tuple))
    return literal_items(lang::as<lang::SequenceExpr>(*expr).items,
                         expr->kind == lang::ExprKind::list);
  return V::failed();
}

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' && text[i] != '-'
                   : std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return false;
  }
  return true;
}

bool is_ip(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    int groups = 0, digits = 0;
    bool gap = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ':') {
        if (digits > 0) ++groups;
        digits = 0;
        if (i + 1 < text.size() && text[i + 1] == ':') {
          if (gap) return false;
          gap = true;
          ++i;
        }
      } else if (std::isxdigit(static_cast<unsigned char>(text[i])) == 0 || ++digits > 4) {
        return false;
      }
    }
    if (digits > 0) ++groups;
    return gap ? groups < 8 : groups == 8;
  }
  int parts = 0, value = -1;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || text[i] == '.') {
      if (value < 0 || value > 255) return false;
      ++parts;
      value = -1;
    } else if (text[i] >= '0' && text[i] <= '9') {
      value = std::max(value, 0) * 10 + (text[i] - '0');
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  return parts == 4;
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_ip(text.substr(0, slash))) return false;
  const std::string_view length = text.substr(slash + 1);
  if (length.empty() || length.size() > 3) return false;
  int bits = 0;
  for (const char c : length) {
    if (c < '0' || c > '9') return false;
    bits = bits * 10 + (c - '0');
  }
  return bits <= (text.find(':') != std::string_view::npos ? 128 : 32);
}

std::string to_string(const TypeInfo& type) {
  const auto joined = [&](const char* between) {
    std::string out;
    for (const TypeRef& argument : type.arguments)
      out += (out.empty() ? "" : between) + to_string(*argument);
    return out;
  };
  switch (type.name) {
    case TypeName::list:
      return "list[" + joined(", ") + "]";
    case TypeName::tuple:
      return "tuple[" + joined(", ") + "]";
    case TypeName::dict:
      return "dict[" + joined(", ") + "]";
    case TypeName::union_:
      return joined(" | ");
    case TypeName::literal: {
      return quoted(type.literal);
    }
    case TypeName::record:
      return type.schema.as<SchemaObject>().name;
    case TypeName::reference:
      return type.kind ? "ref[" + std::string(hv::to_string(*type.kind)) + "]" : "ref";
    default:
      break;
  }
  std::string text;
  for (const Named& each : kNames)
    if (each.name == type.name) text = std::string(each.word);
  if (type.minimum || type.maximum)
    text += "(" + (type.minimum ? repr(*type.minimum) : "") + ".." +
            (type.maximum ? repr(*type.maximum) : "") + ")";
  if (!type.pattern.empty()) text += "(\"" + type.pattern + "\")";
  return text;
}

TypeRef type_of(const lang::Type* node, const SchemaNames& schemas, const SourceMap& sources,
                Diagnostics& diagnostics) {
  if (node == nullptr) return any_type();
  switch (node->kind) {
    case lang::TypeKind::named:
      return named_type(lang::as<lang::NamedType>(*node), schemas, diagnostics);
    case lang::TypeKind::generic: {
      const auto& generic = lang::as<lang::GenericType>(*node);
      auto type = std::make_shared<TypeInfo>();
      std::size_t wanted = 1;
      if (generic.name == "list") {
        type->name = TypeName::list;
      } else if (generic.name == "tuple") {
        type->name = TypeName::tuple;
        wanted = generic.arguments.size();
      } else if (generic.name == "dict") {
        type->name = TypeName::dict;
        wanted = 2;
      } else if (generic.name == "ref") {
        type->name = TypeName::reference;
        const auto* kind = lang::try_as<lang::NamedType>(generic.arguments[0]);
        if (kind != nullptr) type->kind = kind_from(kind->name);
        if (type->kind) return type;
        diagnostics.report(Code::unknown_type, generic.arguments[0]->span,
                           "a reference is to a domain, vdisk, pool or network");
        return any_type();
      } else {
        Diagnostic& diagnostic =
            diagnostics.report(Code::unknown_type, generic.name_span,
                               "there is no type `" + std::string(generic.name) + "[…]`");
        static constexpr std::string_view kGenerics[] = {"dict", "list", "ref", "tuple"};
        if (auto near = nearest(generic.name, kGenerics)) {
          diagnostic.primary_label = "did you mean `" + std::string(*near) + "`?";
          diagnostic.fix =
              Fix{"write `" + std::string(*near) + "`", generic.name_span, std::string(*near)};
        }
        return any_type();
      }
      if (generic.arguments.size() != wanted)
        diagnostics.report(Code::unknown_type, node->span,
                           "`" + std::string(generic.name) + "` takes " + std::to_string(wanted) +
                               " type" + (wanted == 1 ? "" : "s") + " in brackets");
      for (const lang::Type* argument : generic.arguments)
        type->arguments.push_back(type_of(argument, schemas, sources, diagnostics));
      while (type->arguments.size() < wanted) type->arguments.push_back(any_type());
      return type;
    }
    case lang::TypeKind::literal: {
      auto type = std::make_shared<TypeInfo>();
      type->name = TypeName::literal;
      type->literal = literal_of(lang::as<lang::LiteralType>(*node).value);
      return type;
    }
    case lang::TypeKind::union_: {
      auto type = std::make_shared<TypeInfo>();
      type->name = TypeName::union_;
      for (const lang::Type* member : lang::as<lang::UnionType>(*node).members)
        type->arguments.push_back(type_of(member, schemas, sources, diagnostics));
      return type;
    }
    case lang::TypeKind::optional: {
      auto type = std::make_shared<TypeInfo>();
      type->name = TypeName::union_;
      type->arguments = {
          type_of(lang::as<lang::OptionalType>(*node).inner, schemas, sources, diagnostics),
          simple(TypeName::none)};
      return type;
    }
  }
  return any_type();
}

std::optional<std::string> mismatch(const V& value, const TypeInfo& type) {
  const auto expected = [&]() -> std::optional<std::string> {
    return "expected " + to_string(type) + ", found " +
           (value.is(Tag::string) || value.is(Tag::integer) || value.is(Tag::size)
                ? std::string(type_name(value)) + " " + quoted(value)
                : std::string(type_name(value)));
  };
  const auto in_range = [&]() -> std::optional<std::string> {
    const auto outside = [&](const V& bound, bool below) {
      return below ? value.number() < bound.number() : value.number() > bound.number();
    };
    if ((type.minimum && outside(*type.minimum, true)) ||
        (type.maximum && outside(*type.maximum, false)))
      return repr(value) + " is not within " + to_string(type);
    return std::nullopt;
  };
  const auto text_that = [&](bool ok) -> std::optional<std::string> {
    if (value.is(Tag::string) && ok) return std::nullopt;
    return expected();
  };
  switch (type.name) {
    case TypeName::any:
      return std::nullopt;
    case TypeName::boolean:
      return value.is(Tag::boolean) ? std::nullopt : expected();
    case TypeName::integer:
      return value.is(Tag::integer) ? in_range() : expected();
    case TypeName::floating:
      return value.is(Tag::floating) || value.is(Tag::integer) ? in_range() : expected();
    case TypeName::size:
      return value.is(Tag::size) ? in_range() : expected();
    case TypeName::duration:
      return value.is(Tag::duration) ? in_range() : expected();
    case TypeName::string:
      if (!value.is(Tag::string)) return expected();
      if (!type.pattern.empty() && !RE2::PartialMatch(value.text(), RE2(type.pattern, RE2::Quiet)))
        return quoted(value) + " does not match " + to_string(type);
      return std::nullopt;
    case TypeName::secret:
      return text_that(true);
    case TypeName::path:
      return text_that(true);
    case TypeName::regex:
      return text_that(value.is(Tag::string) && RE2(value.text(), RE2::Quiet).ok());
    case TypeName::mac:
      return text_that(value.is(Tag::string) && is_mac(value.text()));
    case TypeName::ip:
      return text_that(value.is(Tag::string) && is_ip(value.text()));
    case TypeName::cidr:
      return text_that(value.is(Tag::string) && is_cidr(value.text()));
    case TypeName::none:
      return value.is(Tag::none) ? std::nullopt : expected();
    case TypeName::list:
      if (!value.is(Tag::list)) return expected();
      for (const V& item : value.as<SequenceObject>().items)
        if (auto why = mismatch(item, *type.arguments[0])) return "in the list: " + *why;
      return std::nullopt;
    case TypeName::tuple: {
      if (!value.is(Tag::tuple)) return expected();
      const auto& items = value.as<SequenceObject>().items;
      if (items.size() != type.arguments.size()) return expected();
      for (std::size_t i = 0; i < items.size(); ++i)
        if (auto why = mismatch(items[i], *type.arguments[i])) return "in the tuple: " + *why;
      return std::nullopt;
    }
    case TypeName::dict:
      if (!value.is(Tag::dict)) return expected();
      for (const auto& [key, item] : value.as<DictObject>().items) {
        if (key.is_failed()) continue;
        if (auto why = mismatch(key, *type.arguments[0])) return "in a key: " + *why;
        if (auto why = mismatch(item, *type.arguments[1])) return "in a value: " + *why;
      }
      return std::nullopt;
    case TypeName::union_:
      for (const TypeRef& member : type.arguments)
        if (!mismatch(value, *member)) return std::nullopt;
      return expected();
    case TypeName::literal:
      return value.tag() == type.literal.tag() && equal(value, type.literal) ? std::nullopt
                                                                             : expected();
    case TypeName::record:
      return value.is(Tag::record) &&
                     value.as<RecordObject>().schema.object() == type.schema.object()
                 ? std::nullopt
                 : expected();
    case TypeName::reference:
      return value.is(Tag::reference) &&
                     (!type.kind || value.as<ReferenceObject>().address.kind == *type.kind)
                 ? std::nullopt
                 : expected();
  }
  return std::nullopt;
}

std::optional<V> parse_literal(std::string_view text, const TypeInfo& type, std::string& why) {
  const std::string owned(text);
  V value;
  switch (type.name) {
    case TypeName::any:
    case TypeName::string:
    case TypeName::path:
    case TypeName::regex:
    case TypeName::mac:
    case TypeName::ip:
    case TypeName::cidr:
      value = V::string(owned);
      break;
    case TypeName::secret:
      value = make_secret(owned);
      break;
    case TypeName::boolean:
      if (text == "True" || text == "true")
        value = V::boolean(true);
      else if (text == "False" || text == "false")
        value = V::boolean(false);
      else
        value = V::string(owned);
      break;
    case TypeName::integer: {
      char* end = nullptr;
      errno = 0;
      const long long n = std::strtoll(owned.c_str(), &end, 10);
      value = !owned.empty() && *end == '\0' && errno == 0 ? V::integer(n) : V::string(owned);
      break;
    }
    case TypeName::floating: {
      char* end = nullptr;
      const double d = std::strtod(owned.c_str(), &end);
      value = !owned.empty() && *end == '\0' ? V::floating(d) : V::string(owned);
      break;
    }
    case TypeName::size:
      if (auto size = parse_bytes(text))
        value = V::size(size->count);
      else
        value = V::string(owned);
      break;
    case TypeName::duration:
      if (auto duration = parse_duration(text))
        value = V::duration(duration->count);
      else
        value = V::string(owned);
      break;
    case TypeName::none:
      value = text == "None" ? V() : V::string(owned);
      break;
    case TypeName::union_:
      for (const TypeRef& member : type.arguments) {
        std::string ignored;
        if (auto found = parse_literal(text, *member, ignored)) return found;
      }
      why = "expected " + to_string(type) + ", found \"" + owned + "\"";
      return std::nullopt;
    case TypeName::literal:
      if (type.literal.is(Tag::string)) {
        value = V::string(owned);
      } else {
        value = repr(type.literal) == text ? type.literal : V::string(owned);
      }
      break;
    case TypeName::list:
    case TypeName::tuple:
    case TypeName::dict:
    case TypeName::record:
    case TypeName::reference:
      why = "a " + to_string(type) + " cannot be given on the command line";
      return std::nullopt;
  }
  if (auto wrong = mismatch(value, type)) {
    why = *wrong;
    return std::nullopt;
  }
  return value;
}

}  // namespace hv::compiler
