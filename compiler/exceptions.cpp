// The exceptions of both Pythons that files raise and catch.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {
namespace {

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

std::vector<std::string_view> exception_names() {
  std::vector<std::string_view> names;
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
