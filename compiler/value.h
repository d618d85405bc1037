// V: a value of the running program — small, reference counted, one thread.
//
// Scalars are held in place; everything else is an Object with a count. Nothing is freed by
// tracing: a cycle lives, within the memory budget, until the compilation ends and empties all
// containers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/source.h"
#include "base/units.h"
#include "hv/model/resources.h"
#include "lang/syntax.h"

namespace hv::compiler {

class Interp;
struct Scope;
struct Raised;

enum class Tag : uint8_t {
  failed,     // an exception is pending in the interpreter; never stored
  ambiguous,  // a name of two resources; never leaves its scope
  none,
  boolean,
  integer,
  floating,
  size,
  duration,
  string,
  list,
  tuple,
  dict,
  set,
  range,
  function,
  builtin,
  method,     // a builtin bound to its object
  module,     // os, re, xm_vars, …
  kind,       // domain, vdisk, pool, network: `kind.name`, `kind["name"]`
  reference,  // to a resource
  template_,
  schema,  // a record type
  record,
  vbd,
  vif,
  exception_type,
  exception,
  match,  // of `re`
};

struct Object {
  uint32_t references = 0;
  int64_t bytes = 0;  // counted in Meter::in_use
  virtual ~Object() = default;
};

// What this thread's evaluation holds and has done. Walks of values are not statements: they count
// here what they cost, give up beyond the limit (values can be nested and shared without bound),
// and the interpreter's next step ends the program.
struct Meter {
  static thread_local int64_t in_use;  // bytes of all objects
  static thread_local int64_t work;    // in steps
  static thread_local int64_t limit;   // of work
  static thread_local int64_t memory;  // limit of in_use
  static void exhaust() { work = limit + 1; }
  static bool exhausted() { return work > limit || in_use > memory; }
  // What handling `size` bytes costs.
  static void spend(std::size_t size) { work += static_cast<int64_t>(size / 16); }
};

// What may refer to itself. All that live are known, so that the end of a compilation can empty
// them.
class Collectable {
 public:
  Collectable();
  virtual ~Collectable();
  Collectable(const Collectable&) = delete;
  Collectable& operator=(const Collectable&) = delete;
  static void empty_all();
  static std::size_t count();  // that live

 protected:
  virtual void give_up(std::vector<class V>& values) = 0;

