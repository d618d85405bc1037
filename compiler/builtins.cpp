// The builtin functions and exceptions of both Pythons that files use.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "compiler/interp.h"

namespace hv::compiler {
namespace {

V builtin(std::string_view name, BuiltinFunction function) {
  BuiltinObject* object = nullptr;
  V v = make(Tag::builtin, object);
  object->name = std::string(name);
  object->function = function;
  return v;
}

V wrong_arguments(Call& call, const char* usage) {
  return call.interp.raise(call.span, "TypeError", std::string("write it as `") + usage + "`");
}

V fn_len(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "len(x)");
  const V& v = call.positional[0];
  switch (v.tag()) {
    case Tag::list:
    case Tag::tuple:
      return V::integer(static_cast<int64_t>(v.as<SequenceObject>().items.size()));
    case Tag::dict:
    case Tag::set:
      return V::integer(static_cast<int64_t>(v.as<DictObject>().live));
    case Tag::range:
      return V::integer(v.as<RangeObject>().length());
    case Tag::string: {
      Meter::spend(v.text().size());
      int64_t n = 0;
      for (const char c : v.text())
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++n;
      return V::integer(n);
    }
    default:
      break;
  }
  return call.interp.raise(call.span, "TypeError",
                           "a " + std::string(type_name(v)) + " has no length");
}

V fn_range(Call& call) {
  const auto& args = call.positional;
  if (args.empty() || args.size() > 3) return wrong_arguments(call, "range(begin, end, step)");
  for (const V& arg : args)
    if (!arg.is_integral())
      return call.interp.raise(call.span, "TypeError",
                               "`range` takes ints, not a " + std::string(type_name(arg)));
  RangeObject* range = nullptr;
  V v = make(Tag::range, range);
  range->begin = args.size() == 1 ? 0 : args[0].integer();
  range->end = args.size() == 1 ? args[0].integer() : args[1].integer();
  range->step = args.size() == 3 ? args[2].integer() : 1;
  if (range->step == 0)
    return call.interp.raise(call.span, "ValueError", "the step of `range` cannot be 0");
  if (call.interp.python2()) {  // a list there
    auto items = call.interp.charge(range->length() * static_cast<int64_t>(sizeof(V)), call.span)
                     ? call.interp.elements(v, call.span)
                     : std::nullopt;
    return items ? make_list(std::move(*items)) : V::failed();
  }
  return v;
}

V fn_xrange(Call& call) {
  FileContext* file = std::exchange(call.interp.file, nullptr);
  V v = fn_range(call);
  call.interp.file = file;
  return v;
}

V fn_str(Call& call) {
  if (call.positional.empty()) return V::string("");
  if (is_secret(call.positional[0])) return call.positional[0];
  auto text = call.interp.text_of(call.positional[0], call.span);
  return text ? V::string(std::move(*text)) : V::failed();
}

V fn_repr(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "repr(x)");
  return V::string(repr(call.positional[0]));
}

std::string_view stripped(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  return text;
}

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
                             "`int` does not take a " + std::string(type_name(v)),
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
                           "`float` does not take a " + std::string(type_name(v)));
}

V fn_bool(Call& call) {
  return V::boolean(!call.positional.empty() && truthy(call.positional[0]));
}

V fn_list(Call& call) {
  if (call.positional.empty()) return make_list({});
  auto items = call.interp.elements(call.positional[0], call.span);
  return items ? make_list(std::move(*items)) : V::failed();
}

V fn_tuple(Call& call) {
  if (call.positional.empty()) return make_tuple({});
  auto items = call.interp.elements(call.positional[0], call.span);
  return items ? make_tuple(std::move(*items)) : V::failed();
}

V fn_set(Call& call) {
  DictObject* set = nullptr;
  V v = make(Tag::set, set);
  if (call.positional.empty()) return v;
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    auto key = hash_key(each);
    if (!key) {
      call.interp.raise(call.span, "TypeError",
                        "a " + std::string(type_name(each)) + " cannot be in a set");
      return false;
    }
    set->put(*key, each, V());
    return true;
  });
  return ok ? v : V::failed();
}

V fn_dict(Call& call) {
  DictObject* dict = nullptr;
  V v = make(Tag::dict, dict);
  if (!call.positional.empty()) {
    const V& from = call.positional[0];
    if (from.is(Tag::dict)) {
      for (const auto& [key, value] : from.as<DictObject>().items)
        if (!key.is_failed()) dict->put(*hash_key(key), key, value);
    } else {
      const bool ok = call.interp.iterate(from, call.span, [&](const V& pair) {
        auto parts = call.interp.elements(pair, call.span);
        if (!parts) return false;
        auto key = parts->size() == 2 ? hash_key((*parts)[0]) : std::nullopt;
        if (!key) {
          call.interp.raise(call.span, "TypeError", "`dict` takes pairs of a key and a value");
          return false;
        }
        dict->put(*key, (*parts)[0], (*parts)[1]);
        return true;
      });
      if (!ok) return V::failed();
    }
  }
  for (auto& [name, value] : call.keywords) dict->put("s" + name, V::string(name), value);
  return v;
}

