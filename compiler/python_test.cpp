// Python's meaning, asked of Python itself: generated programs of the shared subset must print what
// python3 prints.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "compiler/compiler_test_support.h"

namespace hv::compiler {
namespace {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  // A few assignments and a function, then expressions, each printed or its failure told.
  std::string program() {
    std::string text =
        "n = " + integer() + "\ns = " + plain_string() + "\nl = [" + integer() + ", " + string() +
        ", " + pick({"None", "[1, 2]", "2.5"}) + "][:" + integer() + "]\nd = {'a': " + integer() +
        ", 'b': " + string() + ", 3: l}\nt = (" + integer() + ", " + string() + ")\n" +
        "def f(x, y=2, *rest, **more):\n" + "    if x == y:\n        return rest\n" +
        "    return [x, y, len(rest), sorted(more)]\n" +
        "def g(x):\n    total = 0\n    for i in range(5):\n" +
        "        if i == x:\n            continue\n" + "        if i > 3:\n            break\n" +
        "        total += i\n    else:\n        total = -1\n    return total\n";
    for (int i = 0; i < 6; ++i)
      text += "try:\n    print(repr(" + expression(3) +
              "))\nexcept OverflowError:\n    print('overflow')\n"
              "except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, "
              "AttributeError):\n    print('failed')\n";
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.below(n)); }
  template <std::size_t N>
  std::string pick(const char* const (&of)[N]) {
    return of[below(N)];
  }

  std::string integer() {
    return pick(
        {"0", "1", "2", "3", "7", "-1", "-5", "10", "255", "1000", "0x1f", "0o17", "1_000"});
  }
  std::string floating() {
    return pick({"0.5", "1.0", "-2.25", "3.14159", "1e3", "100.0", "1e-5", "1e16", "123456.789"});
  }
  // Its methods have upper and lower case and letters for ASCII only, as the strings of xm's
  // Python had.
  std::string plain_string() {
    std::string text = string();
    while (text.find("\xc3") != std::string::npos || text.find("\\u") != std::string::npos)
      text = string();
    return text;
  }
  std::string string() {
    return pick({"'abc'", "\"\"", "'a,b,c'", "' x y '", "'é1'", "'Hello World'", "r'\\d'",
                 "'it\\'s'", "'tab\\tnew\\n'", "'%d-%s'", "'x' 'y'", "'''q\"r'''", "'\\x41\\u00e9'",
                 "'\\d'"});
  }
  std::string list(int depth) {
    std::string out = "[";
    for (std::size_t i = 0, n = below(4); i < n; ++i)
      out += (i == 0 ? "" : ", ") + expression(depth - 1);
    return out + "]";
  }
  std::string atom() {
    switch (below(9)) {
      case 0:
      case 1:
        return integer();
      case 2:
        return floating();
      case 3:
      case 4:
        return string();
      case 5:
        return pick({"True", "False", "None"});
      default:
        return pick({"n", "s", "l", "d", "t"});
    }
  }
  std::string slice() {
    const auto part = [&] { return pick({"", "", "0", "1", "2", "-1", "-2", "5"}); };
    return "[" + part() + ":" + part() + (below(3) == 0 ? ":" + pick({"1", "2", "-1", "-2"}) : "") +
           "]";
  }
  std::string method() {
    return pick({".upper()",          ".lower()",
                 ".strip()",          ".split()",
                 ".split(',')",       ".split(',', 1)",
                 ".rsplit(',', 1)",   ".replace('a', 'zz')",
                 ".replace('', '-')", ".find('b')",
                 ".rfind('c')",       ".count('a')",
                 ".startswith('a')",  ".endswith(('c', 'x'))",
                 ".title()",          ".capitalize()",
                 ".zfill(6)",         ".ljust(8, '.')",
                 ".rjust(8)",         ".center(7, '*')",
                 ".isdigit()",        ".isalpha()",
                 ".splitlines()",     ".partition(',')",
                 ".rpartition(',')",  ".join(['1', '2'])",
                 ".index('a')",       ".copy()",
                 ".get('a')",         ".get('z', 5)",
                 ".isupper()",        ".islower()",
                 ".swapcase()",       ".lstrip('a')",
                 ".rstrip('c')",      ".isspace()",
                 ".isalnum()",        ".expandtabs()"});
  }
  std::string formatting(int depth) {
    const std::string e = expression(depth);
    switch (below(6)) {
      case 0:
        return "'" +
               pick({"%d", "%5d", "%-5d|", "%05d", "%x", "%#x", "%X", "%o", "%+d", "% d", "%i",
                     "%.3d"}) +
               "' % (" + e + ",)";
      case 1:
        return "'" + pick({"%s", "%10s|", "%-10s|", "%r", "%.2s", "%5.1s|", "%%%s"}) + "' % (" + e +
               ",)";
      case 2:
        return "'" + pick({"%f", "%.2f", "%8.3f", "%e", "%g", "%G", "%.0f", "%08.2f", "%+.1e"}) +
               "' % (" + e + ",)";
      case 3:
        return "'%(a)s and %(b)s' % d";
      case 4:
        return "f'{" + pick({"n", "s", "t", "l", "n + 1", "s!r"}) +
               pick({"", ":>8", ":<8", ":^8", ":*^9"}) + "}|{{}}'";
      default:
        return "'" +
               pick({"{}", "{0}", "{:>6}", "{!r}", "{:x}", "{:,}", "{:.2f}", "{:06d}", "{:b}",
                     "{:+}"}) +
               "'.format(" + e + ")";
    }
  }

