#include "lang/numbers.h"

#include <gtest/gtest.h>

#include "lang_test_support.h"

namespace hv::lang {
namespace {

TEST(NumberTest, LengthIsTheLongestRun) {
  struct Case {
    std::string_view text;
    std::size_t length;
  };
  for (const Case& c : std::initializer_list<Case>{{"12+3", 2},
                                                   {"1..16", 1},
                                                   {"1.5..2", 3},
                                                   {"64MiB)", 5},
                                                   {"1e3", 3},
                                                   {"1e+3x", 5},
                                                   {"1e-3", 4},
                                                   {"1e+x", 2},
                                                   {"0x1e+3", 4},
                                                   {"5gone+3", 5},
                                                   {"10.0.0.1 ", 8},
                                                   {"1_000,", 5},
                                                   {".5", 2},
                                                   {"1.", 2}})
    EXPECT_EQ(number_length(c.text), c.length) << c.text;
}

TEST(NumberTest, Integers) {
  struct Case {
    std::string_view text;
    uint64_t value;
    int radix;
    bool legacy, is_long;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"0", 0, 10, false, false},
                                   {"12", 12, 10, false, false},
                                   {"00", 0, 10, true, false},
                                   {"0755", 493, 8, true, false},
                                   {"0o755", 493, 8, false, false},
                                   {"0O7", 7, 8, false, false},
                                   {"0x1F", 31, 16, false, false},
                                   {"0XffL", 255, 16, false, true},
                                   {"0b101", 5, 2, false, false},
                                   {"10L", 10, 10, false, true},
                                   {"10l", 10, 10, false, true},
                                   {"010L", 8, 8, true, true},
                                   {"1_000", 1000, 10, false, false},
                                   {"0x_ff", 255, 16, false, false},
                                   {"18446744073709551615", UINT64_MAX, 10, false, false}}) {
    const Number n = read_number(c.text);
    ASSERT_FALSE(n.mistake) << c.text << ": " << n.mistake->message;
    EXPECT_EQ(n.kind, TokenKind::integer) << c.text;
    ASSERT_TRUE(n.integer) << c.text;
    EXPECT_EQ(*n.integer, c.value) << c.text;
    EXPECT_EQ(n.radix, c.radix) << c.text;
    EXPECT_EQ(n.legacy_octal, c.legacy) << c.text;
    EXPECT_EQ(n.long_suffix, c.is_long) << c.text;
  }
  const Number big = read_number("18446744073709551616");
  EXPECT_FALSE(big.mistake);
  EXPECT_FALSE(big.integer);
  EXPECT_EQ(big.digits, "18446744073709551616");
}

TEST(NumberTest, Floats) {
  struct Case {
    std::string_view text;
    double value;
  };
  for (const Case& c : std::initializer_list<Case>{{"1.5", 1.5},
                                                   {"1.", 1.0},
                                                   {".5", 0.5},
                                                   {"1e3", 1000},
                                                   {"1.5E-2", 0.015},
                                                   {"08.5", 8.5},
                                                   {"1_0.2_5", 10.25},
                                                   {"1e-999", 0}}) {
    const Number n = read_number(c.text);
    ASSERT_FALSE(n.mistake) << c.text << ": " << n.mistake->message;
    EXPECT_EQ(n.kind, TokenKind::floating) << c.text;
    EXPECT_DOUBLE_EQ(n.floating, c.value) << c.text;
  }
  EXPECT_TRUE(read_number("1e999").floating > 1e308);
}

TEST(NumberTest, Quantities) {
  EXPECT_EQ(read_number("64MiB").size, mib(64));
  EXPECT_EQ(read_number("1.5GiB").size, mib(1536));
  EXPECT_EQ(read_number("1KB").size, bytes(1000));
  EXPECT_EQ(read_number("0B").size, bytes(0));
  EXPECT_EQ(read_number("0.50KiB").size, bytes(512));
  EXPECT_EQ(read_number("15m").duration, seconds(900));
  EXPECT_EQ(read_number("1.5s").duration, milliseconds(1500));
  EXPECT_EQ(read_number("2d").duration, seconds(172800));
  EXPECT_EQ(read_number("250ms").kind, TokenKind::duration);
}

TEST(NumberTest, EachMistakeHasItsDiagnosticAndFix) {
  struct Case {
    std::string_view text;
    Code code;
    std::string_view replacement;
  };
  for (const Case& c :
       std::initializer_list<Case>{{"08", Code::leading_zero, "8"},
                                   {"0129", Code::leading_zero, "129"},
                                   {"0x10G", Code::unit_on_radix, "16GiB"},
                                   {"0o20MiB", Code::unit_on_radix, "16MiB"},
                                   {"512M", Code::unknown_unit, "512MiB"},
                                   {"512mb", Code::unknown_unit, "512MB"},
                                   {"2gib", Code::unknown_unit, "2GiB"},
                                   {"15min", Code::unknown_unit, "15m"},
                                   {"3hours", Code::unknown_unit, "3h"},
                                   {"5parsec", Code::unknown_unit, ""},
                                   {"10.0.0.1", Code::malformed_number, "\"10.0.0.1\""},
                                   {"1.2.3", Code::malformed_number, "\"1.2.3\""},
                                   {"2j", Code::malformed_number, ""},
                                   {"1__0", Code::malformed_number, ""},
                                   {"1_", Code::malformed_number, ""},
                                   {"0x", Code::malformed_number, ""},
                                   {"0xg", Code::malformed_number, ""},
                                   {"0b12", Code::malformed_number, ""},
                                   {"00x16", Code::malformed_number, "\"00x16\""},
                                   {"1e3MiB", Code::malformed_number, ""},
                                   {"0.3B", Code::inexact_quantity, ""},
                                   {"0.0001s", Code::inexact_quantity, ""},
                                   {"9000000PiB", Code::inexact_quantity, ""}}) {
    const Number n = read_number(c.text);
    ASSERT_TRUE(n.mistake) << c.text;
    EXPECT_EQ(n.mistake->code, c.code) << c.text << ": " << n.mistake->message;
    EXPECT_EQ(n.mistake->replacement, c.replacement) << c.text;
  }
}

TEST(NumberTest, AUnitApartIsSaidOnceWithItsFix) {
  const Parsed parsed("a = 15 m\nb = 512 MB\nc = 3 GiB\n");
  EXPECT_EQ(parsed.codes(), "HV0114@1:5 HV0114@2:5 HV0114@3:5");
  EXPECT_EQ(parsed.diagnostics.all()[0].fix->replacement, "15m");
  EXPECT_EQ(parsed.diagnostics.all()[1].fix->replacement, "512MB");
  // A comma forgotten at a line's end is another mistake.
  EXPECT_EQ(Parsed("a = [15\n m]\n").codes(), "HV0101@2:2");
}

}  // namespace
}  // namespace hv::lang
