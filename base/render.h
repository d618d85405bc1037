// The one renderer of diagnostics: text with the source lines and carets, and hv.diagnostics/1.
#pragma once

#include <string>

#include "base/diagnostics.h"
#include "base/source.h"

namespace hv {

struct RenderOptions {
  bool color = false;
};

// One diagnostic as people read it, ending in a newline; no blank line after it.
std::string render_text(const Diagnostic& diagnostic, const SourceMap& sources,
                        RenderOptions options = {});
// All of them, a blank line between two.
std::string render_text(const Diagnostics& diagnostics, const SourceMap& sources,
                        RenderOptions options = {});
// {"format":"hv.diagnostics/1","diagnostics":[…]}, one object, ending in a newline.
std::string render_json(const Diagnostics& diagnostics, const SourceMap& sources);

}  // namespace hv
