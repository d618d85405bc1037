// The rules of the house, held over the checkout itself: who includes whom, where outside libraries
// are seen, that every complaint has its page and its test, and that the documents tell the truth.
// Each rule is a function from files to complaints; the canary feeds each a tree that breaks it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/codes.h"

namespace hv {
namespace {

namespace fs = std::filesystem;
using Tree = std::map<std::string, std::string>;  // path from the top, text
using Complaints = std::vector<std::string>;

bool ends(const std::string& path, std::initializer_list<const char*> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [&](const char* suffix) { return path.ends_with(suffix); });
}

bool is_code(const std::string& path) {
  return ends(path, {".cpp", ".h"});
}

bool is_test(const std::string& path) {
  return path.starts_with("tests/") || path.find("_test") != std::string::npos ||
         path.find("/test_") != std::string::npos || path.find("/fuzz/") != std::string::npos ||
         path.starts_with("bench/");
}

const Tree& checkout() {
  static const Tree tree = [] {
    Tree files;
    const fs::path top = HV_SOURCE_DIR;
    for (auto each = fs::recursive_directory_iterator(top); each != fs::end(each); ++each) {
      const std::string name = each->path().filename().string();
      const bool outside = name.starts_with("build") || name == "out" ||
                           (name.starts_with(".") && name != ".ci" && name != ".clang-tidy" &&
                            name != ".clang-format");
      if (each->is_directory()) {
        if (outside) each.disable_recursion_pending();
        continue;
      }
      // Sources are text; a file named by another program's rule (`build_x.cpp`) is still ours.
      if (outside && !is_code(name)) continue;
      std::ifstream in(each->path(), std::ios::binary);
      std::ostringstream text;
      text << in.rdbuf();
      files[fs::relative(each->path(), top).string()] = text.str();
    }
    return files;
  }();
  return tree;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string joined(const Complaints& complaints) {
  std::string out;
  for (const std::string& each : complaints) out += "  " + each + "\n";
  return out;
}

struct Include {
  std::string file;  // as it is written between the marks
  bool ours = false;
  std::size_t line = 0;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  std::size_t number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (!line.starts_with("#include ")) continue;
    const std::size_t begin = line.find_first_of("<\"");
    if (begin == std::string::npos) continue;
    const std::size_t end = line.find_first_of(">\"", begin + 1);
    found.push_back({line.substr(begin + 1, end - begin - 1), line[begin] == '"', number});
  }
  return found;
}

// --- Includes point down -----------------------------------------------------------------------

struct Layer {
  const char* folder;
  std::vector<const char*> may_see;  // and itself, and base
};

const std::vector<Layer>& layers() {
  static const std::vector<Layer> rows = {
      {"base", {}},
      {"hv/model", {"schemas"}},
      {"hv/schema", {"hv/model"}},
      {"hv/storage", {"hv/model"}},
      {"hv/inventory", {"hv/model", "hv/storage"}},
      {"hv/vdisk", {"hv/model", "hv/storage"}},
      {"hv/drivers", {"hv/model", "hv/schema", "hv/storage", "hv/vdisk"}},
      {"lang", {}},
      {"compiler", {"lang", "hv/model", "hv/schema", "hv/storage"}},
      {"state", {"hv/model", "schemas"}},
      {"reconciler/verify", {"hv/model"}},
      {"reconciler",
       {"hv/model", "hv/schema", "hv/storage", "hv/vdisk", "hv/drivers", "state",
        "reconciler/verify"}},
      {"report", {"hv/model", "hv/schema"}},
      {"fleet", {"compiler", "reconciler", "report", "hv/model", "hv/schema", "state"}},
      {"lsp", {"lang", "compiler", "report", "hv/model", "hv/schema"}},
  };
  return rows;
}

bool below(const std::string& path, const std::string& folder) {
  return path.starts_with(folder + "/");
}

// The deepest folder of the table that the path lies in; none for cli, tests and tools.
const Layer* layer_of(const std::string& path) {
  const Layer* found = nullptr;
  for (const Layer& layer : layers())
    if (below(path, layer.folder) &&
        (found == nullptr || std::string(layer.folder).size() > std::string(found->folder).size()))
      found = &layer;
  return found;
}

Complaints includes_that_point_up(const Tree& tree) {
  Complaints out;
  for (const auto& [path, text] : tree) {
    const Layer* layer = is_code(path) && !is_test(path) ? layer_of(path) : nullptr;
    if (layer == nullptr) continue;
    for (const Include& include : includes_of(text)) {
      if (!include.ours || include.file.find('/') == std::string::npos) continue;
      const Layer* target = layer_of(include.file);
      const std::string folder =
          target != nullptr ? target->folder : include.file.substr(0, include.file.find('/'));
      const bool fine = folder == layer->folder || folder == "base" ||
                        std::any_of(layer->may_see.begin(), layer->may_see.end(),
                                    [&](const char* each) { return folder == each; });
      if (!fine)
        out.push_back(path + ":" + std::to_string(include.line) + ": " + layer->folder +
                      "/ may not see " + folder + "/");
    }
  }
  return out;
}

// --- Outside libraries are seen by few ---------------------------------------------------------

struct Outside {
  const char* prefix;  // of the include
  std::vector<const char*> files;
};

Complaints libraries_out_of_their_place(const Tree& tree) {
  static const std::vector<Outside> rows = {
      {"antlr4", {"lang/"}},
      {"VmParser", {"lang/"}},
      {"boost/", {"hv/model/desired.cpp", "reconciler/order.cpp", "reconciler/verify/sums.cpp"}},
      {"rocksdb/", {"state/rocks_table.cpp"}},
      {"toml++/", {"hv/schema/toml.cpp"}},
      {"google/protobuf", {"hv/model/codec.cpp"}},
      {"schemas/records.pb.h", {"hv/model/codec.cpp"}},
      {"nlohmann/json.hpp",
       {"base/render.cpp", "report/", "cli/baseline.cpp", "cli/log.cpp", "lsp/", "hv/inventory/",
        "hv/drivers/xl/look.cpp", "hv/drivers/xl/configuration.cpp"}},
      {"spdlog/", {"cli/log.cpp"}},
      {"CLI/", {"cli/main.cpp"}},
      {"re2/", {"compiler/python_modules.cpp", "compiler/types.cpp"}},
      {"sha", {"base/hash.cpp"}},
  };
  Complaints out;
  for (const auto& [path, text] : tree) {
    if (!is_code(path) || is_test(path)) continue;
    for (const Include& include : includes_of(text))
      for (const Outside& row : rows) {
        if (!include.file.starts_with(row.prefix)) continue;
        const bool named = std::any_of(row.files.begin(), row.files.end(),
                                       [&](const char* file) { return path.starts_with(file); });
        // A header that others include brings the library to all of them.
        const bool header = path.ends_with(".h") && !path.starts_with("report/");
        if (!named || header)
          out.push_back(path + ":" + std::to_string(include.line) + ": <" + include.file +
                        "> is not seen here");
      }
  }
  return out;
}

// --- Files -------------------------------------------------------------------------------------

Complaints words_that_do_not_belong(const Tree& tree) {
  // In two pieces, so that this file does not hold them.
  static const std::regex words(std::string("\\b(TO") + "DO|FIX" + "ME|XX" + "X|HA" + "CK|unimple" +
                                "mented|place" + "holder|not (yet )?imple" +
                                "mented)\\b|(^|[^A-Za-z0-9_])/(wo" + "rk|fa" + "rm)/");
  Complaints out;
  for (const auto& [path, text] : tree) {
    if (!is_code(path) && !ends(path, {".toml", ".proto", ".g4", ".sh", ".md", ".cmake", ".txt"}))
      continue;
    std::size_t number = 0;
    for (const std::string& line : lines_of(text)) {
      ++number;
      if (std::smatch match; std::regex_search(line, match, words))
        out.push_back(path + ":" + std::to_string(number) + ": " + match.str());
    }
  }
  return out;
}

// Past 600 lines a file says in its first lines why it is as long.
Complaints long_files(const Tree& tree) {
  Complaints out;
  for (const auto& [path, text] : tree) {
    if (!is_code(path)) continue;
    const auto count = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    static const std::regex reason("\\b[Ll]ong(er)?\\b");
    if (count > 600 && !std::regex_search(text.substr(0, 1200), reason))
      out.push_back(path + ": " + std::to_string(count) + " lines and no reason in its head");
  }
  return out;
}

// A source that no CMakeLists.txt names, a header that nobody includes.
Complaints dead_files(const Tree& tree) {
  std::set<std::string> included;
  for (const auto& [path, text] : tree)
    if (is_code(path))
      for (const Include& include : includes_of(text)) {
        included.insert(include.file);
        included.insert(fs::path(path).parent_path() / include.file);
      }
  Complaints out;
  for (const auto& [path, text] : tree) {
    if (!is_code(path)) continue;
    if (path.ends_with(".h")) {
      if (!included.contains(path)) out.push_back(path + ": nobody includes it");
      continue;
    }
    bool named = false;
    for (fs::path folder = fs::path(path).parent_path(); !named && !folder.empty();
         folder = folder.parent_path()) {
      auto list = tree.find((folder / "CMakeLists.txt").string());
      named = list != tree.end() &&
              list->second.find(fs::relative(path, folder).string()) != std::string::npos;
    }
    if (!named) out.push_back(path + ": no CMakeLists.txt names it");
  }
  return out;
}

Complaints vague_names(const Tree& tree) {
  static const std::regex vague("(^|/|_)(util|utils|common|helpers?|manager|misc)(_|\\.|/)");
  Complaints out;
  for (const auto& [path, text] : tree)
    if (std::regex_search(path, vague)) out.push_back(path + ": its name says nothing");
  return out;
}

Complaints tests_that_are_off(const Tree& tree) {
  static const std::regex off(std::string("DISA") + "BLED_|EXPECT_TRUE\\(true\\)|SUCC" +
                              "EED\\(\\)");
  Complaints out;
  for (const auto& [path, text] : tree)
    if (is_code(path) && std::regex_search(text, off)) out.push_back(path + ": a test that is off");
  return out;
}

// --- Complaints of hv have pages and tests -----------------------------------------------------

Complaints codes_without_pages(const Tree& tree) {
  Complaints out;
  std::set<std::string> pages;
  for (const CodeInfo& code : all_codes()) {
    const std::string path = "docs/errors/" + std::string(code.id) + ".md";
    pages.insert(path);
    auto page = tree.find(path);
    if (page == tree.end()) {
      out.push_back(std::string(code.id) + ": no " + path);
      continue;
    }
    const std::string head = "# " + std::string(code.id) + ": " + std::string(code.title) + "\n";
    if (!page->second.starts_with(head)) out.push_back(path + ": does not begin with " + head);
    if (page->second.size() < head.size() + 100) out.push_back(path + ": says too little");
  }
  for (const auto& [path, text] : tree)
    if (path.starts_with("docs/errors/") && path.ends_with(".md") && !pages.contains(path) &&
        path != "docs/errors/README.md")
      out.push_back(path + ": of no code");
  return out;
}

Complaints codes_without_use(const Tree& tree) {
  std::string sources, tests;
  for (const auto& [path, text] : tree) {
    if (path.starts_with("base/codes") || path.starts_with("docs/")) continue;
    if (is_test(path))
      tests += text;
    else if (is_code(path))
      sources += text;
  }
  // Whole words, found in one walk over each text.
  const auto words = [](const std::string& text) {
    std::set<std::string> found;
    std::string word;
    for (const char c : text + " ") {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
        word += c;
      } else if (!word.empty()) {
        found.insert(std::move(word));
        word.clear();
      }
    }
    return found;
  };
  const std::set<std::string> used = words(sources), tested = words(tests);
  Complaints out;
  for (const CodeInfo& code : all_codes()) {
    const std::string name(code.name);
    if (!used.contains(name)) out.push_back(std::string(code.id) + " " + name + ": never reported");
    if (!tested.contains(name) && !tested.contains(std::string(code.id)))
      out.push_back(std::string(code.id) + " " + name + ": no test expects it");
  }
  return out;
}

