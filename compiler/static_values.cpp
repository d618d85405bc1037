// Values of attributes that cannot fit, whether or not their line ever runs.
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

}  // namespace hv::compiler
