// Mistakes: each has its code and place, and one mistake gives one message.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <set>

#include "lang/tokens.h"
#include "lang_test_support.h"

namespace hv::lang {
namespace {

struct Case {
  std::string_view text;
  std::string_view codes;  // of all messages, with their places
  std::string_view tree;   // what is left
};

const Case kCases[] = {
    // characters
    {"a = $x\nb = 2", "HV0104@1:5", "assign b = 2\n"},
    {"a = @x\nb = 2", "HV0104@1:5", "assign b = 2\n"},
    {"@dec\ndef f(): pass", "HV0104@1:1", "def f()\n  pass\n"},
    {"a\xc2\xa0= 1\nb = 2", "HV0104@1:2", "assign b = 2\n"},
    {"é = 1\nb = 2", "HV0104@1:1", "assign b = 2\n"},
    {"a = \xff\xfe\xfd\nb = 2", "HV0104@1:5", "assign b = 2\n"},
    {"a = “x”\nb = 2", "HV0105@1:5", "assign b = 2\n"},
    {"a = ‘it’ + “y", "HV0105@1:5 HV0105@1:12", ""},
    {"# \xe9t\xe9\na = '\xe9'", "HV0103@1:3", "assign a = \"\xe9\"\n"},
    // strings
    {"a = 'x\nb = 2", "HV0106@1:5", "assign b = 2\n"},
    {"a = 'it's'\nb = 2", "HV0106@1:10", "assign b = 2\n"},
    {"a = '''x\nb = 2", "HV0106@1:5", ""},
    {"a = '\\x4'\nb = 2", "HV0107@1:6", "assign b = 2\n"},
    {"a = '\\ud800\\U00110000\\N{DASH}'", "HV0107@1:6 HV0107@1:12 HV0107@1:22", ""},
    {"a = f'{}'", "HV0127@1:7", ""},
    {"a = f'{x'", "HV0127@1:7", ""},
    {"a = f'x}'\nb = 2", "HV0127@1:8", "assign a = (f \"x}\")\nassign b = 2\n"},
    {"a = f'{x!q}'", "HV0127@1:9", ""},
    {"a = f'{x y}'\nb = 2", "HV0101@1:10", "assign b = 2\n"},
    {"a = f'{\"\\n\"}'", "HV0127@1:9", ""},
    // brackets
    {"a = [1, 2\nb = 3\nc = 4", "HV0108@1:5", "assign b = 3\nassign c = 4\n"},
    {"a = [1, 2\n", "HV0108@1:5", ""},
    {"a = (1, 2]\nb = 3", "HV0109@1:10", "assign a = (tuple 1 2)\nassign b = 3\n"},
    {"a = 1)\nb = 3", "HV0109@1:6", "assign b = 3\n"},
    // indentation
    {"if a:\n        b\n    c\nd", "HV0116@3:5",
     "if a\n  expression b\nexpression c\nexpression d\n"},
    {"if a:\n  b\n    c\n    d\n  e", "HV0116@3:5",
     "if a\n  expression b\n  expression c\n  expression d\n  expression e\n"},
    {"if a:\n    if b:\n        c\n      d\n    e", "HV0116@4:7",
     "if a\n  if b\n    expression c\n  expression d\n  expression e\n"},
    {"if a:\nb = 1", "HV0117@1:1", "if a\nassign b = 1\n"},
    {"if a:", "HV0117@1:1", "if a\n"},
    {"if a\n    b = 1\nc = 2", "HV0101@1:5", "if a\n  assign b = 1\nassign c = 2\n"},
    {"domain a on h\n    memory = 1\n", "HV0101@1:14", "domain a on h\n  assign memory = 1\n"},
    {"pool a:\n\tb = 1\npool c:\n  d = 1\n", "HV0118@4:1",
     "pool a\n  assign b = 1\npool c\n  assign d = 1\n"},
    {"if a:\n\tb = 1\nif c:\n  d = 1\n", "", "if a\n  assign b = 1\nif c\n  assign d = 1\n"},
    {"a = 1 + \\ \n2\nb = 3", "HV0119@1:10", "assign a = (+ 1 2)\nassign b = 3\n"},
    {"a = \\ 2\nb = 3", "HV0119@1:5", "assign b = 3\n"},
    // what the language leaves out
    {"class A:\n  x = 1\nb = 2", "HV0123@1:1", "assign b = 2\n"},
    {"with a as b:\n  c\nd", "HV0123@1:1", "expression d\n"},
    {"exec 'x'", "HV0123@1:1", ""},
    {"x = yield y", "HV0123@1:5", ""},
    {"nonlocal x", "HV0123@1:1", ""},
    {"a = b && c", "HV0123@1:7", "assign a = (and b c)\n"},
    {"a = b || c", "HV0123@1:7", "assign a = (or b c)\n"},
    {"if (a := 1): pass", "HV0123@1:7", ""},
    {"a = x[...]", "HV0123@1:7", ""},
    // targets, arguments, parameters
    {"f() = 1\nb = 2", "HV0124@1:1", "assign b = 2\n"},
    {"a + 1 = 2", "HV0124@1:1", ""},
    {"a-b = 1", "HV0124@1:1", ""},
    {"'a' = 1", "HV0124@1:1", ""},
    {"None = 1", "HV0124@1:1", ""},
    {"a, *b, *c = 1", "HV0124@1:1", ""},
    {"*a = 1", "HV0124@1:1 HV0124@1:1", ""},
    {"(a, b) += 1", "HV0124@1:1", ""},
    {"for f() in x: pass", "HV0124@1:5", ""},
    {"del 1", "HV0124@1:5", ""},
    {"[x for 1 in y]", "HV0124@1:8", ""},
    {"f(a=1, b)", "HV0125@1:8", ""},
    {"f(a=1, a=2)", "HV0125@1:8", ""},
    {"f(a.b=1)", "HV0125@1:3", ""},
    {"f(x for x in y, 1)", "HV0125@1:3", ""},
    {"def f(a=1, b): pass", "HV0126@1:12", ""},
    {"def f(a, a): pass", "HV0126@1:10", ""},
    {"def f(**a, b): pass", "HV0126@1:12", ""},
    {"def f(*, *a): pass", "HV0126@1:10", ""},
    {"lambda *: 1", "HV0126@1:8", ""},
    // declarations and types
    {"domain 'web%d' % i:\n  a = 1", "HV0128@1:8", "domain \"web%d\"\n  assign a = 1\n"},
    {"param n: int(..)", "HV0129@1:10", ""},
    {"param n: int('a'..)", "HV0129@1:14", ""},
    {"param n: str(f'a')", "HV0129@1:14", ""},
    {"domain a(b.c): pass", "HV0101@1:10", "domain a (c)\n  pass\n"},
    {"from 'a' import *", "HV0101@1:17", ""},
    // clauses
    {"a = 1\nelse:\n  b = 2\nc = 3", "HV0130@2:1", "assign a = 1\nassign c = 3\n"},
    {"domain a:\n  b = 1\n  else:\n    c = 1\n  d = 2", "HV0130@3:3",
     "domain a\n  assign b = 1\n  assign d = 2\n"},
    {"if a: b\n  else: c", "", "if a\n  expression b\nelse\n  expression c\n"},
    // statements that do not fit
    {"a = \nb = 2", "HV0101@1:5", "assign b = 2\n"},
    {"a = 'x' b = 'y'\nc = 3", "HV0101@1:9", "assign c = 3\n"},
    {"a = [1 2]\nb = 3", "HV0101@1:8", "assign b = 3\n"},
    {"a = [,]\nb = 3", "HV0101@1:6", "assign b = 3\n"},
    {"= 1\nb = 3", "HV0101@1:1", "assign b = 3\n"},
    {"a\n= 1\nb = 3", "HV0101@2:1", "expression a\nassign b = 3\n"},
    {"if a = 1:\n  b\nelse:\n  c\nd", "HV0101@1:6",
     "if (a == 1)\n  expression b\nelse\n  expression c\nexpression d\n"},
    {"try:\n  a\nb = 1", "HV0101@3:1", "assign b = 1\n"},
    {"domain a:\n  b = = 1\n  = 2\n  c = 3\n  d e\n", "HV0101@2:7 HV0101@3:3 HV0101@5:5",
     "domain a\n  assign c = 3\n"},
    {"domain a b:\n  x = 1\nc = 3", "HV0101@1:8", "domain a\n  assign x = 1\nassign c = 3\n"},
    {"a == not b", "HV0101@1:6", ""},
    {"x = {1: 2, 3}", "HV0101@1:12", ""},
    {"<<<<<<< HEAD\na = 1\n=======\n>>>>>>> x\n", "HV0101@1:1", "assign a = 1\n"},
    {"x = 5; y = 08; z = 6", "HV0111@1:12", "assign x = 5\nassign y = big:\nassign z = 6\n"},
};

TEST(MistakesTest, EachHasItsCodeAndPlace) {
  for (const Case& c : kCases) {
    const Parsed parsed{std::string(c.text)};
    EXPECT_EQ(parsed.codes(), c.codes) << c.text << "\n" << parsed.messages();
    EXPECT_EQ(parsed.dump(), c.tree) << c.text;
  }
}

TEST(MistakesTest, TheyAreSaidInWords) {
  const auto said = [](std::string text) {
    const Parsed parsed(std::move(text));
    return parsed.diagnostics.size() == 0 ? std::string() : parsed.diagnostics.all()[0].message;
  };
  EXPECT_EQ(said("f(a"), "`(` is never closed");
  EXPECT_EQ(said("f(a b)"), "`b` follows `a` without anything between them");
  EXPECT_EQ(said("import"), "expected a name, found the end of the line");
  EXPECT_EQ(said("def f:\n  pass"), "expected `(`, found `:`");
  EXPECT_EQ(said("for x y: pass"), "`y` follows `x` without anything between them");
  EXPECT_EQ(said("for x: pass"), "expected `in`, found `:`");
  EXPECT_EQ(said("a = 1 +"), "expected a value, found the end of the line");
  EXPECT_EQ(said("a ="), "a value is missing after `=`");
  EXPECT_EQ(said("moved a.b c.d"), "a move is written with `->` between the addresses");
  EXPECT_EQ(said("moved a.b, c.d"), "a move is written with `->` between the addresses");
  EXPECT_EQ(said("try:\n  pass\n"), "expected `except` or `finally`, found the end of the text");
  EXPECT_EQ(said("try:\n  pass\nb = 1"),
            "expected `except` or `finally`, found the next statement");
}

TEST(MistakesTest, FixesMend) {
  struct Fixed {
    std::string_view text;
    std::string_view mended;
  };
  for (const Fixed& c : std::initializer_list<Fixed>{
           {"a = 512M", "a = 512MiB"},
           {"a = 08", "a = 8"},
           {"a = 0x10G", "a = 16GiB"},
           {"a = 15 m", "a = 15m"},
           {"a = 10.0.0.1", "a = \"10.0.0.1\""},
           {"a = “it”", "a = \"it\""},
           {"a\xc2\xa0= 1", "a = 1"},
           {"if a\n  b = 1", "if a:\n  b = 1"},
           {"a = b && c", "a = b and c"},
           {"a = f'}'", "a = f'}}'"},
           {"a = 1 + \\ \n2", "a = 1 + \\\n2"},
           {"domain 'w%02d-%s' % (i, x.y):\n  a = 1", "domain f\"w{i:02d}-{x.y}\":\n  a = 1"}}) {
    const Parsed parsed{std::string(c.text)};
    ASSERT_GE(parsed.diagnostics.size(), 1u) << c.text;
    const Diagnostic& diagnostic = parsed.diagnostics.all()[0];
    ASSERT_TRUE(diagnostic.fix) << c.text << ": " << diagnostic.message;
    std::string mended(c.text);
    mended.replace(diagnostic.fix->span.begin,
                   diagnostic.fix->span.end - diagnostic.fix->span.begin,
                   diagnostic.fix->replacement);
    EXPECT_EQ(mended, c.mended);
    EXPECT_EQ(Parsed(mended).messages(), "") << mended;
  }
}

TEST(MistakesTest, ZeroBytesAreNoText) {
  EXPECT_EQ(Parsed(std::string("a = 1\nb\0c", 9)).codes(), "HV0102@2:2");
  EXPECT_EQ(Parsed(std::string("\xff\xfe"
                               "a\0",
                               4))
                .codes(),
            "HV0102@1:1");
}

TEST(MistakesTest, AfterTwentyErrorsReadingStops) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a = = 1\n";
  const Parsed parsed(text);
  EXPECT_EQ(parsed.diagnostics.error_count(), kMaxErrors);
  ASSERT_EQ(parsed.diagnostics.size(), kMaxErrors + 1);
  EXPECT_EQ(parsed.diagnostics.all().back().code, Code::too_many_errors);
  // Broken characters count alike.
  std::string junk;
  for (int i = 0; i < 100; ++i) junk += "$ \n";
  EXPECT_EQ(Parsed(junk).diagnostics.size(), kMaxErrors + 1);
}

// Hostile input ends soon, in few messages, whatever nests or repeats.
TEST(MistakesTest, BudgetsHold) {
  const auto repeat = [](std::string_view text, std::size_t times) {
    std::string out;
    out.reserve(text.size() * times);
    while (times-- > 0) out += text;
    return out;
  };
  struct Budget {
    std::string text;
    Code code;
  };
  std::string staircase;
  for (int i = 0; i < 300; ++i)
    staircase += std::string(static_cast<std::size_t>(i), ' ') + "if x:\n";
  const Budget budgets[] = {
      {"a = " + repeat("[", 100'000), Code::nesting_too_deep},
      {"a = " + repeat("-", 100'000) + "1", Code::nesting_too_deep},
      {"a = " + repeat("not ", 20'000) + "1", Code::nesting_too_deep},
      {"a = " + repeat("1+", 20'000) + "1", Code::nesting_too_deep},
      {"a = " + repeat("2**", 20'000) + "1", Code::nesting_too_deep},
      {"a = " + repeat("x if y else ", 20'000) + "z", Code::nesting_too_deep},
      {"a = " + repeat("lambda: ", 20'000) + "z", Code::nesting_too_deep},
      {"a = x" + repeat(".a", 20'000), Code::nesting_too_deep},
      {"a = x" + repeat("[0]", 20'000), Code::nesting_too_deep},
      {staircase, Code::nesting_too_deep},
      {"a = [" + repeat("1,", 300'000) + "]", Code::statement_too_long},
      {repeat("a", 1'000'000), Code::name_too_long},
      {"a = " + repeat("1", 1'000'000), Code::malformed_number},
  };
  for (const Budget& budget : budgets) {
    const auto begin = std::chrono::steady_clock::now();
    const Parsed parsed(budget.text);
    const auto took = std::chrono::steady_clock::now() - begin;
    ASSERT_GE(parsed.diagnostics.size(), 1u) << budget.text.substr(0, 30);
    EXPECT_EQ(parsed.diagnostics.all()[0].code, budget.code) << budget.text.substr(0, 30);
    EXPECT_LE(parsed.diagnostics.size(), 3u) << budget.text.substr(0, 30);
    EXPECT_LT(took, std::chrono::seconds(10)) << budget.text.substr(0, 30);
  }
  // What stays within them is fine.
  EXPECT_EQ(Parsed("a = " + repeat("[", 99) + repeat("]", 99)).messages(), "");
  EXPECT_EQ(Parsed("a = " + repeat("1+", 700) + "1").messages(), "");
  EXPECT_EQ(Parsed("a = [" + repeat("1,", 100'000) + "]").messages(), "");
  EXPECT_EQ(Parsed(repeat("a = 1\n", 10'000)).messages(), "");
}

// Every code of lang/ occurs in this file or in numbers_test.cpp.
TEST(MistakesTest, EveryCodeIsReached) {
  std::set<Code> reached;
  const auto add = [&](std::string text) {
    const Parsed parsed(std::move(text));
    for (const Diagnostic& diagnostic : parsed.diagnostics.all()) reached.insert(diagnostic.code);
  };
  for (const Case& c : kCases) add(std::string(c.text));
  add(std::string("\0", 1));
  add("a = 512M\nb = 0x10G\nc = 0.3B\nd = 1__0\ne = 15 m");
  add("a = " + std::string(1000, '['));
  add(std::string(2000, 'a'));
  std::string many = "a = [";
  for (int i = 0; i < 260'000; ++i) many += "1,";
  add(many + "]");
  std::string errors;
  for (int i = 0; i < 30; ++i) errors += "= 1\n";
  add(errors);
  for (const CodeInfo& code : all_codes()) {
    const auto number = static_cast<unsigned>(code.code);
    if (number <= 100 || number >= 150) continue;
    EXPECT_TRUE(reached.count(code.code)) << code.id;
  }
}

}  // namespace
}  // namespace hv::lang
