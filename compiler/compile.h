// Compiling: sources in, the desired graph out; nothing live is reached.
//
// Evaluation is hermetic and bounded: files come through `Files`, facts about hosts from the
// Project, everything else is refused with a diagnostic. One thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/source.h"
#include "hv/model/desired.h"
#include "hv/schema/project.h"
#include "hv/schema/schema.h"

namespace hv {

// Where source texts come from: the disk, or a test's map. Paths are absolute.
class Files {
 public:
  virtual ~Files() = default;
  virtual Result<std::string> read(const std::string& path) const = 0;
  enum class What : uint8_t { absent, file, folder };
  virtual What what(const std::string& path) const = 0;
  // Links resolved; the path itself where nothing is there.
  virtual std::string canonical(const std::string& path) const = 0;
  // Names of the entries of a folder, sorted by byte order.
  virtual Result<std::vector<std::string>> list(const std::string& folder) const = 0;
};
const Files& disk_files();

// One root to compile.
struct Root {
  std::string path;  // absolute, or "-"
  std::optional<HostName> host;
  std::map<std::string, std::string> params;
  Span span;             // where hv.toml names it; invalid for a PATH
  bool outside = false;  // a PATH that is no source of the project: its root is "path:…"
};

struct CompileRequest {
  std::vector<Root> roots;
  std::map<std::string, std::vector<std::string>> params;  // -p, repeated ones in order
  std::optional<HostName> host;                            // --host
  std::optional<std::string> standard_input;               // the text of "-"
  std::string working_directory;
  int64_t steps = 50'000'000;  // what the programs of all files together may take
  const Project* project = nullptr;
  const Schema* schema = nullptr;
  const Files* files = nullptr;
};

// The roots of a project (folders and globs expanded), or of PATHs given on the command line
// (relative to the working directory). A pattern that matches nothing is an error.
std::vector<Root> project_roots(const Project& project, const Files& files,
                                Diagnostics& diagnostics);
std::vector<Root> path_roots(const std::vector<std::string>& paths,
                             const std::string& working_directory, const Files& files,
                             Diagnostics& diagnostics);

// Everything the roots declare. With errors in `diagnostics` the graph holds what was understood
// and must not be planned.
DesiredGraph compile(const CompileRequest& request, SourceMap& sources, Diagnostics& diagnostics);

// `--dump=typed`: of each file compiled a line with its name, then one line a name of its top with
// the type that is known without running it (`any`: none).
std::string dump_typed(const CompileRequest& request, SourceMap& sources, Diagnostics& diagnostics);

}  // namespace hv