// --- The documents tell the truth --------------------------------------------------------------

Complaints links_to_nowhere(const Tree& tree) {
  static const std::regex link("\\]\\(([^)#]+)(#[^)]*)?\\)");
  Complaints out;
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".md")) continue;
    for (std::sregex_iterator at(text.begin(), text.end(), link), end; at != end; ++at) {
      const std::string to = (*at)[1];
      if (to.find("://") != std::string::npos) continue;
      std::string file = (fs::path(path).parent_path() / to).lexically_normal().string();
      const bool folder = file.ends_with("/");
      auto found = tree.lower_bound(file);
      const bool there =
          found != tree.end() && (folder ? found->first.starts_with(file) : found->first == file);
      if (!there) out.push_back(path + ": " + to + " leads nowhere");
    }
  }
  return out;
}

// Every file that ARCHITECTURE.md, HACKING.md and docs/adding.md name exists, and every folder of
// the top is told of.
Complaints files_that_documents_invent(const Tree& tree) {
  static const std::regex quoted("`([A-Za-z0-9_./]+\\.(cpp|h|def|toml|proto|g4|md|sh|json|txt))`");
  std::set<std::string> names;
  std::set<std::string> folders;
  for (const auto& [path, text] : tree) {
    names.insert(path);
    names.insert(fs::path(path).filename().string());
    if (path.ends_with("CMakeLists.txt") && path.find('/') != std::string::npos)
      folders.insert(path.substr(0, path.rfind('/') + 1));
  }
  Complaints out;
  for (const char* document :
       {"ARCHITECTURE.md", "HACKING.md", "docs/adding.md", "docs/executor.md"}) {
    auto found = tree.find(document);
    if (found == tree.end()) {
      out.push_back(std::string("there is no ") + document);
      continue;
    }
    const std::string& text = found->second;
    for (std::sregex_iterator at(text.begin(), text.end(), quoted), end; at != end; ++at) {
      const std::string file = (*at)[1];
      const bool of_project = file == "hv.toml" || file.find("HVnnnn") != std::string::npos;
      const bool known = names.contains(file) ||
                         std::any_of(names.begin(), names.end(), [&](const std::string& name) {
                           return name.ends_with("/" + file);
                         });
      if (!of_project && !known) out.push_back(std::string(document) + ": there is no " + file);
    }
  }
  auto map = tree.find("ARCHITECTURE.md");
  for (const std::string& folder : folders)
    if (map != tree.end() && folder.find("tests/") == std::string::npos &&
        map->second.find("`" + folder) == std::string::npos)
      out.push_back("ARCHITECTURE.md: says nothing of " + folder);
  return out;
}

struct Rule {
  const char* name;
  Complaints (*check)(const Tree&);
  Tree broken;  // what the rule must find fault with
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"IncludesPointDown",
       includes_that_point_up,
       {{"lang/parse.cpp", "#include \"compiler/compile.h\"\n"}}},
      {"VerifierSeesTheModelOnly",
       includes_that_point_up,
       {{"reconciler/verify/x.cpp", "#include \"hv/storage/storage.h\"\n"}}},
      {"LibrariesStayInTheirPlace",
       libraries_out_of_their_place,
       {{"reconciler/plan.h", "#include <boost/graph/adjacency_list.hpp>\n"}}},
      {"NothingIsLeftOpen",
       words_that_do_not_belong,
       {{"lang/x.cpp", std::string("// FIX") + "ME: later\n"}}},
      {"FilesCanBeRead", long_files, {{"lang/x.cpp", std::string(601, '\n')}}},
      {"NoFileIsDead", dead_files, {{"lang/CMakeLists.txt", "y.cpp"}, {"lang/x.cpp", ""}}},
      {"NoHeaderIsDead", dead_files, {{"lang/x.h", "\n"}}},
      {"NamesSaySomething", vague_names, {{"base/util.h", ""}}},
      {"TestsAreOn",
       tests_that_are_off,
       {{"lang/x_test.cpp", std::string("TEST(A, DISA") + "BLED_B) {}"}}},
      {"CodesHavePages", codes_without_pages, {{"docs/errors/HV9999.md", "# HV9999: nothing\n"}}},
      {"CodesAreReportedAndTested", codes_without_use, {{"lang/x.cpp", ""}}},
      {"LinksLeadSomewhere", links_to_nowhere, {{"README.md", "[x](docs/no.md)"}}},
      {"DocumentsTellTheTruth",
       files_that_documents_invent,
       {{"ARCHITECTURE.md", "`lang/nowhere.cpp`"}}},
  };
  return all;
}

