// Which attribute holds which little language, and its mistakes as diagnostics inside the string.
#include "lang/device_strings.h"

#include "compiler/convert.h"

namespace hv::compiler {
namespace {

std::optional<lang::DeviceGrammar> grammar_of(std::string_view attribute) {
  static constexpr std::pair<std::string_view, lang::DeviceGrammar> kGrammars[] = {
      {"channel", lang::DeviceGrammar::channel},   {"cpus", lang::DeviceGrammar::cpu_set},
      {"cpus_soft", lang::DeviceGrammar::cpu_set}, {"pci", lang::DeviceGrammar::pci},
      {"serial", lang::DeviceGrammar::serial},     {"usbctrl", lang::DeviceGrammar::usb_controller},
      {"usbdev", lang::DeviceGrammar::usb_device}, {"vfb", lang::DeviceGrammar::framebuffer},
      {"vscsi", lang::DeviceGrammar::scsi},        {"vtpm", lang::DeviceGrammar::tpm},
  };
  for (const auto& [name, grammar] : kGrammars)
    if (name == attribute) return grammar;
  return std::nullopt;
}

void check_one(const V& item, lang::DeviceGrammar grammar, const Attribute& attribute,
               Span fallback, Diagnostics& diagnostics) {
  if (!item.is(Tag::string)) return;
  const lang::DeviceString device = lang::parse_device_string(grammar, item.text());
  const auto report = [&](const lang::StringMistake& mistake, Code code) {
    Diagnostic& diagnostic = diagnostics.report(
        code, place_in(item, fallback, mistake.begin, mistake.end), mistake.message);
    diagnostic.help = mistake.help;
    if (item.as<StringObject>().literal == nullptr)
      diagnostic.notes.push_back("in `" + std::string(attribute.name) + "`: " + item.text());
  };
  for (const lang::StringMistake& mistake : device.mistakes)
    report(mistake, Code::bad_device_string);
  for (const lang::StringMistake& mistake : device.ignored)
    report(mistake, Code::unread_device_option);
}

}  // namespace

void check_device_strings(const V& value, const Attribute& attribute, Span fallback,
                          Diagnostics& diagnostics) {
  const auto grammar = grammar_of(attribute.name);
  if (!grammar) return;
  if (!value.is(Tag::list) && !value.is(Tag::tuple))
    return check_one(value, *grammar, attribute, fallback, diagnostics);
  for (const V& item : value.as<SequenceObject>().items)
    check_one(item, *grammar, attribute, fallback, diagnostics);
}

}  // namespace hv::compiler
