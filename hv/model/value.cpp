#include "hv/model/value.h"

#include <algorithm>
#include <charconv>

#include "hv/model/secret_text.h"

namespace hv {

bool operator==(const Value& a, const Value& b) {
  return a.data == b.data;
}

namespace {

std::string number_text(double number) {
  char text[32];
  auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return std::string(text, end);
}

struct HumanText {
  std::string operator()(std::monostate) const { return "unset"; }
  std::string operator()(bool yes) const { return yes ? "yes" : "no"; }
  std::string operator()(int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return number_text(number); }
  std::string operator()(const std::string& text) const { return without_passwords(text); }
  std::string operator()(const Secret&) const { return "(secret)"; }
  std::string operator()(Bytes size) const { return to_human(size); }
  std::string operator()(Duration duration) const { return to_human(duration); }
  std::string operator()(const Address& address) const { return to_string(address); }
  std::string operator()(const List& list) const {
    std::string text = "[";
    for (const Value& item : list) text += (text.size() > 1 ? ", " : "") + to_human(item);
    return text + "]";
  }
  std::string operator()(const Record& record) const {
    std::string text = "{";
    for (const auto& [name, item] : record)
      text += (text.size() > 1 ? ", " : "") + name + " = " + to_human(item);
    return text + "}";
  }
};

template <typename Entries>
auto position(Entries& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const Attributes::Entry& entry, std::string_view sought) {
                            return entry.name.compare(sought) < 0;
                          });
}

}  // namespace

std::string to_human(const Value& value) {
  return std::visit(HumanText{}, value.data);
}

const Value* Attributes::find(std::string_view name) const {
  auto at = position(entries_, name);
  return at != entries_.end() && at->name == name ? &at->value : nullptr;
}

void Attributes::set(std::string_view name, Value value) {
  auto at = position(entries_, name);
  if (at != entries_.end() && at->name == name)
    at->value = std::move(value);
  else
    entries_.insert(at, Entry{std::string(name), std::move(value)});
}

void Attributes::erase(std::string_view name) {
  auto at = position(entries_, name);
  if (at != entries_.end() && at->name == name) entries_.erase(at);
}

}  // namespace hv
