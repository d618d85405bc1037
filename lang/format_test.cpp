// The formatter: golden pairs, real files, generated programs; everywhere the program stays the
// same and a second pass changes nothing.
#include "lang/format.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "lang/lang_test_support.h"

namespace hv::lang {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::optional<std::string> formatted(const std::string& text) {
  SourceMap sources;
  Diagnostics diagnostics;
  return format(sources.add("t.vm", text), sources, diagnostics);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// The laws of formatting; the result, or nothing where the text has errors.
std::optional<std::string> check_laws(const std::string& text, const std::string& about) {
  const std::optional<std::string> once = formatted(text);
  if (!once) return once;
  EXPECT_TRUE(same_program(text, *once)) << about << "\n" << text << "\n--- becomes ---\n" << *once;
  const std::optional<std::string> twice = formatted(*once);
  EXPECT_TRUE(twice.has_value()) << about << "\n" << *once;
  EXPECT_EQ(once, twice) << about << "\n" << text;
  EXPECT_TRUE(once->empty() || count(*once, "\r") > 0 ||
              (once->ends_with('\n') && !once->ends_with("\n\n")))
      << about;
  return once;
}

TEST(FormatTest, GoldenPairs) {
  std::size_t pairs = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(HV_SOURCE_DIR) / "tests/fmt")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".in")) continue;
    ++pairs;
    fs::path golden = entry.path();
    golden.replace_extension(".out");
    const auto result = check_laws(read(entry.path()), name);
    ASSERT_TRUE(result.has_value()) << name;
    if (std::getenv("HV_UPDATE_GOLDEN") != nullptr)
      std::ofstream(golden, std::ios::binary) << *result;
    EXPECT_EQ(*result, read(golden)) << name;
  }
  EXPECT_GE(pairs, 5u);
}

TEST(FormatTest, SmallThings) {
  static constexpr std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"\n \n", ""},
      {"# only", "# only\n"},
      // Longer than what a string keeps inside itself: a sanitizer sees what is read around it.
      {"# only this comment and no line end", "# only this comment and no line end\n"},
      // An old file keeps its spelling.
      {"\xef\xbb\xbfmemory = 1 \r\n\r\n\r\n", "memory = 1\n"},
      {"  a=1;b  =  'x'\t\n\tif a :\n\t  b=2 # so \n", "a=1;b  =  'x'\nif a :\n    b=2 # so\n"},
      {"disk = [ 'a',  \n         'b' ]", "disk = [ 'a',\n         'b' ]\n"},
      {"  disk = [ 'a',\n           'b' ]", "disk = [ 'a',\n         'b' ]\n"},
      {"x = '''a  \n  b''' \n", "x = '''a  \n  b'''\n"},
      {"def f():\n  return 1\n  # in f\n# out\nprint f()",
       "def f():\n    return 1\n    # in f\n# out\nprint f()\n"},
      {"# a\rmemory = 1", "# a\rmemory = 1"},  // xl sees no setting here
      {"a = 1\rmemory = 1", "a = 1\nmemory = 1\n"},
      // Ours.
      {"param a:int=3", "param a: int = 3\n"},
      {"param a : size( ..4GiB )?=None", "param a: size(..4GiB)? = None\n"},
      {"domain a:\n\tname='x'", "domain a:\n    name = \"x\"\n"},
      {"pool a:\n  x = -  1 -2**3+f( - a)**2\n", "pool a:\n    x = -1 - 2**3 + f(-a) ** 2\n"},
      {"pool a:\n  x = 'say \"so\"' 'it\\'s'\n", "pool a:\n    x = 'say \"so\"' \"it's\"\n"},
      {"pool a:\n  x = (1,)\n  y = f(1,)\n", "pool a:\n    x = (1,)\n    y = f(1)\n"},
      {"pool a:\n  x = [\n1, 2]\n", "pool a:\n    x = [\n        1,\n        2,\n    ]\n"},
      {"pool a:\n  x = [ # c\n]\n", "pool a:\n    x = [  # c\n    ]\n"},
      {"pool a: x = 1; y = 2 # c\npool b: pass",
       "pool a:\n    x = 1\n    y = 2  # c\n\npool b:\n    pass\n"},
      {"pool a:\n  x = 1 if b else {\n1: 2}\n",
       "pool a:\n    x = 1 if b else {\n        1: 2,\n    }\n"},
      {"pool a:\n  x = 1 if b else(2)\n  y = not(a)\n",
       "pool a:\n    x = 1 if b else (2)\n    y = not (a)\n"},
      {"pool a:\n  x = b[1 : -2, ::3]\n  y = {1 :2, **z}\n",
       "pool a:\n    x = b[1:-2, ::3]\n    y = {1: 2, **z}\n"},
      {"pool a:\n  x = f(a = 1, * b, ** c)\n  y = lambda a=1,*b : a\n",
       "pool a:\n    x = f(a=1, *b, **c)\n    y = lambda a=1, *b: a\n"},
      {"pool a:\n  x = 1 \\\n + 2\n", "pool a:\n    x = 1 \\\n        + 2\n"},
      {"pool a:\n  x = a not  in b and a is\\\n not b\n",
       "pool a:\n    x = a not in b and a is not b\n"},
      {"pool a:\n  x = (a not # c\n in b)  # d\n", "pool a:\n    x = (a not # c\n in b)  # d\n"},
      {"moved domain.a  ->domain['b']", "moved domain.a -> domain[\"b\"]\n"},
      {"pool a:\n  x = f'{ a [ 1 ]!r:>{ w }}'\n", "pool a:\n    x = f\"{ a [ 1 ]!r:>{ w }}\"\n"},
      {"pool a:\n  x = f'{b[\"c\"]}'\n", "pool a:\n    x = f'{b[\"c\"]}'\n"},
      {"pool a:\n  x = `b`+` c `\n", "pool a:\n    x = `b`+` c `\n"},
      {"pool a:\n  x = 1\n\n\n\n  y = 2\n\n\n\n\n# c\n\n\nz = 1\n",
       "pool a:\n    x = 1\n\n    y = 2\n\n\n# c\n\n\nz = 1\n"},
      {"pool a:\n  x = 1\n# of b\npool b:\n  x = 1\n",
       "pool a:\n    x = 1\n\n# of b\npool b:\n    x = 1\n"},
  };
  for (const auto& [before, after] : kCases) {
    const auto result = check_laws(before, before);
    ASSERT_TRUE(result.has_value()) << before;
    EXPECT_EQ(*result, after) << before;
  }
}

