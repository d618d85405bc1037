// Trees: what each construct becomes.
#include "lang/parse.h"

#include <gtest/gtest.h>

#include "lang_test_support.h"

namespace hv::lang {
namespace {

struct Case {
  std::string_view text;
  std::string_view tree;
};

void expect_trees(std::initializer_list<Case> cases) {
  for (const Case& c : cases) {
    const Parsed parsed{std::string(c.text)};
    EXPECT_EQ(parsed.dump(), c.tree) << c.text;
    EXPECT_EQ(parsed.messages(), "") << c.text;
  }
}

TEST(ParseTest, Precedence) {
  for (const auto& [text, tree] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"a or b and c", "(or a (and b c))"},
           {"a or b or c", "(or a b c)"},
           {"(a or b) or c", "(or (or a b) c)"},
           {"not a == b", "(not (a == b))"},
           {"not not a", "(not (not a))"},
           {"not a in b and c", "(and (not (a in b)) c)"},
           {"a not in b", "(a not in b)"},
           {"a is not b is c", "(a is not b is c)"},
           {"1 < x <= 2 <> 3", "(1 < x <= 2 <> 3)"},
           {"(1 < 2) < 3", "((1 < 2) < 3)"},
           {"a | b ^ c & d << e + f * g", "(| a (^ b (& c (<< d (+ e (* f g))))))"},
           {"a - b - c", "(- (- a b) c)"},
           {"a - (b - c)", "(- a (- b c))"},
           {"a / b // c % d", "(% (// (/ a b) c) d)"},
           {"-a ** 2", "(neg (** a 2))"},
           {"2 ** -1 ** 2", "(** 2 (neg (** 1 2)))"},
           {"2 ** 3 ** 2", "(** 2 (** 3 2))"},
           {"-a * +b", "(* (neg a) (pos b))"},
           {"~-a", "(~ (neg a))"},
           {"a if b else c if d else e", "(if b a (if d c e))"},
           {"a or b if c or d else e", "(if (or c d) (or a b) e)"},
           {"\"%d\" % x + y", "(+ (% \"%d\" x) y)"},
           {"lambda: 1, 2", "(tuple (lambda () 1) 2)"},
           {"a.b[c](d).e", "(. (call (item (. a b) c) d) e)"},
           {"-x.y", "(neg (. x y))"}}) {
    const Parsed parsed("v = " + std::string(text));
    EXPECT_EQ(parsed.dump(), "assign v = " + std::string(tree) + "\n");
    EXPECT_EQ(parsed.messages(), "") << text;
  }
}

TEST(ParseTest, Expressions) {
  for (const auto& [text, tree] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"()", "(tuple)"},
           {"(1)", "1"},
           {"(1,)", "(tuple 1)"},
           {"1,", "(tuple 1)"},
           {"1, 2", "(tuple 1 2)"},
           {"[]", "(list)"},
           {"[1, *x,]", "(list 1 *x)"},
           {"{}", "(dict)"},
           {"{1: 2, **x}", "(dict 1: 2 **x)"},
           {"{1, 2}", "(set 1 2)"},
           {"[x for x in y if a if b]", "(list-of x for x in y if a if b)"},
           {"[x for a, b in y for c in b]", "(list-of x for (tuple a b) in y for c in b)"},
           {"[x for x in 1, 2]", "(list-of x for x in (tuple 1 2))"},
           {"{x for x in y}", "(set-of x for x in y)"},
           {"{k: v for k, v in y}", "(dict-of k: v for (tuple k v) in y)"},
           {"(x for x in y)", "(each x for x in y)"},
           {"sum(x for x in y)", "(call sum (each x for x in y))"},
           {"f(a, *b, c=1, **d)", "(call f a *b c=1 **d)"},
           {"f()", "(call f)"},
           {"x[1]", "(item x 1)"},
           {"x[1:2]", "(item x (slice 1 2 -))"},
           {"x[:]", "(item x (slice - - -))"},
           {"x[::2]", "(item x (slice - - 2))"},
           {"x[1:, 2]", "(item x (tuple (slice 1 - -) 2))"},
           {"`a, b`", "(repr (tuple a b))"},
           {"lambda x, y=1, *z, **w: x", "(lambda (x, y = 1, *z, **w) x)"},
           {"lambda (a, b): a", "(lambda ((tuple a b)) a)"},
           {"None, True, False", "(tuple None True False)"},
           {"64MiB * 2, 1.5h", "(tuple (* 64MiB 2) 90m)"}}) {
    const Parsed parsed("v = " + std::string(text));
    EXPECT_EQ(parsed.dump(), "assign v = " + std::string(tree) + "\n");
    EXPECT_EQ(parsed.messages(), "") << text;
  }
}

