#include "compiler/value.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace hv::compiler {

thread_local int64_t Meter::in_use = 0;
thread_local int64_t Meter::work = 0;
thread_local int64_t Meter::limit = INT64_MAX - 1;
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
  const auto cost = static_cast<int64_t>(2 * sizeof(V) + 2 * sizeof(std::string) + key_hash.size());
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

namespace {

// One visit of a walk over nested values. False: too deep or too long, and the program ends.
struct Visit {
  static thread_local int depth;
  bool go_on;
  Visit() {
    Meter::work += 4;
    if (++depth > 400) Meter::exhaust();
    go_on = !Meter::exhausted();
  }
  ~Visit() { --depth; }
};
thread_local int Visit::depth = 0;

}  // namespace

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
  const Visit visit;
  if (!visit.go_on) return;
  if (value.is(Tag::list) || value.is(Tag::tuple)) {
    auto& sequence = value.as<SequenceObject>();
    if (std::exchange(sequence.frozen, true)) return;
    for (const V& item : sequence.items) freeze(item);
  } else if (value.is(Tag::dict) || value.is(Tag::set)) {
    auto& dict = value.as<DictObject>();
    if (std::exchange(dict.frozen, true)) return;
    for (const auto& [key, item] : dict.items) freeze(item);
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

namespace {

std::string repr_string(const std::string& text) {
  const bool single = text.find('\'') == std::string::npos || text.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (octet < 0x20 || octet == 0x7f) {
      out += "\\x";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string repr_float(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  const std::string scientific(buffer, end);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  if (exponent >= 16 || exponent < -4) {
    // Python writes at least two digits of exponent, as to_chars does.
    return scientific;
  }
  end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
  std::string fixed(buffer, end);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

std::string repr_of(const V& value);

std::string repr_parts(const V& value) {
  const auto joined = [&](const std::vector<V>& items) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + repr_of(items[i]);
    return out;
  };
  switch (value.tag()) {
    case Tag::failed:
    case Tag::ambiguous:
      return "<nothing>";
    case Tag::none:
      return "None";
    case Tag::boolean:
      return value.integer() != 0 ? "True" : "False";
    case Tag::integer:
      return std::to_string(value.integer());
    case Tag::floating:
      return repr_float(value.floating());
    case Tag::size:
      return to_literal(bytes(value.integer()));
    case Tag::duration:
      return to_literal(milliseconds(value.integer()));
    case Tag::string:
      Meter::spend(value.text().size());
      return is_secret(value) ? "(secret)" : repr_string(value.text());
    case Tag::list:
      return "[" + joined(value.as<SequenceObject>().items) + "]";
    case Tag::tuple: {
      const auto& items = value.as<SequenceObject>().items;
      return "(" + joined(items) + (items.size() == 1 ? ",)" : ")");
    }
    case Tag::dict: {
      std::string out = "{";
      for (const auto& [key, item] : value.as<DictObject>().items) {
        if (key.is_failed()) continue;
        if (out.size() > 1) out += ", ";
        out += repr_of(key) + ": " + repr_of(item);
      }
      return out + "}";
    }
    case Tag::set: {
      std::string out;
      for (const auto& [key, item] : value.as<DictObject>().items) {
        if (key.is_failed()) continue;
        out += (out.empty() ? "{" : ", ") + repr_of(key);
      }
      return out.empty() ? "set()" : out + "}";
    }
    case Tag::range: {
      const auto& r = value.as<RangeObject>();
      std::string out = "range(" + std::to_string(r.begin) + ", " + std::to_string(r.end);
      if (r.step != 1) out += ", " + std::to_string(r.step);
      return out + ")";
    }
    case Tag::function:
      return "<function " + value.as<FunctionObject>().name + ">";
    case Tag::builtin:
      return "<built-in function " + value.as<BuiltinObject>().name + ">";
    case Tag::method:
      return "<built-in method " + std::string(value.as<MethodObject>().name) + ">";
    case Tag::module:
      return "<module '" + value.as<ModuleObject>().name + "'>";
    case Tag::kind:
      return std::string(hv::to_string(value.as<KindObject>().kind));
    case Tag::reference:
      return hv::to_string(value.as<ReferenceObject>().address);
    case Tag::template_:
      return "<template " + value.as<TemplateObject>().name + ">";
    case Tag::schema:
      return "<schema " + value.as<SchemaObject>().name + ">";
    case Tag::record: {
      std::string out = value.as<RecordObject>().schema.as<SchemaObject>().name + "(";
      bool first = true;
      for (const auto& [name, field] : value.as<RecordObject>().fields) {
        out += (first ? "" : ", ") + name + "=" + repr_of(field);
        first = false;
      }
      return out + ")";
    }
    case Tag::vbd: {
      const Vbd& vbd = value.as<VbdObject>().vbd;
      return "vbd(" + repr_string(vbd.source) + ", " + repr_string(vbd.device) + ", '" +
             std::string(hv::to_string(vbd.mode)) + "')";
    }
    case Tag::vif:
      return "vif()";
    case Tag::exception_type:
      return "<exception '" + value.as<ExceptionTypeObject>().name + "'>";
    case Tag::exception: {
      const auto& e = value.as<ExceptionObject>();
      return e.type + "(" + (e.value.is(Tag::none) ? "" : repr_of(e.value)) + ")";
    }
    case Tag::match:
      return "<match>";
  }
  return "";
}

}  // namespace

namespace {

std::string repr_of(const V& value) {
  const Visit visit;
  if (!visit.go_on) return "...";
  std::string text = repr_parts(value);
  Meter::spend(text.size());
  return text;
}

}  // namespace

std::string repr(const V& value) {
  return repr_of(value);
}

std::string str(const V& value) {
  if (value.is(Tag::string)) return value.text();
  if (value.is(Tag::exception)) {
    const V& argument = value.as<ExceptionObject>().value;
    return argument.is(Tag::none) ? "" : str(argument);
  }
  return repr(value);
}

}  // namespace hv::compiler