TEST(FormatTest, AFileWithErrorsIsLeftAlone) {
  for (const std::string text :
       {"a = (1", "domain a\n  b = 1", "if a:\nb = 1", "x = 'a", "a = \x01"}) {
    SourceMap sources;
    Diagnostics diagnostics;
    EXPECT_FALSE(format(sources.add("t.vm", text), sources, diagnostics)) << text;
    EXPECT_TRUE(diagnostics.has_errors()) << text;
  }
  EXPECT_FALSE(same_program("a = (1", "a = (1"));
  EXPECT_FALSE(same_program("a = 1", "a = 2"));
  EXPECT_TRUE(same_program("a = 1", "a  = (1)"));
}

TEST(FormatTest, LinesFitWhereTheyCan) {
  std::string items;
  for (int i = 0; i < 40; ++i) items += "'phy:vg0/disk" + std::to_string(i) + ",xvda,w', ";
  const auto result = check_laws("domain a:\n  disk = [" + items + "]\n", "long list");
  ASSERT_TRUE(result.has_value());
  std::istringstream in(*result);
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) EXPECT_LE(line.size(), kFormatWidth);
  EXPECT_EQ(lines, 43u);
}

TEST(FormatTest, FilesOfTheProjectAndOfTheCorpus) {
  std::vector<fs::path> files;
  const auto gather = [&](const fs::path& folder) {
    if (!fs::exists(folder)) return;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) files.push_back(entry.path());
  };
  const fs::path source(HV_SOURCE_DIR);
  gather(source / "tests/lang");
  gather(source / "tests/fmt");
  gather(source / "lang/fuzz/seeds");
  gather(source / "examples");
  const char* given = std::getenv("HV_CORPUS");
  gather((given != nullptr ? fs::path(given) : source / "../shared/corpus") / "files");
  std::size_t sound = 0;
  for (const fs::path& file : files) {
    const std::string text = read(file);
    const auto result = check_laws(text, file.string());
    if (!result) continue;
    ++sound;
    EXPECT_EQ(count(text, "#"), count(*result, "#")) << file;  // no comment is lost
  }
  EXPECT_GE(sound, 10u);
}

TEST(FormatTest, ExamplesAreFormatted) {
  std::size_t seen = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(HV_SOURCE_DIR) / "examples")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".vm") && !name.ends_with(".cfg")) continue;
    ++seen;
    EXPECT_EQ(formatted(read(entry.path())), read(entry.path())) << entry.path();
  }
  EXPECT_GE(seen, 3u);
}