V fn_sorted(Call& call) {
  if (call.positional.empty()) return wrong_arguments(call, "sorted(x)");
  auto items = call.interp.elements(call.positional[0], call.span);
  if (!items) return V::failed();
  V key;
  bool reverse = false;
  for (auto& [name, value] : call.keywords) {
    if (name == "key")
      key = value;
    else if (name == "reverse")
      reverse = truthy(value);
    else
      return wrong_arguments(call, "sorted(x, key=f, reverse=True)");
  }
  std::vector<std::pair<V, V>> keyed;
  for (V& item : *items) {
    V k = item;
    if (!key.is(Tag::none)) {
      k = call.interp.call(key, call.span, {item}, {});
      if (k.is_failed()) return k;
    }
    keyed.emplace_back(std::move(k), std::move(item));
  }
  Meter::work += static_cast<int64_t>(keyed.size()) * 4;
  bool ok = true;
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    if (!ok) return false;
    auto sign = call.interp.order(a.first, b.first, call.span);
    if (!sign) ok = false;
    return sign && (reverse ? *sign > 0 : *sign < 0);
  });
  if (!ok) return V::failed();
  std::vector<V> sorted;
  for (auto& [k, item] : keyed) sorted.push_back(std::move(item));
  return make_list(std::move(sorted));
}

V fn_reversed(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "reversed(x)");
  auto items = call.interp.elements(call.positional[0], call.span);
  if (!items) return V::failed();
  std::reverse(items->begin(), items->end());
  return make_list(std::move(*items));
}

V fn_enumerate(Call& call) {
  if (call.positional.empty()) return wrong_arguments(call, "enumerate(x)");
  int64_t at = 0;
  if (call.positional.size() > 1 && call.positional[1].is_integral())
    at = call.positional[1].integer();
  for (auto& [name, value] : call.keywords)
    if (name == "start" && value.is_integral()) at = value.integer();
  std::vector<V> pairs;
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    pairs.push_back(make_tuple({V::integer(at++), each}));
    return true;
  });
  return ok ? make_list(std::move(pairs)) : V::failed();
}

V fn_zip(Call& call) {
  std::vector<std::vector<V>> columns;
  for (const V& arg : call.positional) {
    auto items = call.interp.elements(arg, call.span);
    if (!items) return V::failed();
    columns.push_back(std::move(*items));
  }
  std::vector<V> rows;
  for (std::size_t i = 0; !columns.empty(); ++i) {
    std::vector<V> row;
    for (auto& column : columns) {
      if (i >= column.size()) return make_list(std::move(rows));
      row.push_back(column[i]);
    }
    rows.push_back(make_tuple(std::move(row)));
  }
  return make_list(std::move(rows));
}

V fn_map(Call& call) {
  if (call.positional.size() < 2) return wrong_arguments(call, "map(f, x)");
  const V function = call.positional[0];
  Call zipped{call.interp, call.span, {call.positional.begin() + 1, call.positional.end()}, {}};
  V rows = fn_zip(zipped);
  if (rows.is_failed()) return rows;
  std::vector<V> results;
  for (const V& row : rows.as<SequenceObject>().items) {
    V result = function.is(Tag::none)
                   ? row.as<SequenceObject>().items[0]
                   : call.interp.call(function, call.span, row.as<SequenceObject>().items, {});
    if (result.is_failed()) return result;
    results.push_back(std::move(result));
  }
  return make_list(std::move(results));
}

V fn_filter(Call& call) {
  if (call.positional.size() != 2) return wrong_arguments(call, "filter(f, x)");
  const V function = call.positional[0];
  std::vector<V> kept;
  const bool ok = call.interp.iterate(call.positional[1], call.span, [&](const V& each) {
    V result = function.is(Tag::none) ? each : call.interp.call(function, call.span, {each}, {});
    if (result.is_failed()) return false;
    if (truthy(result)) kept.push_back(each);
    return true;
  });
  return ok ? make_list(std::move(kept)) : V::failed();
}

