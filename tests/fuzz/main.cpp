// hv_fuzz [TARGET…] [--seconds S | --inputs N] [--seed N] [--folder DIR]; hv_fuzz TARGET --input
// FILE.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tests/fuzz/fuzz.h"

namespace {

int usage(const std::vector<hv::fuzz::Target>& targets) {
  std::fprintf(stderr,
               "hv_fuzz [TARGET...] [--seconds S | --inputs N] [--seed N] [--folder DIR]\n"
               "  makes inputs and runs them\n"
               "hv_fuzz TARGET --input FILE\n"
               "  runs one input again\n\n");
  for (const hv::fuzz::Target& target : targets)
    std::fprintf(stderr, "  %-10s %s\n", target.name.c_str(), target.about.c_str());
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace hv::fuzz;
  std::vector<Target> targets;
  for (auto make :
       {language_targets, project_targets, record_targets, program_targets, lsp_targets})
    for (Target& target : make()) targets.push_back(std::move(target));
  Options options;
  std::string input;
  std::vector<const Target*> chosen;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && i + 1 == argc) return usage(targets);
    if (word == "--seconds") {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--inputs") {
      options.inputs = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--folder") {
      options.folder = argv[++i];
    } else if (word == "--input") {
      input = argv[++i];
    } else {
      const std::size_t before = chosen.size();
      for (const Target& target : targets)
        if (target.name == word) chosen.push_back(&target);
      if (chosen.size() == before) return usage(targets);
    }
  }
  if (!input.empty()) {
    std::ifstream in(input, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (chosen.size() != 1 || !in) return usage(targets);
    return run_once(*chosen.front(), text.str()) ? 0 : 1;
  }
  if (chosen.empty())
    for (const Target& target : targets) chosen.push_back(&target);
  bool well = true;
  for (const Target* target : chosen) well = fuzz(*target, options) && well;
  return well ? 0 : 1;
}
