// Calls of functions and methods, and attributes of values.
#include <algorithm>

#include "compiler/interp.h"

namespace hv::compiler {

V Interp::make_function(std::string name, std::span<const lang::Parameter> parameters,
                        const lang::FunctionStmt* statement, const lang::LambdaExpr* lambda,
                        Span span, const std::shared_ptr<Scope>& scope) {
  FunctionObject* function = nullptr;
  V v = make(Tag::function, function);
  function->name = std::move(name);
  function->parameters = parameters;
  function->statement = statement;
  function->lambda = lambda;
  function->closure = scope;
  function->span = span;
  for (const lang::Parameter& parameter : parameters) {
    V fallback = V::failed();
    if (parameter.default_value != nullptr) {
      fallback = evaluate(parameter.default_value, scope);
      if (fallback.is_failed()) return fallback;
    }
    function->defaults.push_back(std::move(fallback));
  }
  return v;
}

bool Interp::bind_parameters(const FunctionObject& function, Span span, std::vector<V>& positional,
                             std::vector<std::pair<std::string, V>>& keywords,
                             const std::shared_ptr<Scope>& scope) {
  const auto complain = [&](const std::string& message) {
    raise(span, "TypeError", "`" + function.name + "` " + message);
    return false;
  };
  std::size_t next = 0;
  std::vector<bool> used(keywords.size(), false);
  const lang::Parameter* rest = nullptr;
  for (std::size_t i = 0; i < function.parameters.size(); ++i) {
    const lang::Parameter& parameter = function.parameters[i];
    if (parameter.kind == lang::ParameterKind::args) {
      std::vector<V> others(
          positional.begin() + static_cast<std::ptrdiff_t>(std::min(next, positional.size())),
          positional.end());
      next = positional.size();
      if (!parameter.name.empty()) scope->variables[parameter.name] = make_tuple(std::move(others));
      continue;
    }
    if (parameter.kind == lang::ParameterKind::kwargs) {
      rest = &parameter;
      continue;
    }
    V value = V::failed();
    bool given = false;
    if (parameter.kind != lang::ParameterKind::keyword_only && next < positional.size()) {
      value = positional[next++];
      given = true;
    }
    if (parameter.kind != lang::ParameterKind::positional_only) {
      for (std::size_t k = 0; k < keywords.size(); ++k) {
        if (keywords[k].first != parameter.name || parameter.name.empty()) continue;
        if (given) return complain("got `" + keywords[k].first + "` twice");
        value = keywords[k].second;
        used[k] = given = true;
      }
    }
    if (!given) value = function.defaults[i];
    if (value.is_failed())
      return complain("misses its argument `" + std::string(parameter.name) + "`");
    if (parameter.type != nullptr &&
        !check_type(value, parameter.type, *function.closure, span,
                    "`" + std::string(parameter.name) + "` of `" + function.name + "`: "))
      return false;
    if (parameter.pattern != nullptr) {
      if (!assign(parameter.pattern, value, span, scope)) return false;
    } else {
      scope->variables[parameter.name] = std::move(value);
    }
  }
  if (next < positional.size())
    return complain("takes " + std::to_string(next) + " positional argument" +
                    (next == 1 ? "" : "s") + ", " + std::to_string(positional.size()) + " given");
  DictObject* dict = nullptr;
  V others = make(Tag::dict, dict);
  for (std::size_t k = 0; k < keywords.size(); ++k) {
    if (used[k]) continue;
    if (rest == nullptr) return complain("has no parameter `" + keywords[k].first + "`");
    dict->put("s" + keywords[k].first, V::string(keywords[k].first), keywords[k].second);
  }
  if (rest != nullptr) scope->variables[rest->name] = std::move(others);
  return true;
}

V Interp::call_function(const V& callee, Span span, std::vector<V> positional,
                        std::vector<std::pair<std::string, V>> keywords) {
  const FunctionObject& function = callee.as<FunctionObject>();
  auto scope = std::make_shared<Scope>();
  scope->what = Scope::What::function;
  scope->parent = function.closure;
  const void* key = function.statement != nullptr ? static_cast<const void*>(function.statement)
                                                  : static_cast<const void*>(function.lambda);
  auto [names, fresh] = locals_.try_emplace(key);
  if (fresh && function.statement != nullptr) {
    auto& [assigned, globals] = names->second;
    collect_locals(function.statement->body, assigned, globals);
    std::erase_if(assigned, [&globals = globals](std::string_view name) {
      return std::find(globals.begin(), globals.end(), name) != globals.end();
    });
  }
  scope->locals = &names->second.first;
  if (!names->second.second.empty()) scope->globals = &names->second.second;
  if (!bind_parameters(function, span, positional, keywords, scope)) return V::failed();
  if (function.lambda != nullptr) return evaluate(function.lambda->body, scope);
  returned = V();
  switch (execute(function.statement->body, scope)) {
    case Flow::raised:
      return V::failed();
    case Flow::return_: {
      V value = std::exchange(returned, V());
      const lang::Type* type = function.statement->returns;
      if (type != nullptr && !check_type(value, type, *function.closure, returned_from,
                                         "`" + function.name + "` returns: "))
        return V::failed();
      return value;
    }
    case Flow::normal:
    case Flow::break_:
    case Flow::continue_:
      return V();
  }
  return V();
}

bool Interp::check_type(const V& value, const lang::Type* type, const Scope& scope, Span span,
                        const std::string& what) {
  ScopeSchemas names(&scope);
  Diagnostics told;  // the static pass has told about wrong types already
  auto why = mismatch(value, *type_of(type, names, sources, told));
  if (why) raise(span, Code::wrong_type, what + *why);
  return !why;
}

V Interp::make_record(const V& schema_value, Span span, const std::vector<V>& positional,
                      std::vector<std::pair<std::string, V>>& keywords) {
  const auto& declared = schema_value.as<SchemaObject>();
  if (!positional.empty())
    return raise(span, "TypeError", "a record takes its fields by name: `field = value`");
  RecordObject* record = nullptr;
  V v = make(Tag::record, record);
  record->schema = schema_value;
  ScopeSchemas names(declared.scope.get());
  Diagnostics told;  // the static pass has told about wrong types already
  for (const lang::Stmt* statement : declared.statement->body) {
    const auto* field = lang::try_as<lang::AnnotatedAssignStmt>(statement);
    const auto* name = field == nullptr ? nullptr : lang::try_as<lang::NameExpr>(field->target);
    if (name == nullptr) continue;
    const std::string text(name->name);
    const TypeRef type = type_of(field->type, names, sources, told);
    auto given = std::find_if(keywords.begin(), keywords.end(),
                              [&](const auto& each) { return each.first == text; });
    V value;
    if (given != keywords.end()) {
      value = std::move(given->second);
      keywords.erase(given);
    } else if (field->value != nullptr) {
      value = evaluate(field->value, declared.scope);
      if (value.is_failed()) return value;
    } else if (mismatch(V(), *type)) {
      return raise(span, Code::wrong_type,
                   "`" + declared.name + "` misses its field `" + text + "`");
    }
    if (auto why = mismatch(value, *type))
      return raise(span, Code::wrong_type, "`" + text + "` of `" + declared.name + "`: " + *why);
    record->fields[text] = std::move(value);
  }
  if (!keywords.empty())
    return raise(span, Code::wrong_type,
                 "`" + declared.name + "` has no field `" + keywords.front().first + "`");
  return v;
}

V Interp::call(const V& callee, Span span, std::vector<V> positional,
               std::vector<std::pair<std::string, V>> keywords) {
  if (depth_ > budget.depth)
    return raise_fatal(span, "calls are nested too deeply",
                       "look for a function that calls itself without end");
  Depth guard(*this);
  // What runs may give the caller's variable another value.
  const V keep = callee;  // NOLINT(performance-unnecessary-copy-initialization)
  switch (callee.tag()) {
    case Tag::function: {
      V result = call_function(keep, span, std::move(positional), std::move(keywords));
      if (result.is_failed() && pending && pending->span != span) pending->calls.push_back(span);
      return result;
    }
    case Tag::builtin: {
      Call arguments{*this, span, std::move(positional), std::move(keywords)};
      return callee.as<BuiltinObject>().function(arguments);
    }
    case Tag::method: {
      Call arguments{*this, span, std::move(positional), std::move(keywords)};
      const V& self = keep.as<MethodObject>().self;
      if (self.is(Tag::string)) Meter::spend(self.text().size());
      if (self.is(Tag::list)) Meter::spend(self.as<SequenceObject>().items.size() * sizeof(V));
      return keep.as<MethodObject>().function(arguments, self);
    }
    case Tag::exception_type: {
      ExceptionObject* exception = nullptr;
      V v = make(Tag::exception, exception);
      exception->type = callee.as<ExceptionTypeObject>().name;
      if (positional.size() == 1) exception->value = positional[0];
      if (positional.size() > 1) exception->value = make_tuple(std::move(positional));
      return v;
    }
    case Tag::schema:
      return make_record(callee, span, positional, keywords);
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::none:
    case Tag::boolean:
    case Tag::integer:
    case Tag::floating:
    case Tag::size:
    case Tag::duration:
    case Tag::string:
    case Tag::list:
    case Tag::tuple:
    case Tag::dict:
    case Tag::set:
    case Tag::range:
    case Tag::module:
    case Tag::kind:
    case Tag::reference:
    case Tag::template_:
    case Tag::record:
    case Tag::vbd:
    case Tag::vif:
    case Tag::exception:
    case Tag::match:
      break;
  }
  return raise(span, "TypeError", with_article(type_name(callee)) + " cannot be called");
}

V Interp::call_expr(const lang::CallExpr& expr, const std::shared_ptr<Scope>& scope) {
  V callee = evaluate(expr.callee, scope);
  if (callee.is_failed()) return callee;
  std::vector<V> positional;
  std::vector<std::pair<std::string, V>> keywords;
  for (const lang::Argument& argument : expr.arguments) {
    V value = evaluate(argument.value, scope);
    if (value.is_failed()) return value;
    switch (argument.kind) {
      case lang::ArgumentKind::positional:
        positional.push_back(std::move(value));
        break;
      case lang::ArgumentKind::keyword:
        keywords.emplace_back(std::string(argument.name), std::move(value));
        break;
      case lang::ArgumentKind::args: {
        auto spread = elements(value, argument.span);
        if (!spread) return V::failed();
        for (V& each : *spread) positional.push_back(std::move(each));
        break;
      }
      case lang::ArgumentKind::kwargs:
        if (!value.is(Tag::dict))
          return raise(argument.span, "TypeError",
                       "`**` takes a dict, not " + with_article(type_name(value)));
        for (const auto& [key, each] : value.as<DictObject>().items) {
          if (key.is_failed()) continue;
          if (!key.is(Tag::string))
            return raise(argument.span, "TypeError", "the keys after `**` must be strings");
          keywords.emplace_back(key.text(), each);
        }
        break;
    }
  }
  // execfile is an include: it runs in the scope that calls it.
  if (callee.is(Tag::builtin) && callee.as<BuiltinObject>().name == "execfile") {
    if (positional.size() != 1 || !positional[0].is(Tag::string) ||
        positional[0].as<StringObject>().literal == nullptr)
      return raise(expr.span, Code::not_hermetic, "`execfile` takes one literal file name here",
                   "write the name as a string, or import with `from \"file.vm\" import …`");
    return world.include(positional[0].text(), expr.span, *file, scope) ? V() : V::failed();
  }
  V result = call(callee, expr.span, std::move(positional), std::move(keywords));
  return result;
}

V Interp::attribute(const V& object, std::string_view name, Span span) {
  switch (object.tag()) {
    case Tag::module: {
      V value = module_attribute(*this, object.as<ModuleObject>(), name, span);
      if (value.is_failed() && !pending)
        return raise(span, "AttributeError",
                     "module `" + object.as<ModuleObject>().name + "` has no `" +
                         std::string(name) + "` here");
      return value;
    }
    case Tag::kind:
      return make_reference(Address{object.as<KindObject>().kind, std::string(name)}, span);
    case Tag::reference: {
      const Address& address = object.as<ReferenceObject>().address;
      return world.read_resource(address, name, span);
    }
    case Tag::record: {
      const auto& fields = object.as<RecordObject>().fields;
      auto it = fields.find(std::string(name));
      if (it != fields.end()) return it->second;
      break;
    }
    case Tag::exception:
      if (name == "message" || name == "args") {
        const V& value = object.as<ExceptionObject>().value;
        return name == "message" ? value : make_tuple({value});
      }
      break;
    case Tag::vbd: {
      const Vbd& vbd = object.as<VbdObject>().vbd;
      if (name == "source") return V::string(vbd.source);
      if (name == "device") return V::string(vbd.device);
      if (name == "mode") return V::string(std::string(hv::to_string(vbd.mode)));
      break;
    }
    case Tag::failed:
    case Tag::ambiguous:
    case Tag::none:
    case Tag::boolean:
    case Tag::integer:
    case Tag::floating:
    case Tag::size:
    case Tag::duration:
    case Tag::string:
    case Tag::list:
    case Tag::tuple:
    case Tag::dict:
    case Tag::set:
    case Tag::range:
    case Tag::function:
    case Tag::builtin:
    case Tag::method:
    case Tag::template_:
    case Tag::schema:
    case Tag::vif:
    case Tag::exception_type:
    case Tag::match: {
      V method = find_method(object, name);
      if (!method.is_failed()) return method;
      break;
    }
  }
  return raise(span, "AttributeError",
               with_article(type_name(object)) + " has no `" + std::string(name) + "`");
}

}  // namespace hv::compiler
