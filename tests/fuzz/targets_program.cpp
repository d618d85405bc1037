// Whole programs through the compiler: whatever they say, compiling ends, with places in the texts.
#include "base/render.h"
#include "compiler/compiler_test_support.h"
#include "tests/fuzz/fuzz.h"

namespace hv::fuzz {

namespace {

std::string run_program(std::string_view input) {
  compiler::Case setup;
  setup.files["main.vm"] = std::string(input);
  setup.files["base.vm"] = "template debian:\n    kernel = \"/boot/vmlinuz\"\nracks = [1, 2]\n";
  setup.steps = 200'000;
  const compiler::Compiled done = compiler::compile_setup(setup);
  for (const Diagnostic& each : done.diagnostics.all()) {
    if (each.message.empty()) return "a diagnostic without words";
    if (!each.primary.valid()) continue;
    const std::size_t size = done.sources.text(each.primary.file).size();
    if (each.primary.begin > each.primary.end || each.primary.end > size)
      return "a diagnostic outside its text: " + each.message;
  }
  render_text(done.diagnostics, done.sources);
  return "";
}

// What a source is translated to compiles to as many resources; xl has an answer for one domain.
std::string run_convert(std::string_view input) {
  const bool sxp = input.starts_with('(') || input.starts_with('#');
  compiler::Case setup;
  setup.files["main.vm"] = std::string(input);
  setup.steps = 200'000;
  const Language from = sxp ? Language::sxp : Language::vm;
  const compiler::Translated vm = compiler::translate_setup(setup, Language::vm, from);
  compiler::translate_setup(setup, Language::xl, from);
  if (!vm.text) return vm.ok() ? "no text, and no error that says why" : "";
  compiler::Case again;
  again.files["main.vm"] = *vm.text;
  const compiler::Compiled second = compiler::compile_setup(again);
  if (!second.ok())
    return "the translation has mistakes: " + second.complaints() + "in\n" + *vm.text;
  if (sxp) return "";
  const compiler::Compiled first = compiler::compile_setup(setup);
  return first.graph.resources().size() == second.graph.resources().size()
             ? ""
             : "the translation declares other resources:\n" + *vm.text;
}

}  // namespace

std::vector<Target> program_targets() {
  Target program{"program", "whole programs through the compiler", run_program, {}, {}, {}};
  Target convert{"convert", "translations compile to the same", run_convert, {}, {}, {}};
  for (Target& target : language_targets()) {
    if (target.name == "vm") {
      program.seeds = target.seeds;
      program.words = target.words;
    }
    if (target.name == "vm" || target.name == "sxp") {
      convert.seeds.insert(convert.seeds.end(), target.seeds.begin(), target.seeds.end());
      convert.words.insert(convert.words.end(), target.words.begin(), target.words.end());
    }
  }
  for (const char* word : {"memory", "disk", "vif", "name", "vcpus", "range(3)", "len(", ".append(",
                           "% (", "xm_vars.var('vmid')", "os.uname()[4]", "vbd(", "vif(", "['']*2",
                           "**kw", "lambda x: x", "'a' * 100000", "1 << 1000", "10 ** 100"})
    program.words.emplace_back(word);
  return {std::move(program), std::move(convert)};
}

}  // namespace hv::fuzz
