// Builtin functions that make or take numbers.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "compiler/builtins.h"
#include "compiler/interp.h"

namespace hv::compiler {

namespace {

std::string_view stripped(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  return text;
}

}  // namespace

V fn_int(Call& call) {
  if (call.positional.empty()) return V::integer(0);
  const V& v = call.positional[0];
  if (v.is_integral()) return V::integer(v.integer());
  if (v.is(Tag::floating)) {
    if (!(std::fabs(v.floating()) < 9.2e18))
      return call.interp.raise(call.span, "OverflowError", "the number is more than 64 bits hold");
    return V::integer(static_cast<int64_t>(v.floating()));
  }
  if (!v.is(Tag::string))
    return call.interp.raise(call.span, "TypeError",
                             "`int` does not take " + with_article(type_name(v)),
                             v.is(Tag::size) ? "divide by a unit: `memory // 1MiB`" : "");
  int64_t base = 10;
  if (call.positional.size() > 1 && call.positional[1].is_integral())
    base = call.positional[1].integer();
  if (base != 0 && (base < 2 || base > 36))
    return call.interp.raise(call.span, "ValueError", "a base is 0 or 2 to 36");
  std::string text(stripped(v.text()));
  std::string_view digits = text;
  bool negative = false;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  const auto skip = [&](char letter, int64_t of) {
    if (digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == letter &&
        (base == of || base == 0)) {
      digits.remove_prefix(2);
      base = of;
    }
  };
  skip('x', 16);
  skip('o', 8);
  skip('b', 2);
  if (base == 0) base = digits.size() > 1 && digits[0] == '0' ? 8 : 10;
  int64_t result = 0;
  bool ok = !digits.empty();
  for (const char c : digits) {
    int digit = 99;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (std::isalpha(static_cast<unsigned char>(c)) != 0)
      digit = (c | 0x20) - 'a' + 10;
    if (digit >= base) {
      ok = false;
      break;
    }
    if (__builtin_mul_overflow(result, base, &result) ||
        __builtin_add_overflow(result, digit, &result))
      return call.interp.raise(call.span, "OverflowError", "the number is more than 64 bits hold");
  }
  if (!ok)
    return call.interp.raise(call.span, "ValueError",
                             repr(v) + " is no number in base " + std::to_string(base));
  return V::integer(negative ? -result : result);
}

V fn_float(Call& call) {
  if (call.positional.empty()) return V::floating(0);
  const V& v = call.positional[0];
  if (v.is_number()) return V::floating(v.number());
  if (v.is(Tag::string)) {
    const std::string text(stripped(v.text()));
    char* end = nullptr;
    const double d = std::strtod(text.c_str(), &end);
    if (!text.empty() && *end == '\0' && text.find_first_of("xXpP") == std::string::npos)
      return V::floating(d);
    return call.interp.raise(call.span, "ValueError", repr(v) + " is no number");
  }
  return call.interp.raise(call.span, "TypeError",
                           "`float` does not take " + with_article(type_name(v)));
}

V fn_bool(Call& call) {
  return V::boolean(!call.positional.empty() && truthy(call.positional[0]));
}

V fn_sum(Call& call) {
  if (call.positional.empty()) return wrong_arguments(call, "sum(x)");
  V sum = call.positional.size() > 1 ? call.positional[1] : V::integer(0);
  bool first = call.positional.size() == 1;
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    // Sizes add up from the first, since 0 has no unit.
    if (first && (each.is(Tag::size) || each.is(Tag::duration)))
      sum = each;
    else
      sum = call.interp.binary(lang::BinaryOp::add, sum, each, call.span, call.span);
    first = false;
    return !sum.is_failed();
  });
  return ok ? sum : V::failed();
}

V fn_abs(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "abs(x)");
  const V& v = call.positional[0];
  if (v.is(Tag::floating)) return V::floating(std::fabs(v.floating()));
  if (v.is_integral() && v.integer() != INT64_MIN) return V::integer(std::abs(v.integer()));
  return call.interp.raise(call.span, "TypeError",
                           "`abs` does not take " + with_article(type_name(v)));
}

