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

}  // namespace

std::vector<Target> program_targets() {
  Target program{"program", "whole programs through the compiler", run_program, {}, {}, {}};
  for (Target& target : language_targets())
    if (target.name == "vm") {
      program.seeds = target.seeds;
      program.words = target.words;
    }
  for (const char* word : {"memory", "disk", "vif", "name", "vcpus", "range(3)", "len(", ".append(",
                           "% (", "xm_vars.var('vmid')", "os.uname()[4]", "vbd(", "vif(", "['']*2",
                           "**kw", "lambda x: x", "'a' * 100000", "1 << 1000", "10 ** 100"})
    program.words.emplace_back(word);
  return {std::move(program)};
}

}  // namespace hv::fuzz
