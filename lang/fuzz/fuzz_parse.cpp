#include "lang/fuzz/fuzz_parse.h"

#include <string>

#include "base/check.h"
#include "base/diagnostics.h"
#include "base/render.h"
#include "base/source.h"
#include "lang/dump.h"
#include "lang/parse.h"
#include "lang/tokens.h"

namespace hv::lang {

namespace {

void check_span(Span span, std::size_t size) {
  HV_CHECK(span.begin <= span.end && span.end <= size, "a span outside its text");
}

void check_diagnostics(const Diagnostics& diagnostics, std::size_t size) {
  // At the limit a statement that is at work may still say what is wrong with it.
  HV_CHECK(diagnostics.error_count() <= kMaxErrors, "more errors than a file may have");
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    check_span(diagnostic.primary, size);
    HV_CHECK(!diagnostic.message.empty(), "a diagnostic without words");
    if (diagnostic.fix) check_span(diagnostic.fix->span, size);
  }
}

}  // namespace

int fuzz_one(std::span<const uint8_t> bytes) {
  SourceMap sources;
  const FileId file = sources.add(
      "fuzz.vm", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  Diagnostics of_file;
  const SyntaxTree tree = parse(file, sources, of_file);
  check_diagnostics(of_file, bytes.size());
  for (const Stmt* statement : tree.body) check_span(statement->span, bytes.size());
  for (const AssignedName& name : tree.shape.assigned) check_span(name.span, bytes.size());
  HV_CHECK(of_file.error_count() == 0 || tree.broken, "errors, but a tree that claims to be whole");
  Diagnostics by_grammar;
  const SyntaxTree slow = parse_by_grammar(file, sources, by_grammar);
  HV_CHECK(dump_tree(tree, sources) == dump_tree(slow, sources), "the shortcut has another tree");
  HV_CHECK(render_text(of_file, sources) == render_text(by_grammar, sources),
           "the shortcut has other messages");
  HV_CHECK(tree.broken == slow.broken && tree.shape.assigned.size() == slow.shape.assigned.size(),
           "the shortcut has another shape");
  dump_tokens(file, sources);

  Diagnostics of_expression;
  const SyntaxTree expression = parse_expression(file, sources, of_expression);
  check_diagnostics(of_expression, bytes.size());
  HV_CHECK(expression.body.size() <= 1, "more than one expression");
  dump_tree(expression, sources);
  return 0;
}

}  // namespace hv::lang

#ifdef HV_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hv::lang::fuzz_one({data, size});
}
#endif
