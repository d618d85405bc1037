// What the tests of lang/ share: parse a text, and the tree and the messages as text.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "base/source.h"
#include "lang/dump.h"
#include "lang/parse.h"

namespace hv::lang {

struct Parsed {
  SourceMap sources;
  FileId file;
  Diagnostics diagnostics;
  SyntaxTree tree;

  explicit Parsed(std::string text)
      : file(sources.add("t.vm", std::move(text))), tree(parse(file, sources, diagnostics)) {}

  std::string dump() const { return dump_tree(tree, sources, {.places = false}); }
  // "HV0101 1:5 message", one a line.
  std::string messages() const {
    std::string out;
    for (const Diagnostic& d : diagnostics.all()) {
      const Place at = sources.begin_of(d.primary);
      out += std::string(info(d.code).id) + " " + std::to_string(at.line) + ":" +
             std::to_string(at.column) + " " + d.message + "\n";
    }
    return out;
  }
  // "HV0101@1:5 HV0104@2:1".
  std::string codes() const {
    std::string out;
    for (const Diagnostic& d : diagnostics.all()) {
      const Place at = sources.begin_of(d.primary);
      out += (out.empty() ? "" : " ") + std::string(info(d.code).id) + "@" +
             std::to_string(at.line) + ":" + std::to_string(at.column);
    }
    return out;
  }
};

}  // namespace hv::lang