 private:
  static thread_local Collectable* first_;
  Collectable* previous_ = nullptr;
  Collectable* next_ = nullptr;
};

class V {
 public:
  V() : tag_(Tag::none) { data_.integer = 0; }
  V(const V& other) : tag_(other.tag_), data_(other.data_) { retain(); }
  V(V&& other) noexcept : tag_(other.tag_), data_(other.data_) { other.tag_ = Tag::none; }
  V& operator=(V other) noexcept {
    std::swap(tag_, other.tag_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~V() { release(); }

  static V failed() {
    V v;
    v.tag_ = Tag::failed;
    return v;
  }
  // What a bare name means that two kinds share: neither of them.
  static V ambiguous() {
    V v;
    v.tag_ = Tag::ambiguous;
    return v;
  }
  static V boolean(bool b) { return scalar(Tag::boolean, b ? 1 : 0); }
  static V integer(int64_t i) { return scalar(Tag::integer, i); }
  static V size(int64_t bytes) { return scalar(Tag::size, bytes); }
  static V duration(int64_t ms) { return scalar(Tag::duration, ms); }
  static V floating(double d) {
    V v;
    v.tag_ = Tag::floating;
    v.data_.floating = d;
    return v;
  }
  static V string(std::string text);
  static V object(Tag tag, Object* object) {
    V v;
    v.tag_ = tag;
    v.data_.object = object;
    ++object->references;
    return v;
  }

  Tag tag() const { return tag_; }
  bool is(Tag t) const { return tag_ == t; }
  bool is_failed() const { return tag_ == Tag::failed; }
  int64_t integer() const { return data_.integer; }  // boolean, integer, size, duration
  double floating() const { return data_.floating; }
  Object* object() const { return holds_object() ? data_.object : nullptr; }
  template <typename T>
  T& as() const {
    return *static_cast<T*>(data_.object);
  }
  const std::string& text() const;  // string
  bool is_number() const {
    return tag_ == Tag::integer || tag_ == Tag::boolean || tag_ == Tag::floating;
  }
  bool is_integral() const { return tag_ == Tag::integer || tag_ == Tag::boolean; }
  double number() const {
    return tag_ == Tag::floating ? data_.floating : static_cast<double>(data_.integer);
  }

 private:
  static V scalar(Tag tag, int64_t i) {
    V v;
    v.tag_ = tag;
    v.data_.integer = i;
    return v;
  }
  bool holds_object() const { return tag_ >= Tag::string; }
  void retain() const {
    if (holds_object()) ++data_.object->references;
  }
  void release() {
    if (holds_object() && --data_.object->references == 0) destroy();
  }
  void destroy();

  Tag tag_;
  union {
    int64_t integer;
    double floating;
    Object* object;
  } data_;
};

struct StringObject : Object {
  std::string text;                           // UTF-8; foreign bytes kept
  bool secret = false;                        // and so is what is made of it
  const lang::StringExpr* literal = nullptr;  // where it is one, unchanged, for places inside it
};

struct SequenceObject : Object, Collectable {  // list, tuple
  std::vector<V> items;
  bool frozen = false;  // a value of an imported file
  void recount();       // after `items` grew

 protected:
  void give_up(std::vector<V>& values) override;
};

// Insertion order, hashed by value; a set has keys only.
struct DictObject : Object, Collectable {
  std::vector<std::pair<V, V>> items;                  // erased ones have a key tagged `failed`
  std::unordered_map<std::string, std::size_t> index;  // by hash_key()
  std::size_t live = 0;
  bool frozen = false;
  const V* find(const std::string& key) const;
  void put(const std::string& hash_key, V key, V value);
  bool erase(const std::string& hash_key);

 protected:
  void give_up(std::vector<V>& values) override;
};
// Equal values have equal keys (1, 1.0 and True); nothing for what cannot be a key.
std::optional<std::string> hash_key(const V& value);

struct RangeObject : Object {
  int64_t begin = 0, end = 0, step = 1;
  int64_t length() const {
    if (step > 0) return begin < end ? (end - begin - 1) / step + 1 : 0;
    return begin > end ? (begin - end - 1) / -step + 1 : 0;
  }
};

struct FunctionObject : Object {
  std::string name;
  std::span<const lang::Parameter> parameters;
  const lang::FunctionStmt* statement = nullptr;  // or
  const lang::LambdaExpr* lambda = nullptr;
  std::vector<V> defaults;  // one a parameter; `failed` where there is none
  std::shared_ptr<Scope> closure;
  Span span;
};

// Called with evaluated arguments; returns failed() after raising.
struct Call {
  Interp& interp;
  Span span;
  std::vector<V> positional;
  std::vector<std::pair<std::string, V>> keywords;
};
using BuiltinFunction = V (*)(Call& call);
struct BuiltinObject : Object {
  std::string name;
  BuiltinFunction function = nullptr;
};
using MethodFunction = V (*)(Call& call, const V& self);
struct MethodObject : Object {
  std::string_view name;
  MethodFunction function = nullptr;
  V self;
};
struct ModuleObject : Object {
  std::string name;  // "os.path"
  V pattern;         // of what re.compile made
};
struct KindObject : Object {
  Kind kind{};
};
struct ReferenceObject : Object {
  Address address;
  Span span;
};
struct TemplateObject : Object {
  const lang::DeclarationStmt* statement = nullptr;
  std::shared_ptr<Scope> scope;
  std::string name;
};
struct SchemaObject : Object {
  const lang::DeclarationStmt* statement = nullptr;
  std::shared_ptr<Scope> scope;
  std::string name;
};
struct RecordObject : Object {
  V schema;
  std::map<std::string, V> fields;
};
struct VbdObject : Object {
  Vbd vbd;
  std::optional<Address> vdisk;
  Span span;
  Span named;  // where the vdisk is, of `vbd(…)`
};
struct VifObject : Object {
  Vif vif;
  Span span;
  Span named;  // where the network is
};
struct ExceptionObject : Object {
  std::string type;  // "ValueError"
  V value;           // its argument, or a tuple of them
};
struct ExceptionTypeObject : Object {
  std::string name;
};
struct MatchObject : Object {
  std::string subject;
  std::vector<std::pair<int64_t, int64_t>> groups;  // begin, end; -1 for none
  std::map<std::string, int> names;
};

template <typename T>
V make(Tag tag, T*& out) {
  out = new T;
  out->bytes = static_cast<int64_t>(sizeof(T));
  Meter::in_use += out->bytes;
  Meter::work += 2;
  return V::object(tag, out);
}
V make_list(std::vector<V> items);
V make_tuple(std::vector<V> items);
V make_reference(Address address, Span span);
V make_secret(std::string text);
bool is_secret(const V& value);

// No longer to be changed, nor what it holds: other files see it.
void freeze(const V& value);
bool is_frozen(const V& value);

bool truthy(const V& value);
bool equal(const V& a, const V& b);
std::string_view type_name(const V& value);       // "str", "int", "list", … as people call it
std::string with_article(std::string_view noun);  // "an int", "a str"
// Python's repr() and str().
std::string repr(const V& value);
std::string str(const V& value);

// Names seen as attributes are few; variables live in hash tables by their text (views into the
// source, which outlives every scope).
struct BlockState;
struct Scope final : Collectable {
  Scope() { Meter::in_use += kCost; }
  ~Scope() override { Meter::in_use -= kCost; }
  enum class What : uint8_t { file, function, comprehension, block } what = What::file;
  std::unordered_map<std::string_view, V> variables;
  std::shared_ptr<Scope> parent;
  BlockState* block = nullptr;  // of a resource or template body: assignments set attributes
  // function: names assigned in it are its own even before the assignment ran
  const std::vector<std::string_view>* locals = nullptr;
  const std::vector<std::string_view>* globals = nullptr;

 protected:
  void give_up(std::vector<V>& values) override;

 private:
  static constexpr int64_t kCost = 320;  // with a few variables
};

}  // namespace hv::compiler
