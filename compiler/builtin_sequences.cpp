// Builtin functions that make or walk sequences, dicts and sets.
#include <algorithm>

#include "compiler/builtins.h"
#include "compiler/interp.h"

namespace hv::compiler {

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
  return call.interp.raise(call.span, "TypeError", with_article(type_name(v)) + " has no length");
}

V fn_range(Call& call) {
  const auto& args = call.positional;
  if (args.empty() || args.size() > 3) return wrong_arguments(call, "range(begin, end, step)");
  for (const V& arg : args)
    if (!arg.is_integral())
      return call.interp.raise(call.span, "TypeError",
                               "`range` takes ints, not " + with_article(type_name(arg)));
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
                        with_article(type_name(each)) + " cannot be in a set");
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

namespace {

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

}  // namespace

V fn_min(Call& call) {
  return extreme(call, -1, "min(x, key=f)");
}

V fn_max(Call& call) {
  return extreme(call, 1, "max(x, key=f)");
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

}  // namespace hv::compiler
