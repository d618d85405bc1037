// The generator: schemas/*.toml in, a .cpp with the table of attributes out. Runs while hv builds.
//
// Pure; any thread. A mistake in a schema file is a diagnostic with its place, and no output.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/diagnostics.h"
#include "base/ids.h"
#include "base/source.h"

namespace hv {

struct SchemaFile {
  Kind kind = Kind::domain;
  FileId file;
};

std::optional<std::string> generate_table(std::span<const SchemaFile> files,
                                          const SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv
