// Result<T>: a value, or the world's failure (a file, a disk, a host) with a code and words.
//
// The user's mistakes in a source go to Diagnostics instead; hv's own bugs to HV_CHECK. TRY(expr)
// yields the value or returns the error from the enclosing function.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/codes.h"

namespace hv {

struct Error {
  Code code;
  std::string message;  // what happened, lower case, no full stop; names in backticks
  std::string help;     // what to do next; may be empty

  // The same failure seen from further up: "CONTEXT: message".
  Error within(const std::string& context) && {
    message = context + ": " + message;
    return std::move(*this);
  }
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  T& value() & { return checked(); }
  T&& value() && { return std::move(checked()); }
  const T& value() const& {
    HV_CHECK(ok(), "value() of a failed Result");
    return *std::get_if<T>(&state_);
  }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(checked()); }

  const Error& error() const& {
    HV_CHECK(!ok(), "error() of a successful Result");
    return *std::get_if<Error>(&state_);
  }
  Error&& error() && {
    HV_CHECK(!ok(), "error() of a successful Result");
    return std::move(*std::get_if<Error>(&state_));
  }

 private:
  T& checked() {
    HV_CHECK(ok(), "value() of a failed Result");
    return *std::get_if<T>(&state_);
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using Value = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const { HV_CHECK(ok(), "value() of a failed Result"); }
  const Error& error() const& {
    HV_CHECK(!ok(), "error() of a successful Result");
    return *error_;
  }
  Error&& error() && {
    HV_CHECK(!ok(), "error() of a successful Result");
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace hv

#define TRY(expression)                                           \
  __extension__({                                                 \
    auto try_result_ = (expression);                              \
    if (!try_result_.ok()) return std::move(try_result_).error(); \
    std::move(try_result_).value();                               \
  })
