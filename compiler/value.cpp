#include "compiler/value.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "compiler/visit.h"

namespace hv::compiler {

thread_local int64_t Meter::in_use = 0;
thread_local int64_t Meter::work = 0;
thread_local int64_t Meter::limit = INT64_MAX - 1;
thread_local int64_t Meter::memory = INT64_MAX;
thread_local Collectable* Collectable::first_ = nullptr;

// A long chain of values must not become a long chain of calls: what lies deep waits its turn.
void V::destroy() {
  constexpr int kDeepest = 32;
  thread_local int depth = 0;
  thread_local std::vector<Object*> waiting;
  Meter::in_use -= data_.object->bytes;
  if (depth >= kDeepest) {
    waiting.push_back(data_.object);
    return;
  }
  ++depth;
  delete data_.object;
  if (depth == 1) {
    while (!waiting.empty()) {
      Object* next = waiting.back();
      waiting.pop_back();
      delete next;
    }
  }
  --depth;
}

Collectable::Collectable() : next_(first_) {
  if (first_ != nullptr) first_->previous_ = this;
  first_ = this;
}

Collectable::~Collectable() {
  (previous_ != nullptr ? previous_->next_ : first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
}

void Collectable::empty_all() {
  std::vector<V> values;
  for (Collectable* each = first_; each != nullptr; each = each->next_) each->give_up(values);
}

std::size_t Collectable::count() {
  std::size_t live = 0;
  for (const Collectable* each = first_; each != nullptr; each = each->next_) ++live;
  return live;
}

void SequenceObject::recount() {
  const auto now = static_cast<int64_t>(sizeof(SequenceObject) + items.capacity() * sizeof(V));
  Meter::in_use += now - bytes;
  bytes = now;
}

void SequenceObject::give_up(std::vector<V>& values) {
  for (V& item : items) values.push_back(std::move(item));
  items.clear();
}

void DictObject::give_up(std::vector<V>& values) {
  for (auto& [key, value] : items) values.push_back(std::move(value));
  items.clear();
  index.clear();
  live = 0;
}

void Scope::give_up(std::vector<V>& values) {
  for (auto& [name, value] : variables) values.push_back(std::move(value));
  variables.clear();
}

V V::string(std::string text) {
  StringObject* object = nullptr;
  V v = make(Tag::string, object);
  if (text.size() > 15) {
    object->bytes += static_cast<int64_t>(text.size());
    Meter::in_use += static_cast<int64_t>(text.size());
    Meter::spend(text.size());
  }
  object->text = std::move(text);
  return v;
}

const std::string& V::text() const {
  return as<StringObject>().text;
}

V make_list(std::vector<V> items) {
  SequenceObject* object = nullptr;
  V v = make(Tag::list, object);
  Meter::work += static_cast<int64_t>(items.size());
  object->items = std::move(items);
  object->recount();
  return v;
}

V make_tuple(std::vector<V> items) {
  SequenceObject* object = nullptr;
  V v = make(Tag::tuple, object);
  Meter::work += static_cast<int64_t>(items.size());
  object->items = std::move(items);
  object->recount();
  return v;
}

V make_reference(Address address, Span span) {
  ReferenceObject* object = nullptr;
  V v = make(Tag::reference, object);
  object->address = std::move(address);
  object->span = span;
  return v;
}

V make_secret(std::string text) {
  V v = V::string(std::move(text));
  v.as<StringObject>().secret = true;
  return v;
}

bool is_secret(const V& value) {
  if (value.is(Tag::exception)) return is_secret(value.as<ExceptionObject>().value);
  return value.is(Tag::string) && value.as<StringObject>().secret;
}

const V* DictObject::find(const std::string& key) const {
  auto it = index.find(key);
  return it == index.end() ? nullptr : &items[it->second].second;
}

void DictObject::put(const std::string& key_hash, V key, V value) {
  auto [it, fresh] = index.emplace(key_hash, items.size());
  if (!fresh) {
    items[it->second].second = std::move(value);
    return;
  }
  items.emplace_back(std::move(key), std::move(value));
  ++live;
  // The pair in a vector that grows, the node of the index with its text, its bucket.
  const auto cost = static_cast<int64_t>(4 * sizeof(V) + 112 + key_hash.capacity());
  Meter::work += 16;
  bytes += cost;
  Meter::in_use += cost;
}

bool DictObject::erase(const std::string& key_hash) {
  auto it = index.find(key_hash);
  if (it == index.end()) return false;
  items[it->second] = {V::failed(), V()};
  index.erase(it);
  --live;
  return true;
}

thread_local int Visit::depth = 0;

std::optional<std::string> hash_key(const V& value) {
  const Visit visit;
  if (!visit.go_on) return std::nullopt;
  const auto number = [](double d) {
    if (d == std::floor(d) && std::fabs(d) < 9e15)
      return "i" + std::to_string(static_cast<int64_t>(d));
    char buffer[32];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, d).ptr;
    return "f" + std::string(buffer, end);
  };
  switch (value.tag()) {
    case Tag::none:
      return "n";
    case Tag::boolean:
    case Tag::integer:
      return "i" + std::to_string(value.integer());
    case Tag::floating:
      return number(value.floating());
    case Tag::size:
      return "b" + std::to_string(value.integer());
    case Tag::duration:
      return "d" + std::to_string(value.integer());
    case Tag::string:
      Meter::spend(value.text().size());
      return "s" + value.text();
    case Tag::reference:
      return "r" + to_string(value.as<ReferenceObject>().address);
    case Tag::tuple: {
      std::string key = "t";
      for (const V& item : value.as<SequenceObject>().items) {
        auto part = hash_key(item);
        if (!part) return std::nullopt;
        key += std::to_string(part->size()) + ":" + *part;
        Meter::spend(key.size());
        if (key.size() > kLongestText) Meter::exhaust();
      }
      return key;
    }
    case Tag::builtin:
      return "B" + value.as<BuiltinObject>().name;
    case Tag::module:
      return "M" + value.as<ModuleObject>().name;
    case Tag::exception_type:
      return "E" + value.as<ExceptionTypeObject>().name;
    case Tag::kind:
      return "K" + std::string(hv::to_string(value.as<KindObject>().kind));
    case Tag::function:
      return "o" + std::to_string(reinterpret_cast<uintptr_t>(value.object()));
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::list:
    case Tag::dict:
    case Tag::set:
    case Tag::range:
    case Tag::method:
    case Tag::template_:
    case Tag::schema:
    case Tag::record:
    case Tag::vbd:
    case Tag::vif:
    case Tag::exception:
    case Tag::match:
      return std::nullopt;
  }
  return std::nullopt;
}

void freeze(const V& value) {
  std::vector<V> waiting = {value};
  while (!waiting.empty()) {
    const V next = std::move(waiting.back());
    waiting.pop_back();
    ++Meter::work;
    if (next.is(Tag::list) || next.is(Tag::tuple)) {
      auto& sequence = next.as<SequenceObject>();
      if (std::exchange(sequence.frozen, true)) continue;
      waiting.insert(waiting.end(), sequence.items.begin(), sequence.items.end());
    } else if (next.is(Tag::dict) || next.is(Tag::set)) {
      auto& dict = next.as<DictObject>();
      if (std::exchange(dict.frozen, true)) continue;
      for (const auto& [key, item] : dict.items) waiting.push_back(item);
    }
  }
}

bool is_frozen(const V& value) {
  if (value.is(Tag::list)) return value.as<SequenceObject>().frozen;
  return (value.is(Tag::dict) || value.is(Tag::set)) && value.as<DictObject>().frozen;
}

bool truthy(const V& value) {
  switch (value.tag()) {
    case Tag::none:
      return false;
    case Tag::boolean:
    case Tag::integer:
    case Tag::size:
    case Tag::duration:
      return value.integer() != 0;
    case Tag::floating:
      return value.floating() != 0;
    case Tag::string:
      return !value.text().empty();
    case Tag::list:
    case Tag::tuple:
      return !value.as<SequenceObject>().items.empty();
    case Tag::dict:
    case Tag::set:
      return value.as<DictObject>().live != 0;
    case Tag::range:
      return value.as<RangeObject>().length() != 0;
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::function:
    case Tag::builtin:
    case Tag::method:
    case Tag::module:
    case Tag::kind:
    case Tag::reference:
    case Tag::template_:
    case Tag::schema:
    case Tag::record:
    case Tag::vbd:
    case Tag::vif:
    case Tag::exception_type:
    case Tag::exception:
    case Tag::match:
      return true;
  }
  return true;
}

bool equal(const V& a, const V& b) {
  const Visit visit;
  if (!visit.go_on) return false;
  if (a.is_number() && b.is_number()) {
    if (a.is(Tag::floating) || b.is(Tag::floating)) return a.number() == b.number();
    return a.integer() == b.integer();
  }
  if (a.tag() != b.tag()) return false;
  switch (a.tag()) {
    case Tag::none:
      return true;
    case Tag::size:
    case Tag::duration:
      return a.integer() == b.integer();
    case Tag::string:
      Meter::spend(a.text().size());
      return a.text() == b.text();
    case Tag::list:
    case Tag::tuple: {
      const auto& left = a.as<SequenceObject>().items;
      const auto& right = b.as<SequenceObject>().items;
      if (left.size() != right.size()) return false;
      for (std::size_t i = 0; i < left.size(); ++i)
        if (!equal(left[i], right[i])) return false;
      return true;
    }
    case Tag::dict:
    case Tag::set: {
      const auto& left = a.as<DictObject>();
      const auto& right = b.as<DictObject>();
      if (left.live != right.live) return false;
      for (const auto& [key, at] : left.index) {
        const V* other = right.find(key);
        if (other == nullptr) return false;
        if (a.is(Tag::dict) && !equal(left.items[at].second, *other)) return false;
      }
      return true;
    }
    case Tag::reference:
      return a.as<ReferenceObject>().address == b.as<ReferenceObject>().address;
    case Tag::range: {
      const auto& x = a.as<RangeObject>();
      const auto& y = b.as<RangeObject>();
      return x.length() == y.length() &&
             (x.length() == 0 || (x.begin == y.begin && (x.length() == 1 || x.step == y.step)));
    }
    case Tag::record:
      if (a.as<RecordObject>().fields.size() != b.as<RecordObject>().fields.size()) return false;
      for (const auto& [name, value] : a.as<RecordObject>().fields) {
        auto it = b.as<RecordObject>().fields.find(name);
        if (it == b.as<RecordObject>().fields.end() || !equal(value, it->second)) return false;
      }
      return true;
    case Tag::builtin:
      return a.as<BuiltinObject>().name == b.as<BuiltinObject>().name;
    case Tag::module:
      return a.as<ModuleObject>().name == b.as<ModuleObject>().name;
    case Tag::kind:
      return a.as<KindObject>().kind == b.as<KindObject>().kind;
    case Tag::exception_type:
      return a.as<ExceptionTypeObject>().name == b.as<ExceptionTypeObject>().name;
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::boolean:
    case Tag::integer:
    case Tag::floating:
    case Tag::function:
    case Tag::method:
    case Tag::template_:
    case Tag::schema:
    case Tag::vbd:
    case Tag::vif:
    case Tag::exception:
    case Tag::match:
      return a.object() == b.object();
  }
  return false;
}

std::string with_article(std::string_view noun) {
  const bool vowel =
      !noun.empty() && std::string_view("aeio").find(noun[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + std::string(noun);
}

std::string_view type_name(const V& value) {
  switch (value.tag()) {
    case Tag::failed:
    case Tag::ambiguous:
      return "nothing";
    case Tag::none:
      return "None";
    case Tag::boolean:
      return "bool";
    case Tag::integer:
      return "int";
    case Tag::floating:
      return "float";
    case Tag::size:
      return "size";
    case Tag::duration:
      return "duration";
    case Tag::string:
      return is_secret(value) ? "secret" : "str";
    case Tag::list:
      return "list";
    case Tag::tuple:
      return "tuple";
    case Tag::dict:
      return "dict";
    case Tag::set:
      return "set";
    case Tag::range:
      return "range";
    case Tag::function:
    case Tag::builtin:
    case Tag::method:
      return "function";
    case Tag::module:
      return "module";
    case Tag::kind:
      return "kind of resource";
    case Tag::reference:
      return "reference";
    case Tag::template_:
      return "template";
    case Tag::schema:
      return "schema";
    case Tag::record:
      return "record";
    case Tag::vbd:
      return "vbd";
    case Tag::vif:
      return "vif";
    case Tag::exception_type:
    case Tag::exception:
      return "exception";
    case Tag::match:
      return "match";
  }
  return "value";
}

}  // namespace hv::compiler