class House : public ::testing::TestWithParam<std::size_t> {};

TEST_P(House, IsKept) {
  const Complaints found = rules()[GetParam()].check(checkout());
  EXPECT_TRUE(found.empty()) << joined(found);
}

// A rule that cannot fail is none.
TEST_P(House, RuleFindsWhatBreaksIt) {
  const Rule& rule = rules()[GetParam()];
  EXPECT_FALSE(rule.check(rule.broken).empty());
}

INSTANTIATE_TEST_SUITE_P(Rules, House, ::testing::Range<std::size_t>(0, rules().size()),
                         [](const auto& each) { return rules()[each.param].name; });

TEST(House, TheCheckoutIsSeen) {
  EXPECT_GT(checkout().size(), 200u);
  EXPECT_TRUE(checkout().contains("lang/build_statements.cpp"));
}

TEST(House, BaseIsSmall) {
  std::size_t headers = 0;
  for (const auto& [path, text] : checkout())
    if (below(path, "base") && path.ends_with(".h")) ++headers;
  EXPECT_LE(headers, 10u);
}

// hv starts in milliseconds because nothing but libc and the loader has to be found for it.
TEST(House, TheProgramNeedsLibcOnly) {
  if (std::string(HV_SANITIZE) != "") GTEST_SKIP() << "a sanitizer brings libraries of its own";
  const std::string command = std::string("readelf -d '") + HV_PROGRAM + "'";
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string told;
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), static_cast<int>(part.size()), pipe) != nullptr)
    told += part.data();
  EXPECT_EQ(::pclose(pipe), 0);
  static const std::regex needed("\\(NEEDED\\).*\\[([^\\]]+)\\]");
  std::set<std::string> libraries;
  for (std::sregex_iterator at(told.begin(), told.end(), needed), end; at != end; ++at)
    libraries.insert((*at)[1]);
  EXPECT_TRUE(libraries.contains("libc.so.6"));
  for (const std::string& library : libraries)
    EXPECT_TRUE(library.starts_with("libc.so.") || library.starts_with("libm.so.") ||
                library.starts_with("ld-linux"))
        << library;
}

}  // namespace
}  // namespace hv
