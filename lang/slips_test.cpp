// Slips of people who know another language better: each is said once, with its place and the fix,
// the mended text is without fault, and what stands around it is read.
#include <gtest/gtest.h>

#include "lang/tokens.h"
#include "lang_test_support.h"

namespace hv::lang {
namespace {

struct Slip {
  std::string_view text;
  std::string_view message;  // "HV0101 1:5 message"
  std::string_view mended;   // the text with the fix; empty: there is no fix
  std::string_view tree;     // what is read of `text`
};

const Slip kSlips[] = {
    // conditions
    {"if a:\n  b\nelse if c:\n  d\n", "HV0123 3:1 `else if` is one word here",
     "if a:\n  b\nelif c:\n  d\n", "if a\n  expression b\nelif c\n  expression d\n"},
    {"if a:\n  b\nelsif c:\n  d\n", "HV0123 3:1 `elsif` is not part of the language",
     "if a:\n  b\nelif c:\n  d\n", "if a\n  expression b\nelif c\n  expression d\n"},
    {"if a = 1:\n  b\n", "HV0101 1:6 `=` assigns, `==` compares", "if a == 1:\n  b\n",
     "if (a == 1)\n  expression b\n"},
    {"if (a = 1) and f(b=2):\n  b\n", "HV0101 1:7 `=` assigns, `==` compares",
     "if (a == 1) and f(b=2):\n  b\n", "if (and (a == 1) (call f b=2))\n  expression b\n"},
    {"assert a = 1, 'x'\n", "HV0101 1:10 `=` assigns, `==` compares", "assert a == 1, 'x'\n",
     "assert (a == 1), \"x\"\n"},
    {"if a === 1:\n  b\n", "HV0123 1:6 `===` is not part of the language", "if a == 1:\n  b\n",
     "if (a == 1)\n  expression b\n"},
    {"if a then\n  b\n", "HV0123 1:6 `then` is not part of the language", "if a:\n  b\n",
     "if a\n  expression b\n"},
    {"while a() do:\n  b\n", "HV0123 1:11 `do` is not part of the language", "while a():\n  b\n",
     "while (call a)\n  expression b\n"},
    {"x = a && b\n", "HV0123 1:7 `&&` is not part of the language", "x = a and b\n",
     "assign x = (and a b)\n"},
    {"x = a||b\n", "HV0123 1:6 `||` is not part of the language", "x = a or b\n",
     "assign x = (or a b)\n"},
    {"x = !a\n", "HV0123 1:5 `!` is not part of the language", "x = not a\n",
     "assign x = (not a)\n"},
    {"x = a ? b : c\n", "HV0123 1:7 `? :` is not part of the language", "x = b if a else c\n", ""},
    // headers
    {"if a\n  b = 1\n", "HV0101 1:5 `if` lacks its `:` at the end", "if a:\n  b = 1\n",
     "if a\n  assign b = 1\n"},
    {"domain web on h\n  a = 1\n", "HV0101 1:16 `domain` lacks its `:` at the end",
     "domain web on h:\n  a = 1\n", "domain web on h\n  assign a = 1\n"},
    {"domain a:\n  lifecycle\n    protect = True\n  b = 1\n",
     "HV0101 2:12 `lifecycle` lacks its `:` at the end",
     "domain a:\n  lifecycle:\n    protect = True\n  b = 1\n",
     "domain a\n  lifecycle\n    assign protect = True\n  assign b = 1\n"},
    {"domain web-1:\n  a = 1\n", "HV0101 1:8 the name `web-1` needs quotes",
     "domain \"web-1\":\n  a = 1\n", "domain web\n  assign a = 1\n"},
    {"vdisk x y in fast:\n  size = 1GiB\n", "HV0101 1:7 the name `x y` needs quotes",
     "vdisk \"x y\" in fast:\n  size = 1GiB\n", "vdisk x\n  assign size = 1GiB\n"},
    {"domain a(b c):\n  d = 1\n", "HV0101 1:12 `c` follows `b` without anything between them",
     "domain a(b, c):\n  d = 1\n", "domain a\n  assign d = 1\n"},
    {"domain :\n  a = 1\n", "HV0101 1:8 `domain` has no name", "",
     "domain domain\n  assign a = 1\n"},
    {"pool(a):\n  b = 1\n", "HV0101 1:5 `pool` has no name", "", "pool pool\n  assign b = 1\n"},
    {"vdisk x in:\n  size = 1GiB\n", "HV0101 1:11 expected a value, found `:`", "",
     "vdisk x\n  assign size = 1GiB\n"},
    {"domain 1web:\n  a = 1\n", "HV0112 1:8 `web` is not a unit", "",
     "domain 1web\n  assign a = 1\n"},
    {"for x y:\n  b = 1\n", "HV0101 1:7 `y` follows `x` without anything between them", "",
     "for (list) in (list)\n  assign b = 1\n"},
    {"def f:\n  return 1\n", "HV0101 1:6 expected `(`, found `:`", "", "def f()\n  return 1\n"},
    {"for x in y:;\nb = 1\n", "HV0101 1:12 no statement stands before this `;`", "",
     "assign b = 1\n"},
    {"if x: a = 1;; b = 2\n", "HV0101 1:13 no statement stands before this `;`", "", ""},
    {"while:\n  b = 1\n", "HV0101 1:6 expected a value, found `:`", "",
     "while True\n  assign b = 1\n"},
    {"try:\n  a\nexcept b c:\n  d\nelse x:\n  e\n",
     "HV0101 3:10 `c` follows `b` without anything between them\n"
     "HV0101 5:6 expected `:`, found `x`",
     "", "try\n  expression a\nexcept (tuple)\n  expression d\nelse\n  expression e\n"},
    {"if a b:\n  if c d:\n    e = 1\n",
     "HV0101 1:6 `b` follows `a` without anything between them\n"
     "HV0101 2:8 `d` follows `c` without anything between them",
     "", "if True\n  if True\n    assign e = 1\n"},
    {"foreach i in x:\n  b\n", "HV0123 1:1 `foreach` is not part of the language",
     "for i in x:\n  b\n", "for i in x\n  expression b\n"},
    {"function f(x):\n  return x\n", "HV0123 1:1 `function` is not part of the language",
     "def f(x):\n  return x\n", "def f(x)\n  return x\n"},
    {"for (i = 0; i < 3; i++):\n  b\n", "HV0123 1:5 a loop with `;` is not part of the language",
     "for i in range(3):\n  b\n", "for i in (list)\n  expression b\n"},
    {"for (int i = 1; i <= n; i += 1):\n  b\n",
     "HV0123 1:5 a loop with `;` is not part of the language", "for i in range(1, n + 1):\n  b\n",
     "for i in (list)\n  expression b\n"},
    // braces
    {"if (a) {\n  b = 1;\n}\nc = 2\n",
     "HV0123 1:8 a block is told by `:` and its indentation, not by braces",
     "if (a):\n  b = 1;\nc = 2\n", "if a\n  assign b = 1\nassign c = 2\n"},
    {"if a {\n  b\n} else if c {\n  d\n} else {\n  e\n}\n",
     "HV0123 1:6 a block is told by `:` and its indentation, not by braces\n"
     "HV0123 3:3 `else if` is one word here",
     "", "if a\n  expression b\nelif c\n  expression d\nelse\n  expression e\n"},
    {"domain web {\n  a = 1\n  if x {\n    b = 2\n  }\n}\n",
     "HV0123 1:12 a block is told by `:` and its indentation, not by braces",
     "domain web:\n  a = 1\n  if x:\n    b = 2\n",
     "domain web\n  assign a = 1\n  if x\n    assign b = 2\n"},
    {"domain web\n{\n  a = 1\n}\nb = 2\n",
     "HV0123 2:1 a block is told by `:` and its indentation, not by braces",
     "domain web:\n  a = 1\nb = 2\n", "domain web\n  assign a = 1\nassign b = 2\n"},
    {"if a { b = 1; }\nc = 2\n",
     "HV0123 1:6 a block is told by `:` and its indentation, not by braces",
     "if a: b = 1;\nc = 2\n", "if a\n  assign b = 1\nassign c = 2\n"},
    {"if (a) {\nb = 1\n}\n", "HV0123 1:8 a block is told by `:` and its indentation, not by braces",
     "", "if a\nassign b = 1\n"},
    {"domain web {\n  a = 1\n",
     "HV0123 1:12 a block is told by `:` and its indentation, not by "
     "braces",
     "", "domain web\n  assign a = 1\n"},
    // assignments
    {"memory 5\n", "HV0101 1:8 `=` is missing between `memory` and its value", "memory = 5\n",
     "assign memory = 5\n"},
    {"domain a:\n  name   'x'\n  b = 1\n",
     "HV0101 2:10 `=` is missing between `name` and its value",
     "domain a:\n  name = 'x'\n  b = 1\n", "domain a\n  assign name = \"x\"\n  assign b = 1\n"},
    {"memory: 512\n", "HV0101 1:7 `:` gives no value, it declares a type", "memory = 512\n",
     "assign memory = 512\n"},
    {"memory: (512)\n", "HV0101 1:7 `:` gives no value, it declares a type", "memory = (512)\n",
     "assign memory = 512\n"},
    {"disk : ['a']\n", "HV0101 1:6 `:` gives no value, it declares a type", "disk = ['a']\n",
     "assign disk = (list \"a\")\n"},
    {"memory := 512\n", "HV0123 1:8 `:=` is not part of the language", "memory = 512\n",
     "assign memory = 512\n"},
    {"memory => 512\n", "HV0123 1:8 `=>` is not part of the language", "memory = 512\n",
     "assign memory = 512\n"},
    {"let x = 1\n", "HV0123 1:1 `let` does not declare a variable: an assignment does", "x = 1\n",
     "assign x = 1\n"},
    {"i++\n", "HV0123 1:2 `++` is not part of the language", "i += 1\n", "pass\n"},
    {"param n int = 3\n", "HV0101 1:9 the type of a parameter stands behind its name and `:`",
     "param n: int = 3\n", "param n: int = 3\n"},
    {"param int n = 3\n", "HV0101 1:7 the type of a parameter stands behind its name and `:`",
     "param n: int = 3\n", "param n = 3\n"},
    {"moved domain.a => domain.b\n",
     "HV0101 1:16 a move is written with `->` between the addresses",
     "moved domain.a -> domain.b\n", "moved domain.a -> domain.b\n"},
    {"moved domain.a to domain.b\n",
     "HV0101 1:16 a move is written with `->` between the addresses",
     "moved domain.a -> domain.b\n", "moved domain.a -> domain.b\n"},
    {"include 'a.vm'\nb = 1\n", "HV0123 1:1 `include` is not part of the language", "",
     "assign b = 1\n"},
    {"import 'a.vm'\nb = 1\n", "HV0101 1:1 an import names what it takes", "", "assign b = 1\n"},
    // strings, paths, variables, comments
    {"a = 'x\nb = 2\n", "HV0106 1:5 this string is not closed on its line", "a = 'x'\nb = 2\n",
     "assign b = 2\n"},
    {"a = ['x, 'y']\n", "HV0106 1:12 this string is not closed on its line", "", ""},
    {"a = ['x', 'y]\nb = 2\n", "HV0106 1:11 this string is not closed on its line",
     "a = ['x', 'y']\nb = 2\n", "assign b = 2\n"},
    {"a = ['x',\n     'y,\n     'z']\nb = 2\n", "HV0106 2:6 this string is not closed on its line",
     "a = ['x',\n     'y',\n     'z']\nb = 2\n", "assign b = 2\n"},
    {"domain 'web:\n  a = 1\n", "HV0106 1:8 this string is not closed on its line",
     "domain 'web':\n  a = 1\n", "domain 'web\n  assign a = 1\n"},
    {"a = “x”\n", "HV0105 1:5 typographic quotes do not quote a string", "a = \"x\"\n", ""},
    {"a = \"x”, b\n", "HV0105 1:7 a typographic quote does not close this string", "a = \"x\", b\n",
     ""},
    {"kernel = /boot/vmlinuz-2.6.18\n", "HV0101 1:10 a path is a text and stands in quotes",
     "kernel = \"/boot/vmlinuz-2.6.18\"\n", ""},
    {"a = [../x, 1]\n", "HV0101 1:6 a path is a text and stands in quotes", "a = [\"../x\", 1]\n",
     ""},
    {"a = ${b} + 1\n", "HV0104 1:5 `$` begins nothing that the language knows", "a = b + 1\n", ""},
    {"$a = 1\n", "HV0104 1:1 `$` begins nothing that the language knows", "a = 1\n", ""},
    {"// x\na = 1\n// y\n", "HV0123 1:1 `//` does not begin a comment", "", "assign a = 1\n"},
    {"// x\na = 1\n", "HV0123 1:1 `//` does not begin a comment", "# x\na = 1\n", "assign a = 1\n"},
    {"/* x\n   y */\na = 1 // 2\n", "HV0123 1:1 `/*` does not begin a comment",
     "# x\n#   y \na = 1 // 2\n", "assign a = (// 1 2)\n"},
    // brackets
    {"a = [1,\n 2\nb = 3\n", "HV0108 1:5 `[` is never closed", "a = [1,\n 2]\nb = 3\n",
     "assign b = 3\n"},
    {"a = f([1, {2: 3}\nb = 3\n", "HV0108 1:6 `(` is never closed", "a = f([1, {2: 3}])\nb = 3\n",
     "assign b = 3\n"},
    {"def f(x:\n  return $y\nb = 1\n",
     "HV0108 1:6 `(` is never closed\nHV0104 2:10 `$` begins nothing that the language knows", "",
     "def f(x)\nassign b = 1\n"},
    {"domain a(b:\n  c = 1\nd = 2\n", "HV0108 1:9 `(` is never closed",
     "domain a(b):\n  c = 1\nd = 2\n", "domain a (b)\n  assign c = 1\nassign d = 2\n"},
    {"a = [\nb = $c\n",
     "HV0108 1:5 `[` is never closed\n"
     "HV0104 2:5 `$` begins nothing that the language knows",
     "", ""},
    {"a = [(1, 2]\nb = 3\n", "HV0109 1:11 `]` closes `(`, which needs `)`", "", "assign b = 3\n"},
    {"a = [1 2]\n", "HV0101 1:8 `2` follows `1` without anything between them", "a = [1, 2]\n", ""},
    // tabs and blanks
    {"if a:\n    b = 1\n\tc = 2\n", "HV0116 3:2 this line is indented, but opens no block",
     "if a:\n    b = 1\n    c = 2\n", "if a\n  assign b = 1\n  assign c = 2\n"},
    {"if a:\n\tb = 1\n            c = 2\n", "HV0116 3:13 this line is indented, but opens no block",
     "if a:\n\tb = 1\n\tc = 2\n", "if a\n  assign b = 1\n  assign c = 2\n"},
    // other files
    {"<<<<<<< a\nx = 1\n=======\nx = 2\n>>>>>>> b\ny = 3\n",
     "HV0101 1:1 a merge left its marks here", "", "assign x = 1\nassign x = 2\nassign y = 3\n"},
    {"<domain type='xen'>\n <name>a</name>\n", "HV0101 1:1 this file is XML", "", ""},
    {"(vm\n  (name a)\n  (memory 128))\n", "HV0101 1:1 this file is SXP, as `xm list -l` prints it",
     "", ""},
    {"\x7f"
     "ELF\x02\x01\x01",
     "HV0102 1:1 this file is an ELF program", "", ""},
    {"\x1f\x8b\x08\x08", "HV0102 1:1 this file is gzip data", "", ""},
    {"QFI\xfb", "HV0102 1:1 this file is a qcow2 disk image", "", ""},
    {"a\x01\x02 b\x03 c\x04\x05\x06 d",
     "HV0102 1:1 this file is not text, or in an encoding that hv does not read", "", ""},
};

TEST(SlipsTest, EachIsSaidOnceWithItsFix) {
  for (const Slip& slip : kSlips) {
    const std::string text(slip.text);
    const Parsed parsed(text);
    EXPECT_EQ(parsed.messages(), std::string(slip.message) + "\n") << text;
    EXPECT_EQ(parsed.dump(), slip.tree) << text;
    ASSERT_GE(parsed.diagnostics.size(), 1u) << text;
    const std::optional<Fix>& fix = parsed.diagnostics.all()[0].fix;
    if (slip.mended.empty()) continue;
    ASSERT_TRUE(fix) << text;
    std::string mended(text);
    mended.replace(fix->span.begin, fix->span.end - fix->span.begin, fix->replacement);
    EXPECT_EQ(mended, slip.mended);
    const Parsed again(mended);
    EXPECT_EQ(again.messages(), "") << mended;
    EXPECT_EQ(again.tree.body.empty(), false) << mended;
  }
}

// What looks like a slip and is the language.
TEST(SlipsTest, TheLanguageItselfIsLeftAlone) {
  for (const std::string_view text : {"if f(a=1): b",
                                      "if (lambda x=1: x)(): b",
                                      "x = {1: 2}\n",
                                      "for x in {\n1, 2}: y",
                                      "a = [\n{\n}\n]",
                                      "print x",
                                      "print 'x' % 5",
                                      "x = a if not b else c",
                                      "then = 1\ndo = 2",
                                      "let = 1\nlet[0]",
                                      "a = f(\nb = 1)",
                                      "a: int",
                                      "a: int = 5",
                                      "a: 'x' | 'y'",
                                      "schema s:\n  level: 5\n",
                                      "a = x / y // z",
                                      "elsif = 1",
                                      "if a: b\nelsif = 2",
                                      "function(a)",
                                      "set(x)",
                                      "x - -1",
                                      "x + +y",
                                      "domain = ['a']",
                                      "domain.x = 1",
                                      "a = 'it is // fine /* so */ ${x} && !'",
                                      "a = f\"{x!r}\"",
                                      "lifecycle = 1",
                                      "def f(a, /, b): return a",
                                      "a = x[:]",
                                      "pool['x']",
                                      "a <> b"})
    EXPECT_EQ(Parsed(std::string(text)).messages(), "") << text;
}

// Text in another encoding is text.
TEST(SlipsTest, OldEncodingsAreText) {
  std::string koi8 = "# ";
  for (int i = 0; i < 300; ++i) koi8 += static_cast<char>(0xc0 + i % 60);
  koi8 += "\nname = 'x'\nkernel = '/boot/\xcb\xd2'\n";
  const Parsed parsed(koi8);
  EXPECT_EQ(parsed.codes(), "HV0103@1:3");
}

TEST(SlipsTest, JunkIsOneMessage) {
  std::string junk;
  uint32_t state = 1;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525 + 1013904223;
    junk += static_cast<char>(1 + (state >> 24) % 255);
  }
  EXPECT_EQ(Parsed(junk).diagnostics.size(), 1u);
}

}  // namespace
}  // namespace hv::lang