  std::string expression(int depth) {
    if (depth <= 0) return atom();
    const auto sub = [&] { return expression(depth - 1); };
    switch (below(20)) {
      case 0:
        return "(" + sub() + " " + pick({"+", "-", "*", "//", "%", "**", "&", "|", "^"}) + " " +
               sub() + ")";
      case 1:
        return "(" + sub() + " " + pick({"+", "-", "*"}) + " " + sub() + ")";
      case 2:
        return "(" + sub() + " " + pick({"<", "<=", ">", ">=", "==", "!="}) + " " + sub() + ")";
      case 3:
        return "(" + integer() + " < " + integer() + " <= " + integer() + ")";
      case 4:
        return "(" + sub() + " " + pick({"and", "or"}) + " " + sub() + ")";
      case 5:
        return "(not " + sub() + ")";
      case 6:
        return "(" + sub() + " if " + sub() + " else " + sub() + ")";
      case 7:
        return "(" + sub() + " " + pick({"in", "not in"}) + " " + sub() + ")";
      case 8:
        return sub() + slice();
      case 9:
        return sub() + "[" + pick({"0", "1", "-1", "'a'", "2"}) + "]";
      case 10:
        return pick({"s", "s", "'a,b'", "'Aa'", "d"}) + method();
      case 11:
      case 12:
        return formatting(depth - 1);
      case 13:
        return "[" + pick({"x", "x * 2", "str(x)", "(x, n)"}) + " for x in " + sub() +
               pick({"", " if x", " if x != 1"}) + "]";
      case 14:
        return "{" + pick({"x: str(x)", "str(x): 1"}) + " for x in " + list(1) + "}";
      case 15:
        return pick({"len", "str", "repr", "bool", "list", "tuple", "sorted",
                     "sum", "min", "max",  "abs",  "int",  "float", "any",
                     "all", "hex", "oct",  "bin",  "ord",  "round"}) +
               "(" + sub() + ")";
      case 16:
        return pick({"f(1)", "f(2)", "f(1, 2, 3)", "f(y=1, x=1)", "f(*l)", "f(1, k=2)",
                     "f(*[2, 2, 5])", "f(1, **{'q': 1})", "g(2)", "g(9)"});
      case 17:
        return "(lambda x, y=n: " + pick({"x", "[x, y]", "x == y", "y"}) + ")(" + sub() + ")";
      case 18:
        return pick({"list(range(5))",
                     "list(range(2, 10, 3))",
                     "list(range(5, 0, -2))",
                     "list(zip(l, 'ab'))",
                     "list(enumerate('ab'))",
                     "list(reversed(l))",
                     "list(map(str, l))",
                     "list(filter(None, l))",
                     "sorted(d.keys(), key=str)",
                     "divmod(7, -2)",
                     "divmod(-7, 2)",
                     "dict(a=1, b=2)",
                     "sum([1, 2], 3)",
                     "sorted([3, 1, 2], reverse=True)",
                     "max([1, 5, 3], key=lambda x: -x)",
                     "'-'.join(sorted({'b', 'a'}))",
                     "isinstance(n, int)",
                     "type(s) == str",
                     "[a for a, b in [(1, 2), (3, 4)]]",
                     "[[y for y in range(x)] for x in range(3)]",
                     "round(2.5)",
                     "round(3.5)",
                     "round(2.675, 2)",
                     "round(-0.5)",
                     "-7 // 2",
                     "-7 % 3",
                     "7 % -3",
                     "2 ** 10",
                     "2 ** -1",
                     "1 << 4",
                     "~5",
                     "+n",
                     "-n",
                     "7.5 // 2",
                     "-7.5 % 2"});
      default:
        return list(depth);
    }
  }

  SeededRandom random_;
};

std::string python() {
  const std::string found = "command -v python3 >/dev/null 2>&1";
  return std::system(found.c_str()) == 0 ? "python3" : "";
}