TEST(ParseTest, Strings) {
  for (const auto& [text, tree] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {R"("a" 'b' """c""")", R"("abc")"},
           {R"("\d\/\$")", R"("\\d\\/\\$")"},
           {R"(r"\d\"x")", R"("\\d\\\"x")"},
           {R"('\x41\101\u0041\n')", R"("AAA\n")"},
           {R"("a\"b")", R"("a\"b")"},
           {R"("it's")", R"("it's")"},
           {"'''a\nb'''", R"("a\nb")"},
           {"'''a\r\nb'''", R"("a\nb")"},
           {"\"a\\\nb\"", R"("ab")"},
           {R"(""""a"b""")", R"("\"a\"b")"},
           {"u'x' b'y' UR'z'", R"("xyz")"},
           {"\"\"", "\"\""},
           {R"(f"a{b}c")", R"((f "a" {b} "c"))"},
           {R"(f"{x!r:>{w}}{{}}")", R"((f {x !r : ">" {w}} "{}"))"},
           {R"(f"{x = }")", R"((f {x debug "x = "}))"},
           {R"(f"{a['k']}{b != c}{d:%d:x}")", R"((f {(item a "k")} {(b != c)} {d : "%d:x"}))"},
           {R"(f"{(lambda: 1)()}")", R"((f {(call (lambda () 1))}))"},
           {R"(f"{f'{x}'}" "y")", R"((f {(f {x})} "y"))"},
           {R"(rf"\d{x}")", R"((f "\\d" {x}))"},
           {R"(f"{ {1: 2}[1] }")", R"((f {(item (dict 1: 2) 1)}))"}}) {
    const Parsed parsed("v = " + std::string(text));
    EXPECT_EQ(parsed.dump(), "assign v = " + std::string(tree) + "\n");
    EXPECT_EQ(parsed.messages(), "") << text;
  }
}

TEST(ParseTest, StringsRememberWhereTheyCameFrom) {
  const Parsed parsed(R"(d = "a\x2cb" 'cd')");
  const auto& string = as<StringExpr>(*as<AssignStmt>(*parsed.tree.body[0]).value);
  EXPECT_EQ(string.value, "a,bcd");
  const auto source = [&](std::size_t offset, std::size_t length) {
    return std::string(parsed.sources.text(span_in(string, offset, length)));
  };
  EXPECT_EQ(source(0, 1), "a");
  EXPECT_EQ(source(1, 1), R"(\x2c)");
  EXPECT_EQ(source(2, 1), "b");
  EXPECT_EQ(source(3, 2), "cd");
  EXPECT_EQ(source(1, 2), R"(\x2cb)");
  EXPECT_EQ(span_in(string, 5, 0).begin, span_in(string, 4, 1).end);
}

TEST(ParseTest, PythonTwoReadsSomeEscapesOtherwise) {
  const auto value = [](const Parsed& parsed) -> const StringExpr& {
    return as<StringExpr>(*as<AssignStmt>(*parsed.tree.body[0]).value);
  };
  const Parsed high(R"(a = "\xe9\351")");
  EXPECT_EQ(value(high).value, "éé");
  EXPECT_EQ(value(high).python2_value, "\xe9\xe9");
  const Parsed wide(R"(a = "\u00e9")");
  EXPECT_EQ(value(wide).value, "é");
  EXPECT_EQ(value(wide).python2_value, R"(\u00e9)");
  const Parsed unicode(R"(a = u"\u00e9\xe9")");
  EXPECT_EQ(value(unicode).python2_value, "éé");
  EXPECT_TRUE(value(unicode).unicode_prefix);
}

TEST(ParseTest, Statements) {
  expect_trees({
      {"a = b = 1", "assign a = b = 1\n"},
      {"a, b = 1, 2", "assign (tuple a b) = (tuple 1 2)\n"},
      {"[a, *b] = c", "assign (list a *b) = c\n"},
      {"a.b[0] += 2", "assign (item (. a b) 0) += 2\n"},
      {"a **= 2; b //= 3", "assign a **= 2\nassign b //= 3\n"},
      {"a: int = 3", "assign a: int = 3\n"},
      {"if a: b = 1", "if a\n  assign b = 1\n"},
      {"if a:\n  b\nelif c:\n  d\nelse:\n  e\n",
       "if a\n  expression b\nelif c\n  expression d\nelse\n  expression e\n"},
      {"for a, b in c: pass\nelse: d", "for (tuple a b) in c\n  pass\nelse\n  expression d\n"},
      {"for x in 1, 2: continue", "for x in (tuple 1 2)\n  continue\n"},
      {"while a: break", "while a\n  break\n"},
      {"def f(a, b=1, *c, d, **e) -> int: return a",
       "def f(a, b = 1, *c, d, **e) -> int\n  return a\n"},
      {"def f(a, /, b: str, *, c=2): return", "def f(a, /, b: str, *, c = 2)\n  return\n"},
      {"def f((a, b)): global x, y", "def f((tuple a b))\n  global x y\n"},
      {"try: a\nexcept: b\nelse: c\nfinally: d",
       "try\n  expression a\nexcept\n  expression b\nelse\n  expression c\nfinally\n  expression "
       "d\n"},
      {"try: a\nexcept E, e: b\nexcept (F, G) as g: c",
       "try\n  expression a\nexcept E, e\n  expression b\nexcept (tuple F G) as g\n  expression "
       "c\n"},
      {"raise", "raise\n"},
      {"raise E, v, t", "raise E v t\n"},
      {"raise E from c", "raise E from c\n"},
      {"assert a, 'b'", "assert a, \"b\"\n"},
      {"del a, b[0]", "(del a (item b 0))\n"},
      {"del (a)", "(del a)\n"},
      {"print", "print\n"},
      {"print a, b,", "print a b ,\n"},
      {"print >>f, a", "print >>f a\n"},
      {"print (a), b", "print a b\n"},
      {"print('a')", "expression (call print \"a\")\n"},
      {"print(a, sep='')", "expression (call print a sep=\"\")\n"},
      {"print = 3", "assign print = 3\n"},
      {"print.x", "expression (. print x)\n"},
      {"import os, os.path as p", "import os, os.path as p\n"},
      {"from os import path, sep as s", "from os import path, sep as s\n"},
      {"from os import (path,\n sep,)", "from os import path, sep\n"},
      {"from xenctl.ip import *", "from xenctl.ip import *\n"},
      {"from 'x.vm' import a, b as c", "from \"x.vm\" import a, b as c\n"},
  });
}

TEST(ParseTest, Declarations) {
  expect_trees({
      {"domain web:\n  memory = 1\n", "domain web\n  assign memory = 1\n"},
      {"domain \"My VM\"(a, template.b) on \"xen-1\": pass",
       "domain \"My VM\" (a, b) on \"xen-1\"\n  pass\n"},
      {"domain f\"w{i}\"() on h: pass", "domain (f \"w\" {i}) on h\n  pass\n"},
      {"vdisk root in fast:\n  size = 8GiB", "vdisk root in fast\n  assign size = 8GiB\n"},
      {"vdisk f'a{i}' in pools[i % 2]: pass",
       "vdisk (f \"a\" {i}) in (item pools (% i 2))\n  pass\n"},
      {"pool in_ on on: pass", "pool in_ on on\n  pass\n"},
      {"pool on on h: pass", "pool on on h\n  pass\n"},
      {"network lan on h:\n  bridge = 'br0'", "network lan on h\n  assign bridge = \"br0\"\n"},
      {"domain a:\n  lifecycle:\n    protect = True\n  vcpus = 2",
       "domain a\n  lifecycle\n    assign protect = True\n  assign vcpus = 2\n"},
      {"schema s:\n  a: int\n  b: str? = None",
       "schema s\n  assign a: int\n  assign b: str? = None\n"},
      {"param n", "param n\n"},
      {"param n: int(1..16) = 3", "param n: int(1..16) = 3\n"},
      {"moved domain.a -> domain[\"b c\"]", "moved domain.a -> domain.b c\n"},
      {"if x: param y = 1", "if x\n  param y = 1\n"},
  });
}

TEST(ParseTest, WordsThatDeclareAreNamesElsewhere) {
  expect_trees({
      {"domain = \"x\"", "assign domain = \"x\"\n"},
      {"domain['a'].memory", "expression (. (item domain \"a\") memory)\n"},
      {"network (x)", "expression (call network x)\n"},
      {"pool in x", "expression (pool in x)\n"},
      {"pool is x", "expression (pool is x)\n"},
      {"pool if a else b", "expression (if a pool b)\n"},
      {"pool = []; template = 1; schema += 2",
       "assign pool = (list)\nassign template = 1\nassign "
       "schema += 2\n"},
      {"lifecycle = 1", "assign lifecycle = 1\n"},
      {"moved -x", "expression (- moved x)\n"},
      {"param.x = 1", "assign (. param x) = 1\n"},
      {"on = 1; host = on", "assign on = 1\nassign host = on\n"},
      {"x = domain.web0", "assign x = (. domain web0)\n"},
  });
}

TEST(ParseTest, Types) {
  for (const auto& [text, type] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"int", "int"},
           {"int(-5..5)", "int((neg 5)..5)"},
           {"int(1..)", "int(1..)"},
           {"size(..64GiB)", "size(..64GiB)"},
           {"duration(1s..1.5m)", "duration(1s..90s)"},
           {"str(\"^a+$\")", "str(\"^a+$\")"},
           {"list[str]", "list[str]"},
           {"dict[str, list[int]]", "dict[str, list[int]]"},
           {"tuple[int, str]?", "tuple[int, str]?"},
           {"\"a\" | \"b\" | 3", "(\"a\" | \"b\" | 3)"},
           {"(int | str)?", "(int | str)?"},
           {"int??", "int?"},
           {"ref[vdisk] | None", "(ref[vdisk] | None)"},
           {"True", "True"}}) {
    const Parsed parsed("param p: " + std::string(text));
    EXPECT_EQ(parsed.dump(), "param p: " + std::string(type) + "\n");
    EXPECT_EQ(parsed.messages(), "") << text;
  }
}

TEST(ParseTest, PastedAndOldTexts) {
  expect_trees({
      {"", ""},
      {"\n\n  # only a comment", ""},
      {"\xef\xbb\xbf"
       "a = 1",
       "assign a = 1\n"},
      {"a = 1\r\nb = [\r\n2\r\n]\r\n", "assign a = 1\nassign b = (list 2)\n"},
      {"a = 1\rb = 2", "assign a = 1\nassign b = 2\n"},
      {";a = 1;; b = 2;", "assign a = 1\nassign b = 2\n"},
      {";;\n;", ""},
      {"  a = 1\n\tb = 2\nc = 3", "assign a = 1\nassign b = 2\nassign c = 3\n"},
      {"a = 1 \\\n  + 2", "assign a = (+ 1 2)\n"},
      {"a = 1 \\\n\nb = 2", "assign a = 1\nassign b = 2\n"},
      {"vif = ['']*2", "assign vif = (* (list \"\") 2)\n"},
      {"a = [\n# comment\n'x', # more\n\n]", "assign a = (list \"x\")\n"},
      {"a = 1\\", "assign a = 1\n"},
      {"\fa = 1", "assign a = 1\n"},
  });
}

TEST(ParseTest, Indentation) {
  expect_trees({
      // Whole files stand indented; a block closes at or before its opener's column.
      {"  if a:\n      b\n  else:\n      c\n  d",
       "if a\n  expression b\nelse\n  expression c\nexpression d\n"},
      {"   if a:\n      b\n  d", "if a\n  expression b\nexpression d\n"},
      {"   if a:\n      b\n  else:\n      c\n", "if a\n  expression b\nelse\n  expression c\n"},
      {"if a:\n\tb\n        c", "if a\n  expression b\n  expression c\n"},
      {"if a:\n  if b:\n    c\n  d\ne",
       "if a\n  if b\n    expression c\n  expression d\nexpression e\n"},
      {"if a:\n  if b:\n    c\nd", "if a\n  if b\n    expression c\nexpression d\n"},
      {"if a:\n  b\n\n# far left\n  c", "if a\n  expression b\n  expression c\n"},
      {"if a:\n  x = [\n1,\n2]\n  y", "if a\n  assign x = (list 1 2)\n  expression y\n"},
      {"if a: b\nelif c: d\n\nelse: e",
       "if a\n  expression b\nelif c\n  expression d\nelse\n  expression e\n"},
      {"x = {1:\n 2}\ny", "assign x = (dict 1: 2)\nexpression y\n"},
  });
}

TEST(ParseTest, TheShapeTellsWhatKindOfFileItIs) {
  const Parsed legacy(
      "name = 'x'\nif a:\n  memory = 1\nfor i in b:\n  try: disk = []\n  except: pass\n"
      "def f():\n  hidden = 1\n(vcpus, c) = 1, 2\n");
  EXPECT_FALSE(legacy.tree.shape.declares);
  std::string names;
  for (const AssignedName& name : legacy.tree.shape.assigned) names += std::string(name.name) + " ";
  EXPECT_EQ(names, "name memory disk vcpus c ");

  const Parsed module("def f():\n  domain x:\n    memory = 1\nparam p = 1\nfrom 'a' import b\n");
  EXPECT_TRUE(module.tree.shape.declares);
  ASSERT_EQ(module.tree.shape.declarations.size(), 1u);
  EXPECT_EQ(module.tree.shape.params.size(), 1u);
  EXPECT_EQ(module.tree.shape.imports.size(), 1u);
  EXPECT_TRUE(module.tree.shape.assigned.empty());
  // A broken declaration still declares, a broken assignment still assigns.
  EXPECT_TRUE(Parsed("domain x y:\n  a = 1\n").tree.shape.declares);
  const Parsed broken("memory = = 3\n");
  ASSERT_EQ(broken.tree.shape.assigned.size(), 1u);
  EXPECT_TRUE(broken.tree.broken);
  ASSERT_EQ(broken.tree.broken_names.size(), 1u);
  EXPECT_EQ(broken.tree.broken_names[0], "memory");
}

TEST(ParseTest, SpansCoverWhatTheySay) {
  const Parsed parsed("x = (a + b) * c\nif d:\n    e = 1  # why\n\ny = f(1)[2]\n");
  const auto text = [&](Span span) { return std::string(parsed.sources.text(span)); };
  EXPECT_EQ(text(parsed.tree.body[0]->span), "x = (a + b) * c");
  const auto& product = as<BinaryExpr>(*as<AssignStmt>(*parsed.tree.body[0]).value);
  EXPECT_EQ(text(product.span), "(a + b) * c");
  EXPECT_EQ(text(product.left->span), "a + b");
  EXPECT_TRUE(product.left->parenthesized);
  EXPECT_EQ(text(product.op_span), "*");
  EXPECT_EQ(text(parsed.tree.body[1]->span), "if d:\n    e = 1");
  EXPECT_EQ(text(as<AssignStmt>(*parsed.tree.body[2]).value->span), "f(1)[2]");
}

TEST(ParseTest, OneExpression) {
  const auto dump = [](std::string text) {
    SourceMap sources;
    Diagnostics diagnostics;
    const FileId file = sources.add("-p", std::move(text));
    const SyntaxTree tree = parse_expression(file, sources, diagnostics);
    return dump_tree(tree, sources, {.places = false}) + (diagnostics.has_errors() ? "error" : "");
  };
  EXPECT_EQ(dump("[1,\n 2]"), "expression (list 1 2)\n");
  EXPECT_EQ(dump("1\n+ 2"), "expression (+ 1 2)\n");
  EXPECT_EQ(dump("64MiB"), "expression 64MiB\n");
  EXPECT_EQ(dump(""), "error");
  EXPECT_EQ(dump("a = 1"), "error");
  EXPECT_EQ(dump("(1"), "error");
  EXPECT_EQ(dump("1 2"), "error");
}

TEST(ParseTest, DumpsShowPlaces) {
  const Parsed parsed("if a:\n    domain b: pass\n");
  EXPECT_EQ(dump_tree(parsed.tree, parsed.sources), "1:1 if a\n  2:5 domain b\n    2:15 pass\n");
  EXPECT_EQ(dump_tokens(parsed.file, parsed.sources),
            "1:1 IF if\n1:4 NAME a\n1:5 COLON :\n1:6 NEWLINE\n2:5 INDENT\n2:5 DOMAIN domain\n"
            "2:12 NAME b\n2:13 COLON :\n2:15 PASS pass\n2:19 NEWLINE\n3:1 DEDENT\n");
}

}  // namespace
}  // namespace hv::lang
