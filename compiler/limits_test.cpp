// What a hostile file may take: a second, 256 MiB, one diagnostic; and that nothing of a program
// outlives its compilation.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "compiler/compiler_test_support.h"
#include "compiler/value.h"

namespace hv::compiler {
namespace {

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kMeasured = true;
#else
constexpr bool kMeasured = false;  // a build without optimisation, or with sanitizers, is slow
#endif

struct Cost {
  bool refused = false;  // it ended, with an error
  int64_t milliseconds = 0;
  int64_t peak = 0;  // bytes
};

// What the child below compiles; the variable holds a row's number.
constexpr const char* kRow = "HV_LIMITS_ROW";

// Compiles in a process of its own, so that its time and its peak are its own: a fork alone would
// count what this one holds.
Cost cost_of(std::size_t row) {
  setenv(kRow, std::to_string(row).c_str(), 1);
  const pid_t child = fork();
  if (child == 0) {
    char* const arguments[] = {const_cast<char*>("compiler_test"),
                               const_cast<char*>("--gtest_brief=1"),
                               const_cast<char*>("--gtest_filter=Limits.OneProgram"), nullptr};
    if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(3);
    execv("/proc/self/exe", arguments);
    _exit(2);
  }
  int status = 0;
  rusage used{};
  EXPECT_EQ(wait4(child, &status, 0, &used), child);
  unsetenv(kRow);
  const auto milliseconds = [](const timeval& t) { return t.tv_sec * 1000 + t.tv_usec / 1000; };
  return {WIFEXITED(status) && WEXITSTATUS(status) == 0,
          milliseconds(used.ru_utime) + milliseconds(used.ru_stime), used.ru_maxrss * 1024};
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

struct Row {
  std::string what, text;
  int64_t milliseconds = 1000;
  int64_t peak = int64_t{256} << 20;
};

std::vector<Row> hostile() {
  std::string deep_blocks;
  for (int i = 0; i < 3000; ++i)
    deep_blocks += std::string(static_cast<std::size_t>(i), ' ') + "if 1:\n";
  std::string chain = "name = 'a'\ndef f0():\n    return f0()\n";
  for (int i = 1; i < 10000; ++i)
    chain += "def f" + std::to_string(i) + "():\n    return f" + std::to_string(i - 1) + "()\n";
  return {
      {"an endless loop", "name = 'a'\nwhile True: pass\n"},
      {"a long string", "name = \"x\" * 10**12\n"},
      {"a long string, by halves", "name = 'x'\nwhile True: name += name\n"},
      {"a huge power", "memory = 9**9**9\n"},
      {"a huge power of 2", "memory = 2 ** (2 ** 62)\n"},
      {"a huge shift", "memory = 1 << 10 ** 12\n"},
      {"nested brackets", "disk = " + repeated("[", 100000) + "\n"},
      {"nested brackets that close", "disk = " + repeated("[", 100000) + repeated("]", 100000)},
      {"nested parentheses", "memory = " + repeated("(", 100000) + "1" + repeated(")", 100000)},
      {"nested calls", "memory = " + repeated("f(", 100000) + repeated(")", 100000)},
      {"nested braces", "x = " + repeated("{1:", 100000) + "1" + repeated("}", 100000)},
      {"nested lambdas", "x = " + repeated("lambda: ", 100000) + "1\n"},
      {"minus signs", "memory = " + repeated("-", 100000) + "1\n"},
      {"a chain of not", "memory = " + repeated("not ", 100000) + "1\n"},
      {"a chain of if", "memory = " + repeated("1 if 1 else ", 100000) + "1\n"},
      {"deep blocks", deep_blocks},
      {"endless recursion", "memory = 1\ndef f(n):\n    return f(n + 1)\nf(0)\n"},
      {"a recursion of 10 000",
       "memory = 1\ndef f(n):\n    if n == 0:\n        return 0\n    return 1 + f(n - 1)\n"
       "x = f(10000)\n"},
      {"endless recursion of lambdas", "memory = 1\nf = lambda n: f(n + 1)\nf(0)\n"},
      {"functions that call each other in a row", chain + "f9999()\n"},
      {"a list of itself", "x = []\nwhile True:\n    x.append(x)\nname = 'a'\n"},
      {"a list that doubles", "x = [1]\nwhile True: x = x + x\nname = 'a'\n"},
      {"dicts in dicts", "x = {}\nwhile True:\n    x = {'a': x, 'b': x}\nname = repr(x)\n"},
      {"a dict that grows", "x = {}\ni = 0\nwhile True:\n    x[i] = i\n    i += 1\nname = 'a'\n"},
      {"functions that grow", "x = []\nwhile True:\n    x.append(lambda: x)\nname = 'a'\n"},
      {"texts that grow", "x = []\nwhile True:\n    x.append('%0100d' % 1)\nname = 'a'\n"},
      // A fleet of a hundred thousand is honest, and the plan holds them all.
      {"many domains",
       "i = 0\nwhile True:\n    i += 1\n    domain f'd{i}':\n        memory = 1GiB\n        "
       "disk = ['phy:a,xvda,w']\n",
       4000, int64_t{768} << 20},
      {"many errors", "name = 'a'\n" + repeated("x = = 1\n", 200000)},
      {"many unknown names", "name = 'a'\n" + repeated("x = yyyyy\n", 100000)},
      {"much that is printed", "name = 'a'\nwhile True: print 'x' * 1000\n"},
      {"a regular expression",
       "import re\nname = 'a'\nx = re.match('(a*)*b', 'a' * 1000000)\n"
       "y = re.compile('(((a{0,100}){0,100}){0,100}){0,100}')\n"},
      {"a width", "name = '%1000000000000d' % 1\n"},
      {"an f-string's width", "template _m:\n    pass\nx = f'{1:>1000000000000}'\n"},
      {"a comprehension", "name = 'a'\nx = [[i for j in range(10**6)] for i in range(10**6)]\n"},
      {"elements of a range", "name = 'a'\nx = range(10**12)\n"},
      {"one disk many times", "name = 'a'\ndisk = ['phy:a,xvda,w'] * 10 ** 7\n"},
      {"a template of templates",
       "template t0:\n    pass\ndomain a(t0):\n    while True:\n        pass\n"},
  };
}

// Run by the next test, in a process of its own for every row; by itself it tries the first.
TEST(Limits, OneProgram) {
  const char* const row = std::getenv(kRow);
  Case setup;
  setup.files["main.vm"] = hostile().at(row == nullptr ? 0 : std::stoul(row)).text;
  if (!kMeasured) setup.steps = 1'000'000;
  EXPECT_FALSE(compile_setup(setup).ok());
}

TEST(Limits, AHostileFileEndsSoon) {
  const std::vector<Row> rows = hostile();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const Cost cost = cost_of(i);
    EXPECT_TRUE(cost.refused) << row.what;
    if (!kMeasured) continue;
    EXPECT_LT(cost.milliseconds, row.milliseconds) << row.what;
    EXPECT_LT(cost.peak, row.peak) << row.what;
    if (cost.milliseconds > 500 || cost.peak > (int64_t{160} << 20))
      std::fprintf(stderr, "%s: %lld ms, %lld MiB\n", row.what.c_str(),
                   static_cast<long long>(cost.milliseconds),
                   static_cast<long long>(cost.peak >> 20));
  }
}

// Values, scopes and functions that hold each other are freed with the compilation; Meter counts
// the bytes of every object.
TEST(Limits, NothingOutlivesItsCompilation) {
  const char* const programs[] = {
      "name = 'a'\nmemory = 64\nkernel = '/k'\n",
      "def f():\n    return f\nx = f\n",
      "def f():\n    def g():\n        return f, g\n    return g\nx = [f(), f()]\n",
      "f = lambda n: f(n)\ng = [f]\ng.append(g)\n",
      "x = []\nx.append(x)\ny = {}\ny['y'] = y\ny['x'] = x\nx.append(y)\n",
      "x = [lambda: x for i in [1, 2, 3]]\n",
      "x = {}\nx['keys'] = x.keys\n",
      "def f(x=[]):\n    x.append(f)\n    return x\ny = f()\n",
      "def f():\n    try:\n        raise ValueError(f)\n    except ValueError, e:\n"
      "        return e\nx = f()\n",
      "def f():\n    raise ValueError([f])\nf()\n",
      "def f():\n    while 1:\n        x = [f]\nf()\n",
      "import re\nm = re.match('(a)', 'a')\nx = [m.group, m]\nx.append(x)\n",
      "template t:\n    _x = []\n    _x.append(_x)\n    memory = 1GiB\n"
      "domain a(t) on xen1:\n    _f = lambda: _f\n    kernel = '/k'\n"
      "domain b(t) on xen1:\n    kernel = domain.a.kernel\n",
      "schema s:\n    a: any\nx = []\nr = s(a=x)\nx.append(r)\ntemplate t:\n    pass\n",
      "name = 'a'\ndef f(:\n    x = [f\n",
      "domain a on xen1:\n    memory = wrong\n",
  };
  for (const std::string role : {"", "name = 'a'\n"})
    for (const char* const program : programs) {
      const int64_t before = Meter::in_use;
      { const Compiled done = compile_text(role + program); }
      EXPECT_EQ(Meter::in_use, before) << role << program;
      EXPECT_EQ(Collectable::count(), 0u) << role << program;
    }
}

}  // namespace
}  // namespace hv::compiler
