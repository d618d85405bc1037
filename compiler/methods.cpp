// Methods of list, tuple, dict, set and match objects, and what finds a method of any value.
#include "compiler/methods.h"

#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

V wrong(Call& call, std::string usage) {
  return call.interp.raise(call.span, "TypeError", "write it as `" + std::move(usage) + "`");
}

// The text of argument `i`, or nothing after raising.
std::optional<std::string> text_argument(Call& call, std::size_t i, const char* usage) {
  if (i < call.positional.size() && call.positional[i].is(Tag::string))
    return call.positional[i].text();
  wrong(call, usage);
  return std::nullopt;
}

namespace {

// ---- list

V list_append(Call& call, const V& self) {
  if (call.positional.size() != 1) return wrong(call, "list.append(x)");
  self.as<SequenceObject>().items.push_back(call.positional[0]);
  self.as<SequenceObject>().recount();
  return V();
}
V list_extend(Call& call, const V& self) {
  if (call.positional.size() != 1) return wrong(call, "list.extend(x)");
  auto more = call.interp.elements(call.positional[0], call.span);
  if (!more) return V::failed();
  auto& items = self.as<SequenceObject>().items;
  if (!call.interp.charge(static_cast<int64_t>((items.size() + more->size()) * sizeof(V)),
                          call.span))
    return V::failed();
  items.insert(items.end(), more->begin(), more->end());
  self.as<SequenceObject>().recount();
  return V();
}
V list_insert(Call& call, const V& self) {
  if (call.positional.size() != 2 || !call.positional[0].is_integral())
    return wrong(call, "list.insert(index, x)");
  auto& items = self.as<SequenceObject>().items;
  int64_t at = call.positional[0].integer();
  if (at < 0) at += static_cast<int64_t>(items.size());
  at = std::clamp<int64_t>(at, 0, static_cast<int64_t>(items.size()));
  items.insert(items.begin() + at, call.positional[1]);
  self.as<SequenceObject>().recount();
  return V();
}
V list_pop(Call& call, const V& self) {
  auto& items = self.as<SequenceObject>().items;
  if (!call.positional.empty() && !call.positional[0].is_integral())
    return wrong(call, "list.pop(index)");
  int64_t at = call.positional.empty() ? -1 : call.positional[0].integer();
  if (at < 0) at += static_cast<int64_t>(items.size());
  if (at < 0 || at >= static_cast<int64_t>(items.size()))
    return call.interp.raise(call.span, "IndexError", "there is no such element to take out");
  V taken = items[static_cast<std::size_t>(at)];
  items.erase(items.begin() + at);
  return taken;
}
V list_remove(Call& call, const V& self) {
  if (call.positional.size() != 1) return wrong(call, "list.remove(x)");
  auto& items = self.as<SequenceObject>().items;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (equal(items[i], call.positional[0])) {
      items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
      return V();
    }
  return call.interp.raise(call.span, "ValueError", "the list does not have it");
}
V list_index(Call& call, const V& self) {
  if (call.positional.empty()) return wrong(call, "list.index(x)");
  const auto& items = self.as<SequenceObject>().items;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (equal(items[i], call.positional[0])) return V::integer(static_cast<int64_t>(i));
  return call.interp.raise(call.span, "ValueError", "the list does not have it");
}
V list_count(Call& call, const V& self) {
  if (call.positional.empty()) return wrong(call, "list.count(x)");
  const auto& items = self.as<SequenceObject>().items;
  return V::integer(std::count_if(items.begin(), items.end(),
                                  [&](const V& v) { return equal(v, call.positional[0]); }));
}
V list_reverse(Call&, const V& self) {
  auto& items = self.as<SequenceObject>().items;
  std::reverse(items.begin(), items.end());
  return V();
}
V list_sort(Call& call, const V& self) {
  Call sorted{call.interp, call.span, {self}, call.keywords};
  const V function = find_builtin("sorted", false);
  V result = function.as<BuiltinObject>().function(sorted);
  if (result.is_failed()) return result;
  self.as<SequenceObject>().items = result.as<SequenceObject>().items;
  self.as<SequenceObject>().recount();
  return V();
}
V list_copy(Call&, const V& self) {
  return make_list(self.as<SequenceObject>().items);
}
V list_clear(Call&, const V& self) {
  self.as<SequenceObject>().items.clear();
  return V();
}

// ---- dict and set

template <typename Make>
V dict_rows(const V& self, Make row) {
  std::vector<V> rows;
  for (const auto& [key, value] : self.as<DictObject>().items)
    if (!key.is_failed()) rows.push_back(row(key, value));
  return make_list(std::move(rows));
}
V dict_keys(Call&, const V& self) {
  return dict_rows(self, [](const V& k, const V&) { return k; });
}
V dict_values(Call&, const V& self) {
  return dict_rows(self, [](const V&, const V& v) { return v; });
}
V dict_items(Call&, const V& self) {
  return dict_rows(self, [](const V& k, const V& v) { return make_tuple({k, v}); });
}
V dict_get(Call& call, const V& self) {
  if (call.positional.empty()) return wrong(call, "dict.get(key, default)");
  auto key = hash_key(call.positional[0]);
  const V* found = key ? self.as<DictObject>().find(*key) : nullptr;
  if (found != nullptr) return *found;
  return call.positional.size() > 1 ? call.positional[1] : V();
}
V dict_has_key(Call& call, const V& self) {
  if (call.positional.size() != 1) return wrong(call, "dict.has_key(key)");
  auto key = hash_key(call.positional[0]);
  return V::boolean(key && self.as<DictObject>().index.contains(*key));
}
V dict_setdefault(Call& call, const V& self) {
  if (call.positional.empty()) return wrong(call, "dict.setdefault(key, default)");
  auto key = hash_key(call.positional[0]);
  if (!key) return wrong(call, "dict.setdefault(key, default)");
  if (const V* found = self.as<DictObject>().find(*key)) return *found;
  V value = call.positional.size() > 1 ? call.positional[1] : V();
  self.as<DictObject>().put(*key, call.positional[0], value);
  return value;
}
V dict_update(Call& call, const V& self) {
  const V maker = find_builtin("dict", false);
  Call made{call.interp, call.span, call.positional, call.keywords};
  V other = maker.as<BuiltinObject>().function(made);
  if (other.is_failed()) return other;
  for (const auto& [key, value] : other.as<DictObject>().items)
    if (!key.is_failed()) self.as<DictObject>().put(*hash_key(key), key, value);
  return V();
}
V dict_pop(Call& call, const V& self) {
  if (call.positional.empty()) return wrong(call, "dict.pop(key, default)");
  auto key = hash_key(call.positional[0]);
  const V* found = key ? self.as<DictObject>().find(*key) : nullptr;
  if (found != nullptr) {
    V value = *found;
    self.as<DictObject>().erase(*key);
    return value;
  }
  if (call.positional.size() > 1) return call.positional[1];
  return call.interp.raise(call.span, "KeyError", repr(call.positional[0]));
}
V dict_copy(Call&, const V& self) {
  DictObject* copy = nullptr;
  V v = make(self.tag(), copy);
  for (const auto& [key, value] : self.as<DictObject>().items)
    if (!key.is_failed()) copy->put(*hash_key(key), key, value);
  return v;
}
V set_add(Call& call, const V& self) {
  auto key = call.positional.size() == 1 ? hash_key(call.positional[0]) : std::nullopt;
  if (!key) return wrong(call, "set.add(x)");
  self.as<DictObject>().put(*key, call.positional[0], V());
  return V();
}
V set_discard(Call& call, const V& self) {
  auto key = call.positional.size() == 1 ? hash_key(call.positional[0]) : std::nullopt;
  if (key) self.as<DictObject>().erase(*key);
  return V();
}
V set_operation(Call& call, const V& self, lang::BinaryOp op) {
  const V maker = find_builtin("set", false);
  Call made{call.interp, call.span, call.positional, {}};
  V other = maker.as<BuiltinObject>().function(made);
  if (other.is_failed()) return other;
  return call.interp.binary(op, self, other, call.span, call.span);
}
V set_union(Call& call, const V& self) {
  return set_operation(call, self, lang::BinaryOp::bit_or);
}
V set_intersection(Call& call, const V& self) {
  return set_operation(call, self, lang::BinaryOp::bit_and);
}
V set_difference(Call& call, const V& self) {
  return set_operation(call, self, lang::BinaryOp::subtract);
}

// ---- re's match

V match_group_at(Call& call, const MatchObject& match, const V& which) {
  int64_t at = -1;
  if (which.is_integral()) at = which.integer();
  if (which.is(Tag::string)) {
    auto it = match.names.find(which.text());
    if (it != match.names.end()) at = it->second;
  }
  if (at < 0 || at >= static_cast<int64_t>(match.groups.size()))
    return call.interp.raise(call.span, "IndexError", "the pattern has no such group");
  const auto [begin, end] = match.groups[static_cast<std::size_t>(at)];
  if (begin < 0) return V();
  return V::string(
      match.subject.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
}
V match_group(Call& call, const V& self) {
  const auto& match = self.as<MatchObject>();
  if (call.positional.empty()) return match_group_at(call, match, V::integer(0));
  if (call.positional.size() == 1) return match_group_at(call, match, call.positional[0]);
  std::vector<V> groups;
  for (const V& which : call.positional) {
    groups.push_back(match_group_at(call, match, which));
    if (groups.back().is_failed()) return V::failed();
  }
  return make_tuple(std::move(groups));
}
V match_groups(Call& call, const V& self) {
  const auto& match = self.as<MatchObject>();
  std::vector<V> groups;
  for (std::size_t i = 1; i < match.groups.size(); ++i)
    groups.push_back(match_group_at(call, match, V::integer(static_cast<int64_t>(i))));
  return make_tuple(std::move(groups));
}

constexpr MethodRow kList[] = {
    {"append", list_append},   {"clear", list_clear},   {"copy", list_copy},
    {"count", list_count},     {"extend", list_extend}, {"index", list_index},
    {"insert", list_insert},   {"pop", list_pop},       {"remove", list_remove},
    {"reverse", list_reverse}, {"sort", list_sort},
};
constexpr MethodRow kTuple[] = {{"count", list_count}, {"index", list_index}};
constexpr MethodRow kDict[] = {
    {"copy", dict_copy},         {"get", dict_get},
    {"has_key", dict_has_key},   {"items", dict_items},
    {"iteritems", dict_items},   {"iterkeys", dict_keys},
    {"itervalues", dict_values}, {"keys", dict_keys},
    {"pop", dict_pop},           {"setdefault", dict_setdefault},
    {"update", dict_update},     {"values", dict_values},
};
constexpr MethodRow kSet[] = {
    {"add", set_add},
    {"copy", dict_copy},
    {"difference", set_difference},
    {"discard", set_discard},
    {"intersection", set_intersection},
    {"remove", set_discard},
    {"union", set_union},
};
constexpr MethodRow kMatch[] = {{"group", match_group}, {"groups", match_groups}};

const MethodRow* row_of(std::span<const MethodRow> rows, std::string_view name) {
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const MethodRow& each) { return each.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

std::span<const MethodRow> methods_of(Tag tag) {
  switch (tag) {
    case Tag::string:
      return string_methods();
    case Tag::list:
      return kList;
    case Tag::tuple:
      return kTuple;
    case Tag::dict:
      return kDict;
    case Tag::set:
      return kSet;
    case Tag::match:
      return kMatch;
    default:
      return {};
  }
}

V refuse_frozen(Call& call, const V& self) {
  return call.interp.raise(call.span, "TypeError",
                           with_article(type_name(self)) + " of another file cannot be changed",
                           "copy it: `list(x)`, `dict(x)`");
}

}  // namespace

std::vector<std::string_view> method_names(const V& self) {
  std::vector<std::string_view> names;
  for (const MethodRow& row : methods_of(self.tag())) names.push_back(row.name);
  return names;
}

V find_method(const V& self, std::string_view name) {
  static constexpr std::string_view kChanging[] = {"add",     "append",     "clear", "discard",
                                                   "extend",  "insert",     "pop",   "remove",
                                                   "reverse", "setdefault", "sort",  "update"};
  const MethodRow* row = row_of(methods_of(self.tag()), name);
  if (row == nullptr) return V::failed();
  MethodFunction does = row->function;
  if (is_frozen(self) &&
      std::find(std::begin(kChanging), std::end(kChanging), name) != std::end(kChanging))
    does = refuse_frozen;
  MethodObject* method = nullptr;
  V v = make(Tag::method, method);
  method->name = row->name;
  method->function = does;
  method->self = self;
  return v;
}

}  // namespace hv::compiler