V fn_round(Call& call) {
  if (call.positional.empty() || !call.positional[0].is_number())
    return wrong_arguments(call, "round(number, digits)");
  const double d = call.positional[0].number();
  const bool digits = call.positional.size() > 1 && call.positional[1].is_integral();
  const int64_t places = digits ? std::clamp<int64_t>(call.positional[1].integer(), -308, 308) : 0;
  const double scale = std::pow(10.0, static_cast<double>(places));
  // Rounded from the exact decimal value, as Python does: 2.675 is a little less than it looks.
  double rounded = std::nearbyint(d * scale) / scale;
  if (places >= 0 && std::isfinite(d)) {
    char buffer[700];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(places), d);
    rounded = std::strtod(buffer, nullptr);
  }
  if (call.interp.python2()) {  // ties go away from zero there
    const double scaled = d * scale;
    const bool tie = std::fabs(scaled - std::trunc(scaled)) == 0.5 && scaled / scale == d;
    return V::floating(tie ? std::round(scaled) / scale : rounded);
  }
  if (digits && call.positional[0].is(Tag::floating)) return V::floating(rounded);
  if (!(std::fabs(rounded) < 9.2e18))
    return call.interp.raise(call.span, "OverflowError", "the number is more than 64 bits hold");
  return V::integer(static_cast<int64_t>(rounded));
}

namespace {

V in_base(Call& call, const char* prefix, unsigned base) {
  if (call.positional.size() != 1 || !call.positional[0].is_integral())
    return call.interp.raise(call.span, "TypeError", "this takes one int");
  const int64_t n = call.positional[0].integer();
  uint64_t magnitude = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[magnitude % base]);
    magnitude /= base;
  } while (magnitude != 0);
  return V::string((n < 0 ? "-" : "") + std::string(prefix) + digits);
}

}  // namespace

V fn_hex(Call& call) {
  return in_base(call, "0x", 16);
}

V fn_oct(Call& call) {
  return in_base(call, call.interp.python2() ? "0" : "0o", 8);
}

V fn_bin(Call& call) {
  return in_base(call, "0b", 2);
}

V fn_ord(Call& call) {
  if (call.positional.size() != 1 || !call.positional[0].is(Tag::string) ||
      call.positional[0].text().empty())
    return wrong_arguments(call, "ord(\"c\")");
  const std::string& text = call.positional[0].text();
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80 && text.size() == 1) return V::integer(lead);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  if (text.size() != length) return wrong_arguments(call, "ord(\"c\")");
  int64_t point = length == 1 ? lead : lead & (0xff >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = point * 64 + (text[i] & 0x3f);
  return V::integer(point);
}

V fn_chr(Call& call) {
  if (call.positional.size() != 1 || !call.positional[0].is_integral())
    return wrong_arguments(call, "chr(97)");
  const int64_t n = call.positional[0].integer();
  if (n < 0 || n > 0x10ffff || (n >= 0xd800 && n < 0xe000))
    return call.interp.raise(call.span, "ValueError", std::to_string(n) + " is no character");
  const auto p = static_cast<uint32_t>(n);
  std::string out;
  if (p < 0x80) {
    out += static_cast<char>(p);
  } else if (p < 0x800) {
    out += static_cast<char>(0xc0 | (p >> 6));
    out += static_cast<char>(0x80 | (p & 63));
  } else if (p < 0x10000) {
    out += static_cast<char>(0xe0 | (p >> 12));
    out += static_cast<char>(0x80 | ((p >> 6) & 63));
    out += static_cast<char>(0x80 | (p & 63));
  } else {
    out += static_cast<char>(0xf0 | (p >> 18));
    out += static_cast<char>(0x80 | ((p >> 12) & 63));
    out += static_cast<char>(0x80 | ((p >> 6) & 63));
    out += static_cast<char>(0x80 | (p & 63));
  }
  return V::string(std::move(out));
}

V fn_divmod(Call& call) {
  if (call.positional.size() != 2) return wrong_arguments(call, "divmod(a, b)");
  V quotient = call.interp.binary(lang::BinaryOp::floor_divide, call.positional[0],
                                  call.positional[1], call.span, call.span);
  if (quotient.is_failed()) return quotient;
  V rest = call.interp.binary(lang::BinaryOp::modulo, call.positional[0], call.positional[1],
                              call.span, call.span);
  if (rest.is_failed()) return rest;
  return make_tuple({quotient, rest});
}

V fn_pow(Call& call) {
  if (call.positional.size() != 2) return wrong_arguments(call, "pow(a, b)");
  return call.interp.binary(lang::BinaryOp::power, call.positional[0], call.positional[1],
                            call.span, call.span);
}

}  // namespace hv::compiler
