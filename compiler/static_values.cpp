// Values that cannot fit their attribute, `vbd(…)`, `vif(…)` or text, whether or not their line
// ever runs.
#include <algorithm>

#include "compiler/convert.h"
#include "compiler/infer.h"
#include "compiler/static_names.h"
#include "lang/disk_string.h"
#include "lang/vif_string.h"

namespace hv::compiler {

using lang::ArgumentKind;
using lang::ExprKind;

namespace {

// Disks and interfaces of a list that are literals.
void check_items(const Attribute& attribute, const lang::Expr* value, const SourceMap& sources,
                 Diagnostics& diagnostics) {
  if (value->kind != ExprKind::list && value->kind != ExprKind::tuple) return;
  for (const lang::Expr* item : lang::as<lang::SequenceExpr>(*value).items) {
    const V literal = literal_of(item);
    if (literal.is_failed()) continue;
    if (attribute.type == AttributeType::vbd_list)
      to_vbd(literal, item->span, sources, diagnostics);
    else
      to_vif(literal, item->span, sources, diagnostics);
  }
}

// Warnings are told when the line runs.
void check_strings(const V& value, const Attribute& attribute, Span place,
                   Diagnostics& diagnostics) {
  Diagnostics found;
  check_device_strings(value, attribute, place, found);
  for (const Diagnostic& each : found.all())
    if (each.severity == Severity::error) diagnostics.report(each);
}

}  // namespace

void check_attribute_value(const Attribute& attribute, const lang::Expr* value,
                           const TypeRef& known, const SourceMap& sources,
                           Diagnostics& diagnostics) {
  const V literal = literal_of(value);
  if (literal.is_failed()) {
    if (attribute.type == AttributeType::vbd_list || attribute.type == AttributeType::vif_list)
      check_items(attribute, value, sources, diagnostics);
    if (!known || !cannot_hold(attribute, *known)) return;
    Diagnostic& diagnostic = diagnostics.report(Code::wrong_type, value->span,
                                                "`" + std::string(attribute.name) + "` takes " +
                                                    std::string(describe(attribute.type)) +
                                                    ", not " + type_phrase(*known));
    if (attribute.type == AttributeType::size) diagnostic.help = "for example `512MiB`";
    if (attribute.type == AttributeType::duration) diagnostic.help = "for example `30s`";
    return;
  }
  if (literal.is(Tag::none)) return;
  const Converted converted = convert_in_block(literal, attribute);
  if (!converted.misfit) {
    if (attribute.type == AttributeType::vbd_list || attribute.type == AttributeType::vif_list)
      check_items(attribute, value, sources, diagnostics);
    else
      check_strings(converted.value, attribute, value->span, diagnostics);
    return;
  }
  Diagnostic& diagnostic =
      diagnostics.report(converted.misfit->code, value->span, converted.misfit->message);
  diagnostic.help = converted.misfit->help;
  if (!converted.misfit->fix.empty())
    diagnostic.fix =
        Fix{"write `" + converted.misfit->fix + "`", value->span, converted.misfit->fix};
}

// The arguments of `vbd(…)` and `vif(…)` that are literals, each by itself: a mistake is told
// at its own place.
void Inference::check_device(const lang::CallExpr& node, bool disk) {
  std::size_t positional = 0;
  const auto given = [&](std::string_view name, std::size_t place) {
    return std::any_of(
        node.arguments.begin(), node.arguments.end(), [&](const lang::Argument& each) {
          return each.kind == ArgumentKind::args || each.kind == ArgumentKind::kwargs ||
                 each.name == name ||
                 (each.kind == ArgumentKind::positional &&
                  place < static_cast<std::size_t>(&each - node.arguments.data()) + 1);
        });
  };
  for (const auto& [name, place] :
       std::initializer_list<std::pair<const char*, std::size_t>>{{"source", 0}, {"device", 1}})
    if (disk && !given(name, place)) {
      diagnostics_
          .report(Code::wrong_type, node.span,
                  "`vbd` misses its argument `" + std::string(name) + "`")
          .help = "write it as `vbd(source, \"xvda\", \"w\")`";
      return;
    }
  for (const lang::Argument& argument : node.arguments) {
    std::string_view name = argument.name;
    if (argument.kind == ArgumentKind::positional && disk) {
      static constexpr std::string_view kOrder[] = {"source", "device", "mode"};
      name = positional < std::size(kOrder) ? kOrder[positional] : "";
      ++positional;
    }
    const V value = literal_of(argument.value);
    if (name.empty() || name == "source" || name == "device" || name == "network") continue;
    std::string text;
    if (value.is(Tag::string))
      text = value.text();
    else if (value.is(Tag::integer))
      text = std::to_string(value.integer());
    else if (!value.is_failed())
      continue;
    const std::string key(name == "mode" ? "access" : name);
    const std::string before = disk ? "vdev=xvda," : "", after = disk ? ",target=x" : "";
    const std::string setting = before + key + "=" + text + after;
    const std::vector<lang::StringMistake> mistakes =
        disk ? lang::parse_disk_string(setting).mistakes : lang::parse_vif_string(setting).mistakes;
    for (const lang::StringMistake& mistake : mistakes) {
      // A value that is not known here may mend what is wrong with an empty one.
      const bool about_name = mistake.end <= before.size() + key.size();
      if (value.is_failed() && !about_name) continue;
      Diagnostic& diagnostic = diagnostics_.report(
          disk ? Code::bad_disk : Code::bad_vif,
          about_name && argument.name_span.valid() ? argument.name_span : argument.value->span,
          mistake.message);
      diagnostic.help = mistake.help;
      break;
    }
  }
}

namespace {

bool is_one_of(char c, std::string_view letters) {
  return letters.find(c) != std::string_view::npos;
}

}  // namespace

void Inference::check_text_of(const lang::Expr* value, char conversion, const StaticNames& names) {
  const TypeRef type = type_of(value, names);
  if (!type) return;
  const auto complain = [&](std::string message, const char* help) {
    diagnostics_.report(Code::wrong_type, value->span, std::move(message)).help = help;
  };
  const std::string written = std::string("`%") + conversion + "`";
  const bool whole = is_one_of(conversion, "diuxXo");
  switch (type->name) {
    case TypeName::reference:
      if (conversion != 'r')
        complain("a reference is not text", "write `.name` after it for its name");
      return;
    case TypeName::size:
      if (whole) complain(written + " of a size has no unit", "divide first: `memory // 1MiB`");
      return;
    case TypeName::duration:
      if (whole) complain(written + " of a duration has no unit", "divide first: `timeout // 1s`");
      return;
    case TypeName::string:
    case TypeName::none:
    case TypeName::list:
    case TypeName::dict:
      if (whole || is_one_of(conversion, "eEfFgG"))
        complain(written + " takes a number, not " + type_phrase(*type),
                 type->name == TypeName::string ? "`int(…)` makes a number of text" : "");
      return;
    default:
      return;
  }
}

void Inference::check_fstring(const lang::FStringExpr& node, const StaticNames& names) {
  if (!strict_) return;
  for (const lang::FStringPart& part : node.parts)
    if (part.expr != nullptr && part.conversion != lang::Conversion::repr)
      check_text_of(part.expr, 's', names);
}

void Inference::check_format(const lang::BinaryExpr& node, const StaticNames& names) {
  if (!strict_) return;
  const std::string_view text = lang::as<lang::StringExpr>(*node.left).value;
  std::string conversions;
  for (std::size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    i = text.find_first_not_of("#0- +123456789.hlL", i + 1);
    if (i == std::string_view::npos || text[i] == '(' || text[i] == '*') return;
    if (text[i] != '%') conversions += text[i];
  }
  std::vector<const lang::Expr*> values{node.right};
  if (node.right->kind == ExprKind::tuple) {
    const auto& items = lang::as<lang::SequenceExpr>(*node.right).items;
    values.assign(items.begin(), items.end());
    if (std::any_of(items.begin(), items.end(),
                    [](const lang::Expr* each) { return each->kind == ExprKind::star; }))
      return;
  } else {
    // A tuple gives several values, and a dict or a list is none too many.
    const TypeRef type = type_of(node.right, names);
    if (!type || type->name == TypeName::any || type->name == TypeName::union_ ||
        type->name == TypeName::tuple || type->name == TypeName::dict ||
        (type->name == TypeName::list && conversions.empty()))
      return;
  }
  if (values.size() != conversions.size()) {
    diagnostics_.report(Code::wrong_type, node.right->span,
                        std::to_string(values.size()) +
                            (values.size() == 1 ? " value" : " values") +
                            " for a format that takes " + std::to_string(conversions.size()));
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) check_text_of(values[i], conversions[i], names);
}

}  // namespace hv::compiler
