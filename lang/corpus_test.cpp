// Real files and recorded answers, where the corpus is there; and the fuzz function over seeds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "base/render.h"
#include "lang/fuzz/fuzz_parse.h"
#include "lang_test_support.h"

namespace hv::lang {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

fs::path corpus() {
  if (const char* folder = std::getenv("HV_CORPUS")) return folder;
  return fs::path(HV_SOURCE_DIR) / ".." / "shared" / "corpus";
}

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> out;
  std::stringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) out.push_back(field);
  return out;
}

TEST(CorpusTest, FilesThatARealToolTookParse) {
  const fs::path index = corpus() / "INDEX.tsv";
  if (!fs::exists(index)) GTEST_SKIP() << "skipped: no corpus at " << corpus();
  std::ifstream in(index);
  std::size_t accepted = 0;
  for (std::string line; std::getline(in, line);) {
    const auto fields = columns(line);
    if (fields.size() < 12 || (fields[9] != "ok" && fields[11] != "ok")) continue;
    ++accepted;
    const Parsed parsed(read(corpus() / "files" / fields[1]));
    EXPECT_FALSE(parsed.diagnostics.has_errors())
        << fields[1] << "\n"
        << render_text(parsed.diagnostics, parsed.sources);
    EXPECT_FALSE(parsed.tree.shape.declares) << fields[1];
  }
  EXPECT_GT(accepted, 100u);
}

TEST(CorpusTest, SnippetsThatARealToolTookParse) {
  const fs::path cases = corpus() / "cfg_syntax_cases.tsv";
  if (!fs::exists(cases)) GTEST_SKIP() << "skipped: no corpus at " << corpus();
  std::ifstream in(cases);
  std::size_t accepted = 0;
  for (std::string line; std::getline(in, line);) {
    const auto fields = columns(line);
    if (fields.size() < 4 || fields[0].empty() || fields[0][0] != '"') continue;
    const auto text = nlohmann::json::parse(fields[0], nullptr, false);
    if (!text.is_string()) continue;
    const Parsed parsed(text.get<std::string>());
    if (text.get<std::string>().find('\0') != std::string::npos) {
      EXPECT_EQ(parsed.diagnostics.all()[0].code, Code::zero_byte);  // what xl took is no text
      continue;
    }
    if (fields[1] == "ok" || fields[3] == "ok") {
      ++accepted;
      EXPECT_FALSE(parsed.diagnostics.has_errors()) << fields[0] << "\n" << parsed.messages();
    } else if (fields.size() > 4 && fields[4].find("invalid syntax") != std::string::npos) {
      // Neither tool could read it. What hv adds on purpose is the exception.
      EXPECT_TRUE(parsed.diagnostics.has_errors() || fields[0] == "\"a: 1\"") << fields[0];
    }
  }
  EXPECT_GT(accepted, 50u);
}

TEST(FuzzTest, SeedsAndTheirMutationsKeepTheInvariants) {
  const auto run = [](const std::string& text) {
    fuzz_one({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  std::mt19937 random(20240607);
  static constexpr std::string_view kPieces[] = {
      "(",      ")",    "[",       "]",      "{",       "}",   ":",           "\n",
      "\n  ",   "\"",   "'",       "\"\"\"", "f\"{",    "=",   ",",           ";",
      "\\",     "#",    "if ",     "else:",  "domain ", "in ", "on ",         "lambda ",
      "\xff",   "“",    "0",       "e+",     "..",      "\t",  "for x in y:", "lifecycle:",
      "print ", "try:", "except ", "not ",   "\r",      "`",   "->",          "?"};
  std::size_t seeds = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(HV_SOURCE_DIR) / "lang/fuzz/seeds")) {
    const std::string seed = read(entry.path());
    ++seeds;
    run(seed);
    for (int round = 0; round < 150; ++round) {
      std::string text = seed;
      const int edits = 1 + static_cast<int>(random() % 6);
      for (int i = 0; i < edits && !text.empty(); ++i) {
        const std::size_t at = random() % text.size();
        switch (random() % 4) {
          case 0:
            text.erase(at, 1 + random() % 5);
            break;
          case 1:
            text.insert(at, kPieces[random() % std::size(kPieces)]);
            break;
          case 2:
            text[at] = static_cast<char>(random() % 256);
            break;
          case 3:
            text.insert(at, text.substr(random() % text.size(), random() % 20));
            break;
        }
      }
      run(text);
    }
  }
  EXPECT_GE(seeds, 3u);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::size_t length = random() % 60;
    for (std::size_t i = 0; i < length; ++i) text += kPieces[random() % std::size(kPieces)];
    run(text);
  }
}

}  // namespace
}  // namespace hv::lang
