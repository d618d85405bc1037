// tests/lang/*/fail_*.vm: each case must give exactly the errors and warnings that its lines
// expect.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/render.h"
#include "compiler/compiler_test_support.h"

namespace hv::compiler {
namespace {

// A file holds several cases, parted by lines `# ---`. In a case
//   `# error: HVnnnn` (or `# warning:`) at the end of a line expects that code there; several codes
//       are parted by blanks;
//   `# without a place: HVnnnn` expects it without a line;
//   `# file: NAME` begins another file of the case; the root is main.vm;
//   `# given: -p NAME=VALUE` sets a parameter; `# host: NAME` is --host; `# root: NAME` is another
//       PATH than main.vm; `# hosts: TOML` replaces the hosts of hv.toml;
//   `# site: TEXT` is a line of the site's schema.
struct Expectation {
  std::string file;
  uint32_t line = 0;
  std::string code;
  auto operator<=>(const Expectation&) const = default;
};

struct FailCase {
  std::string text;
  Case setup;
  std::multiset<Expectation> expected;
};

void expect_codes(const std::string& line, const std::string& file, uint32_t number,
                  FailCase& into) {
  for (const char* word : {"# error: ", "# warning: ", "# without a place: "}) {
    const std::size_t at = line.find(word);
    if (at == std::string::npos) continue;
    std::istringstream codes(line.substr(at + std::string(word).size()));
    std::string code;
    const bool nowhere = std::string(word).starts_with("# without");
    while (codes >> code && code.starts_with("HV"))
      into.expected.insert(nowhere ? Expectation{"", 0, code} : Expectation{file, number, code});
  }
}

std::vector<FailCase> read_cases(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<FailCase> cases(1);
  std::string file = "main.vm";
  std::string line;
  uint32_t number = 0;
  const auto rest_of = [&](const char* word) {
    return line.starts_with(word) ? std::optional(line.substr(std::string(word).size()))
                                  : std::nullopt;
  };
  while (std::getline(in, line)) {
    if (line == "# ---") {
      cases.emplace_back();
      file = "main.vm";
      number = 0;
      continue;
    }
    FailCase& now = cases.back();
    now.text += line + "\n";
    if (auto name = rest_of("# file: ")) {
      file = *name;
      number = 0;
      continue;
    }
    if (auto given = rest_of("# given: -p ")) {
      const std::size_t equals = given->find('=');
      now.setup.params[given->substr(0, equals)].push_back(given->substr(equals + 1));
    }
    if (auto host = rest_of("# host: ")) now.setup.host = HostName{*host};
    if (auto site = rest_of("# site: ")) now.setup.site_schema += *site + "\n";
    if (auto hosts = rest_of("# hosts: ")) {
      if (!now.setup.default_host.empty()) now.setup.hosts.clear();
      now.setup.default_host.clear();
      now.setup.hosts += *hosts + "\n";
    }
    if (auto root = rest_of("# root: ")) now.setup.roots = {*root};
    now.setup.files[file] += line + "\n";
    expect_codes(line, file, ++number, now);
  }
  return cases;
}

std::multiset<Expectation> found_in(const Compiled& done) {
  std::multiset<Expectation> found;
  for (const Diagnostic& each : done.diagnostics.all()) {
    if (each.severity == Severity::note) continue;
    const Place place =
        each.primary.valid() ? done.sources.begin_of(each.primary) : Place{"", 0, 0};
    found.insert({place.file, place.line, std::string(info(each.code).id)});
  }
  return found;
}

std::string words(const std::multiset<Expectation>& set) {
  std::string out;
  for (const Expectation& each : set)
    out += "  " + each.file + ":" + std::to_string(each.line) + " " + each.code + "\n";
  return out;
}

std::vector<std::filesystem::path> fail_files() {
  std::vector<std::filesystem::path> files;
  const std::filesystem::path root = std::filesystem::path(HV_SOURCE_DIR) / "tests/lang";
  if (std::filesystem::exists(root))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
      if (entry.path().filename().string().starts_with("fail_") &&
          entry.path().extension() == ".vm")
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(FailFiles, EachCaseFailsAsItsLinesSay) {
  std::set<std::string> covered;
  std::size_t count = 0;
  for (const auto& path : fail_files()) {
    std::size_t index = 0;
    for (const FailCase& each : read_cases(path)) {
      ++index;
      ++count;
      const Compiled done = compile_setup(each.setup);
      const auto found = found_in(done);
      EXPECT_FALSE(each.expected.empty()) << path << ", case " << index << " expects nothing";
      EXPECT_TRUE(found == each.expected) << path << ", case " << index << ":\n"
                                          << each.text << "expected\n"
                                          << words(each.expected) << "found\n"
                                          << words(found) << done.complaints();
      for (const Diagnostic& diagnostic : done.diagnostics.all()) {
        covered.insert(std::string(info(diagnostic.code).id));
        // The house style of messages.
        EXPECT_FALSE(diagnostic.message.empty());
        EXPECT_FALSE(diagnostic.message.ends_with('.')) << diagnostic.message;
      }
    }
  }
  EXPECT_GE(count, 100u);
  // Every code of this layer has its case here; notes are looked for in other tests.
  for (const CodeInfo& code : all_codes()) {
    const auto number = static_cast<int>(code.code);
    const bool ours = (number >= 201 && number < 300) || (number >= 301 && number < 400) ||
                      (number >= 401 && number < 420);
    if (!ours) continue;
    // (of a project without sources the command line tells, which alone knows of no PATH)
    // (translations are not compiled; translate_test.cpp has theirs)
    if (code.severity != Severity::note && code.code != Code::empty_project &&
        code.code != Code::file_too_large && code.code != Code::not_translated) {
      EXPECT_TRUE(covered.contains(std::string(code.id))) << code.id << " is never expected";
    }
    const auto page =
        std::filesystem::path(HV_SOURCE_DIR) / "docs/errors" / (std::string(code.id) + ".md");
    EXPECT_TRUE(std::filesystem::exists(page)) << code.id << " has no page";
  }
}

// What people read: every case as it is shown on a terminal, beside its file. HV_UPDATE_GOLDEN=1
// rewrites what changed, and counts as not passed.
TEST(FailFiles, MessagesReadAsTheyWereReviewed) {
  std::size_t count = 0;
  for (const auto& path : fail_files()) {
    std::string now;
    std::size_t index = 0;
    for (const FailCase& each : read_cases(path)) {
      const Compiled done = compile_setup(each.setup);
      ++index;
      now += (index == 1 ? "" : "\n") + std::string("---- case ") + std::to_string(index) + "\n";
      now += render_text(done.diagnostics, done.sources);
      count += done.diagnostics.size();
    }
    std::filesystem::path golden = path;
    golden.replace_extension(".txt");
    std::ifstream in(golden, std::ios::binary);
    std::ostringstream kept;
    kept << in.rdbuf();
    if (kept.str() == now) continue;
    std::size_t at = 0;
    while (at < now.size() && at < kept.str().size() && now[at] == kept.str()[at]) ++at;
    ADD_FAILURE() << golden << " is no longer what is said:\n"
                  << now.substr(at < 200 ? 0 : at - 200, 800)
                  << "\nHV_UPDATE_GOLDEN=1 takes what is said now";
    if (std::getenv("HV_UPDATE_GOLDEN") != nullptr) std::ofstream(golden, std::ios::binary) << now;
  }
  EXPECT_GE(count, 150u);
}

}  // namespace
}  // namespace hv::compiler
