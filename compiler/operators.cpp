// Operators: arithmetic, comparison and order, with Python's meaning and hv's units.
#include <cmath>

#include "compiler/interp.h"

namespace hv::compiler {

using lang::BinaryOp;
using lang::CompareOp;

namespace {

int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  if (a % b != 0 && (a < 0) != (b < 0)) --q;
  return q;
}

int64_t floor_mod(int64_t a, int64_t b) {
  int64_t r = a % b;
  if (r != 0 && (r < 0) != (b < 0)) r += b;
  return r;
}

V overflow(Interp& interp, Span span) {
  return interp.raise(span, "OverflowError", "the result is more than 64 bits hold");
}

V integers(Interp& interp, BinaryOp op, int64_t a, int64_t b, Span span, bool floors) {
  int64_t result = 0;
  switch (op) {
    case BinaryOp::add:
      return __builtin_add_overflow(a, b, &result) ? overflow(interp, span) : V::integer(result);
    case BinaryOp::subtract:
      return __builtin_sub_overflow(a, b, &result) ? overflow(interp, span) : V::integer(result);
    case BinaryOp::multiply:
      return __builtin_mul_overflow(a, b, &result) ? overflow(interp, span) : V::integer(result);
    case BinaryOp::divide:
      if (!floors) {
        if (b == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
        return V::floating(static_cast<double>(a) / static_cast<double>(b));
      }
      [[fallthrough]];
    case BinaryOp::floor_divide:
    case BinaryOp::modulo:
      if (b == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
      if (a == INT64_MIN && b == -1)
        return op == BinaryOp::modulo ? V::integer(0) : overflow(interp, span);
      return V::integer(op == BinaryOp::modulo ? floor_mod(a, b) : floor_div(a, b));
    case BinaryOp::power: {
      if (b < 0) {
        if (a == 0) return interp.raise(span, "ZeroDivisionError", "0 to a negative power");
        return V::floating(std::pow(static_cast<double>(a), static_cast<double>(b)));
      }
      result = 1;
      int64_t base = a;
      for (int64_t e = b; e > 0; e >>= 1) {
        if ((e & 1) != 0 && __builtin_mul_overflow(result, base, &result))
          return overflow(interp, span);
        if (e > 1 && __builtin_mul_overflow(base, base, &base)) return overflow(interp, span);
      }
      return V::integer(result);
    }
    case BinaryOp::shift_left:
      if (b < 0) return interp.raise(span, "ValueError", "negative shift count");
      if (a == 0) return V::integer(0);
      if (b > 62 || __builtin_mul_overflow(a, int64_t{1} << b, &result))
        return overflow(interp, span);
      return V::integer(result);
    case BinaryOp::shift_right:
      if (b < 0) return interp.raise(span, "ValueError", "negative shift count");
      return V::integer(b > 63 ? (a < 0 ? -1 : 0) : a >> b);
    case BinaryOp::bit_and:
      return V::integer(a & b);
    case BinaryOp::bit_or:
      return V::integer(a | b);
    case BinaryOp::bit_xor:
      return V::integer(a ^ b);
  }
  return V::failed();
}

V floats(Interp& interp, BinaryOp op, double a, double b, Span span) {
  switch (op) {
    case BinaryOp::add:
      return V::floating(a + b);
    case BinaryOp::subtract:
      return V::floating(a - b);
    case BinaryOp::multiply:
      return V::floating(a * b);
    case BinaryOp::divide:
      if (b == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
      return V::floating(a / b);
    case BinaryOp::floor_divide:
      if (b == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
      return V::floating(std::floor(a / b));
    case BinaryOp::modulo: {
      if (b == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
      double r = std::fmod(a, b);
      if (r != 0 && (r < 0) != (b < 0)) r += b;
      if (r == 0) r = std::copysign(0.0, b);
      return V::floating(r);
    }
    case BinaryOp::power: {
      const double r = std::pow(a, b);
      if (std::isinf(r) && !std::isinf(a) && !std::isinf(b)) return overflow(interp, span);
      return V::floating(r);
    }
    case BinaryOp::shift_left:
    case BinaryOp::shift_right:
    case BinaryOp::bit_and:
    case BinaryOp::bit_or:
    case BinaryOp::bit_xor:
      break;
  }
  return interp.raise(span, "TypeError", "`" + std::string(symbol(op)) + "` does not take a float");
}

// size and duration: the same rules, one after the other (language reference, "Sizes").
V quantities(Interp& interp, BinaryOp op, const V& a, const V& b, Span span) {
  const Tag unit = a.is(Tag::size) || a.is(Tag::duration) ? a.tag() : b.tag();
  const auto made = [&](int64_t n) { return unit == Tag::size ? V::size(n) : V::duration(n); };
  const bool both = a.tag() == b.tag();
  int64_t n = 0;
  switch (op) {
    case BinaryOp::add:
      if (both)
        return __builtin_add_overflow(a.integer(), b.integer(), &n) ? overflow(interp, span)
                                                                    : made(n);
      break;
    case BinaryOp::subtract:
      if (both)
        return __builtin_sub_overflow(a.integer(), b.integer(), &n) ? overflow(interp, span)
                                                                    : made(n);
      break;
    case BinaryOp::multiply: {
      const V& quantity = a.tag() == unit ? a : b;
      const V& factor = a.tag() == unit ? b : a;
      if (factor.is_integral())
        return __builtin_mul_overflow(quantity.integer(), factor.integer(), &n)
                   ? overflow(interp, span)
                   : made(n);
      if (factor.is(Tag::floating)) {
        const double product = static_cast<double>(quantity.integer()) * factor.floating();
        if (std::fabs(product) > 9e18) return overflow(interp, span);
        if (product != std::floor(product))
          return interp.raise(span, "ValueError",
                              std::string("the product is no whole number of ") +
                                  (unit == Tag::size ? "bytes" : "milliseconds"));
        return made(static_cast<int64_t>(product));
      }
      break;
    }
    case BinaryOp::floor_divide:
    case BinaryOp::divide:
    case BinaryOp::modulo:
      if (b.is_integral() && op != BinaryOp::floor_divide) break;
      if (both || (b.is_integral() && a.tag() == unit)) {
        if (b.integer() == 0) return interp.raise(span, "ZeroDivisionError", "division by zero");
        if (op == BinaryOp::modulo) return made(floor_mod(a.integer(), b.integer()));
        if (op == BinaryOp::floor_divide) {
          n = floor_div(a.integer(), b.integer());
          return both ? V::integer(n) : made(n);
        }
        return V::floating(static_cast<double>(a.integer()) / static_cast<double>(b.integer()));
      }
      break;
    case BinaryOp::power:
    case BinaryOp::shift_left:
    case BinaryOp::shift_right:
    case BinaryOp::bit_and:
    case BinaryOp::bit_or:
    case BinaryOp::bit_xor:
      break;
  }
  std::string help;
  if ((op == BinaryOp::add || op == BinaryOp::subtract) && (a.is_integral() || b.is_integral())) {
    const int64_t number = a.is_integral() ? a.integer() : b.integer();
    help = "say the unit: `" + std::to_string(number) + (unit == Tag::size ? "MiB`" : "s`");
  } else if (op == BinaryOp::divide && b.is_integral()) {
    help = "write `//` for a whole result";
  }
  return interp.raise(span, "TypeError",
                      "`" + std::string(symbol(op)) + "` does not fit " +
                          with_article(type_name(a)) + " and " + with_article(type_name(b)),
                      help);
}

}  // namespace

V Interp::binary(BinaryOp op, const V& a, const V& b, Span span, Span op_span) {
  if (op == BinaryOp::modulo && a.is(Tag::string)) return percent(a, b, span);
  if (a.is(Tag::size) || a.is(Tag::duration) || b.is(Tag::size) || b.is(Tag::duration)) {
    if ((a.is_number() || a.is(Tag::size) || a.is(Tag::duration)) &&
        (b.is_number() || b.is(Tag::size) || b.is(Tag::duration)))
      return quantities(*this, op, a, b, span);
  }
  if (a.is_integral() && b.is_integral()) {
    if (op == BinaryOp::divide && !python2()) {
      raise(span, "TypeError", "`/` of two ints is not part of the language",
            "write `//` for a whole result");
      pending->fix = Fix{"write `//`", op_span, "//"};
      return V::failed();
    }
    const bool bits = op == BinaryOp::bit_and || op == BinaryOp::bit_or || op == BinaryOp::bit_xor;
    if (bits && a.is(Tag::boolean) && b.is(Tag::boolean))
      return V::boolean(integers(*this, op, a.integer(), b.integer(), span, false).integer() != 0);
    const bool floors = op == BinaryOp::divide && !(file != nullptr && file->true_division);
    return integers(*this, op, a.integer(), b.integer(), span, floors);
  }
  if (a.is_number() && b.is_number()) return floats(*this, op, a.number(), b.number(), span);
  if (op == BinaryOp::add) {
    if (a.is(Tag::string) && b.is(Tag::string)) {
      if (!charge(static_cast<int64_t>(a.text().size() + b.text().size()), span))
        return V::failed();
      V v = V::string(a.text() + b.text());
      v.as<StringObject>().secret = is_secret(a) || is_secret(b);
      return v;
    }
    if (a.tag() == b.tag() && (a.is(Tag::list) || a.is(Tag::tuple))) {
      std::vector<V> items = a.as<SequenceObject>().items;
      const auto& more = b.as<SequenceObject>().items;
      if (!charge(static_cast<int64_t>((items.size() + more.size()) * sizeof(V)), span))
        return V::failed();
      items.insert(items.end(), more.begin(), more.end());
      return a.is(Tag::list) ? make_list(std::move(items)) : make_tuple(std::move(items));
    }
  }
  if (op == BinaryOp::multiply && (a.is_integral() || b.is_integral())) {
    const V& sequence = a.is_integral() ? b : a;
    const int64_t times = std::max<int64_t>(0, a.is_integral() ? a.integer() : b.integer());
    if (sequence.is(Tag::string)) {
      const auto length = static_cast<int64_t>(sequence.text().size());
      int64_t total = 0;
      if (__builtin_mul_overflow(length, times, &total)) total = INT64_MAX / 2;
      if (!charge(total, span)) return V::failed();
      std::string text;
      text.reserve(static_cast<std::size_t>(total));
      for (int64_t i = 0; i < times && length > 0; ++i) text += sequence.text();
      V v = V::string(std::move(text));
      v.as<StringObject>().secret = is_secret(sequence);
      return v;
    }
    if (sequence.is(Tag::list) || sequence.is(Tag::tuple)) {
      const auto& items = sequence.as<SequenceObject>().items;
      int64_t total = 0;
      if (__builtin_mul_overflow(static_cast<int64_t>(items.size() * sizeof(V)), times, &total))
        total = INT64_MAX / 2;
      if (!charge(total, span)) return V::failed();
      std::vector<V> repeated;
      for (int64_t i = 0; i < times && !items.empty(); ++i)
        repeated.insert(repeated.end(), items.begin(), items.end());
      return sequence.is(Tag::list) ? make_list(std::move(repeated))
                                    : make_tuple(std::move(repeated));
    }
  }
  if (op == BinaryOp::bit_or && a.is(Tag::dict) && b.is(Tag::dict)) {
    const auto& more = b.as<DictObject>();
    if (!charge(static_cast<int64_t>((a.as<DictObject>().items.size() + more.items.size()) *
                                     (2 * sizeof(V))),
                span))
      return V::failed();
    DictObject* united = nullptr;
    V v = make(Tag::dict, united);
    for (const DictObject* side :
         std::initializer_list<const DictObject*>{&a.as<DictObject>(), &more})
      for (const auto& [key, value] : side->items)
        if (!key.is_failed()) united->put(*hash_key(key), key, value);
    return v;
  }
  if (a.is(Tag::set) && b.is(Tag::set)) {
    DictObject* set = nullptr;
    V v = make(Tag::set, set);
    const auto& left = a.as<DictObject>();
    const auto& right = b.as<DictObject>();
    // In the order in which the operands have their elements.
    for (const auto& [element, nothing] : left.items) {
      if (element.is_failed()) continue;
      const std::string key = *hash_key(element);
      const bool in_both = right.find(key) != nullptr;
      if (op == BinaryOp::bit_or || (op == BinaryOp::bit_and && in_both) ||
          ((op == BinaryOp::subtract || op == BinaryOp::bit_xor) && !in_both))
        set->put(key, element, V());
    }
    if (op == BinaryOp::bit_or || op == BinaryOp::bit_xor)
      for (const auto& [element, nothing] : right.items)
        if (!element.is_failed() && left.find(*hash_key(element)) == nullptr)
          set->put(*hash_key(element), element, V());
    return v;
  }
  std::string help;
  if (op == BinaryOp::add && (a.is(Tag::string) || b.is(Tag::string)))
    help = "make text of it with `str(…)` or `%`";
  if (a.is(Tag::reference) || b.is(Tag::reference))
    help = "a reference is not text; `.name` is its name";
  return raise(span, "TypeError",
               "`" + std::string(symbol(op)) + "` does not fit " + with_article(type_name(a)) +
                   " and " + with_article(type_name(b)),
               help);
}

std::optional<int> Interp::order(const V& a, const V& b, Span span) {
  if (a.is_number() && b.is_number()) {
    if (a.is(Tag::floating) || b.is(Tag::floating))
      return a.number() < b.number() ? -1 : a.number() > b.number() ? 1 : 0;
    return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  }
  if (a.tag() == b.tag()) {
    switch (a.tag()) {
      case Tag::size:
      case Tag::duration:
        return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
      case Tag::string: {
        Meter::spend(a.text().size());
        const int c = a.text().compare(b.text());
        return c < 0 ? -1 : c > 0 ? 1 : 0;
      }
      case Tag::list:
      case Tag::tuple: {
        const auto& left = a.as<SequenceObject>().items;
        const auto& right = b.as<SequenceObject>().items;
        for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
          if (!step(span)) return std::nullopt;
          if (equal(left[i], right[i])) continue;
          return order(left[i], right[i], span);
        }
        return left.size() < right.size() ? -1 : left.size() > right.size() ? 1 : 0;
      }
      default:
        break;
    }
  }
  std::string help;
  if ((a.is(Tag::size) || b.is(Tag::size)) && (a.is_integral() || b.is_integral()))
    help = "say the unit: `" + repr(a.is_integral() ? a : b) + "MiB`";
  raise(span, "TypeError",
        with_article(type_name(a)) + " and " + with_article(type_name(b)) + " have no order", help);
  return std::nullopt;
}

V Interp::compare(CompareOp op, const V& a, const V& b, Span span) {
  if (is_secret(a) || is_secret(b)) {
    if (op != CompareOp::is && op != CompareOp::is_not)
      return raise(span, "TypeError", "a decision must not depend on a secret");
  }
  switch (op) {
    case CompareOp::equal:
    case CompareOp::not_equal: {
      const bool mixed = (a.is(Tag::size) && b.is_number()) || (b.is(Tag::size) && a.is_number()) ||
                         (a.is(Tag::duration) && b.is_number()) ||
                         (b.is(Tag::duration) && a.is_number());
      if (mixed)
        return raise(span, "TypeError",
                     with_article(type_name(a)) + " never equals " + with_article(type_name(b)),
                     "say the unit of the number");
      return V::boolean(equal(a, b) == (op == CompareOp::equal));
    }
    case CompareOp::is:
    case CompareOp::is_not: {
      // Builtins have no identity of their own: each mention may make the object anew.
      const bool by_value = a.object() == nullptr || a.is(Tag::builtin) || a.is(Tag::kind) ||
                            a.is(Tag::exception_type) || a.is(Tag::module);
      const bool same = a.tag() == b.tag() && (by_value ? equal(a, b) : a.object() == b.object());
      return V::boolean(same == (op == CompareOp::is));
    }
    case CompareOp::in:
    case CompareOp::not_in: {
      bool found = false;
      if (b.is(Tag::string)) {
        if (!a.is(Tag::string))
          return raise(span, "TypeError",
                       with_article(type_name(a)) + " cannot be looked for in a str");
        Meter::spend(b.text().size());
        found = b.text().find(a.text()) != std::string::npos;
      } else if (b.is(Tag::dict) || b.is(Tag::set)) {
        auto key = hash_key(a);
        if (!key) return raise(span, "TypeError", with_article(type_name(a)) + " cannot be a key");
        found = b.as<DictObject>().index.contains(*key);
      } else {
        const bool ok = iterate(b, span, [&](const V& each) {
          found = found || equal(each, a);
          return true;
        });
        if (!ok) return V::failed();
      }
      return V::boolean(found == (op == CompareOp::in));
    }
    case CompareOp::less:
    case CompareOp::less_equal:
    case CompareOp::greater:
    case CompareOp::greater_equal:
      break;
  }
  auto sign = order(a, b, span);
  if (!sign) return V::failed();
  switch (op) {
    case CompareOp::less:
      return V::boolean(*sign < 0);
    case CompareOp::less_equal:
      return V::boolean(*sign <= 0);
    case CompareOp::greater:
      return V::boolean(*sign > 0);
    default:
      return V::boolean(*sign >= 0);
  }
}

}  // namespace hv::compiler
