// The build's own program: generate OUTPUT domain.toml vdisk.toml … → the table as a .cpp.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/render.h"
#include "hv/schema/generator.h"

namespace {

int fail(const std::string& message) {
  std::fprintf(stderr, "schema: %s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return fail("say OUTPUT and the schema files");
  hv::SourceMap sources;
  std::vector<hv::SchemaFile> files;
  for (int i = 2; i < argc; ++i) {
    std::filesystem::path path = argv[i];
    std::optional<hv::Kind> kind = hv::kind_from(path.stem().string());
    if (!kind) return fail(path.string() + ": no kind of resource has this name");
    std::ifstream input(path, std::ios::binary);
    std::ostringstream text;
    text << input.rdbuf();
    if (!input) return fail(path.string() + ": cannot be read");
    files.push_back({*kind, sources.add(path.string(), text.str())});
  }
  hv::Diagnostics diagnostics;
  std::optional<std::string> table = hv::generate_table(files, sources, diagnostics);
  std::fputs(hv::render_text(diagnostics, sources).c_str(), stderr);
  if (!table) return 1;
  std::ofstream output(argv[1], std::ios::binary | std::ios::trunc);
  output << *table;
  output.close();
  if (!output) return fail(std::string(argv[1]) + ": cannot be written");
  return 0;
}