V fn_reduce(Call& call) {
  if (call.positional.size() < 2) return wrong_arguments(call, "reduce(f, x)");
  const V function = call.positional[0];
  bool have = call.positional.size() > 2;
  V sum = have ? call.positional[2] : V();
  const bool ok = call.interp.iterate(call.positional[1], call.span, [&](const V& each) {
    if (!have) {
      sum = each;
      have = true;
      return true;
    }
    sum = call.interp.call(function, call.span, {sum, each}, {});
    return !sum.is_failed();
  });
  if (!ok) return V::failed();
  if (!have) return call.interp.raise(call.span, "TypeError", "`reduce` of nothing");
  return sum;
}

V extreme(Call& call, int wanted, const char* usage) {
  std::vector<V> items;
  if (call.positional.size() == 1) {
    auto all = call.interp.elements(call.positional[0], call.span);
    if (!all) return V::failed();
    items = std::move(*all);
  } else {
    items = call.positional;
  }
  V key;
  V fallback = V::failed();
  for (auto& [name, value] : call.keywords) {
    if (name == "key")
      key = value;
    else if (name == "default")
      fallback = value;
    else
      return wrong_arguments(call, usage);
  }
  if (items.empty()) {
    if (!fallback.is_failed()) return fallback;
    return call.interp.raise(call.span, "ValueError", "there is nothing to choose from");
  }
  V best, best_key;
  for (std::size_t i = 0; i < items.size(); ++i) {
    V k = items[i];
    if (!key.is(Tag::none)) {
      k = call.interp.call(key, call.span, {items[i]}, {});
      if (k.is_failed()) return k;
    }
    if (i > 0) {
      auto sign = call.interp.order(k, best_key, call.span);
      if (!sign) return V::failed();
      if (*sign != wanted) continue;
    }
    best = items[i];
    best_key = k;
  }
  return best;
}
V fn_min(Call& call) {
  return extreme(call, -1, "min(x, key=f)");
}
V fn_max(Call& call) {
  return extreme(call, 1, "max(x, key=f)");
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
                           "`abs` does not take a " + std::string(type_name(v)));
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

V fn_any(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "any(x)");
  bool found = false;
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    found = found || truthy(each);
    return true;
  });
  return ok ? V::boolean(found) : V::failed();
}

V fn_all(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "all(x)");
  bool all = true;
  const bool ok = call.interp.iterate(call.positional[0], call.span, [&](const V& each) {
    all = all && truthy(each);
    return true;
  });
  return ok ? V::boolean(all) : V::failed();
}

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

V fn_isinstance(Call& call) {
  if (call.positional.size() != 2) return wrong_arguments(call, "isinstance(x, type)");
  const V& v = call.positional[0];
  const auto test = [&](const V& type) {
    if (type.is(Tag::exception_type))
      return v.is(Tag::exception) &&
             exception_matches(v.as<ExceptionObject>().type, type.as<ExceptionTypeObject>().name);
    if (!type.is(Tag::builtin)) return false;
    const std::string& name = type.as<BuiltinObject>().name;
    if (name == "int") return v.is_integral();
    if (name == "long") return false;
    if (name == "basestring" || name == "unicode") return v.is(Tag::string);
    return type_name(v) == name;
  };
  if (call.positional[1].is(Tag::tuple)) {
    for (const V& type : call.positional[1].as<SequenceObject>().items)
      if (test(type)) return V::boolean(true);
    return V::boolean(false);
  }
  return V::boolean(test(call.positional[1]));
}

V fn_print(Call& call) {
  std::string line;
  for (const V& v : call.positional)
    line += (line.empty() ? "" : " ") + (is_secret(v) ? "(secret)" : str(v));
  call.interp.world.note(call.span, line);
  return V();
}

V fn_type(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "type(x)");
  V type = find_builtin(type_name(call.positional[0]), true);
  if (type.is_failed())
    return call.interp.raise(call.span, "TypeError",
                             "the type of a " + std::string(type_name(call.positional[0])) +
                                 " is no value of the language");
  return type;
}

V fn_callable(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "callable(x)");
  const Tag tag = call.positional[0].tag();
  return V::boolean(tag == Tag::function || tag == Tag::builtin || tag == Tag::method);
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

V fn_execfile(Call& call) {
  return call.interp.raise(call.span, Code::not_hermetic,
                           "`execfile` is only called by its own name");
}

V refused(Call& call, const char* name) {
  return call.interp.raise(
      call.span, Code::not_hermetic,
      "`" + std::string(name) + "` reaches outside, which evaluation never does",
      "a `param` brings in what must come from outside");
}
V fn_open(Call& call) {
  return refused(call, "open");
}
V fn_file(Call& call) {
  return refused(call, "file");
}
V fn_input(Call& call) {
  return refused(call, "input");
}

