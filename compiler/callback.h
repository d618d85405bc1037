// Callback: a reference to a callable, for functions that call it before they return.
//
// Owns nothing and allocates nothing, unlike std::function.
#pragma once

namespace hv::compiler {

// A callable that is done with before the call that takes it returns; owns nothing.
template <typename Signature>
class Callback;
template <typename Answer, typename... Arguments>
class Callback<Answer(Arguments...)> {
 public:
  template <typename Callable>
  Callback(const Callable& callable)
      : callable_(&callable), call_([](const void* to, Arguments... arguments) -> Answer {
          return (*static_cast<const Callable*>(to))(arguments...);
        }) {}
  Answer operator()(Arguments... arguments) const { return call_(callable_, arguments...); }

 private:
  const void* callable_;
  Answer (*call_)(const void*, Arguments...);
};

}  // namespace hv::compiler
