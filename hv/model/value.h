// Value: what an attribute holds, in the desired graph, in state, in a diff and in a plan.
//
// A plain value; copying copies. Sizes and durations keep their type; a reference is the address it
// names. Secrets are strings that no output shows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/units.h"

namespace hv {

struct Secret {
  std::string text;
  auto operator<=>(const Secret&) const = default;
};

struct Value;
using List = std::vector<Value>;
using Record = std::map<std::string, Value>;

struct Value {
  using Alternatives = std::variant<std::monostate, bool, int64_t, double, std::string, Secret,
                                    Bytes, Duration, Address, List, Record>;
  Alternatives data;

  Value() = default;  // unset: `null` in every output
  Value(bool v) : data(v) {}
  Value(int v) : data(static_cast<int64_t>(v)) {}
  Value(int64_t v) : data(v) {}
  Value(double v) : data(v) {}
  Value(const char* v) : data(std::string(v)) {}
  Value(std::string v) : data(std::move(v)) {}
  Value(Secret v) : data(std::move(v)) {}
  Value(Bytes v) : data(v) {}
  Value(Duration v) : data(v) {}
  Value(Address v) : data(std::move(v)) {}
  Value(List v) : data(std::move(v)) {}
  Value(Record v) : data(std::move(v)) {}

  bool is_unset() const { return std::holds_alternative<std::monostate>(data); }
  template <typename T>
  const T* get() const {
    return std::get_if<T>(&data);
  }
  template <typename T>
  T* get() {
    return std::get_if<T>(&data);
  }
};

bool operator==(const Value& a, const Value& b);

// For people: "512 MiB", "3", "yes", "[a, b]", "(secret)", "unset".
std::string to_human(const Value& value);

// Attributes by name, in byte order of the names.
class Attributes {
 public:
  struct Entry {
    std::string name;
    Value value;
    bool operator==(const Entry& other) const = default;
  };
  const Value* find(std::string_view name) const;
  // The value's alternative T, or nothing if unset or of another type.
  template <typename T>
  const T* get(std::string_view name) const {
    const Value* value = find(name);
    return value == nullptr ? nullptr : value->get<T>();
  }
  void set(std::string_view name, Value value);
  void erase(std::string_view name);
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool operator==(const Attributes& other) const = default;

 private:
  std::vector<Entry> entries_;  // sorted by name
};

}  // namespace hv
