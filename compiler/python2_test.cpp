// Python 2's meaning in domain files: a table, each answer printed by Python 2.7 and looked at.
#include <gtest/gtest.h>

#include "compiler/compiler_test_support.h"

namespace hv::compiler {
namespace {

struct Program {
  const char* text;
  const char* prints;
};

constexpr Program kPrograms[] = {
    {"print 7/2", "3\n"},
    {"print -7/2", "-4\n"},
    {"print 7 % -3", "-2\n"},
    {"print -7 // 2.0", "-4.0\n"},
    {"print 7/2.0", "3.5\n"},
    {"print 0755", "493\n"},
    {"print 0x1F, 0b11, 0o17", "31 3 15\n"},
    {"print 10L", "10\n"},
    {"print 2**40", "1099511627776\n"},
    {"print `'x'`", "'x'\n"},
    {"print `1+1`", "2\n"},
    {"print 1 <> 2", "True\n"},
    {"print 'a', 'b'", "a b\n"},
    {"print 'a' + 'b' * 2", "abb\n"},
    {"print '%d %s' % (1, 'x')", "1 x\n"},
    {"print '%x' % 255", "ff\n"},
    {"print '%5.2f|' % 3.14159", " 3.14|\n"},
    {"print '%-6s|%6s|' % ('ab', 'cd')", "ab    |    cd|\n"},
    {"print '%(a)s-%(b)d' % {'a': 'x', 'b': 3}", "x-3\n"},
    {"print '%s' % [1, 'a']", "[1, 'a']\n"},
    {"print '%r' % 'it\\'s'", "\"it's\"\n"},
    {"print '%05d %+d % d' % (42, 42, 42)", "00042 +42  42\n"},
    {"print '%c%c' % (65, 'b')", "Ab\n"},
    {"print '%%'", "%%\n"},
    {"print '%o %#o %#x' % (8, 8, 255)", "10 010 0xff\n"},
    {"print '%e' % 12345.678", "1.234568e+04\n"},
    {"print '%g' % 0.0001", "0.0001\n"},
    {"print str(1.0), repr(0.1)", "1.0 0.1\n"},
    {"print str(1e20), 1e16", "1e+20 1e+16\n"},
    {"print 1.5 + 1, 3 * 1.0", "2.5 3.0\n"},
    {"print round(2.5), round(-2.5)", "3.0 -3.0\n"},
    {"print int('12'), int('0x1f', 16), int('010', 8)", "12 31 8\n"},
    {"print int(3.9), int(-3.9)", "3 -3\n"},
    {"print float('1.5')", "1.5\n"},
    {"print range(3), range(1, 7, 2)", "[0, 1, 2] [1, 3, 5]\n"},
    {"print xrange(3)[1]", "1\n"},
    {"print map(lambda x: x*2, [1, 2])", "[2, 4]\n"},
    {"print filter(lambda x: x > 1, [1, 2, 3])", "[2, 3]\n"},
    {"print zip([1, 2], 'ab')", "[(1, 'a'), (2, 'b')]\n"},
    {"print reduce(lambda a, b: a + b, [1, 2, 3])", "6\n"},
    {"print {'a': 1}.has_key('a'), {'a': 1}.has_key('b')", "True False\n"},
    {"print sorted({'b': 1, 'a': 2}.keys())", "['a', 'b']\n"},
    {"print sorted({'b': 1, 'a': 2}.items())", "[('a', 2), ('b', 1)]\n"},
    {"print {'a': 1}.get('x', 5)", "5\n"},
    {"print 'a,b,c'.split(',')", "['a', 'b', 'c']\n"},
    {"print ' x  y '.split()", "['x', 'y']\n"},
    {"print '-'.join(['a', 'b'])", "a-b\n"},
    {"print 'abc'[1], 'abc'[-1], 'abc'[1:], 'abc'[::-1]", "b c bc cba\n"},
    {"print 'abc'.upper(), 'ABC'.lower(), 'abc def'.title()", "ABC abc Abc Def\n"},
    {"print 'abc'.replace('b', 'x'), 'aXa'.count('a')", "axc 2\n"},
    {"print 'abc'.find('c'), 'abc'.find('z'), 'abc'.index('b')", "2 -1 1\n"},
    {"print 'a' in 'abc', 'z' not in 'abc'", "True True\n"},
    {"print 'abc'.startswith('ab'), 'abc'.endswith('bc')", "True True\n"},
    {"print '  x '.strip() + '|', 'xxaxx'.strip('x'), ' x'.lstrip(), 'x '.rstrip() + '|'",
     "x| a x x|\n"},
    {"print 'ab'.center(6, '*'), 'ab'.ljust(4) + '|', 'ab'.rjust(4), '7'.zfill(3)",
     "**ab** ab  |   ab 007\n"},
    {"print '12'.isdigit(), 'ab'.isalpha()", "True True\n"},
    {"print True + 1, True and 'x', 0 or 'y', not []", "2 x y True\n"},
    {"print 1 < 2 < 3, 3 > 2 > 2", "True False\n"},
    {"print None, True", "None True\n"},
    {"print (1,), (1, 2), ()", "(1,) (1, 2) ()\n"},
    {"print [1, 'a', None, 2.5]", "[1, 'a', None, 2.5]\n"},
    {"print {1: 'x'}", "{1: 'x'}\n"},
    {"print [x * 2 for x in range(4) if x % 2]", "[2, 6]\n"},
    {"print len('abc'), len([1, 2]), len({})", "3 2 0\n"},
    {"print min(3, 1, 2), max([1, 5, 2]), sum([1, 2, 3])", "1 5 6\n"},
    {"print abs(-3), divmod(7, 2), pow(2, 10)", "3 (3, 1) 1024\n"},
    {"print ord('a'), chr(98)", "97 b\n"},
    {"print hex(255), oct(8)", "0xff 010\n"},
    {"print str([1, 'a']), repr('a\\nb')", "[1, 'a'] 'a\\nb'\n"},
    {"print 'a\\tb\\\\n', r'a\\tb'", "a\tb\\n a\\tb\n"},
    {"print 'x' 'y'", "xy\n"},
    {"print '''a\nb'''", "a\nb\n"},
    {"print \"\\x41\\101\\d\"", "AA\\d\n"},
    {"print u'abc'", "abc\n"},
    {"print 'ab' < 'b', [1, 2] < [1, 3], (1, 2) == (1, 2)", "True True True\n"},
    {"print 3 == 3.0, '3' == 3", "True False\n"},
    {"print 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 4, 256 >> 2", "1 7 6 -6 16 64\n"},
    {"print isinstance(1, int), isinstance('a', str)", "True True\n"},
    {"print type(1) == int", "True\n"},
    {"print 'yes' if 1 else 'no'", "yes\n"},
    {"print list(enumerate(['a', 'b']))", "[(0, 'a'), (1, 'b')]\n"},
    {"print string.upper('abc'), string.join(['a', 'b'], ''), string.split('a b')",
     "ABC ab ['a', 'b']\n"},
    {"print string.atoi('42'), string.zfill('7', 3), string.replace('aa', 'a', 'b')",
     "42 007 bb\n"},
    {"print os.path.join('/a', 'b'), os.path.basename('/a/b.c'), os.path.dirname('/a/b')",
     "/a/b b.c /a\n"},
    {"print os.path.splitext('a.cfg')", "('a', '.cfg')\n"},
    {"print re.match('a(b+)', 'abbc').group(1)", "bb\n"},
    {"print re.sub('[0-9]', 'x', 'a1b2')", "axbx\n"},
    {"print re.search('z', 'abc')", "None\n"},
    {"print os.uname()[4]", "x86_64\n"},
    {"a = 5\ndef f(x, y=2, *rest, **more):\n    return (x, y, rest, sorted(more.items()))\nprint "
     "f(1), f(1, 3, 4, z=5)",
     "(1, 2, (), []) (1, 3, (4,), [('z', 5)])\n"},
    {"try:\n    raise ValueError, 'bad'\nexcept ValueError, e:\n    print 'got', e", "got bad\n"},
    {"try:\n    x = {}['k']\nexcept (KeyError, IndexError), e:\n    print 'key', e", "key 'k'\n"},
    {"def outer():\n    global g\n    g = 7\nouter()\nprint g", "7\n"},
    {"for i in range(2):\n    for j in 'ab':\n        if j == 'b': break\n        print i, "
     "j\nelse:\n    print 'done'",
     "0 a\n1 a\ndone\n"},
    {"def count(n):\n    if n <= 0: return []\n    return [n] + count(n - 1)\nprint count(3)",
     "[3, 2, 1]\n"},
    {"from __future__ import division\nprint 7/2, 7//2", "3.5 3\n"},
    {"x = 1\nx += 2; x *= 3; x -= 1; x /= 2; x **= 2\nprint x", "16\n"},
    {"a, (b, c) = 1, (2, 3)\nprint a, b, c\nl = [3, 1, 2]\nl.sort(); l.reverse(); l.append(9); "
     "l.insert(0, 7); del l[1]\nprint l, l.pop(), l.index(7)",
     "1 2 3\n[7, 2, 1, 9] 9 0\n"},
    {"d = {}\nd['x'] = 1\nd.update({'y': 2})\nd.setdefault('z', []).append(3)\nkeys = d.keys(); "
     "keys.sort()\nprint keys, d['z']",
     "['x', 'y', 'z'] [3]\n"},
    {"assert 1 == 1, 'never'\ntry:\n    assert 0, 'always'\nexcept AssertionError, e:\n    print "
     "'assert', e",
     "assert always\n"},
    {"def add(*numbers):\n    t = 0\n    for n in numbers: t = t + n\n    return t\nprint add(*[1, "
     "2, 3]), (lambda a, b=2: a * b)(4)",
     "6 8\n"},
    {"try:\n    print 1/0\nexcept ZeroDivisionError:\n    print 'zero'", "zero\n"},
    {"from string import join\nimport os.path as p\nprint join(['a', 'b'], '-'), "
     "p.basename('/x/y')",
     "a-b y\n"},
    {"s = 0\nfor k, v in sorted({'a': 1, 'b': 2}.items()): s += v\nprint s", "3\n"},
    {"try:\n    try:\n        raise RuntimeError('inner')\n    finally:\n        print "
     "'finally'\nexcept RuntimeError, e:\n    print str(e)",
     "finally\ninner\n"},
    {"if 0: pass\nelif 1: print 'elif'\nelse: print 'else'", "elif\n"},
    {"n = 0\nwhile n < 3:\n    n += 1\n    if n == 2: continue\n    print n", "1\n3\n"},
    {"try:\n    int('x')\nexcept ValueError:\n    print 'no number'", "no number\n"},
};

TEST(Python2, DomainFilesPrintWhatPython2Prints) {
  for (const Program& program : kPrograms) {
    const Compiled done = compile_text("import os, string, re\n" + std::string(program.text) +
                                       "\nname = 'a'\nmemory = 64\nkernel = '/k'\n");
    std::string printed;
    for (const std::string& line : done.printed()) printed += line + "\n";
    EXPECT_EQ(printed, program.prints) << program.text << "\n" << done.complaints();
  }
}

}  // namespace
}  // namespace hv::compiler
