// Translating: what files say, written as a file of xl or as typed declarations.
//
// The files are evaluated, so loops and functions become values. Nothing live is reached. A file of
// xl or xm keeps its own words on the way to xl; all else goes through the desired graph.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/compile.h"

namespace hv {

enum class Language : uint8_t { vm, xl, sxp };

struct TranslateRequest {
  CompileRequest compile;
  Language from = Language::vm;  // vm and xl are one: the language tells them apart itself
  Language to = Language::vm;    // vm or xl
};

// Nothing where the sources have errors, or where no such file can be written; told either way.
std::optional<std::string> translate(const TranslateRequest& request, SourceMap& sources,
                                     Diagnostics& diagnostics);

// A desired graph as typed declarations; `default_host` is left out of them.
std::string write_vm(const DesiredGraph& graph, const std::optional<HostName>& default_host);

// The same to look at: secrets are hidden, and what no file sets stands in comments.
std::string show_vm(const DesiredGraph& graph, const std::optional<HostName>& default_host,
                    const Schema& schema);
// The graph's one domain as a file of xl, likewise; nothing, and an error, where it has not one.
std::optional<std::string> show_xl(const DesiredGraph& graph, const Schema& schema,
                                   Diagnostics& diagnostics);

}  // namespace hv
