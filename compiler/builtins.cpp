// The table of builtin functions, and those that are about any value or are refused.
#include "compiler/builtins.h"

#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

V wrong_arguments(Call& call, const char* usage) {
  return call.interp.raise(call.span, "TypeError", std::string("write it as `") + usage + "`");
}

namespace {

V builtin(std::string_view name, BuiltinFunction function) {
  BuiltinObject* object = nullptr;
  V v = make(Tag::builtin, object);
  object->name = std::string(name);
  object->function = function;
  return v;
}

V fn_str(Call& call) {
  if (call.positional.empty()) return V::string("");
  if (is_secret(call.positional[0])) return call.positional[0];
  auto text = call.interp.text_of(call.positional[0], call.span);
  return text ? V::string(std::move(*text)) : V::failed();
}

V fn_repr(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "repr(x)");
  return V::string(repr(call.positional[0]));
}

V fn_isinstance(Call& call) {
  if (call.positional.size() != 2) return wrong_arguments(call, "isinstance(x, type)");
  const V& v = call.positional[0];
  const auto test = [&](const V& type) {
    if (type.is(Tag::exception_type))
      return v.is(Tag::exception) &&
             exception_matches(v.as<ExceptionObject>().type, type.as<ExceptionTypeObject>().name);
    if (!type.is(Tag::builtin)) return false;
    const std::string& name = type.as<BuiltinObject>().name;
    if (name == "int") return v.is_integral();
    if (name == "long") return false;
    if (name == "basestring" || name == "unicode") return v.is(Tag::string);
    return type_name(v) == name;
  };
  if (call.positional[1].is(Tag::tuple)) {
    for (const V& type : call.positional[1].as<SequenceObject>().items)
      if (test(type)) return V::boolean(true);
    return V::boolean(false);
  }
  return V::boolean(test(call.positional[1]));
}

V fn_print(Call& call) {
  std::string line;
  for (const V& v : call.positional)
    line += (line.empty() ? "" : " ") + (is_secret(v) ? "(secret)" : str(v));
  call.interp.world.note(call.span, line);
  return V();
}

V fn_type(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "type(x)");
  V type = find_builtin(type_name(call.positional[0]), true);
  if (type.is_failed())
    return call.interp.raise(call.span, "TypeError",
                             "the type of " + with_article(type_name(call.positional[0])) +
                                 " is no value of the language");
  return type;
}

V fn_callable(Call& call) {
  if (call.positional.size() != 1) return wrong_arguments(call, "callable(x)");
  const Tag tag = call.positional[0].tag();
  return V::boolean(tag == Tag::function || tag == Tag::builtin || tag == Tag::method);
}

V fn_execfile(Call& call) {
  return call.interp.raise(call.span, Code::not_hermetic,
                           "`execfile` is only called by its own name");
}

V refused(Call& call, const char* name) {
  return call.interp.raise(
      call.span, Code::not_hermetic,
      "`" + std::string(name) + "` reaches outside, which evaluation never does",
      "a `param` brings in what must come from outside");
}

V fn_open(Call& call) {
  return refused(call, "open");
}

V fn_file(Call& call) {
  return refused(call, "file");
}

V fn_input(Call& call) {
  return refused(call, "input");
}

V fn_shareable(Call& call) {
  return call.interp.world.call_shareable(call);
}

struct Row {
  std::string_view name;
  BuiltinFunction function;
  enum class In : uint8_t { both, python2, modern } in = In::both;
};
constexpr Row kBuiltins[] = {
    {"abs", fn_abs},
    {"all", fn_all},
    {"any", fn_any},
    {"basestring", fn_str, Row::In::python2},
    {"bin", fn_bin},
    {"bool", fn_bool},
    {"callable", fn_callable},
    {"chr", fn_chr},
    {"dict", fn_dict},
    {"divmod", fn_divmod},
    {"enumerate", fn_enumerate},
    {"execfile", fn_execfile, Row::In::python2},
    {"file", fn_file, Row::In::python2},
    {"filter", fn_filter},
    {"float", fn_float},
    {"frozenset", fn_set},
    {"hex", fn_hex},
    {"input", fn_input},
    {"int", fn_int},
    {"isinstance", fn_isinstance},
    {"len", fn_len},
    {"list", fn_list},
    {"long", fn_int, Row::In::python2},
    {"map", fn_map},
    {"max", fn_max},
    {"min", fn_min},
    {"oct", fn_oct},
    {"open", fn_open},
    {"ord", fn_ord},
    {"pow", fn_pow},
    {"print", fn_print},
    {"range", fn_range},
    {"raw_input", fn_input, Row::In::python2},
    {"reduce", fn_reduce, Row::In::python2},
    {"repr", fn_repr},
    {"reversed", fn_reversed},
    {"round", fn_round},
    {"set", fn_set},
    {"shareable", fn_shareable, Row::In::modern},
    {"sorted", fn_sorted},
    {"str", fn_str},
    {"sum", fn_sum},
    {"tuple", fn_tuple},
    {"type", fn_type},
    {"unichr", fn_chr, Row::In::python2},
    {"unicode", fn_str, Row::In::python2},
    {"vbd", builtin_vbd, Row::In::modern},
    {"vif", builtin_vif, Row::In::modern},
    {"xrange", fn_xrange, Row::In::python2},
    {"zip", fn_zip},
};

}  // namespace

V find_builtin(std::string_view name, bool python2) {
  const auto* row = std::lower_bound(std::begin(kBuiltins), std::end(kBuiltins), name,
                                     [](const Row& a, std::string_view b) { return a.name < b; });
  if (row != std::end(kBuiltins) && row->name == name &&
      (row->in == Row::In::both || (row->in == Row::In::python2) == python2))
    return builtin(row->name, row->function);
  if (is_exception_name(name)) {
    ExceptionTypeObject* type = nullptr;
    V v = make(Tag::exception_type, type);
    type->name = std::string(name);
    return v;
  }
  return V::failed();
}

std::vector<std::string_view> builtin_names() {
  std::vector<std::string_view> names;
  for (const Row& row : kBuiltins) names.push_back(row.name);
  const std::vector<std::string_view> exceptions = exception_names();
  names.insert(names.end(), exceptions.begin(), exceptions.end());
  return names;
}

}  // namespace hv::compiler
