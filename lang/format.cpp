#include "lang/format.h"

#include "base/check.h"
#include "lang/dump.h"
#include "lang/format_styles.h"
#include "lang/parse.h"

namespace hv::lang {

namespace {

// Whether neither xm nor xl could have taken it: it may be laid out anew.
bool is_ours(const SyntaxTree& tree) {
  return tree.shape.declares || !tree.shape.params.empty() || !tree.shape.imports.empty();
}

std::string dumped(std::string_view text) {
  SourceMap sources;
  Diagnostics ignored;
  const FileId file = sources.add("", std::string(text));
  const SyntaxTree tree = parse(file, sources, ignored);
  return ignored.has_errors() ? std::string()
                              : "ok\n" + dump_tree(tree, sources, {.places = false});
}

}  // namespace

std::optional<std::string> format(FileId file, const SourceMap& sources, Diagnostics& diagnostics) {
  const std::size_t errors = diagnostics.error_count();
  const SyntaxTree tree = parse(file, sources, diagnostics);
  if (diagnostics.error_count() != errors || tree.broken) return std::nullopt;
  const std::string_view text = sources.text(file);
  const Lines lines = logical_lines(file, text);
  return is_ours(tree) ? format_anew(text, lines) : format_old(text, lines);
}

bool same_program(std::string_view before, std::string_view after) {
  const std::string dump = dumped(before);
  return !dump.empty() && dump == dumped(after);
}

}  // namespace hv::lang
