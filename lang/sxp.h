// S-expressions as xend wrote them: `(domain (name web) (memory 128) …)`.
//
// A reader of its own: nested lists of words and quoted texts, each with its place. Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/source.h"

namespace hv::lang {

struct Sxp {
  bool is_list = false;
  bool quoted = false;
  std::string text;  // of a word or a quoted text
  Span span;
  std::vector<Sxp> items;

  // The word that a list begins with; empty where there is none.
  std::string_view head() const {
    return is_list && !items.empty() && !items[0].is_list ? std::string_view(items[0].text) : "";
  }
  // The first list below that begins with the word, or nothing.
  const Sxp* find(std::string_view word) const;
};

// Everything the file holds at its top. Mistakes are reported; what was read before them is kept.
std::vector<Sxp> parse_sxp(FileId file, const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv::lang