// Programs at random, in the ugliest spacing that is still right.
class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  std::string program(bool ours) {
    text_.clear();
    comments = 0;
    crlf_ = one_in(6);
    if (one_in(8)) text_ += "\xef\xbb\xbf";
    if (ours) line(0, "pool p:"), line(2, "x = 1");
    block(0, 1 + pick(7), ours, 0);
    if (one_in(3)) text_.pop_back();
    if (crlf_) {
      std::string out;
      for (char c : text_) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
      return out;
    }
    return text_;
  }
  std::size_t comments = 0;

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }
  bool one_in(unsigned n) { return pick(n) == 0; }
  template <typename T, std::size_t N>
  T any(const T (&of)[N]) {
    return of[pick(N)];
  }

  std::string blanks() { return any({"", "", " ", " ", "  ", "\t"}); }
  std::string some() { return any({" ", " ", "  ", "\t"}); }
  std::string comment() {
    ++comments;
    return any({"# so", "#x = 1", "#", "## a  b", "# 'quote", "# [open"}) + blanks();
  }
  // Between tokens: in brackets lines may end.
  std::string gap(bool must = false) {
    if (brackets_ > 0 && one_in(12)) {
      std::string out = blanks();
      if (one_in(3)) out += blanks() + comment();
      out += "\n" + blanks();
      if (one_in(4)) out += comment() + "\n" + blanks();
      if (one_in(5)) out += "\n" + blanks();
      return out;
    }
    if (brackets_ == 0 && !in_header_ && one_in(40)) return some() + "\\\n" + blanks();
    return must ? some() : blanks();
  }

  void line(unsigned column, const std::string& content) {
    text_ += std::string(column, ' ') + content;
    if (one_in(5)) text_ += blanks() + comment();
    text_ += "\n";
    while (one_in(4)) {
      if (one_in(2))
        text_ += std::string(pick(12), ' ') + comment() + "\n";
      else
        text_ += blanks() + "\n";
    }
  }

  std::string name() {
    return any({"a", "memory", "vcpus", "disk", "xs", "domain", "pool", "a_rather_long_name_of_it",
                "on", "lifecycle", "name"});
  }
  std::string atom() {
    return any({"1",
                "0x1f",
                "1.5",
                "64MiB",
                "15m",
                "'a'",
                "\"b\"",
                "'it\\'s'",
                "'say \"so\"'",
                "'''two\n  lines '''",
                "r'\\d'",
                "None",
                "True",
                "a",
                "memory",
                "xs",
                "u'u'",
                "f'{a}'",
                "f\"{xs[0]:>{a}}\"",
                "'a long text that takes much room on its line'",
                "a_rather_long_name_of_it"});
  }
  std::string list(unsigned depth, const char* open, const char* close, bool pairs = false) {
    ++brackets_;
    std::string out = open + gap();
    const unsigned items = pick(5);
    for (unsigned i = 0; i < items; ++i) {
      if (pairs) out += expression(depth) + gap() + ":" + gap();
      out += expression(depth) + gap();
      if (i + 1 < items || one_in(3) || (*open == '(' && items == 1)) out += "," + gap();
    }
    --brackets_;
    return out + close;
  }
  std::string call(unsigned depth) {
    std::string out = any({"f", "vbd", "a.get", "xs[0]"}) + blanks();
    ++brackets_;
    out += "(" + gap();
    const unsigned items = pick(4);
    for (unsigned i = 0; i < items; ++i) {
      if (i + 1 == items && one_in(2)) out += "key" + gap() + "=" + gap();
      out += expression(depth) + gap();
      if (i + 1 < items || one_in(4)) out += "," + gap();
    }
    --brackets_;
    return out + ")";
  }
  std::string round(unsigned depth) {
    ++brackets_;
    std::string out = "(" + gap() + expression(depth) + gap() + ")";
    --brackets_;
    return out;
  }
  std::string comprehension(unsigned depth) {
    ++brackets_;
    std::string out = "[" + gap() + operation(depth) + gap(true) + "for" + gap(true) + "i" +
                      gap(true) + "in" + gap(true) + operation(depth) + gap(true);
    if (one_in(2)) out += "if" + gap(true) + operation(depth) + gap();
    --brackets_;
    return out + "]";
  }
  std::string operand(unsigned depth) {
    if (depth == 0) return atom();
    switch (pick(12)) {
      case 0:
        return list(depth - 1, "[", "]");
      case 1:
        return list(depth - 1, "(", ")");
      case 2:
        return list(depth - 1, "{", "}", true);
      case 3:
      case 4:
        return call(depth - 1);
      case 5:
        return round(depth - 1);
      case 6:
        return comprehension(depth - 1);
      case 7:
        return "xs" + blanks() + "[" + blanks() + atom() + blanks() + ":" + blanks() + "]";
      case 8:
        return any({"-", "+", "~"}) + blanks() + operand(depth - 1);
      case 9:
        return "'a'" + gap() + "'b'";
      default:
        return atom();
    }
  }
  std::string operation(unsigned depth) {
    std::string out = operand(depth);
    while (one_in(3)) {
      const char* op = any({"+", "-", "*", "//", "%", "**", "<", "==", "and", "or", "in", "not in",
                            "is not", "|", "<<", "<>", "!="});
      out += gap(true) + op + gap(true) + operand(depth);
    }
    return out;
  }
  std::string expression(unsigned depth) {
    if (depth > 0 && one_in(12))
      return operation(depth - 1) + gap(true) + "if" + gap(true) + operation(depth - 1) +
             gap(true) + "else" + gap(true) + operation(depth - 1);
    if (depth > 0 && one_in(15)) {
      const int outer = std::exchange(brackets_, 0);
      std::string out = "lambda" + some() + "a" + blanks() + "," + blanks() + "b" + blanks() + "=" +
                        blanks() + "1" + blanks() + ":" + blanks();
      brackets_ = outer;
      return out + operation(depth - 1);
    }
    return operation(depth);
  }

  std::string simple() {
    switch (pick(9)) {
      case 0:
        return name() + gap() + any({"+=", "-=", "%="}) + gap() + expression(2);
      case 1:
        return "print" + some() + atom() + gap() + "," + gap() + atom();
      case 2:
        return "assert" + some() + operation(2) + gap() + "," + gap() + "'m'";
      case 3:
        return call(3);
      case 4:
        return "pass";
      default:
        return name() + gap() + "=" + gap() + expression(3);
    }
  }
  std::string simple_line() {
    std::string out = simple();
    while (one_in(5)) out += blanks() + ";" + blanks() + simple();
    if (one_in(8)) out += blanks() + ";";
    return out;
  }
  std::string header(const std::string& content) {
    in_header_ = true;
    std::string out = content + blanks() + ":";
    in_header_ = false;
    return out;
  }

  void block(unsigned column, unsigned statements, bool ours, unsigned depth) {
    for (unsigned i = 0; i < statements; ++i) {
      const unsigned inner = column + 1 + pick(8);
      const unsigned what = pick(depth < 3 ? 12 : 1);
      switch (what) {
        case 1:
          line(column, header("if" + some() + operation(1)));
          block(inner, 1 + pick(3), ours, depth + 1);
          if (one_in(2)) {
            line(column, header("else"));
            block(column + 1 + pick(6), 1 + pick(2), ours, depth + 1);
          }
          break;
        case 2:
          line(column, header("for" + some() + "i" + some() + "in" + some() + operation(1)));
          block(inner, 1 + pick(3), ours, depth + 1);
          break;
        case 3:
          line(column, header("if" + some() + operation(1)) + blanks() + simple_line());
          break;
        case 4:
          line(column, header("def f(a" + blanks() + "," + blanks() + "b" +
                              (ours ? blanks() + ":" + blanks() + "int?" : "") + "=" + blanks() +
                              "2)" + (ours ? blanks() + "->" + blanks() + "list[ int ]" : "")));
          block(inner, 1 + pick(2), false, depth + 1);
          break;
        case 5:
          if (!ours) break;
          line(column, header(any({"domain", "vdisk", "template"}) + some() +
                              any({"d", "\"e\"", "f'{a}'", "t(u)", "d in p", "d on h"})));
          block(inner, 1 + pick(4), ours, depth + 1);
          break;
        case 6:
          if (ours)
            line(column, "param" + some() + name() + blanks() + ":" + blanks() + "int( 1 .. 3 )?" +
                             blanks() + "=" + blanks() + "1");
          break;
        default:
          line(column, simple_line());
          break;
      }
    }
    line(column, "pass");
  }

  std::mt19937 random_;
  std::string text_;
  int brackets_ = 0;
  bool in_header_ = false;
  bool crlf_ = false;
};

TEST(FormatTest, GeneratedPrograms) {
  // HV_FORMAT_SEEDS=3000 for a long run.
  const char* wanted = std::getenv("HV_FORMAT_SEEDS");
  const uint32_t seeds = wanted == nullptr ? 150 : static_cast<uint32_t>(std::atoi(wanted));
  std::size_t sound = 0, broken = 0;
  for (uint32_t seed = 0; seed < seeds; ++seed) {
    Generator generator(seed);
    const std::string text = generator.program(seed % 3 != 0);
    const auto result = check_laws(text, "seed " + std::to_string(seed));
    if (::testing::Test::HasFailure()) return;
    if (!result) {
      ++broken;
      continue;
    }
    ++sound;
    EXPECT_EQ(count(text, "#"), count(*result, "#")) << text << "\n---\n" << *result;
    EXPECT_EQ(count(*result, "\r"), 0u);
  }
  EXPECT_GT(sound, broken * 4) << "the generator makes too much that is no program";
}

}  // namespace
}  // namespace hv::lang