V fn_shareable(Call& call) {
  return call.interp.world.call_shareable(call);
}

struct Row {
  std::string_view name;
  BuiltinFunction function;
  enum class In : uint8_t { both, python2, modern } in = In::both;
};
constexpr Row kBuiltins[] = {
    {"abs", fn_abs},
    {"all", fn_all},
    {"any", fn_any},
    {"basestring", fn_str, Row::In::python2},
    {"bin", fn_bin},
    {"bool", fn_bool},
    {"callable", fn_callable},
    {"chr", fn_chr},
    {"dict", fn_dict},
    {"divmod", fn_divmod},
    {"enumerate", fn_enumerate},
    {"execfile", fn_execfile, Row::In::python2},
    {"file", fn_file, Row::In::python2},
    {"filter", fn_filter},
    {"float", fn_float},
    {"frozenset", fn_set},
    {"hex", fn_hex},
    {"input", fn_input},
    {"int", fn_int},
    {"isinstance", fn_isinstance},
    {"len", fn_len},
    {"list", fn_list},
    {"long", fn_int, Row::In::python2},
    {"map", fn_map},
    {"max", fn_max},
    {"min", fn_min},
    {"oct", fn_oct},
    {"open", fn_open},
    {"ord", fn_ord},
    {"pow", fn_pow},
    {"print", fn_print},
    {"range", fn_range},
    {"raw_input", fn_input, Row::In::python2},
    {"reduce", fn_reduce, Row::In::python2},
    {"repr", fn_repr},
    {"reversed", fn_reversed},
    {"round", fn_round},
    {"set", fn_set},
    {"shareable", fn_shareable, Row::In::modern},
    {"sorted", fn_sorted},
    {"str", fn_str},
    {"sum", fn_sum},
    {"tuple", fn_tuple},
    {"type", fn_type},
    {"unichr", fn_chr, Row::In::python2},
    {"unicode", fn_str, Row::In::python2},
    {"vbd", builtin_vbd, Row::In::modern},
    {"vif", builtin_vif, Row::In::modern},
    {"xrange", fn_xrange, Row::In::python2},
    {"zip", fn_zip},
};

// Each exception and what it is a kind of.
constexpr std::pair<std::string_view, std::string_view> kExceptions[] = {
    {"ArithmeticError", "Exception"},
    {"AssertionError", "Exception"},
    {"AttributeError", "Exception"},
    {"BaseException", ""},
    {"EnvironmentError", "Exception"},
    {"Exception", "BaseException"},
    {"IOError", "EnvironmentError"},
    {"ImportError", "Exception"},
    {"IndexError", "LookupError"},
    {"KeyError", "LookupError"},
    {"LookupError", "Exception"},
    {"NameError", "Exception"},
    {"NotImplementedError", "RuntimeError"},
    {"OSError", "EnvironmentError"},
    {"OverflowError", "ArithmeticError"},
    {"RuntimeError", "Exception"},
    {"StandardError", "Exception"},
    {"StopIteration", "Exception"},
    {"SyntaxError", "Exception"},
    {"SystemExit", "BaseException"},
    {"TypeError", "Exception"},
    {"UnboundLocalError", "NameError"},
    {"UnicodeError", "ValueError"},
    {"ValueError", "Exception"},
    {"ZeroDivisionError", "ArithmeticError"},
};

}  // namespace

V find_builtin(std::string_view name, bool python2) {
  const auto* row = std::lower_bound(std::begin(kBuiltins), std::end(kBuiltins), name,
                                     [](const Row& a, std::string_view b) { return a.name < b; });
  if (row != std::end(kBuiltins) && row->name == name &&
      (row->in == Row::In::both || (row->in == Row::In::python2) == python2))
    return builtin(row->name, row->function);
  if (is_exception_name(name)) {
    ExceptionTypeObject* type = nullptr;
    V v = make(Tag::exception_type, type);
    type->name = std::string(name);
    return v;
  }
  return V::failed();
}

std::vector<std::string_view> builtin_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kBuiltins) names.push_back(row.name);
  for (const auto& [name, base] : kExceptions) names.push_back(name);
  return names;
}

bool is_exception_name(std::string_view name) {
  return std::any_of(std::begin(kExceptions), std::end(kExceptions),
                     [&](const auto& row) { return row.first == name; });
}

bool exception_matches(std::string_view type, std::string_view wanted) {
  if (wanted == "StandardError") wanted = "Exception";
  while (!type.empty()) {
    if (type == wanted) return true;
    std::string_view base;
    for (const auto& [name, of] : kExceptions)
      if (name == type) base = of;
    type = base;
  }
  return false;
}

}  // namespace hv::compiler