// Runs all programs in one python3: the printed lines of each, parted by a line of dashes.
std::vector<std::string> run_python(const std::vector<std::string>& programs) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("hv-python-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  {
    std::ofstream out(folder / "all.py");
    out << "import warnings\nwarnings.simplefilter('ignore')\nimport sys\n"
           "sys.stdout.reconfigure(encoding='utf-8')\n"
           "for part in open(sys.argv[1], encoding='utf-8').read().split('\\n#####\\n'):\n"
           "    exec(compile(part, 'p', 'exec'), {})\n    print('-----')\n";
  }
  {
    std::ofstream out(folder / "programs");
    for (std::size_t i = 0; i < programs.size(); ++i)
      out << (i == 0 ? "" : "\n#####\n") << programs[i];
  }
  const std::string command = python() + " " + (folder / "all.py").string() + " " +
                              (folder / "programs").string() + " > " + (folder / "out").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::ifstream in(folder / "out");
  std::vector<std::string> outputs(1);
  std::string line;
  while (std::getline(in, line)) {
    if (line == "-----")
      outputs.emplace_back();
    else
      outputs.back() += line + "\n";
  }
  outputs.pop_back();
  std::filesystem::remove_all(folder);
  return outputs;
}

// The statement of a program that prints this line; every one prints one.
std::string printing(const std::string& program, int line) {
  std::size_t at = 0;
  for (int i = 0; i <= line; ++i) at = program.find("    print(repr(", at) + 1;
  return program.substr(at, program.find('\n', at) - at);
}

// Whether both Pythons read the expression alike: no division, no text beyond ASCII (of bytes in
// one, of code points in the other), nothing that became lazy, no method that only one has.
bool is_shared(const std::string& statement) {
  for (const char* const only_one :
       {"/",        "\xc3",       "\\u",       "round", "range",   "map(",       "zip(",
        "filter(",  "oct(",       "%#x",       "%x",    "%o",      "keys()",     "items()",
        "values()", "reversed",   "enumerate", "1_000", ".copy()", "isinstance", "sorted",
        "max(",     "min(",       "f'",        "%a",    "True",    "False",      "print",
        "e16",      "123456.789", "1e-5"})
    if (statement.find(only_one, statement.find("repr(")) != std::string::npos) return false;
  return true;
}

struct Compared {
  int lines = 0, different = 0;
};

Compared compare(const std::vector<std::string>& programs, const std::vector<std::string>& expected,
                 const std::string& before, bool shared_only) {
  Compared result;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    const std::string head = programs[i].substr(0, programs[i].find("def f("));
    if (shared_only &&
        (head.find("\\u") != std::string::npos || head.find("\xc3") != std::string::npos))
      continue;
    const Compiled done = compile_text(before + programs[i]);
    std::string ours;
    for (const std::string& line : done.printed()) ours += line + "\n";
    // Integers beyond 64 bits are an error here and none in Python: such lines say nothing.
    std::istringstream left(ours), right(expected[i]);
    std::string a, b;
    for (int line = 0; std::getline(right, b); ++line) {
      if (!std::getline(left, a)) a = "(nothing) " + done.complaints();
      if (a == "overflow") continue;
      if (shared_only && !is_shared(printing(programs[i], line))) continue;
      ++result.lines;
      if (a == b) continue;
      if (++result.different <= 20)
        ADD_FAILURE() << programs[i].substr(0, programs[i].find("def f("))
                      << printing(programs[i], line) << "\nours:   " << a << "\npython: " << b;
      break;
    }
  }
  return result;
}

TEST(Python, GeneratedProgramsPrintWhatPython3Prints) {
  if (python().empty()) GTEST_SKIP() << "there is no python3 to compare with";
  constexpr int kPrograms = 2200;
  const char* const seed_text = std::getenv("HV_SEED");
  Generator generator(seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 7);
  std::vector<std::string> programs;
  for (int i = 0; i < kPrograms; ++i) programs.push_back(generator.program());
  const std::vector<std::string> expected = run_python(programs);
  ASSERT_EQ(expected.size(), programs.size());
  const Compared modules = compare(programs, expected, "template _module:\n    pass\n", false);
  EXPECT_GT(modules.lines, 5 * kPrograms);
  EXPECT_EQ(modules.different, 0);
  // A domain file reads them as Python 2 does: what both Pythons share is the same there.
  const Compared old = compare(programs, expected, "name = 'old'\nmemory = 64\n", true);
  EXPECT_GT(old.lines, 2 * kPrograms);
  EXPECT_EQ(old.different, 0);
  std::printf("%d programs: %d lines of modules and %d of domain files as python3 prints them\n",
              kPrograms, modules.lines, old.lines);
}

}  // namespace
}  // namespace hv::compiler
